"""A made-up half-year with the arbiter, among customers who buy like these households.

How often they buy, how differently, how much and how soon they leave is taken from the data, by moments. How they would
react to offers nobody knows: that is the `retail` scenario's, so what the arbiter brings there is a rehearsal in a
made-up world and says nothing of the grocer.
"""

from datetime import date
from math import log

import msgspec
import numpy as np
import polars as pl

from cvo.app.demo.journey.company import MARGIN_RATE
from cvo.app.demo.journey.data import Data
from cvo.app.demo.journey.messages import CURRENCY
from cvo.simulate import Scenario, load_scenario
from cvo.simulate.scenario import Gamma, Population, Product, Season

WEEKS = 26
_SILENT_WEEKS = 8


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """How households buy: orders a week with their gamma shape, a usual basket and its spreads, who leaves a week."""

    orders_per_week: float
    orders_shape: float
    usual_basket: float
    spend_spread: float
    basket_spread: float
    departures_per_week: float


def habits_of(data: Data, first: date, last: date) -> Habits:
    """Take households' habits from their baskets between two days, by moments.

    The spread of rates is that of counts less what chance alone gives (a gamma mixture of Poisson counts). Who bought
    in the first eight weeks and not in the last eight counts as gone.
    """
    weeks = ((last - first).days + 1) / 7
    paid = data.baskets.filter(pl.col("revenue") > 0)
    counts = paid.group_by("household").len()["len"].to_numpy() / weeks
    rate = float(counts.mean())
    spread = max(float(counts.var(ddof=1)) - rate / weeks, 1e-3 * rate**2)
    logs = paid.with_columns(pl.col("revenue").log().alias("log"))
    own = logs.group_by("household").agg(pl.col("log").mean(), pl.col("log").var().alias("within"), pl.len())
    within = float(np.average(own["within"].fill_null(0.0), weights=own["len"]))
    between = max(
        float(own["log"].to_numpy().var(ddof=1)) - within / float(own["len"].to_numpy().mean()), 0.0
    )
    early = paid.filter(pl.col("at").dt.date() < first + pl.duration(weeks=_SILENT_WEEKS))
    late = paid.filter(pl.col("at").dt.date() > last - pl.duration(weeks=_SILENT_WEEKS))
    here = early["household"].unique()
    stayed = float(here.is_in(late["household"].unique().implode()).to_numpy().mean())
    return Habits(
        orders_per_week=rate,
        orders_shape=rate**2 / spread,
        usual_basket=float(logs["revenue"].to_numpy().mean()),
        spend_spread=between**0.5,
        basket_spread=within**0.5,
        departures_per_week=-log(max(stayed, 0.01)) / (weeks - _SILENT_WEEKS),
    )


def scenario_like(habits: Habits) -> Scenario:
    """Return the `retail` scenario with customers of these habits: all known, none arriving, prices like baskets."""
    base = load_scenario("retail")
    weights = sum(product.popularity for product in base.products)
    usual = sum(product.price * product.popularity for product in base.products) / weights
    scale = habits.usual_basket / usual
    change = msgspec.structs.replace
    population: Population = change(
        base.population,
        existing_share=1.0,
        known_share=1.0,
        second_device_share=0.0,
        orders_per_week=Gamma(mean=habits.orders_per_week, shape=habits.orders_shape),
        departures_per_week=Gamma(
            mean=habits.departures_per_week, shape=base.population.departures_per_week.shape
        ),
        spend_spread=habits.spend_spread,
        basket_spread=habits.basket_spread,
    )
    products: list[Product] = [
        change(
            product,
            price=round(product.price * scale, 2),
            margin_rate=MARGIN_RATE,
            refund_rate=0.0,
            stock_per_1000=None,
        )
        for product in base.products
    ]
    return change(
        base,
        name="households",
        description="Customers who buy like the grocer's households and react like a web shop's",
        currency=CURRENCY,
        season=Season(),
        population=population,
        products=products,
    )
