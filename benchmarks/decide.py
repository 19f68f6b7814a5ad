"""How long one whole decision takes in process, and how that compares with Vowpal Wabbit's predict alone.

200 actions of three conditions each, 200 attributes, limits per team and over all, one slot; the record is encoded.
Untrained models score widely and leave many actions in the contest, which is the worst case; trained ones are beside.
"""

import random
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec
import numpy as np

from benchmarks.harness import Peer, Row, command, environment, faster, interleaved
from benchmarks.learn import VW
from cvo.actions.catalogue import Catalogue
from cvo.actions.read import parse_catalogue
from cvo.actions.settings import Settings
from cvo.actions.situation import Situation
from cvo.core.clock import DAY, Instant
from cvo.core.ids import EventId, PersonId
from cvo.core.random import keyed_bytes
from cvo.decisions.case import Case
from cvo.decisions.decide import decide
from cvo.decisions.decision import Arm, Request, Subject, encode
from cvo.decisions.effects import effects
from cvo.decisions.policy import Policy
from cvo.events.event import Activity, Event, TraitsSet
from cvo.learning import fold as learned
from cvo.profiles.fold import fold
from cvo.profiles.profile import EMPTY
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.encoder import fit_encoder
from cvo.valuation.features import FeatureReader
from cvo.valuation.models import Models, untrained

ATTRIBUTES, FEATURES, TEAMS, CUSTOMERS = 200, 100, 10, 400
NOW = Instant(1_900_000_000_000_000)
ROUNDS, DECISIONS, PEER_DECISIONS = 9, 200, 20
LIMIT_SECONDS = 150e-6


def catalogue(actions: int = 200, features: int = FEATURES) -> Catalogue:
    """Return a catalogue whose actions each have three conditions of their own; about two in three qualify."""
    stages = ("acquire", "onboard", "grow", "retain", "serve")
    return parse_catalogue(
        "\n".join(
            [
                "teams: {" + ", ".join(f"t{n}: {{name: Team {n}}}" for n in range(TEAMS)) + "}",
                "channels: {web: {consent: none}}",
                "placements: {home: {channel: web, slots: 1}}",
                "actions:",
                *(
                    f"  a{n:03}: {{team: t{n % TEAMS}, stage: {stages[n % 5]}, status: live, name: Action {n}, "
                    f"contact_cost: 0.05, value: {5 + n % 40}, eligible: ['customer.x{n % 200:03} >= {n % 5 - 4}'], "
                    f"applicable: ['customer.x{(7 * n + 1) % 200:03} < {n % 3 + 2}'], "
                    f"suitable: ['context.device != \"d{n % 4}\"'], creatives: {{c{n:03}: {{placement: home}}}}}}"
                    for n in range(actions)
                ),
                "traits: {" + ", ".join(f"x{n:03}: {{type: number}}" for n in range(ATTRIBUTES)) + "}",
                "features: {"
                + ", ".join(
                    f"f{n:03}: {{value: customer.x{n:03}, kind: number}}" for n in range(features - 1)
                )
                + "}",
                "limits: {all: {per: all, at_most: 5, days: 7}, teams: {per: team, at_most: 2, days: 7}}",
                "assumptions: {margin_rate: {value: 0.4, because: benchmark}}",
            ]
        )
    )


def cases() -> list[Case]:
    """Return requests of as many customers, each with 200 attributes and some visits."""
    draw = random.Random(17)
    return [_case(number, draw) for number in range(CUSTOMERS)]


def _case(number: int, draw: random.Random) -> Case:
    person = PersonId(keyed_bytes("benchmark", number))
    traits = {f"x{n:03}": round(draw.gauss(0, 1.5), 3) for n in range(ATTRIBUTES)}
    bodies = [TraitsSet(traits), *(Activity("Visit", {}) for _ in range(5))]
    at = [Instant(NOW - (len(bodies) - n) * DAY) for n in range(len(bodies))]
    events = [
        Event(EventId(keyed_bytes("event", number, n)), person, when, when, body)
        for n, (when, body) in enumerate(zip(at, bodies, strict=True))
    ]
    return Case(
        Subject(person_id=person, customer=f"c{number}", version=1, arm=Arm.TREATED),
        fold(EMPTY, events),
        Request(placement="home", at=NOW, context={"device": f"d{number % 5}"}),
    )


def policy(rules: Catalogue, asked: Sequence[Case], *, trained: bool) -> Policy:
    """Return a policy with models that know nothing, or that learned from 20,000 outcomes."""
    reader = FeatureReader(rules, "EUR")
    values = reader.values([_situation(case) for case in asked])
    encoder = fit_encoder(reader.kinds, values)
    models = untrained(rules, assumptions_of(rules), encoder, NOW)
    if trained:
        models = _taught(models, encoder.transform(values, len(asked)))
    return Policy(rules, models, Settings(currency="EUR", seed="benchmark"))


def _situation(case: Case) -> Situation:
    return Situation(case.profile, case.request.at, "home", "web", case.request.context)


def _taught(models: Models, design: np.ndarray) -> Models:
    rng = np.random.default_rng(0)
    rows, actions = rng.integers(len(design), size=20_000), rng.integers(len(models.actions), size=20_000)
    outcomes = rng.random(20_000) < 0.02 + 0.02 * (actions % 5 == 0)
    return msgspec.structs.replace(models, response=learned(models.response, design[rows], actions, outcomes))


def seconds_a_decision(asked: Sequence[Case], rules: Policy) -> float:
    """Return the median over single decisions, each decided, its effects made and its record encoded."""
    took = []
    for case in asked[:DECISIONS]:
        begun = time.perf_counter()
        decision = decide(case, rules)
        encode(decision)
        effects(decision, rules.catalogue)
        took.append(time.perf_counter() - begun)
    return median(took)


def rows() -> Sequence[Row]:
    """Decide within 150 µs, and four times as fast as Vowpal Wabbit predicts from text, both at 100 × 100."""
    asked = cases()
    large = catalogue()
    found = []
    for name, trained in (("untrained: the worst case", False), ("trained on 20,000 outcomes", True)):
        rules = policy(large, asked, trained=trained)
        ours = min(seconds_a_decision(asked, rules) for _ in range(ROUNDS))
        found.append(
            faster(
                f"one whole decision, 200 actions × 3 conditions, 200 attributes, {FEATURES} features, {name}; "
                "median against its limit",
                1e6 * ours,
                1e6 * LIMIT_SECONDS,
                at_least=1.0,
                unit="µs",
            )
        )
    rules = policy(catalogue(100), asked, trained=False)
    with Peer(environment("vowpal-wabbit", VW), Path(__file__).parent / "peers" / "vw_bandit.py") as vw:
        for form, least in (("from text", 4.0), ("from parsed examples", 0.0)):

            def peer(form: str = form) -> float:
                arguments = {"actions": 100, "features": 100, "rounds": PEER_DECISIONS}
                return float(vw.call("predict_speed", **arguments, parsed="parsed" in form)["value"])

            ours, theirs = interleaved(lambda: seconds_a_decision(asked, rules), peer, rounds=ROUNDS)
            found.append(
                faster(
                    f"one whole decision, 100 actions × 100 features, against VW's predict alone {form}",
                    1e6 * ours,
                    1e6 * theirs,
                    at_least=least,
                    unit="µs",
                )
            )
    return found


if __name__ == "__main__":
    command(rows)()
