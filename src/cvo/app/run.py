"""Run: decide for every customer at once, or for a segment; each decision is logged before it can be delivered."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from cvo.actions.rules import Rule, parse
from cvo.actions.situation import Situation, ask, products, rule_schema
from cvo.app.company import Company
from cvo.app.decide import BATCH, decide_in
from cvo.app.prices import solve
from cvo.app.records import records
from cvo.app.state import keep_policy
from cvo.core.clock import format_rfc3339
from cvo.core.ids import PersonId
from cvo.core.random import keyed_bytes
from cvo.decisions.decision import Arm, Decision, Purpose, Request
from cvo.profiles.profile import Profile

RUN = "run"
"""What a decision's context says of the run it is part of."""


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did: customers in the segment, those it had decided for before, and what became of the others.

    `chosen` counts slots by action, doing nothing under the empty name; `delivery` by what became of them. `prices` are
    those that were solved for the run, per unit of each resource, and `candidate_prices` those for the side of a
    rollout's candidate.
    """

    name: str
    placement: str
    purpose: Purpose
    customers: int
    before: int
    decided: int
    control: int
    chosen: dict[str, int]
    delivery: dict[str, int]
    prices: dict[str, float]
    candidate_prices: dict[str, float] = {}

    def as_data(self) -> dict[str, Any]:
        """Return the fields by name."""
        return msgspec.structs.asdict(self)


def run(
    company: Company,
    placement: str,
    *,
    segment: str | None = None,
    purpose: Purpose = Purpose.LIVE,
    name: str | None = None,
    out: Path | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Ran:
    """Decide at a placement for everybody the company has met, or whom the rule `segment` holds for.

    A run has a `name`, the placement and the day if not given, which rules see as `context.run`. Started again under
    its name it leaves whom it has decided for, so that one cut short is finished and nobody is contacted twice.
    Customers come in an order that neither their ids nor their arrival decides, at prices of scarce resources that are
    solved for all of them together. `out` gets a row a slot, as Parquet, of the whole run. Raises `InvalidInput` for an
    unknown placement and `RuleError` for a segment that is no rule.
    """
    deciding, policy, at = company.deciding(), company.policy(), company.clock.now()
    policy.qualifier(placement)
    name = name or f"{placement} {format_rfc3339(at)[:10]}"
    request = Request(placement=placement, at=at, context={RUN: name}, purpose=purpose)
    holds = _segment(company, request, segment)
    members = [(each.person_id, each.external) for each in company.store.persons() if holds(each.profile)]
    members.sort(key=lambda member: keyed_bytes(policy.settings.seed, RUN, name, member[0]))
    known = {person_id for person_id, _ in members}
    tally, done, rows = _Tally(), set[PersonId](), list[Row]()
    for decision in _decided(company, placement, purpose, name):
        decided_for = decision.person_id
        done.add(decided_for if decided_for in known else _today(company, decided_for))
        rows += _rows(decision) if out else ()
    left = [external for person_id, external in members if person_id not in done]
    before = len(members) - len(left)
    progress(before, len(members))
    with company.store.unit_of_work() as work:
        for each in deciding.policies:
            keep_policy(work, each)
        prices = solve(work, deciding, request, left)
    waiting = iter(left)
    while batch := list(islice(waiting, BATCH)):
        with company.store.unit_of_work() as work:
            made = decide_in(work, deciding, [(each, request) for each in batch], prices=prices)
        for decision in made:
            tally.count(decision)
            rows += _rows(decision) if out else ()
        progress(len(batch), len(members))
    if out:
        _write(out, rows)
    return Ran(
        name=name,
        placement=placement,
        purpose=purpose,
        customers=len(members),
        before=before,
        decided=tally.decided,
        control=tally.control,
        chosen=dict(tally.chosen.most_common()),
        delivery=dict(tally.delivery.most_common()),
        prices=prices[0],
        candidate_prices=prices[1] if len(prices) > 1 else {},
    )


class _Tally:
    """Counts decisions as they are made, so that none has to be kept."""

    def __init__(self) -> None:
        self.decided = self.control = 0
        self.chosen: Counter[str] = Counter()
        self.delivery: Counter[str] = Counter()

    def count(self, decision: Decision) -> None:
        self.decided += 1
        self.control += decision.arm is Arm.CONTROL
        self.chosen.update(slot.chosen for slot in decision.slots)
        self.delivery.update(slot.delivery.value for slot in decision.slots)


Row = tuple[str, str, str, int, str | None, str | None, str, float, float | None]
_COLUMNS = ("decision", "customer", "arm", "rank", "action", "creative", "delivery", "propensity", "score")


def _rows(decision: Decision) -> Iterator[Row]:
    scores = dict(zip(decision.scored.actions, decision.scored.score, strict=True))
    for slot in decision.slots:
        yield (
            decision.decision_id,
            decision.customer,
            decision.arm.value,
            slot.rank,
            slot.chosen or None,
            slot.creative,
            slot.delivery.value,
            slot.propensity,
            scores.get(slot.chosen),
        )


def _write(path: Path, rows: list[Row]) -> None:
    """Write rows by customer to a file beside the one wanted, and then in its place: there is never half a file."""
    import polars as pl

    text, number = pl.String(), pl.Float64()
    types = (text, text, text, pl.Int32(), text, text, text, number, number)
    schema = dict(zip(_COLUMNS, types, strict=True))
    half = path.with_name(path.name + ".part")
    pl.DataFrame(rows, schema=schema, orient="row").sort("customer", "decision", "rank").write_parquet(half)
    half.replace(path)


def _decided(company: Company, placement: str, purpose: Purpose, name: str) -> Iterator[Decision]:
    """Return what a run of this name has decided already."""
    read = records(company.store)
    for logged in company.store.decisions(purpose):
        if logged.placement == placement:
            decision = read(logged.body)
            if decision.context.get(RUN) == name:
                yield decision


def _today(company: Company, person_id: PersonId) -> PersonId:
    """Return whom somebody was merged into since a decision, if anybody."""
    person = company.store.person(company.store.external_ids(person_id)[0])
    return person_id if person is None else person.person_id


def _segment(company: Company, request: Request, text: str | None) -> Callable[[Profile], bool]:
    """Return what tells whether a customer is in a segment, by the rules' own language."""
    if text is None:
        return lambda _profile: True
    policy = company.policy()
    rule: Rule = parse(text, rule_schema(policy.catalogue))
    asks = {each.key: ask(each, policy.settings.currency) for each in rule.facts}
    channel = policy.catalogue.placements[request.placement].channel
    stock = company.store.stock(products(rule.facts))

    def holds(profile: Profile) -> bool:
        here = Situation(
            profile,
            request.at,
            request.placement,
            channel,
            request.context,
            policy.settings.time_zone,
            stock,
        )
        return rule.evaluate(lambda each: asks[each.key](here))

    return holds
