"""What fitting lifetime models to a file answers."""

from datetime import date

import msgspec

from cvo.core.evidence import NotEstimable
from cvo.lifetime import RefundModel, Scores, TotalForecast, Unit


class Holdout(Scores, frozen=True, kw_only=True):
    """Scores on the transactions after the cut-off, with the naive forecast beside."""

    days: int
    actual: float
    naive: Scores
    recalibrated: Scores | None = None


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """How `auto` chose: every candidate's backtest, and whether the choice deserves trust."""

    backtest_origin: date | None
    backtest_days: int | None
    a_year_back: bool
    candidates: dict[str, Scores]
    naive: Scores | None
    correction: float | NotEstimable
    trusted: bool
    reasons: tuple[str, ...]


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """The Gamma-Gamma fit."""

    parameters: dict[str, float]
    standard_errors: dict[str, float]
    log_likelihood: float
    customers: int


class ClvFit(msgspec.Struct, frozen=True, kw_only=True):
    """What `cvo clv fit` found; money in the file's own currency, times in `unit`."""

    model: str
    unit: Unit
    until: date
    last_day: date
    customers: int
    transactions: int
    dropped_rows: int
    columns: dict[str, str]
    guessed: tuple[str, ...]
    parameters: dict[str, float]
    standard_errors: dict[str, float]
    log_likelihood: float
    at_bound: tuple[str, ...]
    holdout: Holdout | NotEstimable
    forecast: TotalForecast | None = None
    spend: Spend | NotEstimable | None = None
    refunds: RefundModel | NotEstimable | None = None
    selection: Selection | None = None
    assumed: dict[str, float] = {}
