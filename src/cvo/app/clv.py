"""Lifetime value of a company's customers: predicted, kept in the log, and scored when a horizon has passed."""

from collections.abc import Callable

import msgspec
import numpy as np
import polars as pl

from cvo.app.clv_fit import Question, clv_fit, customer_rows
from cvo.app.clv_read import Transactions
from cvo.app.clv_result import ClvFit
from cvo.app.company import Company
from cvo.app.state import running_catalogue
from cvo.core.clock import DAY, Instant
from cvo.core.digest import digest
from cvo.core.evidence import NotEstimable
from cvo.core.ids import EventId, PersonId
from cvo.core.money import Money
from cvo.core.random import keyed_bytes
from cvo.events.event import Event, HorizonValue, Order, Refund, Valued
from cvo.ledger.bank import closed
from cvo.ledger.margin import margins
from cvo.ledger.tables import Tables, tabulate
from cvo.lifetime import HORIZONS_DAYS, Scores, score
from cvo.valuation.assumptions import assumptions_of

BATCH = 4_000


class Scored(msgspec.Struct, frozen=True):
    """Predictions whose horizon has passed, against the margin that followed, discounted alike."""

    model: str
    made_at: Instant
    days: int
    customers: int
    scores: Scores | NotEstimable


class CompanyClv(msgspec.Struct, frozen=True):
    """The fit, how many customers it valued and at what in all, and how earlier predictions did."""

    fit: ClvFit | NotEstimable
    model: str | None
    customers: int
    expected: dict[int, Money]
    past: list[Scored]


def value_customers(
    company: Company, *, seed: int = 0, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> CompanyClv:
    """Predict every buyer's lifetime value from the orders so far, and score the predictions of earlier runs.

    Predictions become facts in the log: profiles carry the latest, rules and features can ask for it. Run
    again on the same day with the same data, nothing is added.
    """
    assumptions = assumptions_of(running_catalogue(company.store))
    now, currency = company.clock.now(), company.config.currency
    rate = assumptions["margin_rate"].value
    facts = [event for event in company.store.events((Order, Refund, Valued)) if event.at <= now]
    tables = tabulate(facts, currency)
    past = _past(tables.predictions, margins(tables.orders, tables.refunds, rate), now)
    given = _transactions(tables, currency)
    if given.frame["date"].n_unique() < 2:
        refused = NotEstimable("too few orders", "orders on at least two days are needed to fit anything")
        return CompanyClv(refused, None, 0, {}, past)
    question = Question(margin_rate=rate, seed=seed)
    fitted = clv_fit(given, question)
    if isinstance(fitted, NotEstimable):
        return CompanyClv(fitted, None, 0, {}, past)
    rows = customer_rows(fitted, question)
    model = f"{fitted.result.model}:{digest(fitted.result)[:12]}"
    if "clv_90d" not in rows.columns:
        refused = NotEstimable(
            "no spending model", "too few customers bought twice to say what an order is worth"
        )
        return CompanyClv(refused, model, 0, {}, past)
    made = {
        event.person_id
        for event in facts
        if isinstance(event.body, Valued) and event.body.model == model and event.at // DAY == now // DAY
    }
    _keep(
        company, rows.filter(~_ids(rows).is_in(made)), (model, question.annual_discount_rate), now, progress
    )
    expected = {
        days: Money.of(round(float(rows[f"clv_{days}d"].sum()), 2), currency) for days in HORIZONS_DAYS
    }
    return CompanyClv(fitted.result, model, rows.height, expected, past)


def _transactions(tables: Tables, currency: str) -> Transactions:
    unit = Money.from_minor(1, currency).amount
    sold = tables.orders.select("person_id", "at", pl.col("revenue_minor").alias("minor"))
    returned = tables.refunds.select("person_id", "at", (-pl.col("amount_minor")).alias("minor"))
    frame = pl.concat([sold, returned]).select(
        pl.col("person_id").bin.encode("hex").alias("customer_id"),
        pl.from_epoch("at", time_unit="us").dt.date().alias("date"),
        (pl.col("minor") * float(unit)).alias("amount"),
    )
    return Transactions(frame=frame, columns={}, guessed=(), dropped=tables.unvalued)


def _keep(
    company: Company,
    rows: pl.DataFrame,
    made_with: tuple[str, float],
    now: Instant,
    progress: Callable[[int, int], None],
) -> None:
    """Write a prediction for every customer, with the model and the discount rate it was made with."""
    (model, rate), today = made_with, now // DAY
    external = {person.person_id: person.external for person in company.store.persons()}
    for start in range(0, rows.height, BATCH):
        part = rows.slice(start, BATCH)
        with company.store.unit_of_work() as work:
            ids = [PersonId(bytes.fromhex(each)) for each in part["customer_id"]]
            people = work.persons([external[each] for each in ids], now)
            news = []
            for person, row in zip(people, part.iter_rows(named=True), strict=True):
                event_id = EventId(keyed_bytes("valued", person.person_id, model, today))
                body = _prediction(row, model, company.config.currency, rate)
                news.append((person, [Event(event_id, person.node_id, now, now, body)]))
            work.apply_all(news)
        progress(part.height, rows.height)


def _ids(rows: pl.DataFrame) -> pl.Series:
    return rows["customer_id"].str.decode("hex")


def _prediction(row: dict[str, float], model: str, currency: str, rate: float) -> Valued:
    def minor(name: str) -> int:
        return Money.of(float(row[name]), currency).to_minor()

    return Valued(
        model=model,
        currency=currency,
        horizons=[
            HorizonValue(
                days,
                minor(f"clv_{days}d"),
                minor(f"clv_{days}d_p10"),
                minor(f"clv_{days}d_p50"),
                minor(f"clv_{days}d_p90"),
                float(row[f"expected_purchases_{days}d"]),
            )
            for days in HORIZONS_DAYS
        ],
        probability_alive=float(row["probability_alive"]),
        overdue=float(row["overdue"]),
        annual_discount_rate=rate,
    )


def _past(predictions: pl.DataFrame, margin: pl.DataFrame, now: Instant) -> list[Scored]:
    """Score every earlier prediction whose horizon has passed, model by model."""
    runs = closed(predictions, margin, now).group_by("model", "at", "days", maintain_order=True)
    return [
        _scored(str(model), Instant(at), int(days), rows)
        for (model, at, days), rows in sorted(runs, key=lambda run: run[0])
    ]


def _scored(model: str, made_at: Instant, days: int, rows: pl.DataFrame) -> Scored:
    actual, predicted = (
        rows[name].to_numpy().astype(np.float64) for name in ("came_minor", "expected_minor")
    )
    if not actual.any():
        scores: Scores | NotEstimable = NotEstimable("nothing bought", "no margin followed in the horizon")
    else:
        scores = score(np.maximum(actual, 0.0), predicted)
    return Scored(model, made_at, days, rows.height, scores)
