"""Growth by group: the groups' changes are the whole one, and a group that the programme makes is told."""

from contextlib import contextmanager

import numpy as np
import pytest

from cvo.app.company import Company
from cvo.app.ingest import ingest
from cvo.app.value import Question, facts_of, growth_of
from cvo.core.clock import DAY, FixedClock, Instant
from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate
from tests.data.company import NOW
from tests.data.folder import message, ordered, running
from tests.unit.app.test_app_value import live

SOURCES = ("customers", "orders_per_customer", "value_per_order", "total")


@contextmanager
def told_apart(path, stated, customers=4_000):
    """Open the company of `live` once everybody has stated their age, as `stated` says from number and arm."""
    _, persons, _ = live(path, customers=customers)
    with Company.open(path, clock=FixedClock(Instant(NOW + 20 * DAY))) as company:
        ages = {who: stated(int(who[1:]), each.arm) for who, each in persons.items()}
        said = [
            message("identify", who, Instant(NOW - 9 * DAY), f"age-{who}", traits={"age": age})
            for who, age in ages.items()
        ]
        later = [message("identify", "c1", Instant(NOW), "birthday", traits={"age": 99})]
        assert not ingest(company, [*said, *later]).refused
        yield company


def grown(company, **asked):
    return growth_of(company, facts_of(company, Question()), Question(), **asked)


def test_growth_by_group_sums_to_the_whole_and_one_group_is_told_from_another(tmp_path):
    with told_apart(tmp_path, lambda number, _: 30 if number % 4 else 60, 8_000) as company:
        found, other = grown(company, by=["age"]), grown(company, by=["age"], against="60")
        with pytest.raises(InvalidInput, match="none of the groups: 30, 60"):
            grown(company, by=["age"], against="70")
    # Who said something else later is still in the group they first said.
    assert [each.group for each in found.groups] == ["30", "60"]
    for what in ("before", "after"):
        for name in ("customers", "orders", "margin"):
            parts = sum(getattr(getattr(each, what), name) for each in found.groups)
            assert parts == pytest.approx(getattr(getattr(found, what), name))
    assert sum(each.split.total for each in found.groups) == pytest.approx(found.split.total)
    for each in (*found.groups, *other.groups):
        for name in SOURCES:
            both = getattr(each.caused, name).value + getattr(each.not_caused, name)
            assert both == pytest.approx(getattr(each.split, name))
    young, old = found.groups
    (beyond,) = other.groups
    assert (beyond.group, beyond.before, beyond.after) == ("30", old.after, young.after)
    assert beyond.split.total == pytest.approx(young.after.margin - old.after.margin)
    # Three times as many, of whom the offer makes as many more buy; the programme began with the period.
    assert beyond.caused.customers.interval.low > 0
    totals = [each.caused.total for each in found.groups]
    assert beyond.caused.total.value == pytest.approx(totals[0].value - totals[1].value)
    assert beyond.caused.total.standard_error == pytest.approx(
        np.hypot(*(each.standard_error for each in totals))
    )


def test_a_group_that_the_programme_moves_customers_into_has_no_caused_growth(tmp_path):
    with told_apart(tmp_path, lambda number, arm: 30 if arm == "treated" and number % 3 else 60) as company:
        found = grown(company, by=["age"])
    assert {each.caused.reason for each in found.groups} == {"sample ratio"}
    assert isinstance(found.caused.total, Estimate)


def test_what_is_no_group_is_refused_by_name(tmp_path):
    with told_apart(tmp_path, lambda number, _: number % 150) as company:
        with pytest.raises(InvalidInput, match="neither a trait nor a category feature; known: segment, age"):
            grown(company, by=["shoe_size"])
        with pytest.raises(InvalidInput, match="makes 150 groups"):
            grown(company, by=["age"])
        with pytest.raises(InvalidInput, match="no category features"):
            grown(company, by=["segment"])


@pytest.mark.parametrize(
    ("since", "until", "ends"),
    [(0, None, 14), (2, None, 16), (16, None, 20), (0, 10, 10), (0, 40, 20)],
    ids=["two full weeks", "from a day of the week", "no full week", "as asked", "now at the latest"],
)
def test_a_period_without_an_end_ends_with_its_last_full_week(tmp_path, since, until, ends):
    with running(tmp_path / "shop", NOW) as company:
        ingest(company, [ordered("c1", Instant(NOW + DAY), 20.0)])
        company.clock.at = Instant(NOW + 20 * DAY)
        asked = Question(
            since=Instant(NOW + since * DAY), until=None if until is None else Instant(NOW + until * DAY)
        )
        assert growth_of(company, facts_of(company, asked), asked).until == NOW + ends * DAY
