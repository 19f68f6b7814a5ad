"""How fast a world moves: customer-weeks a second on one core, every customer touched by random actions."""

from collections.abc import Sequence

from benchmarks.harness import Row, command, higher, timed
from cvo.simulate import Choose, at_random, do_nothing, load_scenario, make_world, scenario_names, totals

CUSTOMERS, WEEKS = 20_000, 50
# A million customer-weeks well under a minute.
AT_LEAST = 100_000.0


def rows() -> Sequence[Row]:
    """Let a million customer-weeks of every scenario pass, with random actions and with none."""
    return [
        _speed(name, label, choose)
        for name in scenario_names()
        for label, choose in (("random actions", at_random), ("nothing", do_nothing))
    ]


def _speed(name: str, label: str, choose: Choose) -> Row:
    world = make_world(load_scenario(name), CUSTOMERS, seed=1)
    seconds = timed(lambda: totals(world, choose, weeks=WEEKS))
    rate = CUSTOMERS * WEEKS / seconds
    return higher(f"{name}, {label}", rate, None, at_least=AT_LEAST, unit="customer-weeks/s")


if __name__ == "__main__":
    command(rows)()
