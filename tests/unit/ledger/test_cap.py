import polars as pl
import pytest

from cvo.core.clock import DAY, Instant
from cvo.core.evidence import NotEstimable
from cvo.ledger.cap import capped, margin_cap
from cvo.ledger.margin import MARGINS
from tests.data.log import START, person


def money(amounts, day=-7.0):
    rows = [
        (person(n), int(START + day * DAY), amount * 2, 0, amount, 0, 0) for n, amount in enumerate(amounts)
    ]
    first = (person("first"), int(START - 30 * DAY), 2, 0, 1, 0, 0)
    return pl.DataFrame([first, *rows], schema=MARGINS, orient="row")


def test_it_is_a_percentile_of_what_buyers_brought_in_as_long_a_stretch_before():
    amounts = list(range(1, 2_001))
    assert margin_cap(money(amounts), START, 14 * DAY) == pytest.approx(1_999, abs=1)


def test_what_came_after_the_start_cannot_move_it():
    amounts = list(range(1, 2_001))
    later = money([10**7], day=1)
    both = pl.concat([money(amounts), later.filter(pl.col("at") > START)])
    assert margin_cap(both, START, 14 * DAY) == margin_cap(money(amounts), START, 14 * DAY)


def test_without_a_past_or_enough_buyers_there_is_no_cap():
    assert margin_cap(money([5] * 999), START, 14 * DAY).reason == "too few buyers"
    assert margin_cap(money([5] * 2_000), START, 31 * DAY).reason == "short pre-period"
    empty = pl.DataFrame(schema=MARGINS)
    assert isinstance(margin_cap(empty, Instant(START), DAY), NotEstimable)


def test_capping_takes_off_what_is_above_and_leaves_costs():
    given = pl.DataFrame({"margin_minor": [50, 500], "value_minor": [40.0, 490.0]})
    assert capped(given, 100.0)["value_minor"].to_list() == [40.0, 90.0]
