"""Choose a model by how it would have done, correct its total, and say whether it deserves trust."""

from datetime import date
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from cvo.core.evidence import NotEstimable
from cvo.lifetime.blocks import FloatArray
from cvo.lifetime.geometric_dropout import BgNbd, MbgNbd
from cvo.lifetime.likelihood import Fit
from cvo.lifetime.pareto_nbd import ParetoNbd
from cvo.lifetime.purchase_model import PurchaseModel
from cvo.lifetime.ranker import Ranker, dealt_in_order, train_ranker
from cvo.lifetime.scores import Decile, Scores, deciles, score
from cvo.lifetime.summary import Unit, last_day, purchase_days
from cvo.lifetime.windows import Window, backtest_origin, rolling_origins, same_as_before

if TYPE_CHECKING:
    import polars as pl

MODELS: dict[str, type[PurchaseModel]] = {"bg-nbd": BgNbd, "mbg-nbd": MbgNbd, "pareto-nbd": ParetoNbd}

AGGREGATE_BOUND = 0.10
DECILE_BOUND = 0.20
"""Outside these bounds in its backtest a model is not called trusted."""

_RANKED = " ranked"
_LEAST_BUYERS = 100


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """What was known at `origin`, predicted for `days`, against what happened by the cut-off."""

    origin: date
    days: int
    a_year_back: bool
    candidates: dict[str, Scores]
    chosen: str
    naive: Scores
    deciles: tuple[Decile, ...]
    """Of the chosen candidate, as the correction is."""
    correction: float | NotEstimable


class Choice(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The chosen model, what it expects of each customer, and how far to trust it.

    `expected` is the model's expectation of purchases in the horizon, in the order of `table`;
    `recalibrated` is that times `correction`, the actual over the expected total of the backtest. Order
    customers by either, add up `recalibrated`.
    """

    name: str
    fit: Fit[PurchaseModel]
    table: "pl.DataFrame"
    horizon_days: int
    expected: FloatArray
    recalibrated: FloatArray
    correction: float | NotEstimable
    backtest: Backtest | NotEstimable
    naive: FloatArray
    trusted: bool
    reasons: tuple[str, ...]
    """Why it is not trusted, and what else to know: for people."""
    past_errors: tuple[float, ...]
    """Log of actual over expected total in each closed window of the past: what no standard error
    contains."""


def choose(
    transactions: "pl.DataFrame",
    *,
    horizon_days: int,
    until: date | None = None,
    unit: Unit | str = Unit.WEEK,
    customer: str = "customer_id",
    when: str = "date",
    amount: str | None = "amount",
    seed: int = 0,
) -> Choice | NotEstimable:
    """Fit BG/NBD, MBG/NBD and Pareto/NBD, each also in the order of a ranker, and take the best in a
    backtest.

    The backtest's window is that of the same weeks a year before `until` if the history reaches, else the
    last one. The lowest mean absolute error is taken; `trusted` also needs the season of the
    horizon in the history, totals within 10 % in every closed window, and tenths of customers off by 20 % of the
    total at most. Deterministic in `seed`. Transactions after `until` are not read.
    """
    import polars as pl

    purchases = purchase_days(transactions, customer=customer, when=when, amount=amount)
    end = until or last_day(purchases)
    purchases = purchases.filter(pl.col("on") <= end)
    now = Window.at(purchases, end, horizon_days, Unit(unit))
    present = _forecast(purchases, now, seed)
    if isinstance(present, NotEstimable):
        return present
    backtest = _backtest(purchases, now, present, seed)
    name = backtest.chosen if isinstance(backtest, Backtest) else _without_backtest(present)
    expected = present.expected[name]
    correction = backtest.correction if isinstance(backtest, Backtest) else backtest
    fit = present.fits[name.removesuffix(_RANKED)]
    past_errors = _past_errors(purchases, now, type(fit.model))
    doubts = _doubts(backtest, name, horizon_days, past_errors)
    return Choice(
        name=name,
        fit=fit,
        table=now.table.rename({"customer_id": customer}),
        horizon_days=horizon_days,
        expected=expected,
        recalibrated=expected * (1.0 if isinstance(correction, NotEstimable) else correction),
        correction=correction,
        backtest=backtest,
        naive=same_as_before(purchases, now),
        trusted=not doubts,
        reasons=(*doubts, *_remarks(present, fit)),
        past_errors=past_errors,
    )


class _Forecast(msgspec.Struct, frozen=True, eq=False):
    """What each candidate expects at one origin."""

    fits: dict[str, Fit[PurchaseModel]]
    expected: dict[str, FloatArray]
    ranker: Ranker | NotEstimable


def _forecast(purchases: "pl.DataFrame", window: Window, seed: int) -> _Forecast | NotEstimable:
    rows = window.histories
    fits: dict[str, Fit[PurchaseModel]] = {}
    for name, model in MODELS.items():
        fit = model.fit_histories(rows)
        if isinstance(fit, NotEstimable):
            return fit
        fits[name] = fit
    expected = {
        name: fit.model.expected_purchases(window.horizon, *rows.columns) for name, fit in fits.items()
    }
    ranker = train_ranker(
        purchases, until=window.origin, horizon_days=window.days, unit=window.unit, seed=seed
    )
    if isinstance(ranker, Ranker):
        scores = ranker.scores(purchases, window.origin)
        expected |= {name + _RANKED: dealt_in_order(values, scores) for name, values in expected.items()}
    return _Forecast(fits, expected, ranker)


def _backtest(
    purchases: "pl.DataFrame", now: Window, present: _Forecast, seed: int
) -> Backtest | NotEstimable:
    first = purchases["on"].min()
    place = backtest_origin(first, now.origin, now.days) if isinstance(first, date) else None
    if place is None:
        return NotEstimable(
            "no_closed_window", "the history is too short to predict its second half from its first"
        )
    origin, days, a_year_back = place
    past = Window.at(purchases, origin, days, now.unit)
    buyers = int((past.bought > 0).sum())
    if buyers < _LEAST_BUYERS:
        return NotEstimable(
            "too_few_buyers", f"{buyers} customers bought in the {days} days after {origin}; 100 are needed"
        )
    then = _forecast(purchases, past, seed)
    if isinstance(then, NotEstimable):
        return then
    candidates = {
        name: score(past.bought, values) for name, values in then.expected.items() if name in present.expected
    }
    chosen = min(candidates, key=lambda name: candidates[name].mae)
    return Backtest(
        origin=origin,
        days=days,
        a_year_back=a_year_back,
        chosen=chosen,
        candidates=candidates,
        naive=score(past.bought, same_as_before(purchases, past)),
        deciles=tuple(deciles(past.bought, then.expected[chosen])),
        correction=_correction(past, now, then.expected[chosen]),
    )


def _correction(past: Window, now: Window, expected: FloatArray) -> float | NotEstimable:
    if past.days < now.days:
        return NotEstimable(
            "no_window_of_this_length",
            f"no window of {now.days} days has closed yet, the longest had {past.days}: totals are not corrected",
        )
    return float(past.bought.sum() / expected.sum())


def _without_backtest(present: _Forecast) -> str:
    # Unlike BG/NBD it lets customers leave before their second purchase.
    return "mbg-nbd" + (_RANKED if isinstance(present.ranker, Ranker) else "")


def _doubts(
    backtest: Backtest | NotEstimable, name: str, horizon_days: int, past_errors: tuple[float, ...]
) -> tuple[str, ...]:
    if isinstance(backtest, NotEstimable):
        return (f"not tested on the past: {backtest.detail}",)
    doubts = []
    scores = backtest.candidates[name]
    if backtest.days < horizon_days:
        doubts.append(f"tested on {backtest.days} days only, for a horizon of {horizon_days}")
    if abs(scores.aggregate_error) > AGGREGATE_BOUND:
        doubts.append(
            f"total was off by {scores.aggregate_error:+.1%} in the backtest, bound {AGGREGATE_BOUND:.0%}"
        )
    if scores.decile_error > DECILE_BOUND:
        doubts.append(
            f"tenths of customers were off by {scores.decile_error:.1%} of the total, bound {DECILE_BOUND:.0%}"
        )
    # A calm window proves nothing about one over Christmas.
    if not backtest.a_year_back:
        doubts.append("the history holds no window of the same season a year before")
    worst = max((float(np.expm1(-error)) for error in past_errors), key=abs, default=0.0)
    if abs(worst) > AGGREGATE_BOUND:
        doubts.append(f"in one of {len(past_errors)} closed windows the total was off by {worst:+.1%}")
    return tuple(doubts)


def _remarks(present: _Forecast, fit: Fit[PurchaseModel]) -> tuple[str, ...]:
    remarks = []
    if isinstance(present.ranker, NotEstimable):
        remarks.append(f"without ranker: {present.ranker.detail}")
    if fit.at_bound:
        remarks.append(f"the data put no limit on {', '.join(fit.at_bound)}: customers hardly seem to leave")
    return tuple(remarks)


def _past_errors(purchases: "pl.DataFrame", now: Window, model: type[PurchaseModel]) -> tuple[float, ...]:
    first = purchases["on"].min()
    errors = []
    for origin in rolling_origins(first, now.origin, now.days) if isinstance(first, date) else []:
        past = Window.at(purchases, origin, now.days, now.unit)
        fit = model.fit_histories(past.histories)
        if not isinstance(fit, NotEstimable) and past.bought.any():
            expected = fit.model.expected_purchases(past.horizon, *past.histories.columns)
            errors.append(float(np.log(past.bought.sum() / expected.sum())))
    return tuple(errors)
