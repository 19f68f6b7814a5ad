"""τ where nothing is rarely delivered: all actions then share one thin baseline, and its error is common to all.

Whoever takes what else was delivered as known takes each action's effect to be as sure as if its own draws alone
decided, and the level common to all actions as surer still, for every further action seems to confirm it.
"""

import numpy as np
import pytest

from cvo.actions.read import parse_catalogue
from cvo.core.evidence import Grade
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.encoder import fit_encoder
from cvo.valuation.fit_uplift import Draws, fit_uplift
from cvo.valuation.uplift import UpliftScorer

NOTHING = (0.02, 0.05, 0.1, 0.3)
ACTIONS = (3, 8, 16)
CUSTOMERS = 40


def catalogue(actions):
    listed = "".join(
        f"  a{n:02}: {{team: t{n % 2}, stage: grow, status: live, name: A, contact_cost: 0, "
        f"creatives: {{c{n}: {{placement: p}}}}}}\n"
        for n in range(actions)
    )
    return parse_catalogue(
        "teams: {t0: {name: T}, t1: {name: U}}\nchannels: {web: {consent: none}}\n"
        f"placements: {{p: {{channel: web}}}}\nactions:\n{listed}traits: {{x: {{type: number}}}}\n"
        "features: {x: {value: customer.x, kind: number}}\n"
        "assumptions: {margin_rate: {value: 1, because: t}, margin_per_response: {value: 1, because: t}}\n"
    )


def trial(seed, actions, nothing, common, n=3_000):
    """Draws among many actions, by chances that follow the customer, and what each action causes for whom.

    `common` is the share of what departs from κ·p·m that all actions have in common.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    attributed = rng.gamma(2.0, 0.5, size=(n, actions))
    kappa = 0.5 + 0.4 * rng.normal() + 0.2 * rng.normal(size=actions)
    departs = np.sqrt(common) * rng.normal(size=(2, 1)) + np.sqrt(1 - common) * rng.normal(size=(2, actions))
    departs *= 0.3
    tau = kappa * attributed + departs[0] + np.outer(x, departs[1])
    leaning = np.exp(np.outer(x, rng.normal(size=actions)) + rng.normal(size=actions))
    leaning *= (1 - nothing) / leaning.sum(axis=1, keepdims=True)
    chances = np.column_stack([leaning, np.full(n, nothing)])
    delivered = (rng.random(n)[:, None] >= np.cumsum(chances[:, :-1], axis=1)).sum(axis=1)
    margin = 3.0 + x + np.column_stack([tau, np.zeros(n)])[np.arange(n), delivered] + 2.0 * rng.normal(size=n)
    draws = Draws(
        {"x": x.tolist()},
        [f"a{number:02}" for number in range(actions)],
        delivered,
        chances,
        margin,
        rng.integers(2, size=n),
        np.ones(n),
    )
    return draws, attributed, tau


def judged(seed, actions, nothing, common):
    """Return, of τ of every action for some customers, whether its interval covers, and who is graded measured."""
    given = catalogue(actions)
    draws, attributed, tau = trial(seed, actions, nothing, common)
    encoder = fit_encoder({"x": "number"}, draws.values)
    uplift = fit_uplift(given, encoder, draws, attributed, assumptions_of(given)["incrementality"])
    scorer = UpliftScorer(given, uplift, draws.actions)
    rows, columns = np.indices((CUSTOMERS, actions)).reshape(2, -1)
    some, truth = attributed[:CUSTOMERS].ravel(), tau[:CUSTOMERS].ravel()
    design = encoder.transform(draws.values, len(tau))
    mean, variance = scorer.cells((some, np.zeros(some.size)), design, rows, columns)
    covers = np.abs(mean - truth) < 1.96 * np.sqrt(variance)
    grades = scorer.grades(attributed.mean(axis=0))
    measured = np.array([grade is Grade.MEASURED for grade in grades])
    return covers.reshape(-1, actions), measured


def coverage(worlds, nothing, common=0.5):
    """Return the share of intervals that cover: of all actions, and of those graded measured."""
    every, sure = [], []
    for seed in range(worlds):
        covers, measured = judged(seed, ACTIONS[seed % len(ACTIONS)], nothing, common)
        every.append(covers.mean())
        if measured.any():
            sure.append(covers[:, measured].mean())
    return np.mean(every), np.mean(sure)


@pytest.mark.parametrize(
    ("nothing", "worlds"),
    [
        pytest.param(0.02, 15, id="0.02-short"),
        *(pytest.param(rate, 400, id=f"{rate}-long", marks=pytest.mark.slow) for rate in NOTHING),
    ],
)
def test_intervals_of_uplift_hold_what_they_promise_where_nothing_is_rarely_delivered(told, nothing, worlds):
    every, sure = coverage(worlds, nothing)
    # Sixty customers without anything are what a world rests on, so that worlds, not intervals, have to be many.
    low, high = (0.93, 0.97) if worlds > 100 else (0.88, 0.99)
    what = f"τ, nothing delivered to {nothing:.0%}: intervals that cover"
    told(what, every, at_least=low, at_most=high, of=1)
    told(f"{what}, of those graded measured", sure, at_least=low, at_most=high, of=1)


@pytest.mark.slow
def test_intervals_of_uplift_bear_actions_that_have_less_in_common_than_assumed(told):
    """Half of what departs is assumed to be common to all actions: where nothing is, few actions tell only slowly."""
    for nothing in NOTHING:
        every, _ = coverage(200, nothing, common=0.0)
        what = f"τ, nothing delivered to {nothing:.0%} and nothing in common: intervals that cover"
        told(what, every, at_least=0.88, at_most=0.97, of=1)
