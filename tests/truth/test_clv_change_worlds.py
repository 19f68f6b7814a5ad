"""ΔCLV in known worlds: measured where a horizon has closed, read from a surrogate only where that holds.

In the world of *habit* whoever bought lately buys more, and all that an action does later it does through orders in its
window: the state after it tells everything. In the world of *hurry* it brings orders forward from the months after: the
state looks better, as it does to every lifetime model, and what comes is worse.
"""

import numpy as np
import polars as pl
import pytest

from cvo.core.clock import DAY
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.ledger.clv_change import clv_changes
from cvo.ledger.contrast import contrasts
from cvo.ledger.margin import margins
from cvo.ledger.surrogate import Surrogate
from cvo.ledger.tables import DECISIONS, ORDERS, REFUNDS

START = 1_400 * 14 * DAY
WEEKS, EARLY, LATE, NOW = 78, 60, 68, 75
"""The first action is decided so early that its ninety days have closed, the second so late that four weeks have."""
WINDOW, HORIZON, CUSTOMERS = 14, 90, 3_000


def habit(rng, decided, treated):
    """Return who buys in which week, (n, weeks): the sooner after an order the likelier; a delivery adds orders."""
    silence, bought = np.full(len(treated), 99.0), np.zeros((len(treated), WEEKS), dtype=bool)
    for week in range(WEEKS):
        chance = 0.03 + 0.16 * np.exp(-7 * silence / 28)
        chance += 0.2 * (treated & (week >= decided) & (week < decided + 2))
        bought[:, week] = rng.random(len(treated)) < chance
        silence = np.where(bought[:, week], 1.0, silence + 1)
    return bought


def hurry(rng, decided, treated):
    """Return the same of customers who buy at rates of their own; a delivery brings one of the next orders forward."""
    rate = rng.gamma(1.5, 0.06, len(treated))
    bought = rng.random((len(treated), WEEKS)) < rate[:, None]
    later = bought[:, decided + 7 : decided + 15]
    moved = treated & (rng.random(len(treated)) < 0.7) & later.any(axis=1)
    bought[moved, decided + 7 + later[moved].argmax(axis=1)] = False
    bought[moved, decided] = True
    return bought


def truth(world, customers=400_000):
    """Return the discounted margin after the window that a delivery causes a customer."""
    sums = []
    for treated in (True, False):
        bought = world(np.random.default_rng(7), 60, np.full(customers, treated))
        days = np.arange(WINDOW, WINDOW + HORIZON)
        # Orders fall evenly on the days of their week.
        rate = bought[:, 60 + days // 7].mean(axis=0) / 7
        sums.append(10 * float(rate @ 1.1 ** (-(days + 0.5) / 365.25)))
    return sums[0] - sums[1]


def told_by(world, seed, customers):
    """Return ΔCLV of the early and of the late action, by the product."""
    rng = np.random.default_rng([seed, 3])
    people, decisions, orders = np.arange(2 * customers), [], []
    for number, (action, decided) in enumerate((("early", EARLY), ("late", LATE))):
        who = people[number * customers : (number + 1) * customers]
        got = rng.random(customers) < 0.5
        ids = [int(each).to_bytes(16, "big") for each in who]
        decisions.append(
            pl.DataFrame(
                {
                    "person_id": ids,
                    "at": START + decided * 7 * DAY + np.arange(customers),
                    "decision_id": [""] * customers,
                    "placement": ["newsletter"] * customers,
                    "chosen": [action] * customers,
                    "delivered": np.where(got, action, ""),
                    "team": ["sales"] * customers,
                    "stage": ["grow"] * customers,
                    "contact_cost_minor": [0.0] * customers,
                    "propensity": [1.0] * customers,
                    "options": [[action, ""]] * customers,
                    "probabilities": [[0.5, 0.5]] * customers,
                },
                schema=DECISIONS,
            )
        )
        row, week = np.nonzero(world(rng, decided, got)[:, :NOW])
        at = START + ((week + rng.random(len(row))) * 7 * DAY).astype(np.int64) + customers
        orders.append(
            pl.DataFrame(
                {
                    "person_id": [ids[each] for each in row],
                    "at": at,
                    "order_id": [f"{number} {each}" for each in range(len(row))],
                    "revenue_minor": np.full(len(row), 2_000),
                },
                schema=ORDERS,
            )
        )
    money = margins(pl.concat(orders), pl.DataFrame(schema=REFUNDS), 0.5)
    everything, as_of = pl.concat(decisions), START + NOW * 7 * DAY
    windows = {"early": WINDOW, "late": WINDOW}
    return clv_changes(
        contrasts(everything, money, windows, as_of),
        money,
        decisions=everything,
        window_days=windows,
        horizons_days=(28, HORIZON),
        as_of=as_of,
        currency="EUR",
    )


SIZES = pytest.mark.parametrize(
    "worlds", [pytest.param(60, id="short"), pytest.param(2_000, id="long", marks=pytest.mark.slow)]
)


def few(rate, worlds):
    """Return the most that a count of this rate reaches but for one time in a thousand."""
    return worlds * rate + 3.1 * np.sqrt(worlds * rate * (1 - rate))


def untold(*found):
    """Tell whether chance made draws look broken, or left too few buyers, so that nothing is told of an action."""
    reasons = {each.window.reason for each in found if isinstance(each.window, NotEstimable)}
    assert reasons <= {"sample ratio", "open horizon"}
    return bool(reasons)


@SIZES
def test_a_surrogate_that_tells_all_is_used_and_covers_the_truth(told, worlds):
    real, silent, refused, measured, covered, off = truth(habit), 0, 0, 0, 0, []
    assert real > 0.5
    for seed in range(worlds):
        early, late = told_by(habit, seed, CUSTOMERS)
        if untold(early, late):
            silent += 1
            continue
        assert (early.change_days, early.change.grade) == (HORIZON, Grade.MEASURED)
        measured += not early.change.interval.excludes(real)
        if isinstance(late.surrogate, NotEstimable):
            assert late.surrogate.reason == "surrogate refused"
            refused += 1
            continue
        assert (late.change_days, late.change.grade, set(late.surrogate.off_by)) == (
            HORIZON,
            Grade.POOLED,
            {"early"},
        )
        covered += not late.change.interval.excludes(real)
        off.append(late.change.value - real)
    # Each action's draws are refused in one world of a thousand; too few buyers are rarer still.
    told("worlds of habit that guard rails refuse", silent, at_most=few(0.002, worlds), of=worlds)
    worlds -= silent
    told("sound surrogates refused by the test that they are", refused, at_most=few(0.05, worlds), of=worlds)
    told(
        "ΔCLV over a closed horizon: intervals that cover",
        measured,
        at_least=worlds - few(0.05, worlds),
        of=worlds,
    )
    used = worlds - refused
    told(
        "ΔCLV read from a surrogate: intervals that cover", covered, at_least=used - few(0.05, used), of=used
    )
    told("bias of it, in parts of the truth", abs(np.mean(off)) / real, at_most=0.2)


@SIZES
def test_a_surrogate_that_takes_whom_an_action_hurried_for_better_customers_is_refused(told, worlds):
    real, silent, refused, measured, fooled = truth(hurry), 0, 0, 0, 0
    assert real < -0.5
    for seed in range(worlds):
        early, late = told_by(hurry, seed, CUSTOMERS)
        if untold(early, late):
            silent += 1
            continue
        measured += not early.change.interval.excludes(real)
        if isinstance(late.surrogate, Surrogate):
            fooled += late.change.interval.excludes(real)
        else:
            refused += late.surrogate.reason == "surrogate refused"
            # What stays is what four weeks tell, and they are told as four weeks.
            assert isinstance(late.change, Estimate)
            assert late.change_days == 28
    told("worlds of hurry that guard rails refuse", silent, at_most=few(0.002, worlds), of=worlds)
    worlds -= silent
    told("surrogates of hurried orders refused", refused, at_least=0.95 * worlds, of=worlds)
    told(
        "such surrogates used, with intervals that leave out the truth",
        fooled,
        at_most=0.02 * worlds,
        of=worlds,
    )
    told(
        "ΔCLV of hurried orders over a closed horizon: intervals that cover",
        measured,
        at_least=worlds - few(0.05, worlds),
        of=worlds,
    )
