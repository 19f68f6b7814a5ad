"""A coin that withholds has to be thrown once per window: thrown at each of eight page views it measures nothing.

With eight views and a coin of one half, 255 of 256 windows are reached at least once, so the windows of a
withheld view are nearly all reached windows and a true effect of .10 shows as .10 / 2⁷, which is .001.
"""

import numpy as np
import pytest

from cvo.core.clock import DAY, HOUR, Instant
from cvo.core.evidence import Grade
from cvo.core.ids import PersonId
from cvo.decisions.withholding import Coins, Withholding
from cvo.inference import clustered_mean, difference
from cvo.profiles.profile import Profile
from cvo.simulate import repeated_visits, thrown_coins

EFFECT, VIEWS = 0.10, 8
PER_WINDOW = {"unit": "outcomes per window", "grade": Grade.MEASURED}
WORLDS = [
    pytest.param(200, 179, 199, id="short"),
    pytest.param(2_000, 1_860, 1_940, id="long", marks=pytest.mark.slow),
]


def by_row(visits):
    """Compare rows of delivered with rows of withheld views, whatever window they belong to."""
    delivered = visits.outcome[~visits.withheld].mean()
    return delivered - visits.outcome[visits.withheld].mean()


def by_window(visits):
    """Compare delivered with withheld windows, by the first view of each."""
    _, first = np.unique(visits.window, return_index=True)
    withheld, outcome = visits.withheld[first], visits.outcome[first]
    arms = [clustered_mean(outcome[arm], **PER_WINDOW) for arm in (~withheld, withheld)]
    return difference(*arms)


@pytest.mark.parametrize(("worlds", "fewest", "most"), WORLDS)
def test_only_the_coin_per_window_finds_the_effect(told, worlds, fewest, most):
    covered, found, lost = 0, [], []
    for world in range(worlds):
        per_window = thrown_coins(1_500, VIEWS, f"{world}", per="window")
        estimate = by_window(repeated_visits(per_window, f"outcome {world}", effect=EFFECT))
        covered += not estimate.interval.excludes(EFFECT)
        found.append(estimate.value)
        per_view = thrown_coins(1_500, VIEWS, f"{world}", per="visit")
        lost.append(by_row(repeated_visits(per_view, f"outcome {world}", effect=EFFECT)))
    told(
        "withheld by a coin a window: intervals that cover", covered, at_least=fewest, at_most=most, of=worlds
    )
    told("effect found with a coin a window (truth .10)", np.mean(found), at_least=0.095, at_most=0.105)
    told("effect found with a coin a view, which is the trap", np.mean(lost), at_most=0.005)
    assert np.mean(lost) == pytest.approx(EFFECT / 2 ** (VIEWS - 1), abs=0.002)


def test_the_coin_of_a_decision_is_one_per_window():
    customers, window_days = 4_000, 28
    start = Instant(700 * window_days * DAY)
    withheld = np.array(
        [
            [
                Coins(
                    "seed",
                    PersonId(customer.to_bytes(16, "big")),
                    Profile(),
                    Instant(start + view * HOUR),
                )
                .coin("offer", Withholding(window_days, 0.5))
                .withholds
                for view in range(VIEWS)
            ]
            for customer in range(customers)
        ]
    )
    visits = repeated_visits(withheld, "coin of a decision", effect=EFFECT)
    assert by_row(visits) == pytest.approx(EFFECT, abs=4 * np.sqrt(0.15 * 0.85 * 4 / customers))
    assert not by_window(visits).interval.excludes(EFFECT)
    assert by_window(visits).interval.excludes(0.0)
