"""Events over HTTP by the hundred, each batch folded into profiles and durable before it is answered."""

from collections.abc import Sequence
from statistics import median

from benchmarks.harness import Row, command, higher
from benchmarks.serving import serving

SIZE = 100
ROUNDS = 3


def rows(customers: int = 200_000) -> Sequence[Row]:
    """Measure events by /v1/batch, a hundred a request, half of them traits and half visits."""
    with serving(customers) as server:
        found = [server.load("batches", connections=4, seconds=6) for _ in range(ROUNDS)]
    return [
        higher(
            f"events a second by /v1/batch, {SIZE} a request, {customers:,} customers in store",
            SIZE * median(each["rate"] for each in found),
            None,
            at_least=15_000,
            unit="1/s",
        )
    ]


def long() -> Sequence[Row]:
    """Measure the same with a million customers."""
    return rows(1_000_000)


main = command(rows, long)

if __name__ == "__main__":
    main()
