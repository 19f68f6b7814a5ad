import numpy as np
import polars as pl

from cvo.core.clock import DAY
from cvo.ledger.exposure import WEEK, weeks_since_first
from tests.data.log import START, person


def world(customers=6_000, seed=0):
    """First decisions spread over a week; treated bring 4.00 more in their second week, and nothing in others."""
    rng = np.random.default_rng(seed)
    arms = np.where(rng.random(customers) < 0.3, "control", "treated")
    first = START + rng.integers(0, 7, customers) * DAY
    ids = [person(n) for n in range(customers)]
    firsts = pl.DataFrame({"person_id": ids, "arm": arms, "at": first}).cast({"person_id": pl.Binary})
    rows = []
    for n in range(customers):
        for week in range(4):
            if rng.random() < 0.5:
                more = 800 * (arms[n] == "treated" and week == 1)
                at = int(first[n] + week * WEEK + rng.integers(0, WEEK))
                rows.append((ids[n], at, 1, float(rng.integers(500, 1_500) + more)))
    brought = pl.DataFrame(rows, schema=["person_id", "at", "orders", "value_minor"], orient="row")
    before = pl.DataFrame(
        {"person_id": ids, "at": first - 1, "orders": [1] * customers, "value_minor": [1e9] * customers}
    )
    return firsts, pl.concat([brought.cast({"person_id": pl.Binary}), before.cast({"person_id": pl.Binary})])


def test_each_week_since_the_first_decision_has_its_own_effect():
    firsts, brought = world()
    found = weeks_since_first(firsts, brought, START + 5 * WEEK, "EUR")
    assert [each.week for each in found] == [0, 1, 2, 3, 4]
    for each, truth in zip(found, [0.0, 4.0, 0.0, 0.0], strict=False):
        assert abs(each.effect.value - truth) < 4 * each.effect.standard_error
        assert each.effect.standard_error < 0.3
    assert found[4].effect.reason == "too few buyers"


def test_a_customer_counts_in_the_weeks_that_have_closed_for_them():
    firsts, brought = world()
    found = weeks_since_first(firsts, brought, START + 1 * WEEK + 3 * DAY, "EUR")
    early = firsts.filter(pl.col("at") <= START + 3 * DAY).height
    assert [each.week for each in found] == [0]
    assert found[0].effect.sample_size == early < firsts.height
