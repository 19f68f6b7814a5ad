import msgspec
import numpy as np
import pytest
from scipy.stats import gamma, kstest

from cvo.core.errors import InvalidInput
from cvo.simulate import load_scenario, make_world


def test_rates_follow_their_gamma_distributions():
    scenario = load_scenario("retail")
    people = make_world(scenario, 4_000, seed=5).people
    for rate, told in (
        (people.order_rate, scenario.population.orders_per_week),
        (people.departure_rate, scenario.population.departures_per_week),
    ):
        per_week = rate * scenario.steps_per_week
        assert kstest(per_week, gamma(told.shape, scale=told.mean / told.shape).cdf).pvalue > 0.001


def test_customers_who_need_a_product_buy_more_of_it():
    scenario = load_scenario("retail")
    people = make_world(scenario, 4_000, seed=5).people
    assert np.allclose(people.product_share.sum(axis=1), 1)
    running = [product.name for product in scenario.products].index("running")
    sport = people.hidden[:, scenario.hidden.index("sport")]
    assert (
        people.product_share[sport > 1, running].mean() > 2 * people.product_share[sport < -1, running].mean()
    )


def test_shares_of_the_population_are_as_told():
    people = make_world(load_scenario("retail"), 10_000, seed=5).people
    existing = people.arrival == 0
    assert existing.mean() == pytest.approx(0.6, abs=0.02)
    assert people.known_before[existing].mean() == pytest.approx(0.7, abs=0.02)
    assert not people.known_before[~existing].any()
    assert people.arrival.max() == 52 * 2
    assert people.spend.mean() == pytest.approx(1, abs=0.02)


def test_fees_come_with_a_contract_only():
    assert not make_world(load_scenario("retail"), 100, seed=1).people.fee.any()
    subscribers = make_world(load_scenario("subscription"), 10_000, seed=1).people
    assert subscribers.fee.mean() == pytest.approx(1.6 / 2, rel=0.02)


def test_nobody_is_not_a_world():
    with pytest.raises(InvalidInput, match="ask for at least one"):
        make_world(load_scenario("retail"), 0, seed=1)


def test_another_seed_makes_other_people():
    scenario = load_scenario("bank")
    one, same, other = (make_world(scenario, 50, seed).people for seed in (1, "1", 2))
    assert all(np.array_equal(getattr(one, f), getattr(same, f)) for f in msgspec.structs.asdict(one))
    assert not np.array_equal(one.hidden, other.hidden)
