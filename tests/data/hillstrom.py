"""The Hillstrom e-mail trial as arrays: Kevin Hillstrom, MineThatData E-Mail Analytics Challenge, 2008."""

from importlib.resources import files

import numpy as np
import polars as pl

from cvo.experiments.uplift import Trial, trial

WOMENS, MENS, NOTHING = "Womens E-Mail", "Mens E-Mail", "No E-Mail"
NUMBERS = ("recency", "history", "mens", "womens", "newbie")
CATEGORIES = {"zip_code": ("Urban", "Rural"), "channel": ("Web", "Phone")}


def rows(*arms: str) -> pl.DataFrame:
    """Return the customers of some arms, in the file's order; of all arms if none is named."""
    frame = pl.read_parquet(files("cvo") / "app" / "demo" / "hillstrom.parquet")
    return frame.filter(pl.col("segment").is_in(arms)) if arms else frame


def against_nothing(arm: str, outcome: str) -> Trial:
    """Return one e-mail against none, with the customers' numbers and the dummies of their categories."""
    frame = rows(arm, NOTHING)
    dummies = [frame[name] == value for name, values in CATEGORIES.items() for value in values]
    features = np.column_stack([*(frame[name] for name in NUMBERS), *dummies]).astype(np.float64)
    return trial(
        features, (frame["segment"] == arm).to_numpy().astype(int), frame[outcome].to_numpy(), chance=0.5
    )


def split(whole: Trial, seed: int) -> tuple[Trial, Trial]:
    """Return two random halves: one to learn from, one to judge on."""
    shuffled = np.random.default_rng(seed).permutation(len(whole))
    return whole.take(shuffled[: len(whole) // 2]), whole.take(shuffled[len(whole) // 2 :])
