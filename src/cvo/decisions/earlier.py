"""Records as earlier versions logged them, read as if they had been logged today.

The layout changed three times: refused actions stood with their numbers in a map first, then in two lists; numbers
stood as lists before they were bytes; names and texts of rules stood in every record before a legend had them.
Records are never rewritten: what was logged stays as it was.
"""

from typing import Any, Literal

import msgspec

from cvo.actions.qualify import Refusal
from cvo.actions.scarcity import NOTHING_SCARCE, Scarcity
from cvo.core.clock import Instant
from cvo.core.errors import Damaged
from cvo.core.ids import DecisionId, PersonId
from cvo.decisions.decision import NOTHING, Arm, Decision, Pins, Purpose, Slot
from cvo.decisions.legend import Legend
from cvo.decisions.packed import packed
from cvo.decisions.scored import Scored, Terms, packed_grades
from cvo.events.event import Delivery, Scalar


class _Slot(msgspec.Struct, frozen=True, array_like=True):
    rank: int
    options: list[str]
    propensities: bytes | list[float]
    delivery_probabilities: bytes | list[float]
    draw: float
    chosen: str
    creative: str | None
    coin: float | None
    delivery: Delivery
    creative_propensity: float = 1.0


class _Scored(msgspec.Struct, frozen=True, array_like=True):
    actions: list[str]
    rows: list[str]
    table: bytes
    grades: bytes
    clv_grades: bytes = b""


class _Named(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Layout 3: what is as it is today but for names and texts in the place of numbers."""

    layout: Literal[3]
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
    refused_actions: list[str]
    refused_by: list[int]
    refusals: list[Refusal]
    scored: _Scored
    slots: list[_Slot]
    scarcity: Scarcity = NOTHING_SCARCE


class _Listed(msgspec.Struct, frozen=True, kw_only=True):
    """Layouts 1 and 2: `scored` has a list for every term, empty where it is zero for all."""

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


_LISTS, _NAMES = msgspec.msgpack.Decoder(_Listed), msgspec.msgpack.Decoder(_Named)
_LIST = b"\xdc"
_REMEDY = "open the company with the version of cvo that made it, or run `cvo doctor` if it is this one"


def read(body: bytes) -> Decision:
    """Read a record of an earlier layout; raises `Damaged` for anything else, such as one of a later version."""
    try:
        if body[:1] == _LIST:
            return _numbered(_NAMES.decode(body))
        logged = _LISTS.decode(body)
        fields = {name: getattr(logged, name) for name in _SAME}
        return _numbered(
            _Named(
                layout=3,
                **fields,
                refused_actions=[*logged.refused, *logged.refused_actions],
                refused_by=[*logged.refused.values(), *logged.refused_by],
                scored=_scored(logged.scored),
            )
        )
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, IndexError) as error:
        raise Damaged(
            f"a logged decision has no layout that this version knows ({error}); {_REMEDY}"
        ) from None


_SAME = set(_Listed.__struct_fields__) - {"refused", "refused_actions", "refused_by", "scored"}


def _scored(columns: list[list[Any]]) -> _Scored:
    actions, *numbers, grade = columns
    terms = dict(zip(_LISTED, numbers, strict=True))
    # Levers and prices have a row where something sets them, a change of lifetime value never had one.
    kept = {name: column for name, column in terms.items() if column or name in _ALWAYS}
    return _Scored(actions, list(kept), b"".join(map(packed, kept.values())), packed_grades(grade))


_LISTED = [name for name in Terms.__struct_fields__ if name not in {"patience", "grade", "clv_grade"}]
"""The terms of those layouts, in their order: none had a price of patience."""

_ALWAYS = set(_LISTED) - {"clv_change", "lever", "price"}


def _numbered(logged: _Named) -> Decision:
    """Return the record with a legend of its own."""
    scored, refused = logged.scored, dict(zip(logged.refused_actions, logged.refused_by, strict=True))
    said = [Refusal(each.tier, each.rule) for each in logged.refusals]
    legend = Legend(sorted({*scored.actions, *refused}), list(dict.fromkeys(said)))
    numbers = {number: legend.codes(legend.packed_codes([each]))[0] for number, each in enumerate(said)}
    codes = legend.packed_codes(said[refused[action]] for action in sorted(refused))
    return Decision(
        **{name: getattr(logged, name) for name in _UNCHANGED},
        legend=legend,
        codes=codes,
        ends={
            numbers[number]: each.until
            for number, each in enumerate(logged.refusals)
            if each.until is not None
        },
        scored=Scored(
            legend,
            legend.packed_places(scored.actions),
            scored.rows,
            scored.table,
            scored.grades,
            scored.clv_grades,
        ),
        slots=[_slot(each, legend) for each in logged.slots],
    )


_UNCHANGED = set(_Named.__struct_fields__) - {
    "layout",
    "refused_actions",
    "refused_by",
    "refusals",
    "scored",
    "slots",
}


def _slot(logged: _Slot, legend: Legend) -> Slot:
    fields = msgspec.structs.asdict(logged)
    chances, delivery = (_packed(fields.pop(name)) for name in ("propensities", "delivery_probabilities"))
    places = legend.packed_places(option for option in fields.pop("options") if option != NOTHING)
    return Slot(legend=legend, places=places, packed_propensities=chances, packed_delivery=delivery, **fields)


def _packed(numbers: bytes | list[float]) -> bytes:
    return numbers if isinstance(numbers, bytes) else packed(numbers)
