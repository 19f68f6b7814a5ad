"""Which actions of the catalogue could be done in a situation, and which rule refuses each of the others.

Everything that refuses is a rule of the one language, contact limits and consent included, so that a single
request and a million customers are judged by the same definition.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.bundles import Bundles
from cvo.actions.catalogue import Action, Catalogue, Limit, Status
from cvo.actions.conditions import BUNDLE, CAPACITY, REST, conditions, scope
from cvo.actions.creatives import Choice, Renderings
from cvo.actions.gather import compile_gather, compile_refusals
from cvo.actions.rules import Rule, Rulebook, Value
from cvo.actions.rules.columnar import frame
from cvo.actions.rules.tree import Node
from cvo.actions.scarcity import uses
from cvo.actions.situation import Ask, Situation, ask, products, rule_schema, watched
from cvo.core.clock import LATEST, Instant
from cvo.core.errors import CatalogueError, InvalidInput, RuleError
from cvo.profiles.facts import Fact, fact

CodeArray = NDArray[np.int32]
QUALIFIED = -1
"""The code of an action that nothing refuses."""

_COLUMNAR_FROM = 256
"""Situations from which building a frame pays; either way gives the same codes."""


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """Why an action can't be done: the tier, the rule in its own text, and when a rest that refuses ends."""

    tier: str
    rule: str
    until: Instant | None = None


UNVALUED = Refusal("value", "nothing says what a response is worth: set the action's value or assume one")
"""Why an action is not scored that no rule refuses."""


class Objection(msgspec.Struct, frozen=True):
    """A rule that speaks against an action: its first part that does not hold, and the facts that part looks at."""

    refusal: Refusal
    condition: str
    values: dict[str, Value | None]


class _Check(msgspec.Struct, frozen=True):
    """One rule that one action has to pass, and what is said if it does not."""

    action: int
    refusal: int
    rule: Rule


class _Shared(msgspec.Struct, frozen=True):
    """A contact limit at one placement: how contacts are counted, which actions are and which it refuses."""

    limit: Limit
    contacts: Fact
    actions: frozenset[str]
    refuses: frozenset[str]


class Qualifier:
    """Judges every action of a catalogue for one placement; `refusals` are what the codes stand for.

    `products` are those whose stock a situation has to know; `uses` what a delivery of each action takes of resources,
    `watched` the resources that either takes from or a rule asks about, `kept_back` those that a rule asks about of
    which something is to be kept, and not just whether they reach.

    Raises `CatalogueError` for a rule that does not parse or asks for what no profile can answer.
    """

    def __init__(self, catalogue: Catalogue, placement: str, currency: str) -> None:
        if placement not in catalogue.placements:
            known = ", ".join(sorted(catalogue.placements)) or "none"
            raise InvalidInput(f"there is no placement {placement!r}; the catalogue has: {known}")
        self.channel = catalogue.placements[placement].channel
        self.actions = catalogue.action_ids
        self.refusals: list[Refusal] = []
        self._numbers: dict[Refusal, int] = {}
        self._currency = currency
        self.uses = {
            key: uses(key, action, catalogue, self.channel) for key, action in catalogue.actions.items()
        }
        self.resources = frozenset(resource for each in self.uses.values() for resource in each)
        self._shared = _shared(catalogue, self.channel, currency)
        self._rests: dict[int, Ask] = {}
        self._renderings: dict[str, Renderings] = {}
        self._choices: dict[str, Choice] = {}
        self._all = checks = self._checks(catalogue, placement)
        self._book = Rulebook(list(dict.fromkeys(check.rule for check in checks)))
        self.products = products(self._book.facts)
        self.watched = self.resources | watched(self._book.facts)
        own = [each.rule for each in checks if self.refusals[each.refusal].tier != CAPACITY]
        self.kept_back = watched(fact for rule in own for fact in rule.facts)
        self._asks = [ask(fact, currency) for fact in self._book.facts]
        self._gather = compile_gather(self._book.facts, self._asks)
        column = {rule: number for number, rule in enumerate(self._book.rules)}
        self._columns = np.array([column[check.rule] for check in checks], dtype=np.intp)
        # The checks of an action stand together; one that is never broken ends the list.
        self._codes = np.array([*(check.refusal for check in checks), QUALIFIED], dtype=np.int32)
        owners = np.array([check.action for check in checks], dtype=np.intp)
        self._checked, self._starts = np.unique(owners, return_index=True)
        self.bundles = Bundles(catalogue, placement)
        self._without = {
            position: self._refusal(BUNDLE, f"only with {self.actions[position]}, which is refused")
            for each in self.bundles.positions
            for position in each
        }
        self._no_room = {
            option: self._refusal(
                BUNDLE, f"slots, contact limits or resources don't reach for all of {', '.join(all_of)}"
            )
            for option, all_of in self.bundles.mates.items()
        }

    def codes(self, situations: Sequence[Situation]) -> CodeArray:
        """Return (n, k) codes: `QUALIFIED`, or the index in `refusals` of the first rule that refuses."""
        codes = self._alone(situations) if len(situations) < _COLUMNAR_FROM else self._columnar(situations)
        self._together(codes)
        return codes

    def refuse_bundle(self, option: str, codes: CodeArray) -> None:
        """Refuse a bundle for which there is no room in a row of codes (k,), unless it is refused already."""
        position = self.actions.index(option)
        if codes[position] == QUALIFIED:
            codes[self.bundles.lead == position] = self._no_room[option]

    def _together(self, codes: CodeArray) -> None:
        """Refuse what is to come with an action that is refused."""
        for positions in self.bundles.positions:
            mine = codes[:, positions]
            refused = mine != QUALIFIED
            by = np.array([self._without[each] for each in positions], dtype=np.int32)[refused.argmax(axis=1)]
            codes[:, positions] = np.where(refused.any(axis=1)[:, None] & ~refused, by[:, None], mine)

    def refusal(self, code: int, situation: Situation) -> Refusal:
        """Return what a code stands for in a situation: of a rest, also when it ends, unless it never does."""
        refusal, ends = self.refusals[code], self._rests.get(code)
        if ends is None:
            return refusal
        until = ends(situation)
        return refusal if until in {None, LATEST} else Refusal(refusal.tier, refusal.rule, until)

    @property
    def rests(self) -> bool:
        """Tell whether any rest can refuse here."""
        return bool(self._rests)

    def rest_ends(self, numbers: Sequence[int], situation: Situation) -> dict[int, Instant]:
        """Return when those rests end that are among refusals numbered from 1, but for those that never do."""
        ends = {number: self._rests[number - 1](situation) for number in set(numbers) & self._rested}
        return {number: until for number, until in sorted(ends.items()) if until not in {None, LATEST}}

    @cached_property
    def _rested(self) -> set[int]:
        return {code + 1 for code in self._rests}

    def creatives(self, action: str, situation: Situation) -> tuple[str, ...]:
        """Return the creatives of an action for the placement that no rule refuses: some, where it qualifies."""
        if action not in self._choices:
            self._choices[action] = self._renderings[action].choice(self._currency)
        return self._choices[action](situation)

    def objections(self, action: str, situation: Situation) -> list[Objection]:
        """Return everything that speaks against an action in a situation, in the order in which it is judged.

        What speaks against one that it is to come with speaks against both.
        """
        position = self.actions.index(action)
        found = self._objections(position, situation)
        for other in np.flatnonzero(self.bundles.lead == self.bundles.lead[position]).tolist():
            if other != position:
                refusal = self.refusals[self._without.get(other, 0)]
                found += [
                    msgspec.structs.replace(each, refusal=refusal)
                    for each in self._objections(other, situation)
                ]
        return found

    def _objections(self, position: int, situation: Situation) -> list[Objection]:
        rows = {rule: row for row, rule in enumerate(self._book.rules)}
        values = self._gather(situation)
        found = []
        for check in self._all:
            if check.action == position:
                failing = self._book.failing(values, rows[check.rule])
                if failing is not None:
                    refusal = self.refusal(check.refusal, situation)
                    found.append(Objection(refusal, failing.condition, failing.values))
        return found

    def full(self, situation: Situation, chosen: Sequence[str]) -> set[str]:
        """Return the actions for which contact limits leave no room once each of `chosen` is one contact more."""
        actions: set[str] = set()
        for each in self._shared:
            more = sum(action in each.actions for action in chosen)
            before = cast("float", each.contacts(situation.profile, situation.at)) if more else 0.0
            # Who is over a limit as it is has been refused by its rule.
            if more and before + more >= each.limit.at_most:
                actions |= each.refuses
        return actions

    @cached_property
    def _refused(self) -> Callable[[Situation], bytes]:
        chains: list[list[tuple[int, Node]]] = [[] for _ in self.actions]
        for check in self._all:
            chains[check.action].append((check.refusal, check.rule.tree))
        return compile_refusals(self._book.facts, self._asks, chains)

    def _alone(self, situations: Sequence[Situation]) -> CodeArray:
        found = b"".join(map(self._refused, situations))
        codes = np.frombuffer(found, dtype=np.int32).reshape(len(situations), len(self.actions))
        return codes + np.int32(QUALIFIED)

    def _columnar(self, situations: Sequence[Situation]) -> CodeArray:
        codes = np.full((len(situations), len(self.actions)), QUALIFIED, dtype=np.int32)
        if len(self._columns):
            table = frame(self._book.facts, map(self._gather, situations))
            judged = table.select(rule.expression().alias(str(n)) for n, rule in enumerate(self._book.rules))
            holds = judged.to_numpy()[:, self._columns]
            count = len(self._columns)
            first = np.minimum.reduceat(np.where(holds, count, np.arange(count)), self._starts, axis=1)
            codes[:, self._checked] = self._codes[first]
        return codes

    def _checks(self, catalogue: Catalogue, placement: str) -> list[_Check]:
        """Return every check in the order of actions, and of tiers within one; all rules are read, used or not."""
        checks: list[_Check] = []
        facts = rule_schema(catalogue)
        for position, key in enumerate(self.actions):
            action, renderings = catalogue.actions[key], Renderings(key, catalogue, placement, facts)
            rules = [
                (tier, _parsed(key, tier, text, renderings))
                for tier, text in conditions(key, action, catalogue, self.channel)
            ]
            self._renderings[key] = renderings
            never = _never(action, placement)
            if never is not None:
                checks.append(
                    _Check(position, self._refusal(*never), _parsed(key, never[0], "false", renderings))
                )
            else:
                checks += [
                    _Check(position, self._refusal(tier, rule.text, rule), rule) for tier, rule in rules
                ]
        return checks

    def _refusal(self, tier: str, text: str, rule: Rule | None = None) -> int:
        refusal = Refusal(tier, text)
        if refusal not in self._numbers:
            self._numbers[refusal] = len(self.refusals)
            self.refusals.append(refusal)
        number = self._numbers[refusal]
        if rule is not None and tier == REST:
            (ends,) = (fact for fact in rule.facts if fact.path == ("rest_ends",))
            self._rests[number] = ask(ends, self._currency)
        return number


def _parsed(key: str, tier: str, text: str, renderings: Renderings) -> Rule:
    try:
        return renderings.read(text)
    except RuleError as error:
        raise CatalogueError(f"actions.{key}.{tier}: {error}") from None


def _never(action: Action, placement: str) -> tuple[str, str] | None:
    if action.status is not Status.LIVE:
        return "status", f"the action is {action.status}, not live"
    if all(creative.placement != placement for creative in action.creatives.values()):
        return "placement", f"no creative for {placement}"
    return None


def _shared(catalogue: Catalogue, channel: str, currency: str) -> list[_Shared]:
    """Return the contact limits with the actions that count towards each: all whose scope is the same."""
    found: list[_Shared] = []
    for limit in catalogue.limits.values():
        by_scope: dict[str, set[str]] = {}
        for key, action in catalogue.actions.items():
            counted = scope(key, action, limit, channel)
            if counted is not None:
                by_scope.setdefault(counted, set()).add(key)
        found += [
            _Shared(
                limit,
                fact("contacts", (counted, limit.days), currency=currency),
                frozenset(actions),
                frozenset(key for key in actions if not catalogue.actions[key].service),
            )
            for counted, actions in by_scope.items()
        ]
    return found
