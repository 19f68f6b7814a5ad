"""Replay: make a decision again from what it pinned, and say where it differs; it must not."""

from typing import Any

import msgspec

from cvo.actions.stock import NO_STOCK, Stock
from cvo.decisions.case import Case
from cvo.decisions.decide import decide
from cvo.decisions.decision import Decision, Request, Slot, Subject, encode
from cvo.decisions.policy import Policy
from cvo.decisions.scored import Scored
from cvo.profiles.profile import Profile


class Replay(msgspec.Struct, frozen=True):
    """Whether a decision came out bit for bit the same, and if not, which fields differ."""

    decision_id: str
    identical: bool
    differences: list[str]


def replay(logged: Decision, profile: Profile, policy: Policy, stock: Stock = NO_STOCK) -> Replay:
    """Make a logged decision again, with the profile and stock at their pinned versions and the pinned policy."""
    again = decide(case_of(logged, profile, stock), policy)
    # A record of an earlier layout has the same in other bytes.
    found = [] if encode(again) == encode(logged) else differences(logged, again)
    return Replay(logged.decision_id, not found, found)


def case_of(logged: Decision, profile: Profile, stock: Stock = NO_STOCK) -> Case:
    """Return what a logged decision was asked, with the profile and stock at their pinned versions."""
    subject = Subject(
        person_id=logged.person_id,
        customer=logged.customer,
        version=logged.pins.person_version,
        arm=logged.arm,
        met_as=logged.met_as,
    )
    request = Request(
        placement=logged.placement,
        at=logged.at,
        context=logged.context,
        purpose=logged.purpose,
        limit=len(logged.slots),
    )
    return Case(subject, profile, request, stock, logged.scarcity)


def differences(first: Decision, second: Decision) -> list[str]:
    """Return the paths at which two decisions differ, with both values."""
    found: list[str] = []
    _compare("", first, second, found)
    return found


def _compare(path: str, first: Any, second: Any, found: list[str]) -> None:
    if isinstance(first, msgspec.Struct) and isinstance(second, msgspec.Struct):
        first, second = _fields(first), _fields(second)
    if isinstance(first, dict) and isinstance(second, dict):
        for key in sorted(first.keys() | second.keys()):
            _compare(f"{path}.{key}" if path else str(key), first.get(key), second.get(key), found)
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for number, pair in enumerate(zip(first, second, strict=True)):
            _compare(f"{path}[{number}]", *pair, found)
    elif first != second:
        found.append(f"{path}: {first!r} was logged, {second!r} comes out now")


def _fields(value: msgspec.Struct) -> dict[str, Any]:
    return value.plain() if isinstance(value, Decision | Scored | Slot) else msgspec.structs.asdict(value)
