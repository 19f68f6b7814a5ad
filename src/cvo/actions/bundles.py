"""Bundles: actions that fill slots of a placement together or not at all, decided on as one option.

The first action of a bundle stands for all of it among the options. What the customer brings after a bundle can't be
told apart by action, so its value is what the first one is known by; it costs what all of them cost, uses what all use,
and one coin withholds all.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Action, Bundle, Catalogue
from cvo.actions.check import refer
from cvo.core.errors import CatalogueError

FloatArray = NDArray[np.float64]


def sharing(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """Return the actions whose fate one coin decides, by each of them: all of its bundle."""
    return {action: tuple(each.actions) for each in catalogue.bundles.values() for action in each.actions}


class Bundles:
    """The bundles of one placement, over arrays of all actions; empty where it has none.

    `lead` (k,) is for each action the position of the one that stands for it among the options: itself if it is alone.
    """

    def __init__(self, catalogue: Catalogue, placement: str) -> None:
        names = catalogue.action_ids
        here = [each.actions for each in catalogue.bundles.values() if each.placement == placement]
        self.positions = [tuple(names.index(action) for action in each) for each in here]
        self.mates: dict[str, tuple[str, ...]] = {each[0]: tuple(each) for each in here}
        self.lead = np.arange(len(names))
        for each in self.positions:
            self.lead[list(each)] = each[0]
        self.options = self.lead == np.arange(len(names))

    def __bool__(self) -> bool:
        return bool(self.positions)

    def members(self, option: str) -> tuple[str, ...]:
        """Return the actions that an option puts into slots, in their order."""
        return self.mates.get(option, (option,))

    def together(self, values: FloatArray) -> FloatArray:
        """Return values (…, k) with those of a bundle added up, at each of its actions."""
        summed = values.copy()
        for first, *others in self.positions:
            for other in others:
                summed[..., first] += values[..., other]
        return summed[..., self.lead]


def check_bundles(catalogue: Catalogue) -> None:
    """Raise `CatalogueError` for a bundle that could never fill its slots, or be withheld as one."""
    seen: dict[str, str] = {}
    for key, bundle in catalogue.bundles.items():
        where = f"bundles.{key}"
        refer(where, "placement", bundle.placement, catalogue.placements)
        for action in bundle.actions:
            refer(where, "action", action, catalogue.actions)
            if action in seen:
                raise CatalogueError(f"{where}: {action} is in bundles.{seen[action]}; an action is in one")
            seen[action] = key
        for problem in _problems(bundle, catalogue, [catalogue.actions[each] for each in bundle.actions]):
            raise CatalogueError(f"{where}: {problem}")


def _problems(bundle: Bundle, catalogue: Catalogue, actions: list[Action]) -> Iterator[str]:
    placement = catalogue.placements[bundle.placement]
    if not 2 <= len(actions) <= placement.slots:
        yield f"it has {len(actions)} actions; a bundle at {bundle.placement} has 2 to {placement.slots}, its slots"
    for name, action in zip(bundle.actions, actions, strict=True):
        if all(each.placement != bundle.placement for each in action.creatives.values()):
            yield f"{name} has no creative for {bundle.placement}"
    if len({(each.withheld_rate, each.window_days) for each in actions}) > 1:
        yield "its actions are withheld as one; give them the same withheld_rate and window_days"
    groups = [each.group for each in actions if each.group is not None]
    if placement.distinct and _repeats(groups):
        yield f"{bundle.placement} takes one action of a group, and two of these are of one"


def _repeats(names: Iterable[str]) -> bool:
    listed = list(names)
    return len(listed) > len(set(listed))
