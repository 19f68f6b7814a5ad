"""Experiments in a file: one row a customer, an arm and metrics, for analysts without a company."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from cvo.core.errors import InvalidInput, NotFound
from cvo.core.evidence import Grade, NotEstimable
from cvo.experiments import (
    CONTROL,
    Finding,
    Metric,
    Registration,
    Report,
    SelfCheck,
    covariate_correlation,
    finding,
    report,
    self_check,
)
from cvo.experiments.uplift import Targeting, targeting, trial
from cvo.inference import DEFAULT_GUARD_RAILS, cluster_moments, sample_ratio_p, sample_ratio_refusal

ARM = "arm"


class Analysis(msgspec.Struct, frozen=True):
    """Effects in a file without a registration: all of it is exploratory."""

    customers: dict[str, int]
    sample_ratio_p: float | None
    """p-value that arms fell by the planned shares; None where nobody said what they were."""
    findings: list[Finding]


class Spread(msgspec.Struct, frozen=True):
    """What a file tells the planner of a metric."""

    customers: int
    mean: float
    standard_deviation: float
    correlation: float


def read_customers(file: Path) -> pl.DataFrame:
    """Read a CSV or Parquet file of one row a customer; raises `NotFound` without it, `InvalidInput` if unreadable."""
    if not file.is_file():
        raise NotFound(f"there is no file {file}")
    try:
        if file.suffix.lower() in {".parquet", ".pq"}:
            return pl.read_parquet(file, glob=False)
        return pl.read_csv(file, glob=False, infer_schema_length=10_000)
    except pl.exceptions.PolarsError as error:
        raise InvalidInput(f"{file} can't be read as CSV or Parquet: {error}") from error


def with_arm(rows: pl.DataFrame, column: str, control: str) -> pl.DataFrame:
    """Return the rows with their arm in a column of text called `arm`, `control` by that name."""
    _have(rows, [column])
    arms = rows[column].cast(pl.String)
    if arms.null_count():
        raise InvalidInput(
            f"column {column} is empty in {arms.null_count():,} rows; leave them out or name their arm"
        )
    if not (arms == control).any():
        raise InvalidInput(
            f"column {column} has no {control!r}, only {', '.join(sorted(arms.unique()))}; see --control"
        )
    return rows.with_columns(pl.when(arms == control).then(pl.lit(CONTROL)).otherwise(arms).alias(ARM))


def analyse(
    rows: pl.DataFrame,
    metrics: Sequence[Metric],
    *,
    shares: dict[str, float] | None = None,
    level: float = 0.95,
) -> Analysis:
    """Compare every arm with control by every metric, nothing of it promised beforehand.

    Effects are measured where the planned `shares` say that arms were drawn by lot and the split agrees, else no
    more than observational.
    """
    for metric in metrics:
        _have(
            rows, [column for column in (metric.column, metric.per, metric.before, metric.strata) if column]
        )
    counts = {str(arm): int(count) for arm, count in sorted(rows[ARM].value_counts().iter_rows())}
    control = rows.filter(pl.col(ARM) == CONTROL)
    ratio_p = None
    if shares is not None:
        if set(shares) != set(counts):
            raise InvalidInput(
                f"shares of {', '.join(shares)} for the arms {', '.join(counts)}; give every arm's"
            )
        ratio_p = sample_ratio_p([counts[arm] for arm in shares], list(shares.values()))
    drawn = ratio_p is not None and ratio_p >= DEFAULT_GUARD_RAILS.min_sample_ratio_p
    grade = Grade.MEASURED if drawn else Grade.OBSERVATIONAL
    findings = [
        msgspec.structs.replace(
            finding(metric, rows.filter(pl.col(ARM) == arm), control, level=level, grade=grade),
            exploratory=True,
        )
        for metric in metrics
        for arm in counts
        if arm != CONTROL
    ]
    return Analysis(counts, ratio_p, findings)


def judge(rows: pl.DataFrame, registration: Registration, *, look: int = 1) -> Report:
    """Judge a file by a registration, its horizon being over for every row."""
    planned = registration.customers
    return report(registration, rows, look=look, ended=rows.height >= planned)


def spread(rows: pl.DataFrame, metric: Metric) -> Spread:
    """Return what a planner has to know of a metric: its spread a customer, and what a covariate would save."""
    beside = metric.per or metric.before
    _have(rows, [metric.column, *([beside] if beside else [])])
    y = _numbers(rows, metric.column)
    d = _numbers(rows, beside) if beside else None
    moments = cluster_moments(y, d)
    if moments.clusters < 2:
        raise InvalidInput(f"{moments.clusters} customers tell nothing about the spread of {metric.name}")
    mean, deviation = moments.mean_y, float(np.sqrt(moments.squares_yy / (moments.clusters - 1)))
    if metric.per:
        mean, deviation = moments.ratio, moments.standard_error * float(np.sqrt(moments.clusters))
    correlation = covariate_correlation(moments) if metric.before else 0.0
    return Spread(moments.clusters, mean, deviation, correlation)


def check(rows: pl.DataFrame, metric: Metric, *, seed: str, splits: int = 1_000) -> SelfCheck | NotEstimable:
    """Split the customers of a file at random, many times, and see whether the metric's test is sound."""
    _have(rows, [metric.column, *([metric.per] if metric.per else [])])
    per = _numbers(rows, metric.per) if metric.per else None
    return self_check(_numbers(rows, metric.column), per, seed=seed, splits=splits)


def uplift(
    rows: pl.DataFrame, metric: Metric, features: Sequence[str], *, chance: float, seed: str
) -> Targeting:
    """Learn whom one treatment helps most from a file with two arms; text features become dummies.

    Raises `InvalidInput` where the arms did not fall by `chance`: then nothing made with it is measured.
    """
    _have(rows, [metric.column, *features])
    treated = rows[ARM] != CONTROL
    if rows[ARM].n_unique() != 2:
        raise InvalidInput(
            f"uplift compares two arms; there are {', '.join(sorted(rows[ARM].unique()))}: see --treated"
        )
    columns = rows.select(features)
    text = [name for name, kind in columns.schema.items() if not kind.is_numeric() and kind != pl.Boolean]
    encoded = columns.to_dummies(text, drop_first=True) if text else columns
    known = trial(
        encoded.cast(pl.Float64).to_numpy(),
        treated.to_numpy().astype(int),
        _numbers(rows, metric.column),
        chance=chance,
    )
    counts = {"treated": int(treated.sum()), CONTROL: int((~treated).sum())}
    refused = sample_ratio_refusal(counts, {"treated": chance, CONTROL: 1 - chance})
    if refused is not None:
        raise InvalidInput(f"the split is not by a chance of {chance:g}: {refused.detail}")
    return targeting(known, seed=seed, unit=metric.unit or metric.column)


def _have(rows: pl.DataFrame, names: Sequence[str]) -> None:
    absent = [name for name in names if name not in rows.columns]
    if absent:
        raise InvalidInput(f"there is no column {', '.join(absent)}, only {', '.join(rows.columns)}")


def _numbers(rows: pl.DataFrame, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if not rows[name].dtype.is_numeric() and rows[name].dtype != pl.Boolean:
        raise InvalidInput(f"column {name} holds {rows[name].dtype}, no numbers")
    return rows[name].cast(pl.Float64).to_numpy()
