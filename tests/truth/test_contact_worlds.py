"""The price of a contact in worlds where it is known, and where there is none: bias and coverage."""

import numpy as np
import polars as pl
import pytest

from cvo.core.clock import DAY
from cvo.core.evidence import Estimate
from cvo.core.ids import PersonId
from cvo.ledger.contact_change import contact_changes
from cvo.ledger.margin import MARGINS
from cvo.ledger.tables import DECISIONS

START, WEEK, WEEKS = 1_400 * 14 * DAY, 7 * DAY, 24
WINDOW, HORIZON = 14, 28
WORLDS = pytest.mark.parametrize(
    ("worlds", "fewest", "most"),
    [
        pytest.param(40, 34, 40, id="short"),
        pytest.param(400, 364, 395, id="long", marks=pytest.mark.slow),
    ],
)


def log(seed, price, customers=300):
    """Half a year of weekly decisions: contacts go to those about to buy, gain in their window, and cost afterwards.

    Who was contacted last week is hardly contacted again, so a contact displaces the next.
    """
    rng = np.random.default_rng(seed)
    ids = [PersonId(int(n).to_bytes(16, "big")) for n in range(customers)]
    usual = rng.gamma(4.0, 2.0, customers)
    contacted, chance = np.zeros((2, WEEKS, customers))
    money = usual + rng.normal(0, 6, (WEEKS + 8, customers))
    for week in range(WEEKS):
        about_to_buy = rng.random(customers) < 0.3
        money[week + 1] += 12 * about_to_buy
        last = contacted[week - 1] if week else np.zeros(customers)
        chance[week] = np.where(last > 0, 0.05, np.clip(0.15 + 0.35 * about_to_buy + 0.02 * usual, 0, 0.9))
        contacted[week] = rng.random(customers) < chance[week]
        money[week : week + 2] += 0.5 * contacted[week]
        money[week + 2 : week + 6] -= price / 4 * contacted[week]
    at = (START + np.arange(WEEKS) * WEEK)[:, None] + np.zeros(customers, dtype=np.int64)
    n = WEEKS * customers
    decisions = pl.DataFrame(
        {
            "person_id": ids * WEEKS,
            "at": at.ravel(),
            "decision_id": ["d"] * n,
            "placement": ["newsletter"] * n,
            "chosen": np.where(contacted.ravel() > 0, "a", ""),
            "delivered": np.where(contacted.ravel() > 0, "a", ""),
            "team": ["sales"] * n,
            "stage": ["grow"] * n,
            "contact_cost_minor": [0.0] * n,
            "propensity": np.where(contacted > 0, chance, 1 - chance).ravel(),
            "options": [["a", ""]] * n,
            "probabilities": np.stack([chance.ravel(), 1 - chance.ravel()], axis=1).tolist(),
        },
        schema=DECISIONS,
    )
    paid = (START + 1 + np.arange(WEEKS + 8) * WEEK)[:, None] + np.zeros(customers, dtype=np.int64)
    zeros = [0] * (n + 8 * customers)
    margin = pl.DataFrame(
        {
            "person_id": ids * (WEEKS + 8),
            "at": paid.ravel(),
            "revenue_minor": zeros,
            "refunds_minor": zeros,
            "margin_minor": np.round(100 * money).astype(np.int64).ravel(),
            "service_cost_minor": zeros,
            "incentive_cost_minor": zeros,
        },
        schema=MARGINS,
    )
    return decisions, margin


@WORLDS
@pytest.mark.parametrize("price", [0.0, 0.6])
def test_the_price_of_a_contact_is_found_and_none_where_there_is_none(told, worlds, fewest, most, price):
    errors, covered = {"window": [], "afterwards": []}, dict.fromkeys(("window", "afterwards"), 0)
    for seed in range(worlds):
        decisions, margin = log(seed, price)
        (found,) = contact_changes(
            decisions,
            margin,
            channel_of={"newsletter": "email"},
            window_days=WINDOW,
            horizons_days=(HORIZON,),
            as_of=START + (WEEKS + 8) * WEEK,
            currency="EUR",
        )
        for name, truth in (("window", 1.0), ("afterwards", -price)):
            estimate = getattr(found, name)
            assert isinstance(estimate, Estimate), estimate
            errors[name].append(estimate.value - truth)
            covered[name] += not estimate.interval.excludes(truth)
    for name, count in covered.items():
        told(
            f"change by a contact that costs {price:g}, {name}: 95 % intervals that cover",
            count,
            at_least=fewest,
            at_most=most,
            of=worlds,
        )
        assert abs(np.mean(errors[name])) < 4 * np.std(errors[name]) / np.sqrt(worlds)
