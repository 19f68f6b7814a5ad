"""What every policy promises, checked for each of them."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.core.errors import InvalidInput
from cvo.learning import Constant, Greedy, InverseGap, Policy, Thompson, Uniform, draw

POLICIES: list[Policy] = [
    Thompson(),
    Thompson(scale=0.3, floor=0.02),
    Thompson(scale=0.0),
    Thompson(optimistic=True),
    Thompson(optimistic=True, scale=0.1, floor=0.01),
    InverseGap(gamma=20.0),
    InverseGap(gamma=0.0, floor=0.1),
    Greedy(),
    Greedy(floor=0.05),
    Uniform(),
    Constant(),
    Constant(2, floor=0.01),
]
pytestmark = pytest.mark.parametrize("policy", POLICIES, ids=repr)

seeds = st.integers(0, 2**32 - 1)


def scores(seed: int, options: int):
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.uniform(-9, 9)
    spread = rng.choice([0.0, 1.0, 8.0])
    mean = scale * rng.normal(size=options)
    sd = scale * np.exp(spread * rng.normal(size=options)) * (rng.random(options) > 0.1)
    return rng, mean, sd


@settings(max_examples=40, deadline=None)
@given(seed=seeds, options=st.integers(0, 60))
def test_rows_are_probabilities_over_every_option_and_nothing(policy, seed, options):
    _, mean, sd = scores(seed, options)
    result = policy.probabilities(mean, sd)
    assert result.shape == (options + 1,)
    assert result.min() >= 0
    assert abs(result.sum() - 1) < 1e-12
    floor = getattr(policy, "floor", 0.0)
    assert result.min() >= floor / (options + 1) * (1 - 1e-9)


def test_a_thousand_options_are_no_trouble(policy):
    _, mean, sd = scores(1, 1000)
    result = policy.probabilities(mean, sd)
    assert result.min() >= 0
    assert abs(result.sum() - 1) < 1e-12


@settings(max_examples=25, deadline=None)
@given(seed=seeds, options=st.integers(1, 12))
def test_a_better_mean_never_lowers_an_options_probability(policy, seed, options):
    rng, mean, sd = scores(seed, options)
    a = int(rng.integers(options))
    better = mean.copy()
    better[a] += rng.exponential() * (sd.mean() + np.abs(mean).mean())
    before, after = policy.probabilities(mean, sd), policy.probabilities(better, sd)
    assert after[a] >= before[a] - 1e-9


@settings(max_examples=25, deadline=None)
@given(seed=seeds, options=st.integers(3, 12))
def test_the_order_of_candidates_does_not_matter(policy, seed, options):
    if isinstance(policy, Constant) and policy.option is not None:
        return  # it names a position
    rng, mean, sd = scores(seed, options)
    order = rng.permutation(options)
    direct, shuffled = policy.probabilities(mean, sd), policy.probabilities(mean[order], sd[order])
    np.testing.assert_allclose(shuffled[:-1], direct[:-1][order], atol=1e-9)


def test_batches_keep_their_leading_shape(policy):
    rng = np.random.default_rng(2)
    assert policy.probabilities(rng.normal(size=(2, 3, 4)), np.ones((2, 3, 4))).shape == (2, 3, 5)
    assert policy.probabilities(np.zeros((0, 4)), np.ones((0, 4))).shape == (0, 5)
    strided = rng.normal(size=(4, 6)).T
    np.testing.assert_array_equal(
        policy.probabilities(strided, np.ones((6, 4)).T.T),
        policy.probabilities(strided.copy(order="C"), np.ones((6, 4))),
    )


def test_draws_follow_the_vector(policy):
    _, mean, sd = scores(3, 6)
    probabilities = policy.probabilities(mean, sd)
    uniforms = (np.arange(100_000) + 0.5) / 100_000
    share = np.bincount(draw(np.tile(probabilities, (100_000, 1)), uniforms), minlength=7) / 100_000
    np.testing.assert_allclose(share, probabilities, atol=2e-5)


def test_scores_that_are_no_numbers_are_refused(policy):
    with pytest.raises(InvalidInput):
        policy.probabilities(np.array([np.nan]), np.array([1.0]))
    with pytest.raises(InvalidInput):
        policy.probabilities(np.array([0.0]), np.array([-1.0]))


def test_a_policy_survives_storage(policy):
    raw = msgspec.msgpack.encode(policy)
    assert msgspec.msgpack.decode(raw, type=Thompson | InverseGap | Greedy | Uniform | Constant) == policy
