"""What every model of who responds promises: one model an action, and one that actions share."""

import numpy as np
import pytest

from cvo.core.digest import digest
from cvo.core.errors import InvalidInput
from cvo.learning import (
    Predictor,
    ResponseModel,
    SharedPredictor,
    fold,
    new_model,
    new_shared,
    with_actions,
    with_new_actions,
)

ACTIONS, WIDTH, ATTRIBUTES = 6, 5, 3


def own(link="logit", sd=0.5):
    return new_model(ACTIONS, np.zeros(WIDTH), sd, link=link)


def shared(link="logit", sd=0.5):
    table = np.random.default_rng(9).normal(size=(ACTIONS, ATTRIBUTES))
    return new_shared(table, np.zeros(WIDTH), sd, link=link)


MAKERS = [pytest.param(own, id="own"), pytest.param(shared, id="shared")]
pytestmark = pytest.mark.parametrize("make", MAKERS)


def predictor(model):
    return Predictor(model) if isinstance(model, ResponseModel) else SharedPredictor(model)


def more(model, count):
    if isinstance(model, ResponseModel):
        return with_new_actions(model, count)
    known = model.attributes.read()
    return with_actions(model, np.vstack([known, np.zeros((count, known.shape[1]))]))


def rows(n=3_000, seed=0):
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, WIDTH - 1))])
    weights = rng.normal(0, 0.5, size=(WIDTH, ACTIONS))
    actions = rng.integers(ACTIONS, size=n)
    return x, actions, (x @ weights)[np.arange(n), actions], rng


def logistic(f):
    return 1 / (1 + np.exp(-f))


@pytest.mark.parametrize("link", ["logit", "identity"])
def test_any_split_of_the_rows_learns_the_same_state(make, link):
    x, actions, f, rng = rows(500)
    y = rng.random(500) if link == "logit" else f + rng.normal(size=500)
    whole = fold(make(link), x, actions, y)
    parts = make(link)
    for part in (slice(0, 1), slice(1, 300), slice(300, 300), slice(300, 500)):
        parts = fold(parts, x[part], actions[part], y[part])
    assert digest(parts) == digest(whole)


def test_a_row_is_scored_the_same_alone_and_in_any_batch_and_for_any_actions(make):
    x, actions, f, rng = rows(400)
    score = predictor(fold(make(), x, actions, rng.random(400) < logistic(f)))
    mean, variance = score(x)
    assert mean.shape == variance.shape == (400, ACTIONS)
    for row in (0, 17, 399):
        alone = score(x[row : row + 1])
        assert alone[0].tobytes() == mean[row].tobytes()
        assert alone[1].tobytes() == variance[row].tobytes()
    some = score(x, np.array([4, 1]))
    assert some[0].tobytes() == np.ascontiguousarray(mean[:, [4, 1]]).tobytes()
    picked = np.nonzero(rng.random(mean.shape) < 0.4)
    cells = score.cells(x, *picked)
    assert cells[0].tobytes() == mean[picked].tobytes()
    assert cells[1].tobytes() == variance[picked].tobytes()


def test_what_it_says_it_does_not_know_is_how_far_off_it_is(make):
    """Truth drawn from the prior: errors in posterior standard deviations are standard normal."""
    errors = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        model = make(sd=0.5)
        x = np.column_stack([np.ones(2_000), rng.normal(size=(2_000, WIDTH - 1))])
        actions = rng.integers(ACTIONS, size=2_000)
        if make is own:
            f = x @ rng.normal(0, 0.5, size=(WIDTH, ACTIONS))
        else:
            q = model.attributes.read()
            products = rng.normal(0, 0.5 / np.sqrt(WIDTH), size=(WIDTH, ATTRIBUTES))
            f = (x @ rng.normal(0, 0.5, WIDTH))[:, None] + x @ products @ q.T
            f += q @ rng.normal(0, 0.5, ATTRIBUTES) + rng.normal(0, 0.5, ACTIONS)
        y = rng.random(2_000) < logistic(f[np.arange(2_000), actions])
        mean, variance = predictor(fold(model, x, actions, y))(x[:200])
        errors.append(((mean - f[:200]) / np.sqrt(variance)).ravel())
    spread = np.sqrt(np.mean(np.square(errors)))
    assert 0.8 < spread < 1.2


def test_more_rows_leave_less_unknown_and_none_change_nothing(make):
    x, actions, f, rng = rows()
    y = rng.random(len(x)) < logistic(f)
    nothing, some, all_ = (fold(make(), x[:n], actions[:n], y[:n]) for n in (0, 300, len(x)))
    assert digest(nothing) == digest(make())
    spreads = [predictor(model)(x[:50])[1].mean() for model in (nothing, some, all_)]
    assert spreads[0] > spreads[1] > spreads[2] > 0
    assert all_.weight.read().sum() == pytest.approx(len(x))


def test_a_row_that_weighs_two_is_two_rows_for_the_identity_link(make):
    x, actions, f, _ = rows(60)
    twice = fold(make("identity"), np.repeat(x, 2, axis=0), np.repeat(actions, 2), np.repeat(f, 2))
    heavy = fold(make("identity"), x, actions, f, np.full(60, 2.0))
    assert twice.weight == heavy.weight
    if make is own:
        np.testing.assert_allclose(twice.mean.read(), heavy.mean.read(), atol=1e-9)


def test_new_actions_are_scored_at_once_and_the_known_as_before(make):
    x, actions, f, rng = rows()
    model = fold(make(), x, actions, rng.random(len(x)) < logistic(f))
    before, after = predictor(model)(x[:20]), predictor(more(model, 2))(x[:20])
    assert after[0].shape == (20, ACTIONS + 2)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_allclose(new[:, :ACTIONS], old, rtol=1e-9)
    assert (after[1][:, ACTIONS:] > before[1].min()).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": [[np.nan] * WIDTH]}, r"features\[0, 0\] is nan"),
        ({"features": [[1.0] * (WIDTH + 1)]}, "the model was made for"),
        ({"actions": [ACTIONS]}, "actions runs from"),
        ({"outcomes": [2.0]}, "the logit link needs 0 to 1"),
        ({"outcomes": [1.0, 0.0]}, "lengths differ"),
        ({"weights": [0.0]}, "leave out rows without weight"),
    ],
)
def test_what_can_t_be_learned_from_is_refused_by_name(make, change, message):
    given = {"features": [[1.0] * WIDTH], "actions": [0], "outcomes": [1.0], **change}
    with pytest.raises(InvalidInput, match=message):
        fold(make(), **given)
