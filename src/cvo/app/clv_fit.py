"""Fit lifetime models to a file of transactions: parameters, hold-out, and a row per customer."""

from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from cvo.app.clv_read import Transactions
from cvo.app.clv_result import ClvFit, Holdout, Selection, Spend
from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime import (
    HORIZONS_DAYS,
    MODELS,
    BgBb,
    Choice,
    Economics,
    Fit,
    GammaGamma,
    PurchaseModel,
    RefundModel,
    Unit,
    Window,
    choose,
    forecast_total,
    lifetime_value,
    overdue,
    periods_bought_after,
    purchase_days,
    rfm_periods,
    same_as_before,
    score,
    typical_gap,
    value_quantiles,
)

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import ArrayLike

    from cvo.lifetime.blocks import FloatArray

MODEL_NAMES = (*MODELS, "gamma-gamma", "bg-bb", "auto")

_DEFAULT_HORIZON_DAYS = 90
_LEAST_HOLDOUT_BUYERS = 10


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the file; margin and discount are assumptions."""

    model: str = "auto"
    until: date | None = None
    unit: Unit = Unit.WEEK
    margin_rate: float = 1.0
    annual_discount_rate: float = 0.1
    draws: int = 200
    seed: int = 0


class Fitted(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The result, and what tables and pictures are made of."""

    result: ClvFit
    table: "pl.DataFrame"
    purchases: "pl.DataFrame"
    fit: Fit[Any]
    window: Window | None = None
    expected: "FloatArray | None" = None
    """Purchases expected in the window."""
    spend: Fit[GammaGamma] | None = None
    correction: float = 1.0


class _Span(msgspec.Struct, frozen=True, eq=False):
    """The transactions, cut at `until`."""

    given: Transactions
    question: Question
    purchases: "pl.DataFrame"
    until: date
    last: date

    @property
    def holdout_days(self) -> int:
        return (self.last - self.until).days


def clv_fit(given: Transactions, question: Question) -> Fitted | NotEstimable:
    """Fit the model asked for to the transactions up to `until` and score it on those after.

    Raises `InvalidInput` for an unknown model or a cut-off outside the data.
    """
    if question.model not in MODEL_NAMES:
        raise InvalidInput(f"there is no model {question.model!r}; there are {', '.join(MODEL_NAMES)}")
    purchases = purchase_days(given.frame)
    first, last = purchases["on"].min(), purchases["on"].max()
    if not isinstance(first, date) or not isinstance(last, date):
        raise InvalidInput("the dates could not be read")
    until = question.until or last
    if not first < until <= last:
        raise InvalidInput(f"--until {until} must lie after {first} and not after {last}, where the data end")
    span = _Span(given, question, purchases, until, last)
    if question.model == "gamma-gamma":
        return _spend_alone(span)
    if question.model == "bg-bb":
        return _in_periods(span)
    return _in_time(span)


def _in_time(span: _Span) -> Fitted | NotEstimable:
    question = span.question
    days = span.holdout_days or _DEFAULT_HORIZON_DAYS
    window = Window.at(span.purchases, span.until, days, question.unit)
    choice: Choice | None = None
    if question.model == "auto":
        chosen = choose(
            span.given.frame, horizon_days=days, until=span.until, unit=question.unit, seed=question.seed
        )
        if isinstance(chosen, NotEstimable):
            return chosen
        choice, fit, expected = chosen, chosen.fit, chosen.expected
    else:
        found = MODELS[question.model].fit_histories(window.histories)
        if isinstance(found, NotEstimable):
            return found
        fit, expected = found, found.model.expected_purchases(window.horizon, *window.histories.columns)
    table = window.table
    spend = GammaGamma.fit(table["frequency"], table["monetary_value"])
    correction = choice.correction if choice else 1.0
    rng = np.random.default_rng(question.seed)
    result = _result(
        span,
        fit,
        customers=len(window.table),
        model=choice.name if choice else question.model,
        holdout=_holdout(span, window.bought, expected, same_as_before(span.purchases, window), choice),
        forecast=forecast_total(
            fit, window.histories, window.horizon, rng=rng, past_errors=choice.past_errors if choice else ()
        ),
        spend=_spend(spend),
        refunds=RefundModel.fit(
            table["frequency"] + 1, table["refunds"], table["gross_value"], table["refund_value"]
        ),
        selection=_selection(choice) if choice else None,
    )
    return Fitted(
        result=result,
        table=table,
        purchases=span.purchases,
        fit=fit,
        window=window,
        expected=expected,
        spend=spend if isinstance(spend, Fit) else None,
        correction=1.0 if isinstance(correction, NotEstimable) else correction,
    )


def _in_periods(span: _Span) -> Fitted | NotEstimable:
    table = rfm_periods(span.given.frame, until=span.until, unit=span.question.unit)
    fit = BgBb.fit(table["frequency"], table["recency"], table["T"])
    if isinstance(fit, NotEstimable):
        return fit
    periods = int(span.holdout_days // span.question.unit.days)
    actual = periods_bought_after(table, span.given.frame, periods=periods, unit=span.question.unit)
    frequency, age = table["frequency"].to_numpy(), table["T"].to_numpy()
    expected = fit.model.expected_purchases(periods, frequency, table["recency"], age)
    naive = frequency / np.maximum(age, 1) * periods
    result = _result(
        span,
        fit,
        customers=len(table),
        holdout=_holdout(span, actual.to_numpy().astype(np.float64), expected, naive),
    )
    return Fitted(result=result, table=table, purchases=span.purchases, fit=fit, expected=expected)


def _spend_alone(span: _Span) -> Fitted | NotEstimable:
    window = Window.at(span.purchases, span.until, span.holdout_days, span.question.unit)
    table = window.table
    fit = GammaGamma.fit(table["frequency"], table["monetary_value"])
    if isinstance(fit, NotEstimable):
        return fit
    later = window.values / np.maximum(window.bought, 1)
    came = (window.bought > 0) & (table["monetary_value"].to_numpy() > 0)
    expected = fit.model.expected_value(table["frequency"], table["monetary_value"])
    own = table["monetary_value"].to_numpy()
    result = _result(
        span, fit, customers=fit.customers, holdout=_holdout(span, later[came], expected[came], own[came])
    )
    return Fitted(result=result, table=table, purchases=span.purchases, fit=fit, spend=fit)


def _result(span: _Span, fit: Fit[Any], *, customers: int, **more: Any) -> ClvFit:
    return ClvFit(
        **{"model": span.question.model, **more},
        unit=span.question.unit,
        until=span.until,
        last_day=span.last,
        customers=customers,
        transactions=span.given.frame.height,
        dropped_rows=span.given.dropped,
        columns=span.given.columns,
        guessed=span.given.guessed,
        parameters=fit.parameters,
        standard_errors=fit.standard_errors,
        log_likelihood=fit.log_likelihood,
        at_bound=fit.at_bound,
        assumed={
            "margin_rate": span.question.margin_rate,
            "annual_discount_rate": span.question.annual_discount_rate,
        },
    )


def _holdout(
    span: _Span,
    actual: "FloatArray",
    expected: "FloatArray",
    naive: "FloatArray",
    choice: Choice | None = None,
) -> Holdout | NotEstimable:
    buyers = int((actual > 0).sum())
    if buyers < _LEAST_HOLDOUT_BUYERS:
        return NotEstimable(
            "no_holdout",
            f"{buyers} known customers bought after {span.until}; at least {_LEAST_HOLDOUT_BUYERS} are needed: "
            "set --until earlier",
        )
    recalibrated = None
    if choice and not isinstance(choice.correction, NotEstimable):
        recalibrated = score(actual, choice.recalibrated)
    return Holdout(
        **msgspec.structs.asdict(score(actual, expected)),
        days=span.holdout_days,
        actual=float(actual.sum()),
        naive=score(actual, naive),
        recalibrated=recalibrated,
    )


def _selection(choice: Choice) -> Selection:
    backtest = None if isinstance(choice.backtest, NotEstimable) else choice.backtest
    return Selection(
        backtest_origin=backtest.origin if backtest else None,
        backtest_days=backtest.days if backtest else None,
        a_year_back=backtest.a_year_back if backtest else False,
        candidates=backtest.candidates if backtest else {},
        naive=backtest.naive if backtest else None,
        correction=choice.correction,
        trusted=choice.trusted,
        reasons=choice.reasons,
    )


def _spend(fit: Fit[GammaGamma] | NotEstimable) -> Spend | NotEstimable:
    if isinstance(fit, NotEstimable):
        return fit
    return Spend(
        parameters=fit.parameters,
        standard_errors=fit.standard_errors,
        log_likelihood=fit.log_likelihood,
        customers=fit.customers,
    )


def customer_rows(fitted: Fitted, question: Question) -> "pl.DataFrame":
    """Return one row per customer: history, P(alive), rhythm, expected purchases, and value where it was
    fitted."""
    import polars as pl

    table = fitted.table
    x, t_x, age = (table[name] for name in ("frequency", "recency", "T"))
    new: dict[str, ArrayLike] = {}
    if fitted.spend is not None:
        new["expected_value"] = fitted.spend.model.expected_value(x, table["monetary_value"])
    if not isinstance(fitted.fit.model, GammaGamma):
        new["probability_alive"] = fitted.fit.model.probability_alive(x, t_x, age)
    if isinstance(fitted.fit.model, PurchaseModel):
        new["overdue"] = overdue(fitted.fit.model, x, t_x, age)
        new["typical_gap"] = typical_gap(fitted.fit.model, x, t_x)
        new |= _values(fitted, question)
    return table.with_columns(pl.Series(name, np.asarray(values)) for name, values in new.items())


def _values(fitted: Fitted, question: Question) -> "dict[str, ArrayLike]":
    if fitted.window is None:
        return {}
    rows, unit = fitted.window.histories, question.unit
    new: dict[str, ArrayLike] = {
        f"expected_purchases_{days}d": fitted.correction
        * fitted.fit.model.expected_purchases(days / unit.days, *rows.columns)
        for days in HORIZONS_DAYS
    }
    if fitted.spend is None:
        return new
    table, refunds = fitted.table, fitted.result.refunds
    returned = (
        refunds.share_returned(table["frequency"] + 1, table["refunds"])
        if isinstance(refunds, RefundModel)
        else 0.0
    )
    terms = Economics(
        margin_rate=question.margin_rate,
        returned_share=returned,
        annual_discount_rate=question.annual_discount_rate,
    )
    worth = fitted.spend.model.expected_value(table["frequency"], table["monetary_value"])
    mean = lifetime_value(
        fitted.fit.model, worth, rows, unit=unit, economics=terms, correction=fitted.correction
    )
    spread = value_quantiles(
        fitted.fit,
        fitted.spend,
        rows,
        table["monetary_value"],
        rng=np.random.default_rng(question.seed),
        unit=unit,
        economics=terms,
        correction=fitted.correction,
        draws=question.draws,
    )
    for k, days in enumerate(HORIZONS_DAYS):
        new[f"clv_{days}d"] = mean[k]
        new |= {f"clv_{days}d_{q}": getattr(spread, q)[k] for q in ("p10", "p50", "p90")}
    return new
