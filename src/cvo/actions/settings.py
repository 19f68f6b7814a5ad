"""How the company decides: the numbers of the policy that no catalogue entry owns."""

import msgspec

from cvo.core.errors import InvalidInput


class Shares(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The numbers a company may set, as the `[decisions]` table of its settings names them."""

    control_rate: float = 0.05
    """Share of customers in the control group, assigned at first meeting and kept."""
    withheld_rate: float = 0.05
    """Probability that a chosen delivery is withheld, per customer, action and window."""
    floor: float = 0.02
    """Probability mixed in uniformly over the qualified options, nothing included."""
    exploration: float = 1.0
    """Factor on the scores' standard deviations in the draw (Thompson sampling at 1)."""
    optimistic: bool = False
    """Whether actions compete by mean + sd·|z| instead of mean + sd·z (May et al. 2012)."""

    def __post_init__(self) -> None:
        for name in ("control_rate", "withheld_rate", "floor"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise InvalidInput(f"{name} is {value}; it has to be in [0, 1)")
        if not 0 <= self.exploration < 100:
            raise InvalidInput(f"exploration is {self.exploration}; it has to be in [0, 100)")


class Settings(Shares, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The company's decision settings, part of every policy version."""

    currency: str
    seed: str
    """Keys every draw, coin and arm; change it only for a new company."""
    time_zone: str = "UTC"
    """The clock of customers whose own time zone is not known."""
