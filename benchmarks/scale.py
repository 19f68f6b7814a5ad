"""What a batch costs as customers and actions grow: streamed from Parquet, shard by shard, in the same memory.

Each shard is read, judged by rules, priced, decided and written to a file of its own; it is leased its share of every
capacity. Prices are solved once, on the first shard. `--long` goes to ten million customers. The table and the chart
are written to benchmarks/SCALE.md and scale.svg.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import numpy as np
import polars as pl

from benchmarks.batch import SEED, World, design, facts, logged, qualified, world
from benchmarks.harness import ROOT, Row, command
from cvo.decisions.batch.engine import Customers, Resources

PAGE, PICTURE = ROOT / "benchmarks" / "SCALE.md", ROOT / "benchmarks" / "scale.svg"
FEATURES, ACTIONS, SHARD = 20, 20, 100_000
MANY_ACTIONS = (10, 30, 100, 300, 1_000)
FORM, LONG_FORM = (10_000, 100_000, 1_000_000), (10_000, 100_000, 1_000_000, 10_000_000)


class Point(msgspec.Struct, frozen=True):
    """What one run cost; `seconds` are of the processor, over all threads."""

    customers: int
    actions: int
    seconds: float
    gibibytes: float
    """The most memory the process has had by then."""
    used: float
    """The share of the scarcest capacity that was used."""


def stored(folder: Path, customers: int) -> list[Path]:
    """Write customers, their facts and features, to Parquet files of a shard each, unless they are there."""
    paths = []
    for shard, start in enumerate(range(0, customers, SHARD)):
        path = folder / f"customers-{shard:05}.parquet"
        paths.append(path)
        if not path.exists():
            n, rng = SHARD, np.random.default_rng((SEED, shard))
            rows = design(rng, n, FEATURES)
            numbers = pl.DataFrame({f"x{i}": rows[:, i] for i in range(FEATURES)})
            key = pl.Series("key", np.arange(start, start + n))
            facts(rng, n).hstack(numbers).with_columns(key).write_parquet(path)
    return paths


def decide_shard(here: World, source: Path, rows: int, price: np.ndarray | None, share: float):
    """Decide for a shard's first rows; returns the log, what was used and the prices, solved if there are none."""
    table = pl.read_parquet(source, n_rows=rows)
    features = table.select(f"x{i}" for i in range(FEATURES)).to_numpy(order="c")
    customers = Customers(table["key"].to_numpy(), features, qualified(table, here.rules))
    lease = Resources(here.resources.use, here.resources.capacity * share)
    if price is None:
        price = here.engine.price(customers, lease).price
    chosen = here.engine.decide(customers, lease, price)
    return logged(customers, chosen), chosen.used, price


def run(folder: Path, customers: int, actions: int) -> Point:
    paths = stored(folder, customers)
    here = world(customers, actions, FEATURES)
    used, price = np.zeros(len(here.resources.capacity)), None
    start = time.process_time()  # the clock on the wall would tell what else the machine did
    with click.progressbar(paths, label=f"{customers:,} × {actions}", file=sys.stderr) as shards:
        for number, source in enumerate(shards):
            rows = min(SHARD, customers - number * SHARD)
            log, taken, price = decide_shard(here, source, rows, price, rows / customers)
            log.write_parquet(folder / f"decisions-{number:05}.parquet")
            used += taken
    seconds = time.process_time() - start
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    point = Point(customers, actions, seconds, most, float((used / here.resources.capacity).max()))
    click.echo(point, err=True)  # a long run that is cut short has told this much
    return point


def measured(sizes: tuple[int, ...]) -> Iterator[Point]:
    with tempfile.TemporaryDirectory(dir=ROOT / ".benchmarks") as name:
        folder = Path(name)
        run(folder, 5_000, 10)  # compiles
        for size in sizes:
            yield run(folder, size, ACTIONS)
        for actions in MANY_ACTIONS:
            yield run(folder, SHARD, actions)


def rows() -> list[Row]:
    """Seconds and memory of batches of 10,000 to a million customers and of 10 to 1,000 actions."""
    return _told(list(measured(FORM)))


def long_rows() -> list[Row]:
    """The same to ten million customers."""
    return _told(list(measured(LONG_FORM)))


def _told(points: list[Point]) -> list[Row]:
    PAGE.write_text(page(points), encoding="utf-8")
    PICTURE.write_text(picture(points), encoding="utf-8")
    return _rows(points)


def _rows(points: list[Point]) -> list[Row]:
    by_customers = [point for point in points if point.actions == ACTIONS]
    by_actions = [point for point in points if point.actions in MANY_ACTIONS]
    few, many = by_customers[1], by_customers[-1]
    return [
        _at_most(
            f"CPU µs a customer at {many.customers:,} × {ACTIONS}, beside {few.customers:,}: linear or better",
            1e6 * many.seconds / many.customers,
            1e6 * few.seconds / few.customers,
            1.25,
            "µs",
        ),
        _at_most(
            f"memory at {many.customers:,} customers beside {few.customers:,}: flat",
            many.gibibytes,
            few.gibibytes,
            1.25,
            "GiB",
        ),
        _at_most(
            f"CPU µs a customer and action at {MANY_ACTIONS[-1]} actions, beside {MANY_ACTIONS[2]}: linear or better",
            1e6 * by_actions[-1].seconds / SHARD / MANY_ACTIONS[-1],
            1e6 * by_actions[2].seconds / SHARD / MANY_ACTIONS[2],
            1.25,
            "µs",
        ),
        _at_most(
            "share of the scarcest capacity used: no overrun", max(p.used for p in points), 1.0, 1.0, "share"
        ),
    ]


def _at_most(what: str, ours: float, peer: float, most: float, unit: str) -> Row:
    """A row whose ratio, peer over ours, may not fall below one over `most`."""
    ratio = peer / ours
    return Row(
        what=what,
        ours=ours,
        peer=peer,
        ratio=ratio,
        unit=unit,
        at_least=1 / most,
        ok=ratio >= 1 / most - 1e-12,
    )


def page(points: list[Point]) -> str:
    lines = [
        "# How a batch scales",
        "",
        f"`python -m benchmarks.scale`: {FEATURES} features, rules of three conditions, five scarce resources,",
        f"exact propensities, from Parquet to Parquet in shards of {SHARD:,}. Seconds are of the processor.",
        "",
        "![Seconds against customers and against actions](scale.svg)",
        "",
        "| customers | actions | CPU seconds | µs a customer | GiB at most |",
        "|---:|---:|---:|---:|---:|",
    ]
    for p in points:
        each = 1e6 * p.seconds / p.customers
        lines.append(
            f"| {p.customers:,} | {p.actions:,} | {p.seconds:,.1f} | {each:,.1f} | {p.gibibytes:.2f} |"
        )
    return "\n".join([*lines, ""])


def picture(points: list[Point]) -> str:
    """Draw both curves on logarithmic axes, with the line of what is linear."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "scale"
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    curves = (
        ("customers", [p for p in points if p.actions == ACTIONS], f"{ACTIONS} actions"),
        ("actions", [p for p in points if p.actions in MANY_ACTIONS], f"{SHARD:,} customers"),
    )
    for axis, (what, curve, title) in zip(axes, curves, strict=True):
        x, y = np.array([getattr(p, what) for p in curve]), np.array([p.seconds for p in curve])
        axis.loglog(x, y, "o-", label="measured")
        axis.loglog(x, y[-1] * x / x[-1], ":", color="grey", label="linear")
        axis.set(xlabel=what, ylabel="CPU seconds", title=title)
        axis.legend(frameon=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scale.svg"
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
        return path.read_text(encoding="utf-8")


main = command(rows, long_rows)

if __name__ == "__main__":
    main()
