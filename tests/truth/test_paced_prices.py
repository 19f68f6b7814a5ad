"""Scarce things over a simulated year, against the best that hindsight could have done with them.

A season moves demand: in the last weeks everything is worth more. Hindsight is the dual bound of the whole year, which
no way of spending can beat.
"""

import numpy as np
import pytest
from scipy.special import ndtr

from cvo.budget import EVENLY, begin, paced, plan_from, problem, solve_prices

DECISIONS, ACTIONS = 200_000, 10
BLOCK = 100
USE = np.zeros((ACTIONS, 3))
USE[:4, 0] = USE[4:7, 1] = USE[6:, 2] = 1.0  # action 6 takes of two resources
CAPACITY = np.array([1_000.0, 3_000.0, 8_000.0])


def year(seed):
    """Frozen scores of a year's decisions in the order of their times."""
    rng = np.random.default_rng(seed)
    elapsed = np.sort(rng.random(DECISIONS))
    season = 1.0 + 0.8 * np.exp(-(((elapsed - 0.9) / 0.06) ** 2))
    liked = rng.uniform(0.5, 1.5, size=ACTIONS)
    return elapsed, (rng.gamma(1.2, 5.0, size=(DECISIONS, ACTIONS)) * season[:, None] * liked - 3.0)


def spend(elapsed, values, first, plans):
    """Decide one after another at the prices in force; return the value got and the paces at the end."""
    paces = [begin(capacity, price) for capacity, price in zip(CAPACITY, first, strict=True)]
    total = 0.0
    for start in range(0, DECISIONS, BLOCK):
        left = np.array([pace.left for pace in paces])
        net = values[start : start + BLOCK] - USE @ np.array([pace.price for pace in paces])
        used = np.zeros(len(paces))
        for i, scores in enumerate(net):
            exhausted = (left - used < USE).any(axis=1)
            chosen = int(np.where(exhausted, -np.inf, scores).argmax())
            if scores[chosen] > 0 and not exhausted[chosen]:
                total += values[start + i, chosen]
                used += USE[chosen]
        until = elapsed[min(start + BLOCK, DECISIONS) - 1]
        paces = [
            paced(p, float(u), float(until), plan) for p, u, plan in zip(paces, used, plans, strict=True)
        ]
    return total, paces


def taken(values, price):
    net = values - USE @ price
    chosen = net.argmax(axis=1)
    return np.where(net.max(axis=1)[:, None] > 0, USE[chosen], 0.0)


def losses(seed):
    """Return the share of value lost with last year's plan and with an even one, and the paces of the first."""
    elapsed_before, before = year(seed + 1_000)
    lesson = solve_prices(problem(before, USE, CAPACITY, np.arange(DECISIONS)))
    used = taken(before, lesson.price)
    plans = [plan_from(elapsed_before, used[:, r]) for r in range(len(CAPACITY))]
    elapsed, values = year(seed)
    hindsight = solve_prices(problem(values, USE, CAPACITY, np.arange(DECISIONS))).bound
    planned, paces = spend(elapsed, values, lesson.price, plans)
    flat, flat_paces = spend(elapsed, values, lesson.price, [EVENLY] * len(plans))
    return 1.0 - planned / hindsight, 1.0 - flat / hindsight, [*paces, *flat_paces]


@pytest.mark.parametrize(
    "years", [1, pytest.param(12, marks=pytest.mark.slow)], ids=["a_year", "a_dozen_years"]
)
def test_a_planned_year_loses_little_and_a_flat_one_much(years, told):
    found = [losses(seed) for seed in range(years)]
    planned, flat = ([each[i] for each in found] for i in (0, 1))
    overrun = max(pace.used / pace.capacity for each in found for pace in each[2])
    seen = f"worst of {years}" if years > 1 else "one year"
    told(f"share of a scarce resource used at most, {seen}", overrun, at_most=1.0)
    told(f"value lost against hindsight, paced by last year's plan, {seen}", max(planned), at_most=0.02)
    told(
        f"value lost against hindsight, paced evenly under a season, mean of {years}",
        np.mean(flat),
        at_least=0.03,
        at_most=0.12,
    )


def weights_of_doing_nothing(*, on_noise, rounds):
    """Mean inverse-probability weight of ∅ among three customers who compete for one unit; it should be 1."""
    rng, mean = np.random.default_rng(11), np.ones(3)
    weights = []
    for _ in range(rounds):
        score = mean + rng.normal(size=3)
        seen = score if on_noise else mean
        price = solve_prices(problem(seen[:, None], [[1.0]], [1.0], range(3)), within=0.01, threads=1).price[
            0
        ]
        weights.append(((score <= price) / (1.0 - ndtr(mean - price))).mean())
    return np.mean(weights)


def test_prices_solved_on_drawn_noise_invalidate_propensities(told):
    rounds = 200
    honest = weights_of_doing_nothing(on_noise=False, rounds=rounds)
    told(
        "mean weight of doing nothing, prices from mean scores",
        honest,
        at_least=0.85,
        at_most=1.15,
    )
    drawn = weights_of_doing_nothing(on_noise=True, rounds=rounds)
    told("mean weight of doing nothing, prices from drawn noise", drawn, at_least=1.3)
