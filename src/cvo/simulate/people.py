"""The customers of a world: what is hidden in them, and what of it shows."""

import msgspec
import numpy as np
from scipy.special import gammaincinv, ndtr

from cvo.simulate.draws import Bools, Draws, Floats, Ints
from cvo.simulate.scenario import Gamma, Scenario


class People(msgspec.Struct, frozen=True, eq=False):
    """What stays true of n customers; row i of every array is customer i.

    `hidden` is (n, variables) in the order of `Scenario.hidden`, each standard normal. `order_rate` and
    `departure_rate` are per step, `fee` is contract margin per step, `product_share` (n, products) sums to 1,
    `order_margin` is the expected margin of a planned order, refunds counted. `arrival` is a step.
    """

    hidden: Floats
    order_rate: Floats
    departure_rate: Floats
    spend: Floats
    price_sensitivity: Floats
    forbearance: Floats
    fee: Floats
    channel_fit: Floats
    product_share: Floats
    order_margin: Floats
    arrival: Ints
    known_before: Bools
    has_second_device: Bools

    @property
    def count(self) -> int:
        """Return the number of customers."""
        return len(self.spend)


def draw_people(scenario: Scenario, count: int, draws: Draws) -> People:
    """Draw `count` customers of a scenario; customer i is the same however many are drawn."""
    population = scenario.population
    hidden = np.stack([draws.normal(count, "hidden", name) for name in scenario.hidden], axis=1)
    column = {name: hidden[:, index] for index, name in enumerate(scenario.hidden)}
    spend = log_normal(column["spend"], population.spend_spread)
    share = _product_shares(scenario, hidden)
    margin_by_product = np.array([p.price * p.margin_rate * (1 - p.refund_rate) for p in scenario.products])
    mean_sensitivity, sd_sensitivity = population.price_sensitivity
    arrival, existing = _arrivals(scenario, count, draws)
    fit = [
        channel.fit_spread * draws.normal(count, "channel fit", channel.name) for channel in scenario.channels
    ]
    return People(
        hidden=hidden,
        order_rate=_rate(population.orders_per_week, column["order_rate"]) / scenario.steps_per_week,
        departure_rate=_rate(population.departures_per_week, column["departure_rate"])
        / scenario.steps_per_week,
        spend=spend,
        price_sensitivity=mean_sensitivity + sd_sensitivity * column["price_sensitivity"],
        forbearance=log_normal(column["forbearance"], population.forbearance_spread),
        fee=_fees(scenario, count, draws),
        channel_fit=np.stack(fit, axis=1),
        product_share=share,
        order_margin=spend * (share @ margin_by_product),
        arrival=arrival,
        known_before=existing & (draws.uniform(count, "known") < population.known_share),
        has_second_device=draws.uniform(count, "second device") < population.second_device_share,
    )


def log_normal(z: Floats, spread: float) -> Floats:
    """Put standard normal numbers on a positive scale of mean 1; `spread` is the sd of the logarithm."""
    return np.exp(spread * z - spread**2 / 2)


def _rate(gamma: Gamma, z: Floats) -> Floats:
    quantile = gammaincinv(gamma.shape, ndtr(z)).astype(np.float64)
    return gamma.mean / gamma.shape * quantile


def _arrivals(scenario: Scenario, count: int, draws: Draws) -> tuple[Ints, Bools]:
    existing = draws.uniform(count, "existing") < scenario.population.existing_share
    last = scenario.population.arrival_weeks * scenario.steps_per_week
    later = 1 + np.floor(draws.uniform(count, "arrival") * last).astype(np.int64)
    return np.where(existing, 0, later), existing


def _fees(scenario: Scenario, count: int, draws: Draws) -> Floats:
    if scenario.contract is None:
        return np.zeros(count)
    per_step = scenario.contract.margin_per_week / scenario.steps_per_week
    return per_step * log_normal(draws.normal(count, "fee"), scenario.contract.spread)


def _product_shares(scenario: Scenario, hidden: Floats) -> Floats:
    """Return the multinomial logit shares of products, (n, products)."""
    weights = np.array(
        [[product.needs.get(name, 0.0) for name in scenario.hidden] for product in scenario.products]
    )
    utility = hidden @ weights.T + np.log([product.popularity for product in scenario.products])
    share = np.exp(utility - utility.max(axis=1, keepdims=True))
    normalised: Floats = share / share.sum(axis=1, keepdims=True)
    return normalised
