"""Vowpal Wabbit as a contextual bandit; see `benchmarks/learn.py` and `benchmarks/reward.py`."""

import random
import time
from pathlib import Path

import vowpalwabbit
from serving import serve

STREAM = {}


def learn_speed(actions, features, rounds, parsed):
    """Seconds a learned outcome takes with squarecb over action-dependent features."""
    vw = vowpalwabbit.Workspace("--cb_explore_adf --squarecb -q UA --quiet")
    rng = random.Random(0)
    examples = []
    for i in range(20):
        context = " ".join(f"f{j}:{rng.gauss(0, 1):.5f}" for j in range(features))
        lines = [f"shared |U {context}", *(f"|A a{a}" for a in range(actions))]
        lines[1 + i] = "0:-1:0.01 " + lines[1 + i]
        examples.append(vw.parse("\n".join(lines)) if parsed else lines)
    vw.learn(examples[0])
    start = time.perf_counter()
    for i in range(rounds):
        vw.learn(examples[i % 20])
    return (time.perf_counter() - start) / rounds


def predict_speed(actions, features, rounds, parsed):
    """Seconds the probabilities of one decision take with squarecb, after it has learned a little."""
    vw = vowpalwabbit.Workspace("--cb_explore_adf --squarecb -q UA --quiet")
    rng = random.Random(0)
    asked = []
    for i in range(20):
        context = " ".join(f"f{j}:{rng.gauss(0, 1):.5f}" for j in range(features))
        lines = [f"shared |U {context}", *(f"|A a{a}" for a in range(actions))]
        vw.learn([lines[0], *lines[1 : 1 + i], "0:-1:0.01 " + lines[1 + i], *lines[2 + i :]])
        asked.append(vw.parse("\n".join(lines)) if parsed else lines)
    start = time.perf_counter()
    for i in range(rounds):
        pmf = vw.predict(asked[i % 20])
    seconds = (time.perf_counter() - start) / rounds
    assert len(pmf) == actions
    return seconds


def load(path, actions):
    """Read a stream: one line an example, its label first, then its features."""
    rows = [line.split(" ", 1) for line in Path(path).read_text().splitlines()]
    STREAM["labels"] = [int(label) for label, _ in rows]
    STREAM["features"] = [features for _, features in rows]
    STREAM["actions"] = actions
    return len(rows)


def reward(options, rows, floor, seed):
    """Mean reward of one pass with the pmf of VW, the floor mixed in, and a draw from the result."""
    actions = STREAM["actions"]
    if "adf" in options:
        play = _AllActions(f"{options} --quiet --random_seed {seed}", actions)
    else:
        play = _OneLine(f"--cb_explore {actions} {options} --quiet --random_seed {seed}")
    rng = random.Random(seed)
    total = 0
    stream = list(zip(STREAM["labels"], STREAM["features"], strict=True))[:rows]
    for label, features in stream:
        pmf = [(1 - floor) * p + floor / actions for p in play.pmf(features)]
        action = rng.choices(range(actions), pmf)[0]
        hit = action == label
        total += hit
        play.learn(features, action, -1.0 if hit else 0.0, pmf[action] / sum(pmf))
    play.vw.finish()
    return total / len(stream)


class _OneLine:
    def __init__(self, options):
        self.vw = vowpalwabbit.Workspace(options)

    def pmf(self, features):
        return self.vw.predict(f"|x {features}")

    def learn(self, features, action, cost, probability):
        self.vw.learn(f"{action + 1}:{cost}:{probability} |x {features}")


class _AllActions:
    def __init__(self, options, actions):
        self.vw = vowpalwabbit.Workspace(options)
        self.lines = [f"|A a{a}" for a in range(actions)]

    def pmf(self, features):
        return self.vw.predict([f"shared |x {features}", *self.lines])

    def learn(self, features, action, cost, probability):
        lines = [f"shared |x {features}", *self.lines]
        lines[1 + action] = f"0:{cost}:{probability} {lines[1 + action]}"
        self.vw.learn(lines)


if __name__ == "__main__":
    serve({"learn_speed": learn_speed, "predict_speed": predict_speed, "load": load, "reward": reward})
