"""Effects on the Hillstrom trial against gbstats 0.8.0: the same figures for mean, ratio, CUPED and looking often."""

import json
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import ROOT, Peer, Row, command, environment, equal
from cvo.core.evidence import NotEstimable
from cvo.experiments import MixtureTest, adjusted_effect, effect, relative_effect
from cvo.inference import ClusterMoments, cluster_moments
from tests.data import hillstrom

GBSTATS = (("gbstats==0.8.0", "numpy<2", "pandas<2", "scipy<1.12"),)
TUNING = 5_000
PAIRS = {"mean": ("spend", None), "ratio": ("spend", "visit"), "cuped": ("spend", "history")}
GOLDEN = ROOT / "tests" / "data" / "experiments" / "gbstats.json"


def moments(arm: str, y: str, d: str | None) -> ClusterMoments:
    rows = hillstrom.rows(arm)
    return cluster_moments(rows[y].to_numpy(), None if d is None else rows[d].to_numpy())


def sums(arm: str, y: str, d: str | None) -> dict[str, float]:
    rows = hillstrom.rows(arm)
    first = rows[y].to_numpy().astype(np.float64)
    second = np.ones_like(first) if d is None else rows[d].to_numpy().astype(np.float64)
    products = {"yy": first @ first, "yd": first @ second, "dd": second @ second}
    return {"n": len(first), "y": first.sum(), "d": second.sum(), **products}


def theirs(peer: Peer) -> dict[str, dict[str, float]]:
    """Return what gbstats finds of the men's e-mail, by what was asked."""
    found = {}
    for kind, pair in PAIRS.items():
        control, treated = (_plain(sums(arm, *pair)) for arm in (hillstrom.NOTHING, hillstrom.MENS))
        for change in ("absolute", "relative") if kind != "cuped" else ("absolute",):
            asked = {"kind": kind, "control": control, "treated": treated, "difference": change}
            found[f"{kind}, {change}"] = peer.call("effect", **asked)["value"]
    control, treated = (_plain(sums(arm, *PAIRS["mean"])) for arm in (hillstrom.NOTHING, hillstrom.MENS))
    found["sequence"] = peer.call("sequential", control=control, treated=treated, tuning=TUNING)["value"]
    return found


def ours(rho: float) -> dict[str, Any]:
    """Return what cvo finds of the same; `rho` is gbstats' scale, per customer, of its mixture."""
    found = {}
    for kind, pair in PAIRS.items():
        treated, control = (moments(arm, *pair) for arm in (hillstrom.MENS, hillstrom.NOTHING))
        estimate = adjusted_effect if kind == "cuped" else effect
        found[f"{kind}, absolute"] = estimate(treated, control, unit="USD")
        if kind != "cuped":
            found[f"{kind}, relative"] = relative_effect(treated, control)
    fixed = found["mean, absolute"]
    if isinstance(fixed, NotEstimable):
        raise SystemExit(fixed.detail)
    scale = rho * sqrt(fixed.sample_size) * fixed.standard_error
    found["sequence"] = MixtureTest(scale=scale).looked_at(fixed)
    return found


def _plain(numbers: dict[str, float]) -> dict[str, float]:
    return {name: int(value) if name == "n" else float(value) for name, value in numbers.items()}


def asked() -> dict[str, dict[str, float]]:
    script = Path(__file__).parent / "peers" / "gbstats_effects.py"
    with Peer(environment("gbstats", *GBSTATS), script) as peer:
        return theirs(peer)


def rows() -> list[Row]:
    """Compare effects, standard errors and intervals of the Hillstrom men's e-mail with gbstats 0.8.0."""
    gbstats = asked()
    cvo = ours(gbstats["sequence"]["rho"])
    found = []
    for what, peer in gbstats.items():
        estimate = cvo[what]
        found.append(equal(f"{what}: effect", estimate.value, peer["effect"], within=1e-9, unit="effect"))
        found.append(
            equal(
                f"{what}: standard error", estimate.standard_error, peer["error"], within=1e-9, unit="error"
            )
        )
        # gbstats takes Welch's t, of some 40,000 degrees of freedom; cvo the normal.
        low = estimate.interval.low
        found.append(equal(f"{what}: interval's lower end", low, peer["low"], within=1e-3, unit="effect"))
    return found


def write() -> None:
    """Write the figures that the unit tests hold cvo to."""
    GOLDEN.write_text(json.dumps(asked(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    command(rows)()
