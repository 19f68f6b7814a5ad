"""Uplift on the Hillstrom trial against econml's LinearDRLearner: as good at finding whom to write to."""

import tempfile
from pathlib import Path
from statistics import median

import msgspec
import numpy as np

from benchmarks.harness import Peer, Row, command, environment, faster, timed
from cvo.core.evidence import NotEstimable
from cvo.experiments.uplift import Trial, effect_scores, learn_uplift, qini, targeting, trees
from cvo.inference import Fit, Predict, folds_by_hash, ridge_per_action
from tests.data import hillstrom

ECONML = (("econml==0.16.0", "lightgbm>=4.5"),)
SPLITS = 10
MARGIN = 0.2


class Split(msgspec.Struct, frozen=True):
    """The Qini coefficient per 1,000 treated on one split, by who ordered the customers; seconds of learning."""

    qini: dict[str, float]
    seconds: dict[str, float]


def judged(priority: np.ndarray, judge: Trial) -> float:
    """Return the area above random per 1,000 treated customers: the curve's gains over the share treated."""
    found = qini(priority, effect_scores(judge), unit="visits")
    if isinstance(found, NotEstimable):
        raise SystemExit(found.detail)
    return 1_000 * found.value


def learned(learn: Trial, seed: int, models: Fit | None) -> tuple[float, Predict]:
    """Return the seconds that learning uplift takes, and what was learned."""
    kept = []

    def run() -> None:
        folds = folds_by_hash(np.arange(len(learn)), fold_count=5, seed=str(seed))
        kept.append(learn_uplift(learn, folds, models))

    seconds = timed(run)
    return seconds, kept[0].uplift


def on_split(whole: Trial, seed: int, peer: Peer) -> Split:
    shuffled = np.random.default_rng(seed).permutation(len(whole))
    rows = shuffled[: len(whole) // 2], shuffled[len(whole) // 2 :]
    learn, judge = hillstrom.split(whole, seed)
    with_trees, uplift_of_trees = learned(learn, seed, trees(seed=seed))
    theirs = peer.call("learn", rows=rows[0].tolist(), seed=seed)["seconds"]
    with_ridges, uplift_of_ridges = learned(learn, seed, None)
    econml = np.array(peer.call("uplift", rows=rows[1].tolist())["value"]).ravel()
    response = ridge_per_action(2)(learn.features, learn.treated, learn.outcomes)(judge.features)[:, 1]
    random = np.random.default_rng(seed).random(len(judge))
    found = {
        "trees": uplift_of_trees(judge.features),
        "ridges": uplift_of_ridges(judge.features),
        "econml": econml,
        "response": response,
        "random": random,
    }
    return Split(
        {name: judged(priority, judge) for name, priority in found.items()},
        {"trees": with_trees, "ridges": with_ridges, "econml": theirs},
    )


def near(what: str, ours: float, peer: float) -> Row:
    """Ask for the peer's score less the margin."""
    return Row(
        what=what, ours=ours, peer=peer, ratio=ours / peer, unit="visits per 1,000 treated",
        at_least=(peer - MARGIN) / peer, ok=ours >= peer - MARGIN,
    )  # fmt: skip


def splits_of(arm: str) -> list[Split]:
    """Judge everybody's order of the visits that an e-mail causes, on ten halves of its trial."""
    whole = hillstrom.against_nothing(arm, "visit")
    script = Path(__file__).parent / "peers" / "econml_uplift.py"
    with tempfile.TemporaryDirectory() as folder:
        handed_over = Path(folder) / "trial.npz"
        np.savez(handed_over, features=whole.features, treated=whole.treated, outcomes=whole.outcomes)
        with Peer(environment("econml", *ECONML), script) as peer:
            peer.call("load", path=str(handed_over))
            return [on_split(whole, seed, peer) for seed in range(SPLITS)]


def mean_qini(splits: list[Split]) -> dict[str, float]:
    return {name: float(np.mean([split.qini[name] for split in splits])) for name in splits[0].qini}


def rows() -> list[Row]:
    """Order the customers of ten halves of an e-mail's trial by uplift learned on the other halves."""
    splits = splits_of(hillstrom.WOMENS)
    mean, mens = mean_qini(splits), mean_qini(splits_of(hillstrom.MENS))
    seconds = {name: median(split.seconds[name] for split in splits) for name in splits[0].seconds}
    return [
        near(
            "Womens visit: Qini of the DR-learner with trees, at least econml's less 0.2",
            mean["trees"],
            mean["econml"],
        ),
        near(
            "Womens visit: Qini of the DR-learner with ridges, at least econml's less 0.2",
            mean["ridges"],
            mean["econml"],
        ),
        beats("Womens visit: Qini over that of a response model", mean["trees"], mean["response"]),
        beats("Womens visit: Qini over that of a random order", mean["trees"], mean["random"]),
        beats("Mens visit: Qini over econml's", mens["trees"], mens["econml"]),
        faster("learning with trees", seconds["trees"], seconds["econml"], at_least=0.7),
        faster("learning with ridges", seconds["ridges"], seconds["econml"], at_least=3.0),
        refused("Mens spend: no targetable heterogeneity"),
    ]


def beats(what: str, ours: float, peer: float) -> Row:
    """Ask for more than the other order reaches, which may be below 0: no ratio."""
    return Row(
        what=what,
        ours=ours,
        peer=peer,
        ratio=None,
        unit="visits per 1,000 treated",
        at_least=None,
        ok=ours > peer,
    )


def refused(what: str) -> Row:
    """Ask for the refusal of a model, and show the coefficient that it rests on."""
    found = targeting(hillstrom.against_nothing(hillstrom.MENS, "spend"), seed="hillstrom", unit="USD")
    ok = isinstance(found.model, NotEstimable) and found.model.reason == "no targetable heterogeneity"
    value = float("nan") if isinstance(found.qini, NotEstimable) else found.qini.value
    return Row(what=what, ours=value, peer=None, ratio=None, unit="USD a customer", at_least=None, ok=ok)


if __name__ == "__main__":
    command(rows)()
