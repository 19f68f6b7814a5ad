"""Decisions over HTTP, each durable before it is answered; server and load share the machine's cores."""

from collections.abc import Sequence
from statistics import median

from benchmarks.harness import Row, command, faster, higher
from benchmarks.serving import Server, serving

CONNECTIONS = 32
ROUNDS = 3
SECONDS = 6
AT_LEAST_PER_SECOND = 3_000
GIB = 2**30


def rows(customers: int = 200_000) -> Sequence[Row]:
    """Measure decisions over HTTP: 200 actions of three conditions each, 200,000 customers in store."""
    with serving(customers) as server:
        return _rows(server)


def long() -> Sequence[Row]:
    """Measure the same with a million customers."""
    return rows(1_000_000)


def _rows(server: Server) -> Sequence[Row]:
    store = f"{server.customers:,} customers in store"
    closed, empty = [], []
    for _ in range(ROUNDS):
        # Turn and turn about, so that whatever else the machine does hits both alike.
        closed.append(server.load("decisions", connections=CONNECTIONS, seconds=SECONDS))
        empty.append(server.load("empty", connections=CONNECTIONS, seconds=SECONDS))
    half = server.load(
        "decisions", connections=2 * CONNECTIONS, seconds=2 * SECONDS, rate=AT_LEAST_PER_SECOND / 2
    )
    rate, empty_rate = (median(each["rate"] for each in found) for found in (closed, empty))
    p99 = median(each["p99_ms"] for each in closed)
    return [
        higher(
            f"decisions a second, closed loop of {CONNECTIONS}, {store}",
            rate,
            None,
            at_least=AT_LEAST_PER_SECOND,
            unit="1/s",
        ),
        faster("the same, p99 against its limit", p99, 25.0, at_least=1.0, unit="ms"),
        higher("the same, against an empty durable route", rate, empty_rate, at_least=0.5, unit="1/s"),
        higher(
            f"open loop due at {AT_LEAST_PER_SECOND // 2:,} a second, answered",
            half["rate"],
            None,
            at_least=0.99 * AT_LEAST_PER_SECOND / 2,
            unit="1/s",
        ),
        faster("the same, p99 against its limit", half["p99_ms"], 15.0, at_least=1.0, unit="ms"),
        faster(f"memory, {store}", server.peak_bytes() / GIB, 2.0, at_least=1.0, unit="GiB"),
        faster(f"start to ready, {store}", server.seconds_to_ready, 5.0, at_least=1.0, unit="s"),
    ]


main = command(rows, long)

if __name__ == "__main__":
    main()
