"""Worlds in which no action does anything: the learner has to end up leaving customers alone."""

import numpy as np
import pytest

from cvo.learning import Predictor, Thompson, draw, effect_rows, fold, new_model, pooled, winning

ACTIONS, COST = 30, 0.05


def delivered_share(seed, *, decisions, width=3, batch=500):
    """Share of the last fifth of decisions that delivers anything, with 30 null actions of cost .05 sd."""
    rng = np.random.default_rng(seed)
    model = new_model(ACTIONS, np.zeros(width), np.full(width, 0.1), link="identity")
    policy = Thompson()
    delivered = []
    for number in range(decisions // batch):
        x = np.column_stack([np.ones(batch), rng.normal(size=(batch, width - 1))])
        mean, variance = Predictor(model)(x)
        chances = policy.probabilities(mean - COST, np.sqrt(variance))
        chosen = draw(chances, rng.random(batch))
        delivered.append(chosen < ACTIONS)
        rows = effect_rows(
            np.repeat(x[:, None, :], ACTIONS, axis=1),
            chosen,
            chances,
            outcomes=rng.normal(size=batch),
            baseline=np.zeros(batch),
            expected=mean,
        )
        model = fold(model, rows.features, rows.actions, rows.outcomes)
        if number % 4 == 3:
            model = pooled(model)
    shares = np.concatenate(delivered)
    return float(shares[-decisions // 5 :].mean())


def test_one_draw_against_a_noiseless_nothing_never_leaves_anyone_alone():
    rng = np.random.default_rng(1)
    mean, sd = 0.02 * rng.normal(size=ACTIONS) - COST, np.full(ACTIONS, 0.1)
    assert winning(np.append(mean, 0.0), np.append(sd, 0.0))[-1] < 1e-3
    assert Thompson().probabilities(mean, sd)[-1] > 0.5


def test_customers_are_mostly_left_alone_when_nothing_helps(told):
    told(
        "decisions that deliver one of 30 null actions, early",
        delivered_share(1, decisions=6000),
        at_most=0.3,
    )


@pytest.mark.slow
def test_customers_are_left_alone_when_nothing_helps(told):
    share = np.median([delivered_share(seed, decisions=20_000) for seed in range(10)])
    told("decisions that deliver one of 30 null actions, last fifth", share, at_most=0.25)
