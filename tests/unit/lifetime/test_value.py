import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.lifetime import (
    Economics,
    GammaGamma,
    MbgNbd,
    histories,
    lifetime_value,
    value_quantiles,
)

MODEL, SPEND = MbgNbd(0.525, 6.183, 0.891, 1.614), GammaGamma(6.25, 3.74, 15.44)
ROWS = histories([0, 2, 8, 40], [0.0, 20.0, 36.0, 10.0], [30.0, 39.0, 38.0, 39.0])
MEAN = np.array([0.0, 50.0, 25.0, 30.0])
WORTH = SPEND.expected_value(ROWS.frequency, MEAN)


def test_without_discount_it_is_purchases_times_contribution():
    found = lifetime_value(
        MODEL,
        WORTH,
        ROWS,
        horizons_days=(70,),
        economics=Economics(
            margin_rate=0.4, returned_share=0.1, cost_per_purchase=2.0, annual_discount_rate=0.0
        ),
    )
    expected = MODEL.expected_purchases(10, *ROWS.columns) * (WORTH * 0.9 * 0.4 - 2.0)
    assert found.shape == (1, 4)
    assert found[0] == pytest.approx(expected, rel=1e-12)


def test_longer_horizons_are_never_worth_less():
    found = lifetime_value(MODEL, WORTH, ROWS)
    assert found.shape == (3, 4)
    assert (np.diff(found, axis=0) >= 0).all()
    assert (found >= 0).all()


def test_horizons_do_not_depend_on_each_other():
    together = lifetime_value(MODEL, WORTH, ROWS, horizons_days=(90, 365, 1095))
    alone = lifetime_value(MODEL, WORTH, ROWS, horizons_days=(365,))
    # Cutting a step at 90 days discounts a part of it a little less.
    assert together[1] == pytest.approx(alone[0], rel=1e-3)


def test_steps_are_discounted_from_their_ends():
    found = lifetime_value(
        MODEL,
        WORTH,
        ROWS,
        horizons_days=(60,),
        step_days=30,
        economics=Economics(annual_discount_rate=0.5),
    )
    first, second = (MODEL.expected_purchases(days / 7, *ROWS.columns) for days in (30, 60))
    expected = WORTH * (first * 1.5 ** (-30 / 365.25) + (second - first) * 1.5 ** (-60 / 365.25))
    assert found[0] == pytest.approx(expected, rel=1e-12)


def test_columns_of_economics_go_customer_by_customer():
    margins = np.array([0.1, 0.2, 0.3, 0.4])
    found = lifetime_value(MODEL, WORTH, ROWS, economics=Economics(margin_rate=margins))
    assert found == pytest.approx(lifetime_value(MODEL, WORTH, ROWS) * margins)


@pytest.mark.parametrize("horizons", [(), (0,), (90, 90), (365, 90)])
def test_horizons_must_rise(horizons):
    with pytest.raises(InvalidInput, match="must rise"):
        lifetime_value(MODEL, WORTH, ROWS, horizons_days=horizons)


@pytest.fixture(scope="module")
def fits():
    rng = np.random.default_rng(0)
    seen = MODEL.simulate(np.full(4000, 39.0), rng)
    return (
        MbgNbd.fit(seen.frequency, seen.recency, seen.T),
        GammaGamma.fit(seen.frequency, SPEND.simulate(seen.frequency, rng)),
    )


def test_quantiles_are_in_order_and_nested(fits):
    terms = Economics(margin_rate=0.5, returned_share=np.array([0.0, 0.1, 0.0, 0.2]))
    found = value_quantiles(*fits, ROWS, MEAN, rng=np.random.default_rng(1), economics=terms)
    assert (found.p10 <= found.p50).all()
    assert (found.p50 <= found.p90).all()
    for quantile in (found.p10, found.p50, found.p90):
        assert quantile.shape == (3, 4)
        assert (np.diff(quantile, axis=0) >= 0).all()


def test_quantiles_cover_the_futures_of_simulated_customers(fits):
    rng = np.random.default_rng(2)
    seen = MODEL.simulate(np.full(6000, 39.0), rng)
    level = rng.gamma(SPEND.q, 1 / SPEND.v, 6000)
    x = seen.frequency
    mean = np.where(x > 0, rng.gamma(SPEND.p * np.maximum(x, 1)) / (level * np.maximum(x, 1)), 0.0)
    rows = histories(x, seen.recency, seen.T)
    # One true future each, drawn from the truth given what is known.
    bought = MODEL.sample_purchases([26.0], *rows.columns, rng)
    left = SPEND.sample_value(bought, np.where(mean > 0, x, 0), mean, rng)[0]
    found = value_quantiles(
        *fits,
        rows,
        mean,
        rng=np.random.default_rng(3),
        horizons_days=(182,),
        economics=Economics(annual_discount_rate=0.0),
    )
    active = found.p90[0] > 0
    assert (left[active] <= found.p90[0][active]).mean() == pytest.approx(0.9, abs=0.025)
    surely = found.p10[0] > 0
    assert surely.sum() > 40
    reached = (left[surely] >= found.p10[0][surely]).mean()
    assert reached == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / surely.sum()))


def test_same_seed_same_quantiles(fits):
    one, other = (
        value_quantiles(*fits, ROWS, MEAN, rng=np.random.default_rng(5), draws=30) for _ in range(2)
    )
    assert (one.p50 == other.p50).all()
