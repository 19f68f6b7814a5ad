"""Rules about creatives: read once for each creative of an action, which is refused when all of them are."""

from collections.abc import Iterator

from cvo.actions.catalogue import Catalogue
from cvo.actions.rules import Rule, Rulebook, Schema, parse
from cvo.actions.rules.tree import Node, facts, joined
from cvo.actions.situation import Situation, ask, constants, creative_constants

_WORD = "creative"


class Renderings:
    """The creatives of one action for one placement, and what its rules leave of them, one after the other."""

    def __init__(self, action: str, catalogue: Catalogue, placement: str, schema: Schema) -> None:
        self._schema, self._action = schema, constants(action, catalogue)
        every = catalogue.actions[action].creatives
        self.keys = tuple(sorted(key for key, each in every.items() if each.placement == placement))
        # Rules are read whether or not they are of use here.
        self._each = {
            key: self._action | creative_constants(key, every[key]) for key in self.keys or every
        } or {"": self._action}
        self._left: dict[str, tuple[Node, ...]] = dict.fromkeys(self._each, ())

    def read(self, text: str) -> Rule:
        """Return a rule of the action; one about creatives holds where, with those before it, it leaves any.

        Raises `RuleError` for what is no rule.
        """
        if _WORD not in text:
            return parse(text, self._schema, self._action)
        rules = {key: parse(text, self._schema, known) for key, known in self._each.items()}
        if len(set(rules.values())) == 1:
            return next(iter(rules.values()))
        self._left = {key: (*before, rules[key].tree) for key, before in self._left.items()}
        any_left = joined("||", [joined("&&", each) for each in dict.fromkeys(self._left.values())])
        return Rule(text, any_left, facts(any_left))

    def choice(self, currency: str) -> "Choice":
        """Return what tells, given all that was read, which creatives are left to a customer."""
        rules = [Rule("", whole, facts(whole)) for whole in self._wholes()]
        return Choice(self.keys, rules, currency)

    def _wholes(self) -> Iterator[Node]:
        return (joined("&&", self._left[key]) for key in self.keys if self._left[key])


class Choice:
    """Tells which of an action's creatives no rule refuses; without `rules` all of them."""

    def __init__(self, keys: tuple[str, ...], rules: list[Rule], currency: str) -> None:
        self._keys, self._book = keys, Rulebook(rules)
        self._asks = {fact: ask(fact, currency) for fact in self._book.facts}

    def __call__(self, situation: Situation) -> tuple[str, ...]:
        """Return the keys of the creatives that are left, in alphabetical order."""
        if not self._book.rules:
            return self._keys
        holds = self._book.evaluate(self._book.gather(lambda fact: self._asks[fact](situation)))
        return tuple(key for key, left in zip(self._keys, holds, strict=True) if left)
