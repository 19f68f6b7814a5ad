"""Looking every week at what a change would have brought, in worlds where it brings nothing."""

import numpy as np
import pytest

from cvo.app.what_if.log import Log
from cvo.app.what_if.looks import looks
from cvo.core.clock import DAY, Instant, parse_rfc3339
from cvo.core.ids import PersonId
from cvo.decisions.case import Case
from cvo.decisions.decision import Arm, Request, Subject
from cvo.profiles.profile import EMPTY

MONDAY = parse_rfc3339("2026-01-05T00:00:00Z")
CUSTOMERS, WEEKS, WINDOW = 150, 16, 14


def world(seed):
    """A log of weekly decisions whose windows of a fortnight overlap; what is done now echoes in the next window."""
    random = np.random.default_rng(seed)
    size = (WEEKS, CUSTOMERS)
    habit = random.gamma(1.0, 10.0, CUSTOMERS)
    got = (random.random(size) < 0.7).astype(np.int64)
    # Whoever got it buys this week what the others buy next week: over both it brings nothing.
    weekly = habit * random.lognormal(-0.32, 0.8, size) + 8.0 * got
    weekly[1:] += 8.0 * (1 - got[:-1])
    closed = weekly[:-1] + weekly[1:]
    count = closed.size
    people = [PersonId(n.to_bytes(16, "big")) for n in range(CUSTOMERS)]
    cases = [
        Case(
            Subject(person_id=people[n], customer="", version=0, arm=Arm.TREATED),
            EMPTY,
            Request(placement="home", at=Instant(MONDAY + week * 7 * DAY)),
        )
        for week in range(WEEKS - 1)
        for n in range(CUSTOMERS)
    ]
    return Log(
        cases=cases,
        models=[None] * count,
        options=["offer", ""],
        got=1 - got[:-1].ravel(),
        probabilities=np.tile([0.7, 0.3], (count, 1)),
        margin=closed.ravel(),
        features={},
        kinds={},
        design=np.column_stack([np.ones(count), np.tile(habit, WEEKS - 1)]),
        window_days=WINDOW,
    )


def ever_excludes_nothing(seed):
    log = world(seed)
    count = len(log.got)
    targets = {"candidate": np.tile([0.9, 0.1], (count, 1)), "current": np.tile([0.5, 0.5], (count, 1))}
    costs = {name: np.zeros(2) for name in targets}
    found = looks(log, targets, costs, np.zeros(count, dtype=np.bool_))
    assert isinstance(found, list)
    assert len(found) >= 5
    # A look stands where the last window it counts has closed; every other week overlaps the one before.
    assert found[-1].at == log.at[-1] + WINDOW * DAY
    return any(each.interval.excludes(0.0) for each in found)


@pytest.mark.parametrize("worlds", [40, pytest.param(400, marks=pytest.mark.slow)])
def test_looking_every_week_keeps_the_promise(told, worlds):
    ever = sum(ever_excludes_nothing(seed) for seed in range(worlds))
    told(
        "weekly looks at a change that brings nothing that ever say otherwise",
        ever,
        at_most=0.075 * worlds,
        of=worlds,
    )
