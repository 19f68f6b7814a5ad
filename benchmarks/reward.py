"""Reward while learning: labelled data as a bandit that is told only whether its choice was right.

Each row is seen once; the learner draws a label from its probabilities, 1 % of them spread evenly, and learns
0 or 1. Settings of both sides are chosen from sweeps of the same size on shuffles of their own, then five
other shuffles are averaged. Both read the same numbers, standardised by what had been seen before.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from benchmarks.harness import ROOT, Peer, Row, command, environment, higher
from cvo.learning import Learner, draw, new_model, new_scaler, observed, standardised, winning, with_floor

PEERS = Path(__file__).parent / "peers"
VW = ("vowpalwabbit==9.11.9",)
STREAMS = ("scikit-learn==1.9.1", "river==0.26.1")
FLOOR = 0.01
TARGETS = {"digits": 0.84, "segment": 0.87, "letter": 0.60}
SHUFFLES = range(5)
TUNING_SHUFFLES = (100, 101)
TUNING_ROWS = 5_000

OUR_SETTINGS = [
    {"scale": scale, "sd": sd, "own_sd": own}
    for scale, sd, own in product((0.1, 0.15, 0.2, 0.3), (1.5, 3.0), (0.15, 0.5))
]
VW_SETTINGS = [
    f"{exploration} -l {rate}"
    for exploration, rate in product(
        (
            "--epsilon 0.02",
            "--epsilon 0.1",
            "--cover 3",
            "--bag 5",
            "--first 300",
            "--cb_explore_adf --squarecb -q xA --gamma_scale 10",
            "--cb_explore_adf --squarecb -q xA --gamma_scale 100",
            "--cb_explore_adf --epsilon 0.02 --cb_type mtr -q xA",
        ),
        (0.1, 0.5),
    )
]


class Stream(NamedTuple):
    features: np.ndarray
    labels: np.ndarray

    @property
    def actions(self) -> int:
        return int(self.labels.max()) + 1


def read_streams(folder: Path) -> Iterator[tuple[str, Stream]]:
    path = folder / "streams.npz"
    interpreter = environment("multiclass-streams", STREAMS)
    subprocess.run([str(interpreter), str(PEERS / "multiclass_streams.py"), str(path)], check=True)
    with np.load(path) as file:
        for name in ("digits", "segment"):
            yield name, Stream(file[f"{name}_features"], file[f"{name}_labels"])
    letters = pl.read_parquet(ROOT / "benchmarks" / "data" / "letter" / "letter.parquet")
    labels = letters["Letter"].rank("dense").to_numpy().astype(np.int64) - 1
    yield "letter", Stream(letters.drop("Letter").to_numpy().astype(np.float64), labels)


def shuffled(stream: Stream, shuffle: int) -> Stream:
    """One order of the rows, with a constant in front of features standardised by the rows up to each."""
    order = np.random.default_rng(shuffle).permutation(len(stream.labels))
    scaler, rows = new_scaler(stream.features.shape[1]), []
    for row in stream.features[order]:
        scaler = observed(scaler, row[None])
        rows.append(standardised(scaler, row[None])[0])
    return Stream(np.column_stack([np.ones(len(order)), rows]), stream.labels[order])


def our_reward(stream: Stream, shuffle: int, *, scale: float, sd: float, own_sd: float) -> float:
    """Full-covariance Bayesian regression, optimistic Thompson sampling, exact probabilities."""
    width, actions = stream.features.shape[1], stream.actions
    assumed_mean, assumed_sd = np.zeros(width), np.full(width, sd / np.sqrt(width - 1))
    assumed_mean[0], assumed_sd[0] = 1 / actions, own_sd
    learner = Learner(new_model(actions, assumed_mean, assumed_sd, link="identity", noise_variance=0.25))
    uniforms = np.random.default_rng([shuffle, 1]).random(len(stream.labels))
    hits = 0
    for row, label, uniform in zip(stream.features, stream.labels.tolist(), uniforms, strict=True):
        mean, variance = learner.predict(row)
        probabilities = with_floor(winning(mean, scale * np.sqrt(variance), half=True), FLOOR)
        action = int(draw(probabilities, uniform))
        hit = action == label
        hits += hit
        learner.learn(row, action, float(hit))
    return hits / len(stream.labels)


def vw_rewards(vw: Peer, stream: Stream, folder: Path, settings: list[str], shuffle: int) -> list[float]:
    path = folder / "stream.txt"
    with path.open("w") as file:
        for row, label in zip(stream.features[:, 1:], stream.labels, strict=True):
            file.write(f"{label} " + " ".join(f"{i}:{x:.5f}" for i, x in enumerate(row) if x) + "\n")
    vw.call("load", path=str(path), actions=stream.actions)
    return [
        vw.call("reward", options=options, rows=len(stream.labels), floor=FLOOR, seed=shuffle)["value"]
        for options in settings
    ]


def compare(name: str, stream: Stream, vw: Peer, folder: Path) -> list[Row]:
    tuning = []
    for shuffle in TUNING_SHUFFLES:
        whole = shuffled(stream, shuffle)
        tuning.append((shuffle, Stream(whole.features[:TUNING_ROWS], whole.labels[:TUNING_ROWS])))
    ours = np.mean([[our_reward(part, s, **o) for o in OUR_SETTINGS] for s, part in tuning], axis=0)
    theirs = np.mean([vw_rewards(vw, part, folder, VW_SETTINGS, s) for s, part in tuning], axis=0)
    best, vw_best = OUR_SETTINGS[int(ours.argmax())], VW_SETTINGS[int(theirs.argmax())]
    judged = [(shuffle, shuffled(stream, shuffle)) for shuffle in SHUFFLES]
    reward = float(np.mean([our_reward(part, s, **best) for s, part in judged]))
    peer = float(np.mean([vw_rewards(vw, part, folder, [vw_best], s)[0] for s, part in judged]))
    setting = ", ".join(f"{key} {value}" for key, value in best.items())
    return [
        higher(f"{name}: {setting}", reward, None, at_least=TARGETS[name], unit="mean reward"),
        higher(f"{name}: against VW {vw_best}", reward, peer, at_least=1.1, unit="mean reward"),
    ]


def rows() -> list[Row]:
    """Earn more reward while learning than Vowpal Wabbit's best of a sweep as wide as ours."""
    found = []
    with (
        tempfile.TemporaryDirectory() as name,
        Peer(environment("vowpal-wabbit", VW), PEERS / "vw_bandit.py") as vw,
    ):
        for stream_name, stream in read_streams(Path(name)):
            found += compare(stream_name, stream, vw, Path(name))
    return found


if __name__ == "__main__":
    command(rows)()
