"""Resources as a decision sees them: what is left of each, and the price in force."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from cvo.actions.catalogue import Action, Catalogue, Resource

_PLENTY = 1e15
"""What is left where nobody keeps count, as in a question of what would be."""


class Scarcity(msgspec.Struct, frozen=True, array_like=True):
    """What is `left` of each resource in its unit, and its `price` per unit, in major units of money.

    >>> scarce = Scarcity({"calls": 3.0}, {"calls": 1.5})
    >>> scarce.less({"calls": 2.0}).left_of("calls"), scarce.charge({"calls": 2.0})
    (1.0, 3.0)
    """

    left: Mapping[str, float] = {}
    price: Mapping[str, float] = {}

    def left_of(self, resource: str) -> float:
        """Return how much is left; more than anybody could use where nobody keeps count."""
        return self.left.get(resource, _PLENTY)

    def charge(self, uses: Mapping[str, float]) -> float:
        """Return what these uses cost at the prices in force."""
        return sum(self.price.get(resource, 0.0) * use for resource, use in uses.items())

    def less(self, uses: Mapping[str, float]) -> "Scarcity":
        """Return what is left after these uses; nobody may use more than that."""
        left = {key: round(value - uses.get(key, 0.0), 9) for key, value in self.left.items()}
        return msgspec.structs.replace(self, left=left)

    def only(self, resources: Iterable[str]) -> "Scarcity":
        """Return what concerns some resources."""
        wanted = set(resources)
        return Scarcity(*({k: v for k, v in each.items() if k in wanted} for each in (self.left, self.price)))


NOTHING_SCARCE = Scarcity()
"""No resource is counted."""


def uses(key: str, action: Action, catalogue: Catalogue, channel: str) -> dict[str, float]:
    """Return how much one delivery of an action on a channel uses of each resource."""
    return {name: use for name, use in _uses(key, action, catalogue, channel) if use > 0}


def _uses(key: str, action: Action, catalogue: Catalogue, channel: str) -> Iterator[tuple[str, float]]:
    for name, resource in catalogue.resources.items():
        if _takes(key, action, resource, channel):
            yield name, float(action.contact_cost if resource.unit == "money" else resource.use)


def _takes(key: str, action: Action, resource: Resource, channel: str) -> bool:
    if resource.per == "all":
        return True
    mine = {"channel": channel, "stage": action.stage.value, "team": action.team, "action": key}
    return mine[resource.per] == resource.of
