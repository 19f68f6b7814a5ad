"""Registration: what an experiment will be judged by, frozen with a hash before the first assignment.

What was not registered can still be looked at; it is then marked exploratory and settles nothing (Nosek, Ebersole,
DeHaven, Mellor 2018, "The preregistration revolution", PNAS 115).
"""

from enum import StrEnum

import msgspec

from cvo.core.digest import digest
from cvo.core.errors import InvalidInput
from cvo.experiments.assignment import EVERYBODY, Traffic, check_shares
from cvo.experiments.power import Looks

CONTROL = "control"
"""The name of the arm that others are compared with."""


class Kind(StrEnum):
    """How a metric sums up customers."""

    MEAN = "mean"
    """The mean of a column, one total a customer."""
    RATIO = "ratio"
    """The sum of a column over the sum of another: revenue per order."""
    QUANTILE = "quantile"
    """A quantile of a column."""


class Metric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure to compare arms by, from the columns of a table of one row a customer."""

    column: str
    kind: Kind = Kind.MEAN
    per: str = ""
    """Column of a ratio's denominator."""
    quantile: float = 0.5
    before: str = ""
    """Column of a covariate from before the assignment (CUPED), of means only."""
    strata: str = ""
    """Column of strata known before the assignment, of means only."""
    cap: float | None = None
    """Larger values count as this much: set from the time before, so that one giant order decides nothing."""
    unit: str = ""

    def __post_init__(self) -> None:
        if not self.column:
            raise InvalidInput("a metric needs the column it is made of")
        if (self.kind is Kind.RATIO) != bool(self.per):
            raise InvalidInput(
                f"metric {self.column}: `per` names the denominator of a ratio, and of nothing else"
            )
        if (self.before or self.strata) and (self.kind is not Kind.MEAN or (self.before and self.strata)):
            raise InvalidInput(
                f"metric {self.column}: a mean can be adjusted by `before` or by `strata`, by one of both"
            )

    @property
    def name(self) -> str:
        """What it is called where it is shown."""
        column = self.column if self.cap is None else f"{self.column} up to {self.cap:g}"
        if self.kind is Kind.RATIO:
            return f"{column} per {self.per}"
        return f"{self.quantile:g} quantile of {column}" if self.kind is Kind.QUANTILE else column


class Guardrail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A metric that must not get worse by more than `tolerance`, in its unit."""

    metric: Metric
    tolerance: float
    higher_is_better: bool = True

    def __post_init__(self) -> None:
        if not self.tolerance >= 0:
            raise InvalidInput(f"the tolerance of {self.metric.name} is {self.tolerance}; give 0 or more")


class Registration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An experiment as promised: the goal, the smallest effect worth having, the horizon, how it is decided.

    `shares` are of the arms, one of them `control`. `horizon_days` is how long after the assignment a customer's
    outcomes count. An arm is *adopted* when the interval of its effect on the goal lies above 0 (below, if lower
    is better) and no guardrail may have been broken; level 1 − alpha is shared evenly by the arms compared.
    """

    name: str
    goal: Metric
    minimum_effect: float
    horizon_days: int
    hypothesis: str = ""
    higher_is_better: bool = True
    shares: dict[str, float] = msgspec.field(default_factory=lambda: {CONTROL: 0.5, "treated": 0.5})
    guardrails: tuple[Guardrail, ...] = ()
    traffic: Traffic = EVERYBODY
    timetable: Looks = Looks.ONCE
    alpha: float = 0.05
    customers: int = 0
    """How many are planned; 0 where nobody planned."""
    assumptions: dict[str, str] = {}

    def __post_init__(self) -> None:
        if not self.name or not self.name.replace("_", "").replace("-", "").isalnum():
            raise InvalidInput(f"{self.name!r} is no name of an experiment; use letters, digits, - and _")
        check_shares(self.shares)
        if CONTROL not in self.shares:
            raise InvalidInput(f"experiment {self.name}: one of the arms has to be named {CONTROL}")
        if not (self.minimum_effect > 0 and self.horizon_days >= 1 and 0 < self.alpha < 1):
            raise InvalidInput(
                f"experiment {self.name}: minimum_effect has to be positive, horizon_days at least 1, alpha in (0, 1)"
            )

    @property
    def version(self) -> str:
        """The hash of all of it: another promise has another version."""
        return digest(self)

    @property
    def treated_arms(self) -> list[str]:
        """The arms that are compared with control."""
        return [arm for arm in self.shares if arm != CONTROL]
