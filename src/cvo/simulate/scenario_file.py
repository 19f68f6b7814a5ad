"""Scenario files: read, and refused with every problem named when one is wrong."""

import math
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from cvo.core.errors import InvalidInput, NotFound
from cvo.simulate.scenario import Scenario


def scenario_names() -> list[str]:
    """Return the names of the scenarios that come with cvo."""
    found = (entry.name for entry in files(__package__).joinpath("scenarios").iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Read a scenario that comes with cvo, by name, or any `.toml` file, by path.

    Raises `NotFound` for what is not there and `InvalidInput`, naming the entry, for what is wrong in it.

    >>> load_scenario("retail").currency
    'EUR'
    """
    if str(name_or_path) in scenario_names():
        bundled = files(__package__).joinpath("scenarios", f"{name_or_path}.toml")
        return parse_scenario(bundled.read_text(encoding="utf-8"), str(name_or_path))
    path = Path(name_or_path)
    if path.suffix != ".toml" or not path.is_file():
        known = ", ".join(scenario_names())
        raise NotFound(f"no scenario {str(name_or_path)!r}; name one of {known}, or a .toml file")
    return parse_scenario(path.read_text(encoding="utf-8"), str(path))


def parse_scenario(text: str, source: str = "scenario") -> Scenario:
    """Read a scenario from TOML; raises `InvalidInput` that names the entry, `source` and the remedy."""
    try:
        scenario = msgspec.toml.decode(text, type=Scenario)
        raw = msgspec.toml.decode(text)
    except msgspec.DecodeError as error:
        raise InvalidInput(f"{source}: {error}") from None
    problems = [*_not_finite(raw, "$"), *_time_problems(scenario), *_name_problems(scenario)]
    if problems:
        raise InvalidInput(f"{source}: " + "; ".join(problems))
    return scenario


def _not_finite(value: Any, path: str) -> Iterable[str]:
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _not_finite(entry, f"{path}.{key}")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _not_finite(entry, f"{path}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path} is {value}; give a finite number"


def _time_problems(scenario: Scenario) -> Iterable[str]:
    per_week = 7 / scenario.step_days
    if abs(per_week - round(per_week)) > 1e-9:
        yield f"$.step_days: {scenario.step_days} does not divide a week; try 7, 3.5 or 1"
    elif scenario.planning_steps < 2:
        yield "$.planning_weeks: orders must be planned at least two steps ahead; make it longer"
    if abs(sum(scenario.reaction.delay) - 1) > 1e-9:
        yield f"$.reaction.delay: the probabilities sum to {sum(scenario.reaction.delay)}; make it 1"


def _name_problems(scenario: Scenario) -> Iterable[str]:
    hidden, needs = set(scenario.hidden), set(scenario.population.needs)
    channels = {channel.name for channel in scenario.channels}
    products = {product.name for product in scenario.products}
    for kind in ("channels", "products", "traits", "actions"):
        yield from _repeated([entry.name for entry in getattr(scenario, kind)], f"$.{kind}")
    yield from _repeated(scenario.hidden, "$.population.needs")
    for product in scenario.products:
        yield from _unknown(product.needs, needs, f"product {product.name!r}, needs")
    for trait in scenario.traits:
        yield from _unknown([trait.shows], hidden, f"trait {trait.name!r}, shows")
    for action in scenario.actions:
        where = f"action {action.name!r}"
        yield from _unknown(action.channels, channels, f"{where}, channels")
        yield from _unknown([action.product] if action.product else [], products, f"{where}, product")
        for by in ("appeal_by", "adds_by", "keeps_by", "wakes_by"):
            yield from _unknown(getattr(action, by), hidden, f"{where}, {by}")
        if action.adds and not action.product:
            yield f"{where} adds orders but names no product; say which one is bought"


def _repeated(names: list[str], where: str) -> Iterable[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{where}: {name!r} stands twice; rename one"


def _unknown(names: Iterable[str], known: set[str], where: str) -> Iterable[str]:
    for name in names:
        if name not in known:
            yield f"{where}: {name!r} is not one of {', '.join(sorted(known))}"
