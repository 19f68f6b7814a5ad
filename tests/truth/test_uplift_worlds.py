"""The product's own learning and scoring where response and effect have nothing to do with each other.

Every world is played twice from the same seed: with uplift by customer, and with one κ an action times p·m.
"""

import msgspec
import numpy as np
import pytest

from cvo.actions.read import parse_catalogue
from cvo.app.ingest import ingest
from cvo.app.learn import learn
from cvo.app.state import running_policy
from cvo.core.clock import DAY, Instant
from cvo.decisions.case import Case
from cvo.decisions.decide import decide_all
from cvo.decisions.decision import Arm, Request, Subject
from cvo.decisions.policy import Policy
from cvo.learning import Thompson, draw
from cvo.simulate.bandit import linear_world
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.encoder import NO_FEATURES
from cvo.valuation.fit import Deliveries, Effect, fit
from cvo.valuation.fit_uplift import Draws
from cvo.valuation.models import untrained
from cvo.valuation.score import Valuer
from tests.data.company import NOW
from tests.data.folder import OWNER, decide_for, message, ordered, running

DECISIONS, LEARNED_AT = 20_000, (1_000, 2_000, 4_000, 8_000, 15_000)
SIZES = [(3, 5), (4, 7), (6, 8), (2, 9)]


def catalogue(actions, features):
    listed = "".join(
        f"  a{n}: {{team: t{n % 2}, stage: grow, status: live, name: A, contact_cost: 0, "
        f"creatives: {{c{n}: {{placement: p}}}}}}\n"
        for n in range(actions)
    )
    traits = ", ".join(f"x{n}: {{type: number}}" for n in range(features))
    values = ", ".join(f"x{n}: {{value: customer.x{n}, kind: number}}" for n in range(features))
    return parse_catalogue(
        "teams: {t0: {name: T}, t1: {name: U}}\nchannels: {web: {consent: none}}\n"
        f"placements: {{p: {{channel: web}}}}\nactions:\n{listed}traits: {{{traits}}}\nfeatures: {{{values}}}\n"
        "assumptions: {margin_rate: {value: 1, because: t}, margin_per_response: {value: 1, because: t}}\n"
    )


def compared(got, chances, outcomes, actions):
    """What each action caused on average, by inverse propensities against nothing."""
    nothing = got == actions
    for action in range(actions):
        mine = got == action
        if min(mine.sum(), nothing.sum()) > 20:
            odds = np.where(nothing, chances[:, action] / chances[:, -1], 0.0)
            odds /= odds.sum()
            without = odds @ outcomes
            variance = outcomes[mine].var() / mine.sum() + (odds**2 * (outcomes - without) ** 2).sum()
            yield f"a{action}", outcomes[mine].mean() - without, float(np.sqrt(variance))


def attained(seed, actions, features, *, effect_sd, by_customer):
    """Share of the best policy's caused value over decisions 15,001 to 20,000."""
    rng = np.random.default_rng(seed)
    world = linear_world(DECISIONS, features, actions, seed, effect_sd=effect_sd, baseline_sd=0.5)
    given, x = catalogue(actions, features - 1), world.features[:, 1:]
    likes = 1 / (1 + np.exp(1 - x @ rng.normal(size=(features - 1, actions)) / 2))
    half, row = rng.integers(2, size=DECISIONS), np.arange(DECISIONS)
    values = {f"x{n}": x[:, n].tolist() for n in range(features - 1)}
    got, chances = np.zeros(DECISIONS, dtype=np.int64), np.zeros((DECISIONS, actions + 1))
    responded, start = np.zeros(DECISIONS, dtype=bool), 0
    models = untrained(given, assumptions_of(given), NO_FEATURES, NOW)
    for end in (*LEARNED_AT, DECISIONS):
        part, count = slice(start, end), end - start
        design = models.encoder.transform({name: each[part] for name, each in values.items()}, count)
        scores = Valuer(given, models, "EUR").score(design, np.ones((count, actions), dtype=bool))
        chances[part] = Thompson(scale=0.5, floor=0.02).probabilities(scores.mean, scores.sd)
        got[part] = draw(chances[part], rng.random(count))
        liked = np.column_stack([likes, np.zeros(DECISIONS)])[row[part], got[part]]
        responded[part] = rng.random(count) < liked
        start = end
        if end < DECISIONS:
            known, so_far = np.flatnonzero(got[:end] < actions), slice(0, end)
            outcomes = world.reward[row, got]
            models = fit(
                given,
                Deliveries(
                    {name: [each[n] for n in known] for name, each in values.items()},
                    [f"a{n}" for n in got[known]],
                    responded[known],
                    np.maximum(outcomes[known], 0.0),
                    half[known],
                    np.ones(len(known)),
                    [""] * len(known),
                ),
                [
                    Effect(*each, np.ones(len(known), dtype=bool))
                    for each in compared(got[so_far], chances[so_far], outcomes[so_far], actions)
                ],
                NOW,
                "EUR",
                draws=Draws(
                    {name: each[so_far] for name, each in values.items()},
                    [f"a{n}" for n in range(actions)],
                    got[so_far],
                    chances[so_far],
                    outcomes[so_far],
                    half[so_far],
                    np.ones(end),
                )
                if by_customer
                else None,
            )
    last = slice(LEARNED_AT[-1], DECISIONS)
    effect = np.column_stack([world.effect, np.zeros(DECISIONS)])
    return effect[row[last], got[last]].sum() / effect[last].max(axis=1).sum()


@pytest.mark.parametrize(
    "worlds", [pytest.param(2, id="short"), pytest.param(20, id="long", marks=pytest.mark.slow)]
)
def test_uplift_by_customer_attains_most_of_the_best_policy_and_one_kappa_does_not(told, worlds):
    def median(*, by_customer, effect_sd=0.2):
        return np.median(
            [
                attained(seed, *SIZES[seed % len(SIZES)], effect_sd=effect_sd, by_customer=by_customer)
                for seed in range(worlds)
            ]
        )

    told("the product's share of the best policy's value: κ · p · m", median(by_customer=False), of=1)
    share = median(by_customer=True)
    told("the product's share of the best policy's value: τ by customer", share, at_least=0.8, of=1)


SHOP = """
teams: {sales: {name: Sales}}
channels: {email: {consent: none}}
placements: {newsletter: {channel: email}}
actions:
  offer:
    {team: sales, stage: grow, status: live, name: Offer, contact_cost: 0.10, value: 10, response: order,
     window_days: 14, creatives: {mail: {placement: newsletter}}}
traits: {age: {type: number}}
features: {age: {value: customer.age, kind: number}}
assumptions: {margin_rate: {value: 0.5, because: tests}}
"""


def test_a_company_learns_whom_to_leave_alone(told, tmp_path):
    """The old buy more, and less when they get the offer; the young buy because of it."""
    rng = np.random.default_rng(5)
    caused = {20: 3.0 - 0.1, 60: -3.0 - 0.1}
    with running(tmp_path, NOW, SHOP, control_rate=0.0, withheld_rate=0.3, floor=0.2) as company:
        ages = {f"c{n}": int(rng.choice([20, 60])) for n in range(4_000)}
        told_us = Instant(NOW - DAY)
        ingest(
            company,
            [message("identify", who, told_us, f"t{who}", traits={"age": age}) for who, age in ages.items()],
        )
        bought = []
        for decision in decide_for(company, ages):
            young, got = ages[decision.customer] == 20, decision.slots[0].delivery == "delivered"
            if rng.random() < (0.3 if young else 0.7) + got * (0.3 if young else -0.3):
                bought.append(ordered(decision.customer, Instant(NOW + DAY), 20))
        company.clock.at = Instant(NOW + 20 * DAY)
        ingest(company, bought)
        learn(company, OWNER)
        policy = running_policy(company.store, company.config.settings)
        profiles = {
            ages[person.external.value]: company.store.profile_at(person.person_id, person.version)
            for person in company.store.persons()
        }
    one_kappa = msgspec.structs.replace(policy.models, uplift=None)
    best = caused[20] / 2

    def share(policy):
        cases = [
            Case(
                Subject(person_id=b"%016d" % age, customer=str(age), version=1, arm=Arm.TREATED),
                profile,
                Request(placement="newsletter", at=Instant(NOW + 40 * DAY)),
            )
            for age, profile in sorted(profiles.items())
        ]
        chosen = [decision.slots[0].propensities[0] for decision in decide_all(cases, policy)]
        return np.mean(np.multiply(chosen, [caused[20], caused[60]])) / best

    told(
        "share of the best policy's value in a company, κ · p · m",
        share(Policy(policy.catalogue, one_kappa, policy.settings)),
        at_most=0.5,
        of=1,
    )
    told("share of the best policy's value in a company, τ by customer", share(policy), at_least=0.7, of=1)
