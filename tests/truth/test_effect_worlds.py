"""The whole learner in worlds whose best policy is known: how much of the best policy's value it attains."""

import numpy as np
import pytest

from cvo.learning import Predictor, Thompson, draw, effect_rows, fold, new_model, pooled

DECISIONS, JUDGED_FROM = 20_000, 15_000


def contexts(rng, actions, width, sd_tau):
    """Features, and τ linear in them with sd `sd_tau` of the outcome's noise."""
    x = np.column_stack([np.ones(DECISIONS), rng.normal(size=(DECISIONS, width - 1))])
    return x, x @ rng.normal(size=(width, actions)) * sd_tau / np.sqrt(width)


def attained_by_response(seed, actions, width, *, sd_tau):
    """Share that ranking by response probability × value attains, where response has nothing to do with effect.

    The response model is perfect and all actions are worth the same: what it lacks is what was caused.
    """
    rng = np.random.default_rng(seed)
    x, tau = contexts(rng, actions, width, sd_tau)
    likeliest = (x @ rng.normal(size=(width, actions))).argmax(axis=1)
    caused = tau[np.arange(DECISIONS), likeliest]
    return caused[JUDGED_FROM:].sum() / np.maximum(tau, 0.0)[JUDGED_FROM:].max(axis=1).sum()


def attained(seed, actions, width, *, sd_tau=0.2, bend=0.0, batch=500):
    """Share of the best policy's caused value over the last 5,000 decisions.

    `bend` makes the margin without any action non-linear in the features, so that the baseline model is wrong.
    """
    rng = np.random.default_rng(seed)
    x, tau = contexts(rng, actions, width, sd_tau)
    without = x @ rng.normal(size=width) * 0.5 / np.sqrt(width) + bend * (x[:, 1] * x[:, 2] + np.abs(x[:, 1]))
    effects = np.column_stack([tau, np.zeros(DECISIONS)])
    model = new_model(actions, np.zeros(width), np.full(width, 0.1), link="identity")
    baseline = new_model(1, np.zeros(width), np.ones(width), link="identity")
    policy = Thompson(scale=0.5, floor=0.02)
    caused = np.zeros(DECISIONS)
    for number, start in enumerate(range(0, DECISIONS, batch)):
        window = slice(start, start + batch)
        mean, variance = Predictor(model)(x[window])
        chances = policy.probabilities(mean, np.sqrt(variance))
        chosen = draw(chances, rng.random(batch))
        caused[window] = effects[window][np.arange(batch), chosen]
        outcomes = without[window] + caused[window] + rng.normal(size=batch)
        expected_without = Predictor(baseline)(x[window])[0][:, 0]
        features = np.repeat(x[window][:, None, :], actions, axis=1)
        rows = effect_rows(
            features, chosen, chances, outcomes=outcomes, baseline=expected_without, expected=mean
        )
        model = fold(model, rows.features, rows.actions, rows.outcomes)
        expected = np.column_stack([mean, np.zeros(batch)])[np.arange(batch), chosen]
        baseline = fold(baseline, x[window], np.zeros(batch, dtype=int), outcomes - expected)
        if number % 4 == 3:
            model = pooled(model)
    return caused[JUDGED_FROM:].sum() / effects[JUDGED_FROM:].max(axis=1).sum()


STRONG = [(3, 5), (4, 8), (5, 6), (6, 8), (8, 6), (8, 10), (2, 10)]


def median_share(worlds, **world):
    shares = [attained(seed, *STRONG[seed % len(STRONG)], **world) for seed in range(worlds)]
    return float(np.median(shares))


def test_most_of_the_best_policys_value_is_attained_in_strong_worlds(told):
    share = np.median([attained(seed, 4, 6) for seed in range(3)])
    told("share of the best policy's value attained, strong worlds", share, at_least=0.85, of=1)


def test_a_baseline_of_the_wrong_shape_does_not_mislead(told):
    share = attained(3, 4, 6, bend=0.4)
    told("share attained with a baseline of the wrong shape", share, at_least=0.75, of=1)


@pytest.mark.parametrize(
    "worlds", [pytest.param(5, id="short"), pytest.param(40, id="long", marks=pytest.mark.slow)]
)
def test_in_worlds_as_weak_as_a_mailing_the_learner_beats_ranking_by_response(told, worlds):
    sizes = [(2, 8), (3, 8), (2, 5)]
    ours = np.median([attained(seed, *sizes[seed % 3], sd_tau=0.05) for seed in range(worlds)])
    theirs = np.median([attained_by_response(seed, *sizes[seed % 3], sd_tau=0.05) for seed in range(worlds)])
    told("share attained by ranking on response probability × value, weak worlds", theirs, of=1)
    told("share of the best policy's value attained, weak worlds", ours, at_least=max(theirs, 0.2), of=1)


@pytest.mark.slow
def test_most_of_the_best_policys_value_is_attained_in_forty_strong_worlds(told):
    told("share of the best policy's value attained, 42 strong worlds", median_share(42), at_least=0.85, of=1)
    bent = median_share(21, bend=0.3)
    told("share attained with a baseline of the wrong shape, 21 worlds", bent, at_least=0.8, of=1)
