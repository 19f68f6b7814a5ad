"""Drafts: proposed changes to the catalogue, what they change, and whether the steps are allowed.

The running catalogue is the last approved one. Nothing changes it but an approved draft, and every draft,
approval and rejection is an audited record with author and time.
"""

from enum import StrEnum
from typing import Any

import msgspec

from cvo.actions.catalogue import Action, Catalogue, Status
from cvo.core.clock import Instant
from cvo.core.errors import CatalogueError
from cvo.core.evidence import Estimate, NotEstimable

_NEXT: dict[Status, set[Status]] = {
    Status.DRAFT: {Status.APPROVED, Status.LIVE, Status.RETIRED},
    Status.APPROVED: {Status.DRAFT, Status.LIVE, Status.RETIRED},
    Status.LIVE: {Status.PAUSED, Status.RETIRED},
    Status.PAUSED: {Status.LIVE, Status.RETIRED},
    Status.RETIRED: set(),
}


class Verdict(StrEnum):
    """What happened to a draft."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class Difference(msgspec.Struct, frozen=True):
    """One entry that a draft adds, removes or alters; `before` and `after` are plain values or `None`."""

    entry: str
    before: Any
    after: Any

    @property
    def kind(self) -> str:
        """Return `added`, `removed` or `changed`."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


class Effect(msgspec.Struct, frozen=True):
    """What the log says a change would have brought more than what ran: an estimate, or the reason why there is none.

    It is of `decisions` from `since` to `until`, with what came in `window_days` after each.
    """

    estimate: Estimate | None = None
    reason: NotEstimable | None = None
    decisions: int = 0
    since: Instant | None = None
    until: Instant | None = None
    window_days: int = 0


class Change(msgspec.Struct, frozen=True):
    """The audited body of a step in a draft's life: which catalogue became, or would become, which."""

    draft_id: str
    verdict: Verdict
    before: str | None
    after: str
    differences: list[Difference]
    because: str = ""
    effect: Effect | None = None
    """What it was evaluated to bring when it was proposed."""


def differences(before: Catalogue, after: Catalogue) -> list[Difference]:
    """Return entry by entry, and field by field for actions, how `after` differs from `before`."""
    found: list[Difference] = []
    old, new = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    for section in new:
        for key in sorted(old[section].keys() | new[section].keys()):
            was, is_now = old[section].get(key), new[section].get(key)
            if was == is_now:
                continue
            if section == "actions" and was is not None and is_now is not None:
                found += _by_field(f"actions.{key}", was, is_now)
            else:
                found.append(_difference(f"{section}.{key}", was, is_now))
    return found


def _by_field(entry: str, before: Action, after: Action) -> list[Difference]:
    was, is_now = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    return [
        _difference(f"{entry}.{field}", was[field], is_now[field])
        for field in is_now
        if was[field] != is_now[field]
    ]


def _difference(entry: str, before: Any, after: Any) -> Difference:
    return Difference(entry, msgspec.to_builtins(before), msgspec.to_builtins(after))


def check_steps(before: Catalogue, after: Catalogue) -> None:
    """Raise `CatalogueError` where an action takes a step its status does not allow, or vanishes.

    An action is never removed: what it did stays in the log, so it is retired.
    """
    for key, action in before.actions.items():
        successor = after.actions.get(key)
        if successor is None:
            raise CatalogueError(f"actions.{key} is gone; set its status to retired instead of removing it")
        if successor.status != action.status and successor.status not in _NEXT[action.status]:
            allowed = ", ".join(sorted(_NEXT[action.status])) or "nothing"
            raise CatalogueError(
                f"actions.{key} cannot go from {action.status} to {successor.status}; allowed: {allowed}"
            )
