"""The legend to the numbers in records: which actions they are, and what refusals their codes stand for.

Thousands of decisions refuse the same actions by the same rules. Their texts are kept once, under the hash of what they
say, and a record has numbers in their place; they are looked up when somebody reads it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from struct import pack, unpack

import msgspec

from cvo.actions.qualify import UNVALUED, Refusal
from cvo.core.digest import digest
from cvo.core.errors import Damaged
from cvo.decisions.packed import one

_REMEDY = "`cvo restore` a backup that has it"


class _Said(msgspec.Struct, frozen=True, array_like=True):
    actions: list[str]
    refusals: list[Refusal]
    terms: dict[str, bytes] = {}


class Legend:
    """What numbers of one placement stand for, under one policy; equal to another that says the same.

    An action's number is its place among `actions`. A refusal's is its place among `refusals`, plus one: 0 says that
    nothing gives the action a value. `terms` are those of scores that are the same for everybody, such as the cost,
    each packed with a number for every action.
    """

    def __init__(
        self, actions: Sequence[str], refusals: Sequence[Refusal], terms: Mapping[str, bytes] | None = None
    ) -> None:
        self.actions, self.refusals, self.terms = list(actions), list(refusals), dict(terms or {})
        self.place_type, self.code_type = _type(len(self.actions)), _type(len(self.refusals) + 1)

    @cached_property
    def version(self) -> str:
        """Return the content hash under which the legend is kept."""
        return digest(self._said())

    def encoded(self) -> bytes:
        """Return the bytes that are kept."""
        return _ENCODER.encode(self._said())

    def _said(self) -> _Said:
        return _Said(self.actions, self.refusals, self.terms)

    def packed_places(self, actions: Iterable[str]) -> bytes:
        """Return the numbers of actions as records have them; raises `KeyError` for an action that is not here."""
        numbers = [self._places[action] for action in actions]
        return pack(f"<{len(numbers)}{self.place_type}", *numbers)

    def packed_codes(self, refusals: Iterable[Refusal]) -> bytes:
        """Return the numbers of refusals, whenever they end, as records have them."""
        known = {refusal: number for number, refusal in enumerate([UNVALUED, *self.refusals])}
        numbers = [known[_for_ever(refusal)] for refusal in refusals]
        return pack(f"<{len(numbers)}{self.code_type}", *numbers)

    def places(self, data: bytes) -> Sequence[int]:
        """Return the numbers that stand for actions."""
        return _numbers(data, self.place_type)

    def codes(self, data: bytes) -> Sequence[int]:
        """Return the numbers that stand for refusals."""
        return _numbers(data, self.code_type)

    def named(self, data: bytes) -> list[str]:
        """Return the actions that packed numbers stand for; raises `Damaged` for a number that none has."""
        try:
            return list(map(self.actions.__getitem__, self.places(data)))
        except IndexError:
            raise Damaged(
                f"a logged decision names an action that its legend {self.version} does not have; {_REMEDY}"
            ) from None

    def term(self, name: str, data: bytes) -> list[float]:
        """Return a term that is the same for everybody, of actions by packed numbers; 0 where there is none."""
        if name not in self.terms:
            return [0.0] * len(self.places(data))
        return [one(self.terms[name], place) for place in self.places(data)]

    def position(self, action: str, data: bytes) -> int:
        """Return which of packed numbers stands for an action; raises `ValueError` where none does."""
        return self.places(data).index(self._places[action])

    def refusal(self, code: int) -> Refusal:
        """Return what a number stands for; raises `Damaged` for one that stands for nothing."""
        if code > len(self.refusals):
            raise Damaged(
                f"a logged decision names a refusal that its legend {self.version} does not have; {_REMEDY}"
            )
        return self.refusals[code - 1] if code else UNVALUED

    @cached_property
    def _places(self) -> dict[str, int]:
        return {action: place for place, action in enumerate(self.actions)}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Legend) and (self is other or self.version == other.version)

    def __hash__(self) -> int:
        return hash(self.version)

    def __repr__(self) -> str:
        return f"Legend({self.version!r})"


Legends = Callable[[str], Legend]
"""Returns the legend of a version; raises `Damaged` where it is not kept."""


def read_legend(version: str, kept: bytes) -> Legend:
    """Read what is kept under a version; raises `Damaged` where it is something else."""
    try:
        said = _DECODER.decode(kept)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Damaged(
            f"the legend {version} of logged decisions can't be read ({error}); {_REMEDY}"
        ) from None
    legend = Legend(said.actions, said.refusals, said.terms)
    if legend.version != version:
        raise Damaged(f"the legend {version} of logged decisions is not what was kept; {_REMEDY}")
    return legend


def missing(version: str) -> Damaged:
    """Return what is raised for a legend that is not kept."""
    return Damaged(f"the legend {version} of logged decisions is missing; {_REMEDY}")


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Said)


def _for_ever(refusal: Refusal) -> Refusal:
    return refusal if refusal.until is None else Refusal(refusal.tier, refusal.rule)


def _type(count: int) -> str:
    """Return the narrowest type of `struct` that numbers below `count` fit in."""
    return "B" if count <= 1 << 8 else "H" if count <= 1 << 16 else "I"


def _numbers(data: bytes, kind: str) -> Sequence[int]:
    # Bytes are numbers already.
    return data if kind == "B" else unpack(f"<{len(data) // _WIDTHS[kind]}{kind}", data)


_WIDTHS = {"B": 1, "H": 2, "I": 4}
