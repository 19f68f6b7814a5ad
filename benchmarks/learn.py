"""How fast one outcome is learned: alone against the floor we promise, and against Vowpal Wabbit."""

from pathlib import Path

import numpy as np

from benchmarks.harness import Peer, Row, command, environment, faster, higher, interleaved, timed
from cvo.learning import Learner, Predictor, SharedPredictor, Thompson, fold, new_model, new_shared

VW = ("vowpalwabbit==9.11.9",)
ROUNDS = 9
OUTCOMES = 5_000
PEER_OUTCOMES = 100


def learning(actions: int, width: int, link: str) -> float:
    """Seconds for one outcome, learned one by one, of a random action."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(OUTCOMES, width))
    which = rng.integers(actions, size=OUTCOMES).tolist()
    outcomes = (rng.random(OUTCOMES) < 0.1).astype(float).tolist()
    learner = Learner(new_model(actions, np.zeros(width), np.ones(width), link=link))

    def all_of_them() -> None:
        for row, action, outcome in zip(rows, which, outcomes, strict=True):
            learner.learn(row, action, outcome)

    return timed(all_of_them) / OUTCOMES


def deciding(actions: int) -> float:
    """Seconds for the exact propensities of one decision among as many uncertain scores."""
    rng = np.random.default_rng(0)
    mean, sd = rng.normal(size=(50, actions)), np.exp(0.3 * rng.normal(size=(50, actions)))
    return timed(lambda: Thompson().probabilities(mean, sd)) / len(mean)


def folding() -> float:
    """Seconds an outcome in a batch of 20,000, input checks and snapshot included, 200 actions × 20 features."""
    rng = np.random.default_rng(0)
    rows, which = rng.normal(size=(20_000, 20)), rng.integers(200, size=20_000)
    outcomes = rng.random(20_000) < 0.1
    model = new_model(200, np.zeros(20), np.ones(20))
    return timed(lambda: fold(model, rows, which, outcomes)) / 20_000


def scoring(shared: bool) -> float:
    """Seconds to score one customer, 200 actions × 100 features, with one covariance or one an action."""
    rng = np.random.default_rng(0)
    table, rows = rng.normal(size=(200, 20)), rng.normal(size=(50, 100))
    prior = np.zeros(100)
    predict = (
        SharedPredictor(new_shared(table, prior, 1.0)) if shared else Predictor(new_model(200, prior, 1.0))
    )
    predict(rows[:1])  # compiled when first called
    return timed(lambda: [predict(rows[n : n + 1]) for n in range(50)]) / 50


def best_of(measure, *arguments) -> float:
    return min(measure(*arguments) for _ in range(ROUNDS))


def rows() -> list[Row]:
    """Learn at least 100,000 outcomes a second at 20 features, and 100 times as fast as Vowpal Wabbit."""
    found = [
        higher(
            f"one outcome, 100 actions × 20 features, full covariance, {link} link",
            1 / best_of(learning, 100, 20, link),
            None,
            at_least=100_000,
            unit="1/s",
        )
        for link in ("identity", "logit")
    ]
    with Peer(environment("vowpal-wabbit", VW), Path(__file__).parent / "peers" / "vw_bandit.py") as vw:
        for form, least in (("from text", 100.0), ("from parsed examples", 1.0)):

            def peer(form: str = form) -> float:
                arguments = {
                    "actions": 100,
                    "features": 100,
                    "rounds": PEER_OUTCOMES,
                    "parsed": "parsed" in form,
                }
                return float(vw.call("learn_speed", **arguments)["value"])

            ours, theirs = interleaved(lambda: learning(100, 100, "identity"), peer, rounds=ROUNDS)
            found.append(
                faster(f"one outcome, 100 actions × 100 features, VW {form}", ours, theirs, at_least=least)
            )
    found.append(
        higher("fold of a batch, logit link", 1 / best_of(folding), None, at_least=100_000, unit="1/s")
    )
    found.append(
        faster(
            "one customer scored, 200 actions × 100 features, shared model, against a covariance an action",
            *(
                1e6 * each
                for each in interleaved(lambda: scoring(True), lambda: scoring(False), rounds=ROUNDS)
            ),
            at_least=20.0,
            unit="µs",
        )
    )
    found += [
        Row(
            what=f"exact Thompson propensities of {actions} actions and nothing",
            ours=1e6 * best_of(deciding, actions),
            peer=None,
            ratio=None,
            unit="µs",
            at_least=None,
            ok=True,
        )
        for actions in (10, 200, 1000)
    ]
    return found


if __name__ == "__main__":
    command(rows)()
