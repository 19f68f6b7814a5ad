"""Which facts the models look at: the catalogue's features, answered in a situation."""

from collections.abc import Sequence
from typing import Literal

from cvo.actions.catalogue import Catalogue
from cvo.actions.gather import compile_gather
from cvo.actions.rules import Fact, Schema, parse
from cvo.actions.rules.tree import Comparison
from cvo.actions.situation import Situation, ask, schema
from cvo.core.errors import CatalogueError, RuleError

_PROBES: dict[str, tuple[str, ...]] = {"number": ("{} >= 0",), "category": ('{} == ""', "{} == true")}
"""A rule around a feature's value has the rule language read it, and say of which type it is."""


class FeatureReader:
    """Answers the catalogue's features; `kinds` tells numbers from categories, `asked` which fact each is.

    Raises `CatalogueError` for a feature whose value is not one fact of the right type.
    """

    def __init__(self, catalogue: Catalogue, currency: str) -> None:
        facts = schema(catalogue)
        self.kinds: dict[str, Literal["number", "category"]] = {
            name: catalogue.features[name].kind for name in sorted(catalogue.features)
        }
        found = {
            name: _fact(name, catalogue.features[name].value, kind, facts)
            for name, kind in self.kinds.items()
        }
        self.asked = {name: (fact, ask(fact, currency)) for name, fact in found.items()}
        self._gather = compile_gather(
            [fact for fact, _ in self.asked.values()], [answer for _, answer in self.asked.values()], raw=True
        )

    def values(self, situations: Sequence[Situation]) -> dict[str, list[object]]:
        """Return one list a feature, in the order of the situations; `None` is missing."""
        if not situations:
            return {name: [] for name in self.kinds}
        rows = zip(*map(self._gather, situations), strict=True)
        return {name: list(row) for name, row in zip(self.kinds, rows, strict=True)}


def _fact(name: str, value: str, kind: str, facts: Schema) -> Fact:
    failure: RuleError | None = None
    for probe in _PROBES[kind]:
        try:
            tree = parse(probe.format(value), facts).tree
        except RuleError as error:
            failure = failure or error
            continue
        if isinstance(tree, Comparison) and isinstance(tree.left, Fact):
            return tree.left
        raise CatalogueError(
            f"features.{name}: {value!r} has to be one fact, such as customer.age or orders(90)"
        )
    raise CatalogueError(f"features.{name} is to be a {kind}: {failure}")
