"""The numbers that stand in until something is measured, by name, with their defaults."""

from collections.abc import Callable
from math import inf, isfinite

import msgspec

from cvo.actions.catalogue import Assumption, Catalogue
from cvo.core.errors import CatalogueError

DEFAULTS: dict[str, Assumption] = {
    "incrementality": Assumption(
        value=0.5,
        standard_deviation=0.5,
        because="Before any comparison with customers left alone, half of what follows is taken as caused.",
    ),
    "response_probability": Assumption(
        value=0.02,
        standard_deviation=1.0,
        because="Before any response, one contact in fifty is taken to get one (the deviation is a logit).",
    ),
    "clv_change": Assumption(
        value=0.0,
        standard_deviation=0.02,
        because="Before any comparison has run beyond its window, no action is taken to change what comes after it "
        "(in shares of what a usual response brings).",
    ),
    "patience": Assumption(
        value=0.0025,
        standard_deviation=0.01,
        because="Before it is measured, one more contact is taken to cost later a four-hundredth of what a usual "
        "response brings: about so many recipients turn away from a message for good.",
    ),
}
"""What holds where the catalogue says nothing."""

WITHOUT_DEFAULT = {"margin_rate", "margin_per_response"}
"""Share of an order's revenue that is margin; margin of one response, until responses have been seen."""

_POSSIBLE: dict[str, tuple[Callable[[float], bool], str]] = {
    "incrementality": (isfinite, "a finite number"),
    "response_probability": (lambda value: 0 < value < 1, "above 0 and below 1"),
    "clv_change": (isfinite, "a finite share of what a usual response brings"),
    "patience": (
        lambda value: 0 <= value < 1,
        "a share of what a usual response brings, at least 0 and below 1",
    ),
    "margin_rate": (lambda value: 0 < value <= 1, "above 0 and at most 1"),
    "margin_per_response": (lambda value: 0 < value < inf, "above 0"),
}


class Assumptions(msgspec.Struct, frozen=True):
    """All assumptions in force: the catalogue's, and the defaults for the rest."""

    by_name: dict[str, Assumption]

    def __getitem__(self, name: str) -> Assumption:
        """Return an assumption; raises `CatalogueError` with the remedy where it was never made."""
        try:
            return self.by_name[name]
        except KeyError:
            raise CatalogueError(
                f"nothing says what {name} is; add assumptions.{name} with value and because to the catalogue"
            ) from None


def assumptions_of(catalogue: Catalogue) -> Assumptions:
    """Return the assumptions in force; an unknown name or an impossible number raises `CatalogueError`."""
    known = DEFAULTS.keys() | WITHOUT_DEFAULT
    for name in catalogue.assumptions:
        if name not in known:
            raise CatalogueError(f"assumptions.{name} is not used; known: {', '.join(sorted(known))}")
    found = Assumptions({**DEFAULTS, **catalogue.assumptions})
    for name, assumption in found.by_name.items():
        possible, words = _POSSIBLE[name]
        if not possible(assumption.value):
            raise CatalogueError(f"assumptions.{name}.value is {assumption.value:g}; it has to be {words}")
    for name in DEFAULTS:
        if not 0 < found[name].standard_deviation < inf:
            raise CatalogueError(
                f"assumptions.{name}.standard_deviation is {found[name].standard_deviation:g}; it has to say, "
                "above 0, how far off the value may be: with 0 no data could ever move it"
            )
    return found
