"""Outcomes of an experiment's customers, by the causal join: all they brought in the horizon, whatever they got."""

import msgspec
import polars as pl

from cvo.app.company import Company
from cvo.app.state import running_catalogue
from cvo.core.clock import DAY, Instant
from cvo.core.money import minor_unit
from cvo.events.event import Activity, Decided, Order, Refund, TraitsSet
from cvo.ledger.margin import margins, sums_within
from cvo.ledger.tables import Tables, tabulate
from cvo.valuation.assumptions import assumptions_of

MONEY = ("revenue", "refunds", "margin", "service_cost", "contact_cost", "value")
COLUMNS = tuple(f"{name}{when}" for when in ("", "_before") for name in ("orders", *MONEY))
"""What metrics can be made of: totals in the horizon, and in as many days before, money in major units."""

PREFIX = "experiment_"
"""In front of an experiment's name: the trait that holds a customer's arm."""

ENROLLED = pl.Schema(
    {
        "person_id": pl.Binary(),
        "arm": pl.String(),
        "at": pl.Int64(),
        "given": pl.Int64(),
        "contaminated": pl.Boolean(),
    }
)


def enrolled(company: Company, name: str) -> pl.DataFrame:
    """Return a row a customer with an arm: the one given first, and when.

    `given` counts the arms of all who were merged into the customer, `contaminated` tells whether they differ.
    """
    rows: dict[bytes, tuple[str, int, int, bool]] = {}
    for event in company.store.events((TraitsSet,)):
        arm = event.body.traits.get(PREFIX + name) if isinstance(event.body, TraitsSet) else None
        if isinstance(arm, str):
            first, at, given, contaminated = rows.get(event.person_id, (arm, event.at, 0, False))
            rows[event.person_id] = first, at, given + 1, contaminated or arm != first
    found = [(person_id, *row) for person_id, row in rows.items()]
    return pl.DataFrame(found, schema=ENROLLED, orient="row").sort("at", "person_id")


def outcomes(company: Company, starts: pl.DataFrame, days: int, until: Instant) -> pl.DataFrame:
    """Return `starts` (`person_id`, `at`) whose `days` have closed by `until`, with `COLUMNS` and `exposed`.

    A customer is exposed when a live decision was made for them in those days.
    """
    closed = starts.filter(pl.col("at") + days * DAY <= until)
    tables = tabulate(company.store.events((Order, Refund, Activity, Decided)), company.config.currency)
    facts = {"": _facts(company, tables), "_before": _facts(company, _known_by(tables, closed))}
    columns = ["orders", *(f"{name}_minor" for name in MONEY)]
    unit = minor_unit(company.config.currency)
    table = closed
    for suffix, shift in (("", 0), ("_before", -days * DAY)):
        begun = closed.select("person_id", pl.col("at") + shift)
        sums = sums_within(begun, facts[suffix], days, columns)
        table = table.with_columns(
            sums["orders"].alias(f"orders{suffix}"),
            *((sums[f"{name}_minor"] * unit).alias(f"{name}{suffix}") for name in MONEY),
        )
    met = (
        closed.select("person_id", "at")
        .join(tables.decisions.select("person_id", decided_at="at"), on="person_id")
        .filter(pl.col("decided_at").is_between(pl.col("at"), pl.col("at") + days * DAY, closed="left"))
    )
    return table.with_columns(exposed=table["person_id"].is_in(met["person_id"].unique().implode()))


def _known_by(tables: Tables, starts: pl.DataFrame) -> Tables:
    """Return the tables with the refunds made before each start: later ones the treatment could have touched."""
    begun = starts.select("person_id", pl.col("at").alias("begun_at"))
    refunds = tables.refunds.join(begun, on="person_id", maintain_order="left")
    known = refunds.filter(pl.col("at") < pl.col("begun_at")).drop("begun_at")
    return msgspec.structs.replace(tables, refunds=known)


def _facts(company: Company, tables: Tables) -> pl.DataFrame:
    """Return a row an order, service cost or contact, with what it adds to each column."""
    rate = assumptions_of(running_catalogue(company.store))["margin_rate"].value
    money = margins(tables.orders, tables.refunds, rate, tables.costs).with_columns(
        orders=(pl.col("revenue_minor") > 0).cast(pl.Int64)
    )
    contacts = tables.decisions.filter(pl.col("delivered") != "").select(
        "person_id", "at", "contact_cost_minor"
    )
    added = pl.concat([money, contacts], how="diagonal").fill_null(0)
    costs = pl.col("service_cost_minor") + pl.col("contact_cost_minor")
    return added.with_columns(value_minor=pl.col("margin_minor") - costs)


def recent(company: Company, days: int) -> pl.DataFrame:
    """Return `COLUMNS` of every customer, over the last `days` and as many before, as if there were an experiment."""
    now = company.clock.now()
    persons = [person.person_id for person in company.store.persons()]
    starts = pl.DataFrame({"person_id": persons}, schema={"person_id": pl.Binary}).with_columns(
        at=pl.lit(now - days * DAY, dtype=pl.Int64)
    )
    return outcomes(company, starts, days, now)
