"""Growth of a company between two stretches of time or two groups, by its three sources, and what of it was caused."""

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cvo.app.company import Company
from cvo.app.value.groups import groups_of
from cvo.app.value.programme import Facts
from cvo.app.value.question import Question
from cvo.core.clock import DAY, Instant
from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.core.money import minor_unit
from cvo.inference import buyers_refusal, look_level, sample_ratio_refusal
from cvo.ledger.growth import Causes, Split, Volume, beyond, caused_growth, growth
from cvo.ledger.programme import WEEK, arm_weights

USUAL_DAYS = 28
_COLUMNS = ("bought", "orders", "margin")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change of margin, source by source: `caused` and `not_caused` sum to `split`."""

    before: Volume
    after: Volume
    split: Split | NotEstimable
    caused: Causes | NotEstimable
    not_caused: Split | NotEstimable


class GroupChange(Change, frozen=True, kw_only=True):
    """The change of one group of customers."""

    group: str


class Growth(Change, frozen=True, kw_only=True):
    """The change of margin from the stretch before to the one from `since` to `until`, both as long.

    Margin is revenue less refunds at the margin rate, before costs of contacts and service. `caused` is the part of
    each source that the programme caused among treated customers, beyond what it caused in the stretch before;
    `not_caused` is the rest of `split`, so that the two sum to it source by source. `groups` has the same for each
    group of customers, whose totals sum to the whole; or, with `against` a group, how each differs from that one in the
    same stretch.
    """

    since: Instant
    until: Instant
    by: tuple[str, ...] = ()
    against: str | None = None
    groups: list[GroupChange] = []


def growth_of(
    company: Company, facts: Facts, question: Question, by: Sequence[str] = (), against: str | None = None
) -> Growth:
    """Compare the period asked for with as long a stretch before it, in all and by group of customers.

    Without a period it is that of the programme, in full weeks, or the last four weeks where there is none; one without
    an end ends with its last full week, if it has any.
    `by` are columns as `groups_of` reads them. Raises `InvalidInput` for an `against` that is none of the groups.
    """
    since, until = _period(facts, question)
    earlier = Instant(since - (until - since))
    rows, before = (_brought(facts, *ends) for ends in ((since, until), (earlier, since)))
    whole = _Stretch(company, facts, (since, until), rows, before)
    return Growth(
        **msgspec.structs.asdict(whole.change()),
        since=since,
        until=until,
        by=tuple(by),
        against=against,
        groups=_groups(whole, groups_of(company, by), against) if by else [],
    )


def _groups(whole: "_Stretch", groups: pl.DataFrame, against: str | None) -> list[GroupChange]:
    parts = {
        str(name): whole.of(rows)
        for (name,), rows in groups.sort("group").group_by("group", maintain_order=True)
    }
    if against is None:
        return [
            GroupChange(group=name, **msgspec.structs.asdict(part.change())) for name, part in parts.items()
        ]
    if against not in parts:
        raise InvalidInput(f"--against {against!r} is none of the groups: {', '.join(parts)}")
    other = parts.pop(against)
    return [
        GroupChange(group=name, **msgspec.structs.asdict(part.beyond(other))) for name, part in parts.items()
    ]


class _Stretch(msgspec.Struct, frozen=True, eq=False):
    """A period, what some customers brought in it and in as long a stretch before."""

    company: Company
    facts: Facts
    period: tuple[Instant, Instant]
    rows: pl.DataFrame
    rows_before: pl.DataFrame
    members: pl.Series | None = None

    def of(self, group: pl.DataFrame) -> "_Stretch":
        """Return the same of the customers of a group."""
        inside = pl.col("person_id").is_in(group["person_id"].implode())
        rows, before = (each.filter(inside) for each in (self.rows, self.rows_before))
        return _Stretch(self.company, self.facts, self.period, rows, before, group["person_id"])

    @property
    def currency(self) -> str:
        return self.company.config.currency

    def change(self) -> Change:
        """Compare with the stretch before."""
        before, after = (_volume(each, self.currency) for each in (self.rows_before, self.rows))
        return _change(before, after, self.caused([self.rows, self.rows_before]))

    def beyond(self, other: "_Stretch") -> Change:
        """Compare with another group in the same stretch, of customers of its own."""
        before, after = (_volume(each.rows, self.currency) for each in (other, self))
        theirs, ours = (each.caused([each.rows]) for each in (other, self))
        if isinstance(theirs, NotEstimable) or isinstance(ours, NotEstimable):
            refused = theirs if isinstance(theirs, NotEstimable) else ours
            return _change(before, after, refused)
        return _change(before, after, beyond(ours, theirs))

    def caused(self, periods: list[pl.DataFrame]) -> Causes | NotEstimable:
        """Return what the programme caused among these customers in the period, beyond the one before."""
        since, until = self.period
        started_at = self.facts.started_at
        if started_at is None or started_at >= until:
            return NotEstimable("no live decisions", "the programme had not decided for anybody by then")
        persons = self.facts.persons.filter(pl.col("assigned_at") < until)
        if self.members is not None:
            persons = persons.filter(pl.col("person_id").is_in(self.members.implode()))
        # Before the programme nothing was caused, whatever chance made of the arms.
        counted = periods if started_at < since else periods[:1]
        arms = [persons.filter(pl.col("arm") == arm) for arm in ("treated", "control")]
        treated, control = (np.hstack([_matrix(arm, each, self.company) for each in counted]) for arm in arms)
        weights = [arm_weights(arm) for arm in arms]
        refused = self._uneven(persons) or buyers_refusal(
            {"treated": int(treated[:, 0].sum()), "control": int(control[:, 0].sum())}
        )
        if refused is not None:
            return refused
        level = look_level(max(1, (until - started_at) // WEEK))
        given = None if weights[0] is None or weights[1] is None else (weights[0], weights[1])
        return caused_growth(treated, control, self.currency, weights=given, level=level)

    def _uneven(self, persons: pl.DataFrame) -> NotEstimable | None:
        """Refuse a group that the arms are not spread over as planned: the programme may have moved who is in it."""
        planned = 0.0 if persons.is_empty() else float(np.mean(persons["control_rate"].to_numpy()))
        if not 0 < planned < 1:
            return NotEstimable("no control group", "nobody of these was left alone to compare with")
        counts = {name: int((persons["arm"] == name).sum()) for name in ("treated", "control")}
        return sample_ratio_refusal(counts, {"treated": 1.0 - planned, "control": planned})


def _change(before: Volume, after: Volume, caused: Causes | NotEstimable) -> Change:
    split = growth(before, after)
    return Change(before=before, after=after, split=split, caused=caused, not_caused=_rest(split, caused))


def _period(facts: Facts, question: Question) -> tuple[Instant, Instant]:
    if question.since is not None:
        weeks = (facts.as_of - question.since) // WEEK
        if question.until is None and weeks:
            # Half a week against another half compares weekends with working days.
            return question.since, Instant(question.since + weeks * WEEK)
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
