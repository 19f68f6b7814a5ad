import numpy as np
import pytest

from cvo.core.clock import DAY, Instant
from cvo.core.evidence import Estimate, NotEstimable
from cvo.ledger.clv_change import clv_changes
from cvo.ledger.contrast import contrasts
from cvo.ledger.margin import margins
from tests.data.log import START, decided, order, tables

HALF = {"a": 0.5, "": 0.5}


def log(customers=1_500, seed=0, *, pulled=0.2):
    """A withheld coin of one half; a delivery pulls the order of some, due on day 20, into its window."""
    rng = np.random.default_rng(seed)
    for who in range(customers):
        got = rng.random() < 0.5
        yield decided(who, 0.5, HALF, "a" if got else "", chosen="a", propensity=1.0)
        plans, hurries = rng.random() < 0.5, rng.random() < pulled
        if rng.random() < 0.4:
            yield order(who, 2, 1_000, "now")
        if plans:
            yield order(who, 3 if got and hurries else 20, 1_000, "planned")


def measured(events, day, horizons=(28, 90)):
    made = tables(*events)
    money = margins(made.orders, made.refunds, 0.5)
    as_of = Instant(START + int(day * DAY))
    compared = contrasts(made.decisions, money, {"a": 14}, as_of)
    found = clv_changes(
        compared,
        money,
        decisions=made.decisions,
        window_days={"a": 14},
        horizons_days=horizons,
        as_of=as_of,
        currency="EUR",
    )
    return found[0]


def test_an_order_brought_forward_is_a_gain_in_the_window_and_a_loss_after_it():
    found = measured(log(), 60)
    assert found.horizon_days == 28
    assert found.window.total.interval.low > 0 > found.change.interval.high
    assert found.window.total.value + found.change.value == pytest.approx(0, abs=0.6)
    # Fewer buy at all in the horizon: nobody's orders or baskets shrink.
    assert found.afterwards.customers.value == pytest.approx(found.change.value)
    assert found.afterwards.value_per_order.value == pytest.approx(0)


def test_the_difference_is_that_of_the_means_and_its_error_theirs():
    found = measured(log(), 60)
    made = tables(*log())
    got = {row["person_id"] for row in made.decisions.to_dicts() if row["delivered"]}
    late = {
        row["person_id"]: 5.0 / 1.1 ** (19.5 / 365.25)
        for row in made.orders.to_dicts()
        if row["at"] >= START + 14.5 * DAY
    }
    sides = [
        np.array([late.get(who, 0.0) for who in made.decisions["person_id"] if (who in got) is side])
        for side in (True, False)
    ]
    assert found.change.value == pytest.approx(sides[0].mean() - sides[1].mean())
    error = np.sqrt(sum(side.var() / len(side) for side in sides))
    assert found.change.standard_error == pytest.approx(error, rel=1e-3)


def test_the_longest_horizon_that_has_closed_is_taken():
    assert measured(log(), 43).horizon_days == 28
    assert measured(log(), 110).horizon_days == 90
    open_still = measured(log(), 40)
    assert isinstance(open_still.change, NotEstimable)
    assert open_still.change.reason == "open horizon"
    assert isinstance(open_still.window.total, Estimate)
