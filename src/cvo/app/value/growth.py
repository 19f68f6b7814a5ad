"""Growth of a company between two stretches of time, by its three sources, and what of it was caused."""

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cvo.app.company import Company
from cvo.app.value.programme import Facts
from cvo.app.value.question import Question
from cvo.core.clock import DAY, Instant
from cvo.core.evidence import NotEstimable
from cvo.core.money import minor_unit
from cvo.inference import buyers_refusal, look_level
from cvo.ledger.growth import Causes, Split, Volume, caused_growth, growth
from cvo.ledger.programme import WEEK, arm_weights

USUAL_DAYS = 28
_COLUMNS = ("bought", "orders", "margin")


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """The change of margin from the stretch before to the one from `since` to `until`, both as long.

    Margin is revenue less refunds at the margin rate, before costs of contacts and service. `caused` is the part of
    each source that the programme caused among treated customers, beyond what it caused in the stretch before;
    `not_caused` is the rest of `split`, so that the two sum to it source by source.
    """

    before: Volume
    after: Volume
    since: Instant
    until: Instant
    split: Split | NotEstimable
    caused: Causes | NotEstimable
    not_caused: Split | NotEstimable


def growth_of(company: Company, facts: Facts, question: Question) -> Growth:
    """Compare the period asked for with as long a stretch before it.

    Without a period it is that of the programme, in full weeks, or the last four weeks where there is none.
    """
    since, until = _period(facts, question)
    earlier = Instant(since - (until - since))
    rows, rows_before = (_brought(facts, *ends) for ends in ((since, until), (earlier, since)))
    currency = company.config.currency
    after, before = (_volume(each, currency) for each in (rows, rows_before))
    split = growth(before, after)
    caused = _caused(company, facts, (since, until), rows, rows_before)
    return Growth(
        before=before,
        after=after,
        since=since,
        until=until,
        split=split,
        caused=caused,
        not_caused=_rest(split, caused),
    )


def _period(facts: Facts, question: Question) -> tuple[Instant, Instant]:
    if question.since is not None:
        return question.since, facts.as_of
    if facts.started_at is not None and facts.until > facts.since:
        return facts.since, facts.until
    return Instant(facts.as_of - USUAL_DAYS * DAY), facts.as_of


def _brought(facts: Facts, since: int, until: int) -> pl.DataFrame:
    """Return a row for every person who bought or had money back in the stretch."""
    return (
        facts.money.filter(pl.col("at").is_between(since, until, closed="left"))
        .group_by("person_id")
        .agg(
            (pl.col("revenue_minor") > 0).sum().alias("orders"), pl.col("margin_minor").sum().alias("margin")
        )
        .with_columns((pl.col("orders") > 0).alias("bought"))
        .sort("person_id")
        .select("person_id", *(pl.col(name).cast(pl.Int64) for name in _COLUMNS))
    )


def _volume(rows: pl.DataFrame, currency: str) -> Volume:
    bought, orders, margin = (int(rows[name].sum()) for name in _COLUMNS)
    return Volume(bought, orders, margin * minor_unit(currency))


def _caused(
    company: Company,
    facts: Facts,
    period: tuple[Instant, Instant],
    rows: pl.DataFrame,
    rows_before: pl.DataFrame,
) -> Causes | NotEstimable:
    since, until = period
    started_at = facts.started_at
    if started_at is None or started_at >= until:
        return NotEstimable("no live decisions", "the programme had not decided for anybody by then")
    persons = facts.persons.filter(pl.col("assigned_at") < until)
    # Before the programme nothing was caused, whatever chance made of the arms.
    periods = [rows, rows_before] if started_at < since else [rows]
    arms = [persons.filter(pl.col("arm") == arm) for arm in ("treated", "control")]
    treated, control = (np.hstack([_matrix(arm, each, company) for each in periods]) for arm in arms)
    weights = [arm_weights(arm) for arm in arms]
    refused = buyers_refusal({"treated": int(treated[:, 0].sum()), "control": int(control[:, 0].sum())})
    if refused is not None:
        return refused
    level = look_level(max(1, (until - started_at) // WEEK))
    given = None if weights[0] is None or weights[1] is None else (weights[0], weights[1])
    return caused_growth(treated, control, company.config.currency, weights=given, level=level)


def _matrix(persons: pl.DataFrame, rows: pl.DataFrame, company: Company) -> NDArray[np.float64]:
    joined = persons.select("person_id").join(rows, on="person_id", how="left", maintain_order="left")
    matrix = joined.select(pl.col(_COLUMNS).fill_null(0).cast(pl.Float64)).to_numpy().copy()
    matrix[:, 2] *= minor_unit(company.config.currency)
    return matrix


def _rest(split: Split | NotEstimable, caused: Causes | NotEstimable) -> Split | NotEstimable:
    if isinstance(split, NotEstimable):
        return split
    if isinstance(caused, NotEstimable):
        return caused
    return Split(*(getattr(split, name) - getattr(caused, name).value for name in Split.__struct_fields__))
