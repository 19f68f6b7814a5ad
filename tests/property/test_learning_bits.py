"""Same rows, same bits: however they are split into batches."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.core.digest import digest
from cvo.learning import InverseGap, Predictor, Thompson, draw, fold, new_model, response_probability

sizes = st.tuples(st.integers(1, 40), st.integers(1, 30), st.integers(1, 70), st.integers(0, 2**32 - 1))


@settings(max_examples=60, deadline=None)
@given(sizes)
def test_a_row_is_predicted_the_same_alone_and_in_any_batch(size):
    n, actions, width, seed = size
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.normal(size=width) * 3)
    features = rng.normal(size=(n, width)) * scale
    model = new_model(actions, rng.normal(size=width), np.exp(rng.normal(size=width)), link="identity")
    model = fold(model, features, rng.integers(actions, size=n), rng.normal(size=n))
    predict = Predictor(model)
    mean, variance = predict(features)
    start = int(rng.integers(n))
    for part in (slice(0, 1), slice(start, start + 1), slice(start, n)):
        some_mean, some_variance = predict(features[part])
        assert some_mean.tobytes() == mean[part].tobytes()
        assert some_variance.tobytes() == variance[part].tobytes()
    own = np.repeat(features[:, None, :], actions, axis=1)
    for table, again in zip(predict(features), predict(own), strict=True):
        assert table.tobytes() == again.tobytes()
    rows, columns = np.nonzero(rng.random(mean.shape) < 0.5)
    for table, cells in zip((mean, variance), predict.cells(features, rows, columns), strict=True):
        assert table[rows, columns].tobytes() == cells.tobytes()
    one = response_probability(mean[start : start + 1], variance[start : start + 1])
    every = response_probability(mean, variance)
    assert one[0].tobytes() == every[0][start].tobytes()
    assert one[1].tobytes() == every[1][start].tobytes()


@settings(max_examples=40, deadline=None)
@given(sizes, st.sampled_from(["identity", "logit"]))
def test_any_split_of_the_rows_learns_the_same_state(size, link):
    n, actions, width, seed = size
    rng = np.random.default_rng(seed)
    features, which = rng.normal(size=(n, width)), rng.integers(actions, size=n)
    outcomes = rng.random(n)
    model = new_model(actions, np.zeros(width), np.ones(width), link=link)
    whole = fold(model, features, which, outcomes)
    cut = int(rng.integers(n + 1))
    parts = fold(
        fold(model, features[:cut], which[:cut], outcomes[:cut]), features[cut:], which[cut:], outcomes[cut:]
    )
    assert digest(parts) == digest(whole)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_a_row_of_propensities_is_the_same_alone_and_in_any_batch(n, options, seed):
    rng = np.random.default_rng(seed)
    mean, sd = rng.normal(size=(n, options)), np.exp(rng.normal(size=(n, options)))
    u = rng.random(n)
    for policy in (Thompson(floor=0.01), Thompson(optimistic=True), InverseGap(gamma=10.0)):
        every = policy.probabilities(mean, sd)
        chosen = draw(every, u)
        for i in range(n):
            alone = policy.probabilities(mean[i], sd[i])
            assert alone.tobytes() == every[i].tobytes()
            assert int(draw(alone, u[i])) == chosen[i]
