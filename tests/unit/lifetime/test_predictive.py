import numpy as np
import pytest

from cvo.core.evidence import NotEstimable
from cvo.lifetime import MbgNbd, forecast_total, histories

MODEL = MbgNbd(0.6, 6.0, 0.9, 1.6)


@pytest.fixture(scope="module")
def known():
    seen = MODEL.simulate(np.full(3000, 39.0), np.random.default_rng(0))
    rows = histories(seen.frequency, seen.recency, seen.T)
    return MbgNbd.fit_histories(rows), rows


def width(interval):
    return interval.high - interval.low


def test_each_source_widens_the_interval(known):
    total = forecast_total(*known, 26.0, rng=np.random.default_rng(1), past_errors=(0.15, -0.05, 0.1))
    assert total.parameters.low < total.expected < total.parameters.high
    assert width(total.parameters) < width(total.predictive) < width(total.misspecified)
    fit, rows = known
    assert total.expected == pytest.approx(fit.model.expected_purchases(26.0, *rows.columns).sum(), rel=1e-9)


def test_the_model_being_wrong_needs_windows_to_tell(known):
    total = forecast_total(*known, 26.0, rng=np.random.default_rng(1), past_errors=(0.1, 0.1))
    assert isinstance(total.misspecified, NotEstimable)


def test_the_predictive_interval_covers_totals_at_its_level():
    covered = 0
    for world in range(60):
        rng = np.random.default_rng(world)
        seen = MODEL.simulate(np.full(800, 39.0), rng)
        rows = histories(seen.frequency, seen.recency, seen.T)
        actual = MODEL.sample_purchases([26.0], *rows.columns, rng).sum()
        total = forecast_total(MbgNbd.fit_histories(rows), rows, 26.0, rng=rng, level=0.9)
        covered += total.predictive.low <= actual <= total.predictive.high
    # 54 expected of 60; fewer than 47 or none missed has probability below .01
    assert 47 <= covered <= 59
