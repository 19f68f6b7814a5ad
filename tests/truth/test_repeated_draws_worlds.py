"""τ where customers come often: windows overlap, and what is not drawn at one visit comes at the next."""

import numpy as np
import pytest

from cvo.actions.catalogue import Assumption
from cvo.actions.read import parse_catalogue
from cvo.valuation.encoder import NO_FEATURES
from cvo.valuation.fit_uplift import Draws, Turns, fit_uplift

EFFECTS = np.array([1.5, -1.0])
WEEKS, WINDOW_WEEKS = 26, 4
CATALOGUE = parse_catalogue(
    "teams: {a: {name: A}, b: {name: B}}\nchannels: {web: {consent: none}}\nplacements: {p: {channel: web}}\nactions:\n"
    "  a0: {team: a, stage: grow, status: live, name: A, contact_cost: 0, creatives: {c0: {placement: p}}}\n"
    "  a1: {team: b, stage: retain, status: live, name: B, contact_cost: 0, creatives: {c1: {placement: p}}}\n"
    "assumptions: {margin_rate: {value: 1, because: t}}\n"
)
WORLDS = pytest.mark.parametrize(
    ("worlds", "fewest", "most"),
    [
        pytest.param(60, 52, 60, id="short"),
        # The posterior takes all noise as even, and is a sixth wider here than it had to be: never too narrow.
        pytest.param(1_000, 928, 990, id="long", marks=pytest.mark.slow),
    ],
)


def world(seed, customers=250):
    """Weekly visits of customers, more of whom are offered something as they are about to buy anyway.

    An action is done once in a window only, and a customer who lately had any is offered less.
    """
    rng = np.random.default_rng(seed)
    usual = rng.gamma(4.0, 1.0, customers)
    money = usual + rng.normal(0, 4, (WEEKS + WINDOW_WEEKS, customers))
    got = np.full((WEEKS, customers), 2)
    chances = np.zeros((WEEKS, customers, 3))
    for week in range(WEEKS):
        about_to_buy = rng.random(customers) < 0.3
        money[week] += 8 * about_to_buy
        lately = got[max(0, week - WINDOW_WEEKS + 1) : week]
        for action in (0, 1):
            free = ~(lately == action).any(axis=0)
            chances[week, :, action] = free * np.where(
                (lately < 2).any(axis=0), 0.1, 0.15 + 0.2 * about_to_buy
            )
        chances[week, :, 2] = 1 - chances[week].sum(axis=1)
        got[week] = (rng.random(customers)[:, None] >= chances[week].cumsum(axis=1)[:, :2]).sum(axis=1)
        brought = np.append(EFFECTS, 0.0)[got[week]]
        money[week : week + WINDOW_WEEKS] += brought / WINDOW_WEEKS
    margin = np.stack([money[week : week + WINDOW_WEEKS].sum(axis=0) for week in range(WEEKS)])
    n = WEEKS * customers
    customer = np.tile(np.arange(customers), WEEKS)
    return Draws(
        {},
        ["a0", "a1"],
        got.ravel(),
        chances.reshape(n, 3),
        margin.ravel(),
        customer % 2,
        # The last windows are still open: what they held by now is in those before them.
        np.repeat(np.arange(WEEKS) < WEEKS - WINDOW_WEEKS, customers).astype(np.float64),
        Turns(customer, np.repeat(7.0 * np.arange(WEEKS), customers), 7.0 * WINDOW_WEEKS),
    )


@WORLDS
def test_each_action_s_own_effect_is_found_whatever_it_displaces(told, worlds, fewest, most):
    assumed = Assumption(value=0.5, because="a test", standard_deviation=5.0)
    errors, sds, covered, plain = [], [], np.zeros(2, dtype=int), []
    for seed in range(worlds):
        draws = world(seed)
        attributed = np.ones((len(draws.margin), 2))

        def learned(given, attributed=attributed):
            found = fit_uplift(CATALOGUE, NO_FEATURES, given, attributed, assumed).weights
            mean, covariance = found.mean.read().sum(axis=1), found.covariance.read().sum(axis=(1, 2))
            return mean, np.sqrt(covariance * found.noise)

        mean, sd = learned(draws)
        errors.append(mean - EFFECTS)
        sds.append(sd)
        covered += np.abs(mean - EFFECTS) < 1.96 * sd
        if seed < 20:
            plain.append(
                learned(Draws(*(getattr(draws, name) for name in draws.__struct_fields__[:-1])))[0] - EFFECTS
            )
    for action, count in enumerate(covered):
        told(
            f"effect {EFFECTS[action]:+g} among repeated draws: 95 % intervals that cover",
            int(count),
            at_least=fewest,
            at_most=most,
            of=worlds,
        )
    # What is assumed draws a posterior towards itself by its share of the precision, and nothing else does.
    drawn = np.mean(np.square(sds), axis=0) / assumed.standard_deviation**2 * (assumed.value - EFFECTS)
    off = np.mean(errors, axis=0) - drawn
    assert (np.abs(off) < 4 * np.std(errors, axis=0) / np.sqrt(worlds)).all(), off
    # Taken as if a window held one draw, what an action displaces is taken off its own effect.
    assert (np.abs(np.mean(plain, axis=0)) > 0.15).any(), np.mean(plain, axis=0)
