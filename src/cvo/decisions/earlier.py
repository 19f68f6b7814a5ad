"""Records as earlier versions logged them, read as if they had been logged today.

Twice the layout changed: refused actions stood with their numbers in a map first, then in two lists, and numbers stood
as lists before they were bytes. Records are never rewritten: what was logged stays as it was.
"""

from typing import Any

import msgspec

from cvo.actions.qualify import Refusal
from cvo.actions.scarcity import NOTHING_SCARCE, Scarcity
from cvo.core.clock import Instant
from cvo.core.errors import Damaged
from cvo.core.ids import DecisionId, PersonId
from cvo.decisions.decision import Arm, Decision, Pins, Purpose, Scored, Slot, Terms
from cvo.decisions.packed import packed
from cvo.events.event import Delivery, Scalar


class _Slot(msgspec.Struct, frozen=True, array_like=True):
    rank: int
    options: list[str]
    propensities: list[float]
    delivery_probabilities: list[float]
    draw: float
    chosen: str
    creative: str | None
    coin: float | None
    delivery: Delivery
    creative_propensity: float = 1.0


class _Listed(msgspec.Struct, frozen=True, kw_only=True):
    """Either earlier layout: `scored` has a list for every term, empty where it is zero for all."""

    decision_id: DecisionId
    person_id: PersonId
    customer: str
    placement: str
    channel: str
    at: Instant
    purpose: Purpose
    context: dict[str, Scalar]
    arm: Arm
    met_as: PersonId = PersonId(b"")
    pins: Pins
    currency: str
    refused: dict[str, int] = {}
    refused_actions: list[str] = []
    refused_by: list[int] = []
    refusals: list[Refusal]
    scored: list[list[Any]]
    slots: list[_Slot]
    scarcity: Scarcity = NOTHING_SCARCE


_DECODER = msgspec.msgpack.Decoder(_Listed)
_REMEDY = "open the company with the version of cvo that made it, or run `cvo doctor` if it is this one"


def read(body: bytes) -> Decision:
    """Read a record of an earlier layout; raises `Damaged` for anything else, such as one of a later version."""
    try:
        logged = _DECODER.decode(body)
        return _today(logged)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise Damaged(
            f"a logged decision has no layout that this version knows ({error}); {_REMEDY}"
        ) from None


def _today(logged: _Listed) -> Decision:
    fields = {name: getattr(logged, name) for name in _SAME}
    return Decision(
        **fields,
        refused_actions=[*logged.refused, *logged.refused_actions],
        refused_by=[*logged.refused.values(), *logged.refused_by],
        scored=_scored(logged.scored),
        slots=[_slot(each) for each in logged.slots],
    )


_SAME = set(_Listed.__struct_fields__) - {"refused", "refused_actions", "refused_by", "scored", "slots"}


def _scored(columns: list[list[Any]]) -> Scored:
    actions, *numbers, grade = columns
    terms = dict(zip(_LISTED, numbers, strict=True))
    # Levers and prices have a row where something sets them, a change of lifetime value never had one.
    return Scored.of(
        actions, grade, **{name: column for name, column in terms.items() if column or name in _ALWAYS}
    )


_LISTED = [name for name in Terms.__struct_fields__ if name not in {"patience", "grade", "clv_grade"}]
"""The terms of those layouts, in their order: none had a price of patience."""

_ALWAYS = set(_LISTED) - {"clv_change", "lever", "price"}


def _slot(logged: _Slot) -> Slot:
    fields = msgspec.structs.asdict(logged)
    chances, delivery = fields.pop("propensities"), fields.pop("delivery_probabilities")
    return Slot(packed_propensities=packed(chances), packed_delivery=packed(delivery), **fields)
