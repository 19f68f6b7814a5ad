"""Which actions of the catalogue could be done in a situation, and which rule refuses each of the others.

Everything that refuses is a rule of the one language, contact limits and consent included, so that a single
request and a million customers are judged by the same definition.
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Action, Catalogue, Limit, Status
from cvo.actions.rules import Rule, Rulebook, parse
from cvo.actions.rules.columnar import frame
from cvo.actions.situation import Situation, ask, schema
from cvo.core.clock import format_rfc3339, instant
from cvo.core.errors import CatalogueError, InvalidInput, RuleError

CodeArray = NDArray[np.int32]
QUALIFIED = -1
"""The code of an action that nothing refuses."""

_COLUMNAR_FROM = 256
"""Situations from which building a frame pays; either way gives the same codes."""


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """Why an action can't be done: the tier, and the rule in its own text."""

    tier: str
    rule: str


class Qualifier:
    """Judges every action of a catalogue for one placement; `refusals` are what the codes stand for.

    Raises `CatalogueError` for a rule that does not parse or asks for what no profile can answer.
    """

    def __init__(self, catalogue: Catalogue, placement: str, currency: str) -> None:
        if placement not in catalogue.placements:
            known = ", ".join(sorted(catalogue.placements)) or "none"
            raise InvalidInput(f"there is no placement {placement!r}; the catalogue has: {known}")
        self.channel = catalogue.placements[placement].channel
        self.actions = catalogue.action_ids
        self.refusals: list[Refusal] = []
        self._fixed = np.full(len(self.actions), QUALIFIED, dtype=np.int32)
        self._checks: list[tuple[int, int]] = []
        rules = self._compile(catalogue, placement)
        self._book = Rulebook(rules)
        self._asks = {fact: ask(fact, currency) for fact in self._book.facts}

    def codes(self, situations: Sequence[Situation]) -> CodeArray:
        """Return (n, k) codes: `QUALIFIED`, or the index in `refusals` of the first rule that refuses."""
        holds = self._columnar(situations) if len(situations) >= _COLUMNAR_FROM else self._single(situations)
        codes = np.tile(self._fixed, (len(situations), 1))
        for rule in reversed(range(len(self._checks))):
            action, refusal = self._checks[rule]
            if self._fixed[action] == QUALIFIED:
                codes[~holds[:, rule], action] = refusal
        return codes

    def _single(self, situations: Sequence[Situation]) -> NDArray[np.bool_]:
        rows = [
            self._book.evaluate(self._book.gather(lambda fact, here=here: self._asks[fact](here)))  # type: ignore[misc]
            for here in situations
        ]
        return np.array(rows, dtype=np.bool_).reshape(len(rows), len(self._checks))

    def _columnar(self, situations: Sequence[Situation]) -> NDArray[np.bool_]:
        asks = list(self._asks.values())
        table = frame(self._book.facts, ([answer(here) for answer in asks] for here in situations))
        judged = table.select(rule.expression().alias(str(n)) for n, rule in enumerate(self._book.rules))
        return judged.to_numpy().reshape(len(situations), len(self._checks))

    def _compile(self, catalogue: Catalogue, placement: str) -> list[Rule]:
        rules: list[Rule] = []
        facts = schema(catalogue)
        for position, key in enumerate(self.actions):
            action = catalogue.actions[key]
            refused = _never(action, placement)
            if refused:
                self._fixed[position] = self._refusal(*refused)
            for tier, text in _conditions(key, action, catalogue, self.channel):
                try:
                    rules.append(parse(text, facts))
                except RuleError as error:
                    raise CatalogueError(f"actions.{key}.{tier}: {error}") from None
                self._checks.append((position, self._refusal(tier, text)))
        return rules

    def _refusal(self, tier: str, rule: str) -> int:
        refusal = Refusal(tier, rule)
        if refusal not in self.refusals:
            self.refusals.append(refusal)
        return self.refusals.index(refusal)


def _never(action: Action, placement: str) -> tuple[str, str] | None:
    if action.status is not Status.LIVE:
        return "status", f"the action is {action.status}, not live"
    if all(creative.placement != placement for creative in action.creatives.values()):
        return "placement", f"no creative for {placement}"
    return None


def _conditions(key: str, action: Action, catalogue: Catalogue, channel: str) -> Iterator[tuple[str, str]]:
    """Yield (tier, rule) in the order in which they are reported."""
    if action.starts_at is not None:
        yield "dates", f'now >= timestamp("{format_rfc3339(instant(action.starts_at))}")'
    if action.ends_at is not None:
        yield "dates", f'now < timestamp("{format_rfc3339(instant(action.ends_at))}")'
    consent = catalogue.channels[channel].consent
    if consent == "opt-in":
        yield "consent", f"consent.{channel}"
    elif consent == "opt-out":
        yield "consent", f"!(consent.{channel} == false)"
    for tier in ("eligible", "applicable", "suitable"):
        for text in getattr(action, tier):
            yield tier, text
    for limit in catalogue.limits.values():
        scope = _scope(key, action, limit, channel)
        if scope is not None:
            yield "contact limit", f'contacts("{scope}", {limit.days}) < {limit.at_most}'


def _scope(key: str, action: Action, limit: Limit, channel: str) -> str | None:
    if limit.per == "all":
        return "any"
    mine = {"channel": channel, "stage": action.stage.value, "team": action.team, "action": key}[limit.per]
    return f"{limit.per}:{mine}" if limit.of is None or limit.of == mine else None
