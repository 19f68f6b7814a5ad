"""Several slots of one placement: what the choices so far leave open for the next one.

Each slot is a draw of its own over what is still open and nothing, with conditional propensities: their product is the
probability of the whole answer. What is open depends on choices only through this function, so it can be told again.
"""

from collections.abc import Sequence

from cvo.actions.catalogue import Catalogue
from cvo.actions.qualify import Qualifier
from cvo.actions.situation import Situation


def closed(
    chosen: Sequence[str], situation: Situation, qualifier: Qualifier, catalogue: Catalogue
) -> set[str]:
    """Return the actions that earlier choices close for the next slot.

    These are the chosen ones, those for which contact limits leave no room once each choice, delivered or withheld, is
    a contact more, those for which resources no longer reach, and, where the placement is `distinct`, those of a group
    that has been chosen from.
    """
    if not chosen:
        return set()
    shut = qualifier.full(situation, chosen) | set(chosen) | _exhausted(chosen, situation, qualifier)
    if catalogue.placements[situation.placement].distinct:
        groups = {catalogue.actions[action].group for action in chosen} - {None}
        shut.update(key for key, action in catalogue.actions.items() if action.group in groups)
    return shut


def fits(  # noqa: PLR0917  all that a choice is judged by
    option: str,
    room: int,
    chosen: Sequence[str],
    situation: Situation,
    qualifier: Qualifier,
    catalogue: Catalogue,
) -> bool:
    """Tell whether all of a bundle still finds room: in `room` slots, in contact limits, in resources."""
    members = qualifier.bundles.members(option)
    return len(members) <= room and not any(
        action in closed([*chosen, *members[:before]], situation, qualifier, catalogue)
        for before, action in enumerate(members)
    )


def _exhausted(chosen: Sequence[str], situation: Situation, qualifier: Qualifier) -> set[str]:
    """Return the actions for which resources no longer reach once each of `chosen` is delivered."""
    left = situation.scarcity
    for action in chosen:
        left = left.less(qualifier.uses[action])
    return {
        action
        for action, uses in qualifier.uses.items()
        if any(left.left_of(resource) < use for resource, use in uses.items())
    }
