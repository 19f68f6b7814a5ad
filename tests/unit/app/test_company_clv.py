import numpy as np
import pytest

import cvo
from cvo.app.clv import value_customers
from cvo.core.clock import DAY, FixedClock, Instant, format_rfc3339, parse_rfc3339
from cvo.core.evidence import NotEstimable
from cvo.profiles.facts import fact
from cvo.storage.check import check

START = parse_rfc3339("2025-01-01T12:00:00Z")
SEEN = 200
"""Days of history before the first valuation."""


@pytest.fixture
def company(tmp_path):
    with cvo.init(tmp_path, "Shop", "EUR", seed="s", clock=FixedClock(Instant(START + SEEN * DAY))) as opened:
        opened.apply(approve=True)
        yield opened


def orders(customers, days, seed=0):
    """Customers who buy at rates of their own until they leave, some of what they buy coming back."""
    for customer in range(customers):
        rng = np.random.default_rng([seed, customer])
        rate, leaves = rng.gamma(2.0, 0.01), rng.exponential(400)
        day, number = rng.uniform(0, 30), 0
        while day < min(days, leaves):
            yield customer, number, day, float(np.round(rng.gamma(6.0, 8.0), 2))
            day, number = day + rng.exponential(1 / rate), number + 1


def messages(customers=400, days=320, after=0.0):
    for customer, number, day, revenue in orders(customers, days):
        if day >= after:
            yield {
                "type": "track", "event": "Order Completed", "userId": f"c{customer}",
                "messageId": f"o-{customer}-{number}",
                "timestamp": format_rfc3339(Instant(int(START + day * DAY))),
                "properties": {"order_id": f"o-{customer}-{number}", "revenue": revenue, "currency": "EUR"},
            }  # fmt: skip


def test_profiles_carry_what_was_predicted_and_running_again_adds_nothing(company):
    buyers = {message["userId"] for message in messages(days=SEEN)}
    company.ingest(messages(days=SEEN))
    valued = value_customers(company)
    assert valued.customers == len(buyers) > 300
    assert valued.past == []
    assert valued.expected[90].amount < valued.expected[365].amount < valued.expected[1095].amount
    events = company.store.counts()["events"]
    profile = company.profile(min(buyers))
    assert profile.valued.model == valued.model
    for each in profile.valued.horizons:
        assert each.p10_minor <= each.p50_minor <= each.p90_minor
    year = fact("lifetime.value_365_days", currency="EUR")(profile, company.clock.now())
    assert year == next(e.expected_minor for e in profile.valued.horizons if e.days == 365) / 100
    assert value_customers(company) == valued
    assert company.store.counts()["events"] == events
    assert check(company.store) == []


def test_a_prediction_is_scored_when_its_horizon_has_passed(company):
    company.ingest(messages(days=SEEN))
    first = value_customers(company)
    company.clock.at = Instant(START + (SEEN + 100) * DAY)
    company.ingest(messages(days=SEEN + 100, after=SEEN))
    (scored,) = value_customers(company).past
    assert (scored.model, scored.days, scored.customers) == (first.model, 90, first.customers)
    assert abs(scored.scores.aggregate_error) < 0.5
    assert scored.scores.gini > 0.2


def test_without_orders_there_is_a_reason_and_no_prediction(company):
    valued = value_customers(company)
    assert isinstance(valued.fit, NotEstimable)
    assert valued.customers == 0
