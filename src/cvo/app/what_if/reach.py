"""How far every action gets: refused by which rule, scored, picked, delivered; and with what probability."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

from cvo.actions.bundles import Bundles
from cvo.actions.catalogue import Catalogue
from cvo.actions.settings import Settings
from cvo.app.company import Company
from cvo.app.decide import BATCH
from cvo.app.learn import learned_from
from cvo.app.state import running_catalogue
from cvo.app.what_if.log import FloatArray, Log, matrix
from cvo.app.what_if.scarce import Walk
from cvo.core.ids import PersonId
from cvo.core.random import keyed_uniform
from cvo.decisions.case import Case
from cvo.decisions.decide import decide_all
from cvo.decisions.decision import NOTHING, Decision, Slot
from cvo.decisions.policy import Policy
from cvo.valuation import models as model_snapshots
from cvo.valuation.models import Models

Rechosen = Callable[[list[Slot | None]], list[Slot | None]]
"""Gives the options of first slots other probabilities; `None` stands where nobody was asked."""
Made = Callable[[Catalogue, Models, Settings], Policy]
"""Makes a policy of what it is made of."""


class Reach(msgspec.Struct, frozen=True):
    """How far an action gets in all scored decisions; `refused` counts them by the rule that stopped it.

    `picked` and `delivered` are expected counts: sums of exact probabilities, before and after coins that withhold.
    """

    action: str
    team: str
    stage: str
    refused: dict[str, int]
    scored: int
    picked: float
    delivered: float


class Answers(msgspec.Struct, frozen=True, eq=False):
    """What a policy answers to the log: `probabilities` (n, k) of delivery over its options, and reach.

    `prices` are what it paid for a unit of each resource, on average, in major units.
    """

    probabilities: FloatArray
    reach: list[Reach]
    prices: dict[str, float]


def snapshots(company: Company, log: Log) -> list[Models]:
    """Return for each decision the models that a policy may use there without having seen what followed.

    Ours were decided with a snapshot made before: that one. Where somebody else decided there was none; the
    models of a customer then come from the other half of the customers, picked by hash.
    """
    versions = {version for version in log.models if version is not None}
    ours = {version: model_snapshots.decode(company.store.kept(version)) for version in versions}
    others = _by_halves(company) if None in log.models else {}
    return [
        others[_half(company, case.subject.person_id)] if version is None else ours[version]
        for version, case in zip(log.models, log.cases, strict=True)
    ]


def answers(
    log: Log,
    catalogue: Catalogue,
    settings: Settings,
    models: Sequence[Models],
    *,
    progress: Callable[[int], None] = lambda _count: None,
    rechosen: Rechosen = lambda slots: slots,
    made: Made = Policy,
    walk: Walk | None = None,
) -> Answers:
    """Ask a policy for every decision of the log again, each with its models, and log nothing.

    `rechosen` may have something else choose among the options that qualify, `made` make another kind of policy;
    `walk` knows what is scarce, as it was then if not given.
    """
    walk = walk or Walk(log, catalogue)
    here = [row for row, case in enumerate(log.cases) if case.request.placement in catalogue.placements]
    slots: list[Slot | None] = [None] * len(log.cases)
    tally = _Tally()
    policies: dict[str, Policy] = {}
    progress(len(log.cases) - len(here))
    for stretch in _stretches(here, walk.at_a_time):
        taken: list[Decision] = []
        for version, rows in _by_models(stretch, models).items():
            if version not in policies:
                policies[version] = made(catalogue, models[rows[0]], settings)
            policy = policies[version]
            for start in range(0, len(rows), BATCH):
                some = rows[start : start + BATCH]
                cases = [walk.seen(_stocked(log, log.cases[row], policy)) for row in some]
                decisions = decide_all(cases, policy)
                for row, decision in zip(some, decisions, strict=True):
                    tally.add(decision)
                    slots[row] = decision.slots[0]
                taken += decisions if walk.at_a_time else ()
                progress(len(some))
        walk.took(taken)
    slots = rechosen(slots)
    for slot in slots:
        if slot is not None:
            tally.pick(slot)
    chances = [{NOTHING: 1.0} if slot is None else slot.delivered_with for slot in slots]
    return Answers(matrix(chances, log.options), tally.reach(catalogue), walk.charged())


def _stretches(rows: list[int], at_a_time: int | None) -> list[list[int]]:
    size = at_a_time or max(len(rows), 1)
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _by_models(rows: Sequence[int], models: Sequence[Models]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in rows:
        found.setdefault(models[row].version, []).append(row)
    return found


def picking(slot: Slot, chances: Sequence[float]) -> Slot:
    """Return a slot whose options are picked with other probabilities; coins that withhold stay as they fell."""
    # What a coin leaves of an option's probability is the same whoever picks it.
    kept = [
        given / chance if chance > 0 else 1.0
        for given, chance in zip(slot.delivery_probabilities[:-1], slot.propensities[:-1], strict=True)
    ]
    delivered = [chance * each for chance, each in zip(chances[:-1], kept, strict=True)]
    return slot.with_chances(chances, [*delivered, max(0.0, 1.0 - sum(delivered))])


def _stocked(log: Log, case: Case, policy: Policy) -> Case:
    """Return the case with the stock that rules ask about, as it was known then."""
    products = policy.qualifier(case.request.placement).products
    return (
        msgspec.structs.replace(case, stock=log.stock_then(case.request.at, products)) if products else case
    )


class _Tally:
    def __init__(self) -> None:
        self._refused: dict[str, Counter[str]] = {}
        self._scored: Counter[str] = Counter()
        self._picked: dict[str, float] = {}
        self._delivered: dict[str, float] = {}

    def add(self, decision: Decision) -> None:
        for action, refusal in decision.refused.items():
            self._refused.setdefault(action, Counter())[f"{refusal.tier}: {refusal.rule}"] += 1
        self._scored.update(decision.scored.actions)

    def pick(self, slot: Slot) -> None:
        _add(self._picked, slot.options, slot.propensities)
        _add(self._delivered, slot.options, slot.delivery_probabilities)

    def reach(self, catalogue: Catalogue) -> list[Reach]:
        return [
            Reach(
                action=key,
                team=catalogue.actions[key].team,
                stage=catalogue.actions[key].stage.value,
                refused=dict(sorted(self._refused.get(key, Counter()).items())),
                scored=self._scored[key],
                picked=self._picked.get(key, 0.0),
                delivered=self._delivered.get(key, 0.0),
            )
            for key in catalogue.action_ids
        ]


def _add(sums: dict[str, float], options: Sequence[str], amounts: Sequence[float]) -> None:
    for option, amount in zip(options, amounts, strict=True):
        sums[option] = sums.get(option, 0.0) + amount


def _by_halves(company: Company) -> Mapping[int, Models]:
    """Return models by half of the customers, each learned from the other one."""
    catalogue = running_catalogue(company.store)

    def not_in(half: int) -> Callable[[PersonId], bool]:
        return lambda person_id: _half(company, person_id) != half

    return {half: learned_from(company, catalogue, not_in(half)).models for half in (0, 1)}


def _half(company: Company, person_id: PersonId) -> int:
    return int(keyed_uniform(company.config.seed, "what if", person_id) < 0.5)


def contact_costs(catalogue: Catalogue, log: Log) -> FloatArray:
    """Return what contacts of every option cost where each decision was asked for (n, k), in major units.

    The first action of a bundle stands for all of it, and costs what all of them do. Nothing and unknown actions cost
    nothing.
    """
    asked = [case.request.placement for case in log.cases]
    rows = {placement: _costs_at(placement, catalogue, log.options) for placement in dict.fromkeys(asked)}
    return np.array([rows[placement] for placement in asked]).reshape(len(asked), len(log.options))


def _costs_at(placement: str, catalogue: Catalogue, options: Sequence[str]) -> list[float]:
    bundles, actions = Bundles(catalogue, placement), catalogue.actions
    return [
        sum(float(actions[action].contact_cost) for action in bundles.members(option) if action in actions)
        for option in options
    ]
