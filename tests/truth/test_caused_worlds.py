"""Caused value in worlds whose truth is known: right on average and in its intervals, whoever is chosen how."""

import numpy as np
import polars as pl
import pytest

from cvo.core.clock import DAY
from cvo.core.evidence import Estimate
from cvo.core.ids import PersonId
from cvo.ledger.caused import caused_by_action
from cvo.ledger.contrast import contrasts
from cvo.ledger.margin import margins
from cvo.ledger.tables import DECISIONS, ORDERS, REFUNDS

START = 1_400 * 14 * DAY
CUSTOMERS, WINDOWS, DAYS = 1_100, 2, 14


class World:
    """Customers who buy more the keener they are, whom the policy mails the more for it, and whom mail moves.

    The naive difference of those who got mail and those who did not is far above the truth.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        rows = CUSTOMERS * WINDOWS
        self.who = np.repeat(np.arange(CUSTOMERS), WINDOWS)
        window = np.tile(np.arange(WINDOWS), CUSTOMERS)
        keen = np.repeat(rng.random(CUSTOMERS), WINDOWS)
        self.chance = np.column_stack([0.1 + 0.5 * keen, 0.3 - 0.2 * keen])
        self.chance = np.column_stack([self.chance, 1 - self.chance.sum(axis=1)])
        self.got = (rng.random(rows)[:, None] > self.chance.cumsum(axis=1)).sum(axis=1)
        self.buys = 0.15 + 0.45 * keen
        self.lift = np.column_stack([0.05 + 0.10 * keen, -0.05 * keen, 0 * keen])
        bought = rng.random(rows) < self.buys + self.lift[np.arange(rows), self.got]
        # Two windows between two decisions: no order falls into the outcome of both.
        self.at = START + (window * 2 * DAYS + rng.integers(0, DAYS, rows)) * DAY
        self.spend = np.where(bought, rng.integers(1_000, 3_000, rows), 0)

    @property
    def truth(self) -> np.ndarray:
        """Margin that a delivery of each action causes on average among those who get it, in euros."""
        weight = self.chance[:, :2]
        return (weight * self.lift[:, :2]).sum(axis=0) / weight.sum(axis=0) * 20 * 0.5

    def estimates(self):
        options, rows = ["a", "b", ""], len(self.who)
        ids = [PersonId(int(who).to_bytes(16, "big")) for who in self.who]
        got = [options[each] for each in self.got]
        decisions = pl.DataFrame(
            {
                "person_id": ids,
                "at": self.at,
                "decision_id": [str(row) for row in range(rows)],
                "placement": ["newsletter"] * rows,
                "chosen": got,
                "delivered": got,
                "team": ["sales"] * rows,
                "stage": ["grow"] * rows,
                "contact_cost_minor": [0.0] * rows,
                "propensity": self.chance[np.arange(rows), self.got],
                "options": pl.repeat(options, rows, eager=True),
                "probabilities": pl.Series(self.chance).cast(pl.List(pl.Float64)),
            },
            schema=DECISIONS,
        )
        orders = pl.DataFrame(
            {
                "person_id": ids,
                "at": self.at + 1,
                "order_id": [str(row) for row in range(rows)],
                "revenue_minor": self.spend,
            },
            schema=ORDERS,
        ).filter(pl.col("revenue_minor") > 0)
        money = margins(orders, pl.DataFrame(schema=REFUNDS), 0.5)
        compared = contrasts(decisions, money, {"a": DAYS, "b": DAYS}, START + 90 * DAY)
        return caused_by_action(compared, "EUR"), compared


@pytest.mark.parametrize(
    ("worlds", "fewest", "most"),
    [
        pytest.param(200, 179, 200, id="short"),
        pytest.param(2_000, 1_860, 1_940, id="long", marks=pytest.mark.slow),
    ],
)
def test_unequal_chances_that_depend_on_the_customer_neither_bias_nor_shrink_it(told, worlds, fewest, most):
    covered, errors, naive = np.zeros(2, dtype=int), [], []
    for seed in range(worlds):
        world = World(seed)
        truth = world.truth
        found, compared = world.estimates()
        assert [each.name for each in found] == ["a", "b"]
        assert all(isinstance(each.margin, Estimate) for each in found)
        totals = [truth[n] * each.units for n, each in enumerate(found)]
        covered += [
            not each.margin.interval.excludes(total) for each, total in zip(found, totals, strict=True)
        ]
        errors.append([each.margin.value / each.units - truth[n] for n, each in enumerate(found)])
        rows = compared[0].rows
        means = dict(rows.group_by("got").agg(pl.col("margin_minor").mean()).iter_rows())
        naive.append(means[1.0] / 100 - means[0.0] / 100 - truth[0])
    for action, count in zip("ab", covered, strict=True):
        told(
            f"caused value of action {action}: intervals that cover",
            count,
            at_least=fewest,
            at_most=most,
            of=worlds,
        )
    off, spread = np.mean(errors, axis=0), np.std(errors, axis=0) / np.sqrt(worlds)
    assert (np.abs(off) < 4 * spread).all()
    assert np.mean(naive) > 0.5 > 10 * np.abs(off[0])
