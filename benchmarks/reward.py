"""Reward while learning: labelled data as a bandit that is told only whether its choice was right.

Each row is seen once; the learner draws a label from its probabilities, 1 % of them spread evenly, and learns
0 or 1. Settings of both sides are chosen from sweeps on the same shuffles, VW's the wider one, then five other
shuffles are averaged. Both read the same numbers, standardised by what had been seen before.
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
TUNING_ROWS = 6_000
MOST_FOR_PRODUCTS = 20
"""With more features their products are too many for a full covariance; VW may still use them."""

OUR_SETTINGS = [
    {"scale": scale, "sd": sd, "products": products}
    for products, scale, sd in product((False, True), (0.1, 0.15, 0.2, 0.3), (1.5, 3.0, 5.0))
]
VW_SETTINGS = [
    f"{exploration} -l {rate}"
    for exploration, rate in product(
        (
            "--epsilon 0.02",
            "--epsilon 0.02 -q xx",
            "--cover 3",
            "--cover 3 -q xx",
            "--bag 5",
            "--bag 5 -q xx",
            "--cb_explore_adf --squarecb --gamma_scale 10 --interactions xA",
            "--cb_explore_adf --squarecb --gamma_scale 10 --interactions xA --interactions xxA",
            "--cb_explore_adf --squarecb --gamma_scale 100 --interactions xA",
            "--cb_explore_adf --squarecb --gamma_scale 100 --interactions xA --interactions xxA",
            "--cb_explore_adf --epsilon 0.02 --cb_type mtr --interactions xA",
            "--cb_explore_adf --epsilon 0.02 --cb_type mtr --interactions xA --interactions xxA",
        ),
        (0.1, 0.5, 1.0),
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


def with_products(features: np.ndarray) -> np.ndarray:
    """Append the products of every pair of features, as `--interactions xx` does."""
    left, right = np.triu_indices(features.shape[1] - 1)
    numbers = features[:, 1:]
    return np.column_stack([features, 0.5 * (numbers[:, left] * numbers[:, right] - (left == right))])


def our_reward(stream: Stream, shuffle: int, *, scale: float, sd: float, products: bool) -> float:
    """Full-covariance Bayesian regression, optimistic Thompson sampling, exact probabilities."""
    features = np.ascontiguousarray(with_products(stream.features) if products else stream.features)
    width, actions = features.shape[1], stream.actions
    assumed_mean, assumed_sd = np.zeros(width), np.full(width, sd / np.sqrt(width - 1))
    assumed_mean[0], assumed_sd[0] = 1 / actions, 0.15
    learner = Learner(new_model(actions, assumed_mean, assumed_sd, link="identity", noise_variance=0.25))
    uniforms = np.random.default_rng([shuffle, 1]).random(len(stream.labels))
    hits = 0
    for row, label, uniform in zip(features, stream.labels.tolist(), uniforms, strict=True):
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
    settings = [o for o in OUR_SETTINGS if not o["products"] or stream.features.shape[1] <= MOST_FOR_PRODUCTS]
    ours, theirs = [], []
    for shuffle in range(100, 100 + max(1, TUNING_ROWS // len(stream.labels))):
        whole = shuffled(stream, shuffle)
        part = Stream(whole.features[:TUNING_ROWS], whole.labels[:TUNING_ROWS])
        ours.append([our_reward(part, shuffle, **options) for options in settings])
        theirs.append(vw_rewards(vw, part, folder, VW_SETTINGS, shuffle))
    best = settings[int(np.mean(ours, axis=0).argmax())]
    vw_best = VW_SETTINGS[int(np.mean(theirs, axis=0).argmax())]
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
