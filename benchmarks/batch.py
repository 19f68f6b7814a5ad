"""Deciding for a million customers at once: rules, scores, prices, draws, propensities, the log.

Customers and actions are invented, with rules of three conditions and five resources that do not reach for all.
mabwiser chooses for rows of as many actions and features, without rules, prices or propensities. HiGHS solves what the
prices approximate.
"""

import resource
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import sparse
from scipy.optimize import linprog

from benchmarks.harness import Peer, Row, command, environment, faster, higher
from cvo.actions.rules import Schema, Type, parse
from cvo.budget import Problem, allocate, problem, solve_prices
from cvo.decisions.batch.engine import Chosen, Customers, Engine, Resources
from cvo.decisions.batch.scores import SharedCovariance
from cvo.learning import Thompson

PEERS = Path(__file__).parent / "peers"
MABWISER = ("mabwiser==2.7.4",)
CUSTOMERS, ACTIONS, FEATURES = 1_000_000, 200, 100
SEED = 7
FACTS = {
    **{f"customer.number_{i}": Type.NUMBER for i in range(6)},
    "customer.country": Type.STRING,
    "customer.tier": Type.STRING,
    "customer.app": Type.BOOL,
}
COUNTRIES, TIERS = ("AT", "CH", "DE", "FR", "IT", "NL"), ("basic", "plus", "gold")
BLOCK = 65_536


class World(NamedTuple):
    """What is known before anybody is decided for."""

    engine: Engine
    rules: list[pl.Expr]
    resources: Resources


def world(customers: int, actions: int = ACTIONS, features: int = FEATURES) -> World:
    rng = np.random.default_rng(SEED)
    weights = (rng.normal(size=(features, actions)) * 1.2 / np.sqrt(features)).astype(np.float32)
    weights[0] = rng.normal(-3.2, 0.5, size=actions)
    covariance = np.eye(features) * 0.2 / features + 0.005 / features
    model = SharedCovariance(
        weights=weights,
        root=np.linalg.cholesky(covariance).astype(np.float32),
        spread=rng.gamma(4.0, 0.25, size=actions),
        incrementality=(rng.uniform(0.2, 0.8, size=actions), np.full(actions, 0.02)),
        margin=(rng.lognormal(3.3, 0.4, size=actions), np.full(actions, 4.0)),
        cost=rng.uniform(0.0, 1.0, size=actions),
    )
    use = np.zeros((actions, 5))
    scarce = np.arange(actions) % 5 < 3  # three of five actions need something scarce
    use[scarce, rng.integers(5, size=scarce.sum())] = 1.0
    use[:, 0] *= rng.integers(5, 20, size=actions)  # minutes
    resources = Resources(use, customers * np.array([0.5, 0.05, 0.02, 0.1, 0.08]))
    return World(Engine(model.scores, Thompson(floor=0.01), SEED), rules(rng, actions), resources)


def rules(rng: np.random.Generator, actions: int) -> list[pl.Expr]:
    """One rule an action, of three conditions each."""
    schema = Schema(paths=FACTS)
    made = []
    for _ in range(actions):
        number, limit = rng.integers(6), rng.uniform(5.0, 40.0)
        country, tier = rng.choice(COUNTRIES), rng.choice(TIERS)
        text = (
            f"customer.number_{number} >= {limit:.0f} && customer.country != '{country}' "
            f"&& (customer.app || customer.tier != '{tier}')"
        )
        made.append(parse(text, schema).expression())
    return made


def facts(rng: np.random.Generator, n: int) -> pl.DataFrame:
    numbers = {f"customer.number_{i}": rng.uniform(0.0, 100.0, size=n).round() for i in range(6)}
    return pl.DataFrame(
        {
            **numbers,
            "customer.country": pl.Series(COUNTRIES).gather(rng.integers(len(COUNTRIES), size=n)),
            "customer.tier": pl.Series(TIERS).gather(rng.integers(len(TIERS), size=n)),
            "customer.app": rng.random(n) < 0.6,
        }
    )


def design(rng: np.random.Generator, n: int, features: int = FEATURES) -> np.ndarray:
    rows = rng.standard_normal(size=(n, features), dtype=np.float32)
    rows[:, 0] = 1.0
    return rows


def qualified(table: pl.DataFrame, expressions: list[pl.Expr]) -> np.ndarray:
    """Which actions each customer qualifies for, by the rules over columns."""
    result = np.empty((len(table), len(expressions)), np.bool_)
    named = [expression.alias(str(number)) for number, expression in enumerate(expressions)]
    for start in range(0, len(table), BLOCK):
        result[start : start + BLOCK] = table[start : start + BLOCK].select(named).to_numpy()
    return result


class Timed(NamedTuple):
    rules: float
    prices: float
    forecast: float
    exact: float
    chosen: Chosen
    log_bytes: int


def decide_all(n: int, folder: Path) -> Timed:
    """Decide for everybody, as a forecast and for the log, and tell how many seconds each part took."""
    here, rng = world(n), np.random.default_rng(SEED)
    table, rows, clock = facts(rng, n), design(rng, n), [time.perf_counter()]

    def lap() -> float:
        clock.append(time.perf_counter())
        return clock[-1] - clock[-2]

    customers = Customers(np.arange(n), rows, qualified(table, here.rules))
    spent_rules = lap()
    price = here.engine.price(customers, here.resources).price
    spent_prices = lap()
    here.engine.decide(customers, here.resources, price, exact=False)
    spent_forecast = lap()
    chosen = here.engine.decide(customers, here.resources, price)
    log = folder / f"{n}.parquet"
    logged(customers, chosen).write_parquet(log)
    return Timed(spent_rules, spent_prices, spent_forecast, lap(), chosen, log.stat().st_size)


def logged(customers: Customers, chosen: Chosen) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "customer": customers.keys,
            "chosen": chosen.chosen.astype(np.int16),
            "propensity": chosen.propensity,
            "score": chosen.score,
        }
    )


def rows() -> list[Row]:
    """Batch decisions for a million customers, beside mabwiser, and prices beside HiGHS."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        decide_all(20_000, folder)  # compiles
        took = decide_all(CUSTOMERS, folder)
    gibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    quick = took.rules + took.prices + took.forecast
    logging = took.rules + took.prices + took.exact
    size = f"{CUSTOMERS:,} customers × {ACTIONS} actions, {FEATURES} features"
    return [
        higher(
            f"{size}: rules {took.rules:.1f} s, prices {took.prices:.1f} s, scores and draw {took.forecast:.1f} s",
            CUSTOMERS / quick,
            None,
            at_least=CUSTOMERS / 8.0,
            unit="customers/s",
        ),
        higher(
            f"the same with exact propensities and a Parquet log of {took.log_bytes / 1e6:.0f} MB, {logging:.1f} s",
            CUSTOMERS / logging,
            None,
            at_least=CUSTOMERS / 40.0,
            unit="customers/s",
        ),
        Row(
            what="memory at most, everybody's features included: 4 GiB is the limit",
            ours=gibibytes,
            peer=None,
            ratio=None,
            unit="GiB",
            at_least=None,
            ok=gibibytes <= 4.0,
        ),
        *beside_mabwiser(quick / CUSTOMERS, logging / CUSTOMERS),
        *beside_highs(),
    ]


def beside_mabwiser(forecast: float, logging: float) -> list[Row]:
    interpreter = environment("mabwiser", MABWISER)
    arguments = {"actions": ACTIONS, "features": FEATURES, "rows": 5_000}
    with Peer(interpreter, PEERS / "mabwiser_batch.py") as peer:
        seconds = min(peer.call("batch", **arguments, jobs=jobs)["value"] for jobs in (1, 2))
    size = f"{ACTIONS} actions × {FEATURES} features, mabwiser's LinUCB on one or two cores"
    return [
        faster(f"a decision with rules and prices; {size}", forecast, seconds, at_least=5.0),
        faster(f"a decision with exact propensity, logged; {size}", logging, seconds, at_least=1.0),
    ]


def priced(n: int, actions: int, resources: int) -> Problem:
    rng = np.random.default_rng(SEED)
    values = rng.gamma(1.5, 4.0, size=(n, actions)).astype(np.float32) - 2.0
    values[rng.random((n, actions)) < 0.3] = -np.inf
    use = rng.gamma(2.0, 1.0, size=(actions, resources)) * (rng.random((actions, resources)) < 0.5)
    return problem(values, use, n * use.mean(axis=0) * rng.uniform(0.05, 0.6, size=resources), np.arange(n))


def beside_highs() -> list[Row]:
    few, many = priced(5_000, 50, 5), priced(100_000, 50, 5)
    start = time.perf_counter()
    optimum = highs(few)
    theirs = time.perf_counter() - start
    start = time.perf_counter()
    value = allocate(few, solve_prices(few)).value
    ours = time.perf_counter() - start
    start = time.perf_counter()
    prices = solve_prices(many)
    got = allocate(many, prices)
    seconds = time.perf_counter() - start
    return [
        faster("prices and allocation, 5,000 × 50 × 5, beside HiGHS", ours, theirs, at_least=5.0),
        higher(
            "value within capacities, 5,000 × 50 × 5, HiGHS's optimum",
            value,
            optimum,
            at_least=0.99,
            unit="money",
        ),
        higher(
            f"value within capacities, 100,000 × 50 × 5, the dual bound; {seconds:.2f} s",
            got.value,
            prices.bound,
            at_least=0.99,
            unit="money",
        ),
    ]


def highs(made: Problem) -> float:
    who, what = np.nonzero(made.values > 0)
    cells = np.arange(who.size)
    once = sparse.csr_array((np.ones(who.size), (who, cells)), shape=(len(made.values), who.size))
    found = linprog(
        -made.values[who, what].astype(np.float64),
        A_ub=sparse.vstack([once, sparse.csr_array(made.use[what].T)]),
        b_ub=np.concatenate([np.ones(len(made.values)), made.capacity]),
        method="highs",
    )
    return -float(found.fun)


if __name__ == "__main__":
    command(rows)()
