import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import log_ndtr, ndtr

from cvo.core.errors import InvalidInput
from cvo.learning import winning
from cvo.learning.normal import normal_table


def by_adaptive_quadrature(mean, sd, half=False):
    def cdf(z):
        return np.where(z > 0, 2 * ndtr(z) - 1, 0.0) if half else ndtr(z)

    def density(x, a):
        z = (x - mean) / sd
        rest = np.prod(np.delete(cdf(z), a))
        return (2 if half else 1) * np.exp(-(z[a] ** 2) / 2) / np.sqrt(2 * np.pi) / sd[a] * rest

    low = mean.max() if half else (mean - 9 * sd).max()
    high = (mean + 9 * sd).max()
    points = np.unique(np.clip(np.r_[mean, mean + sd, mean - sd, mean + 4 * sd], low, high))
    return np.array(
        [quad(density, low, high, (a,), points=points, epsabs=1e-12, limit=500)[0] for a in range(len(mean))]
    )


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("spread", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("options", [2, 3, 8])
def test_agrees_with_adaptive_quadrature(options, spread, half):
    rng = np.random.default_rng(options)
    for _ in range(3):
        mean, sd = rng.normal(size=options), np.exp(spread * rng.normal(size=options))
        exact = by_adaptive_quadrature(mean, sd, half)
        np.testing.assert_allclose(winning(mean, sd, half=half), exact, atol=2e-9)


@pytest.mark.parametrize("half", [False, True])
def test_agrees_with_the_policy_played_a_million_times(half):
    rng = np.random.default_rng(3)
    mean, sd = 0.5 * rng.normal(size=40), np.exp(0.7 * rng.normal(size=40))
    wins = np.zeros(40)
    for _ in range(10):
        noise = rng.normal(size=(50_000, 40))
        wins += np.bincount((mean + sd * (np.abs(noise) if half else noise)).argmax(axis=1), minlength=40)
    expected = winning(mean, sd, half=half)
    # Pearson's test over options played often enough, at about five standard deviations.
    often = expected > 1e-4
    n = wins.sum()
    chi2 = ((wins[often] - n * expected[often]) ** 2 / (n * expected[often])).sum()
    assert chi2 < often.sum() + 5 * np.sqrt(2 * often.sum())


def test_known_values():
    np.testing.assert_allclose(winning(np.zeros(7), np.ones(7)), np.full(7, 1 / 7), atol=1e-12)
    # P(largest of three) is the orthant probability of two normals of correlation 1/2: 1/4 + arcsin(1/2)/2π.
    np.testing.assert_allclose(
        winning(np.zeros(3), np.ones(3))[0], 0.25 + np.arcsin(0.5) / (2 * np.pi), atol=1e-12
    )
    np.testing.assert_allclose(winning(np.array([1.0, 0.0]), np.array([3.0, 4.0])), [ndtr(0.2), ndtr(-0.2)])


def test_certain_scores_compete_as_points():
    np.testing.assert_array_equal(winning(np.array([1.0, 1.0, 0.5]), np.zeros(3)), [0.5, 0.5, 0.0])
    mean, sd = np.array([0.5, 0.5, 0.0, 0.2]), np.array([0.0, 0.0, 1.0, 2.0])
    beaten = ndtr(0.5) * ndtr(0.15)
    result = winning(mean, sd)
    np.testing.assert_allclose(result[:2], beaten / 2, atol=1e-10)
    # A tiny but positive sd is the same thing in the limit, ties included.
    np.testing.assert_allclose(winning(mean, np.maximum(sd, 1e-9)), result, atol=1e-8)
    half = winning(np.array([0.5, 0.0]), np.array([0.0, 1.0]), half=True)
    np.testing.assert_allclose(half, [2 * ndtr(0.5) - 1, 2 - 2 * ndtr(0.5)], atol=1e-10)


def test_scale_and_shift_change_nothing():
    rng = np.random.default_rng(5)
    mean, sd = rng.normal(size=30), np.exp(rng.normal(size=30))
    base = winning(mean, sd)
    for scale in (1e-9, 1e9):
        np.testing.assert_allclose(winning(scale * mean, scale * sd), base, atol=1e-9)
    np.testing.assert_allclose(winning(mean + 1e4, sd), base, atol=1e-9)


def test_rows_are_the_same_alone_in_a_batch_and_among_others_that_do_not_take_part():
    rng = np.random.default_rng(8)
    mean, sd = rng.normal(size=(30, 60)), np.exp(rng.normal(size=(30, 60)))
    sd[::5, ::7] = 0.0
    among = rng.random(mean.shape) < 0.6
    among[3], among[4] = False, np.arange(60) == 17
    for half in (False, True):
        together = winning(mean, sd, half=half, among=among)
        assert (together[~among] == 0).all()
        np.testing.assert_allclose(together.sum(axis=1), among.any(axis=1), atol=1e-12)
        assert together[4, 17] == 1
        for row, here in enumerate(among):
            alone = winning(mean[row][here], sd[row][here], half=half)
            assert together[row][here].tobytes() == alone.tobytes()


def test_many_options_and_scales_far_apart_are_exact():
    rng = np.random.default_rng(9)
    for options, spread in ((134, 0.3), (60, 1.5), (12, 4.0)):
        mean, sd = rng.normal(size=options), np.exp(spread * rng.normal(size=options))
        nodes, weights = np.polynomial.legendre.leggauss(60)
        # Panels end where any score's bulk begins or ends: slow, and right for all scales.
        edges = np.unique((mean[:, None] + sd[:, None] * np.arange(-9, 10)).ravel())
        x = (edges[:-1, None] + np.diff(edges)[:, None] * (0.5 + 0.5 * nodes)).ravel()
        w = (np.diff(edges)[:, None] * 0.5 * weights).ravel()
        exact = np.zeros(options)
        for part in np.array_split(np.arange(len(x)), 64):
            z = (x[part, None] - mean) / sd
            logs = log_ndtr(z)
            density = np.exp(-0.5 * z * z + logs.sum(axis=1, keepdims=True) - logs) / np.sqrt(2 * np.pi) / sd
            exact += (density * w[part, None]).sum(axis=0)
        np.testing.assert_allclose(winning(mean, sd), exact, atol=1e-10)


def test_the_table_of_the_normal_is_rounded_once():
    table, z = normal_table(), np.arange(-512, 513) / 64
    np.testing.assert_allclose(table[:, 0], ndtr(z), rtol=1e-14)
    np.testing.assert_allclose(table[:, 1], np.exp(-z * z / 2) / np.sqrt(2 * np.pi), rtol=1e-14)
    # Abramowitz and Stegun 1964, table 26.1: Φ(1) = .841344746068543 and φ(1) = .241970724519143.
    assert table[576].tolist() == [0.8413447460685429, 0.24197072451914335]


def test_empty_single_and_batched_shapes():
    assert winning(np.zeros((4, 0)), np.zeros((4, 0))).shape == (4, 0)
    np.testing.assert_array_equal(winning(np.array([-5.0]), np.array([0.0])), [1.0])
    assert winning(np.zeros((2, 3, 5)), np.ones((2, 3, 5))).shape == (2, 3, 5)


@pytest.mark.parametrize(
    ("mean", "sd"),
    [
        ([np.nan, 0.0], [1.0, 1.0]),
        ([np.inf, 0.0], [1.0, 1.0]),
        ([0.0, 0.0], [-1.0, 1.0]),
        ([0.0], [1.0, 1.0]),
    ],
)
def test_what_cannot_be_a_score_is_refused(mean, sd):
    with pytest.raises(InvalidInput):
        winning(np.array(mean), np.array(sd))
