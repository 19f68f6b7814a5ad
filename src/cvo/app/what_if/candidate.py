"""What could run instead: the running catalogue and settings with something changed."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cvo.actions.catalogue import Catalogue, Entry, Status
from cvo.actions.drafts import Difference, differences
from cvo.actions.read import read_catalogue
from cvo.actions.settings import Settings
from cvo.app.apply import check_runs
from cvo.app.company import Company
from cvo.app.state import running_catalogue
from cvo.app.what_if.unknowing import FORGOTTEN, PERSON
from cvo.core.errors import InvalidInput, NotFound

UNKNOWN = (*FORGOTTEN, PERSON)
"""What a policy could decide without."""
LEARNERS = ("linear", "vw")
"""What can be evaluated in place of the product's own models (see `learning.challenger`)."""


class Proposed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a policy file: a catalogue's folder, from where the file lies, settings, another learner."""

    catalogue: str | None = None
    learner: str | None = None
    decisions: dict[str, float | bool] = {}


class Candidate(msgspec.Struct, frozen=True):
    """A catalogue and settings that could decide, the catalogue that does, and in what they differ.

    `learner` is one of `LEARNERS` where something else than the product's models would choose; `unknown` is what it
    would decide without: `context`, `history`, `person`.
    """

    catalogue: Catalogue
    settings: Settings
    running: Catalogue
    changes: list[Difference]
    learner: str | None = None
    unknown: tuple[str, ...] = ()


def read_candidate(
    company: Company,
    *,
    policy: Path | None = None,
    catalogue: Path | None = None,
    learner: str | None = None,
    without: Sequence[str] = (),
) -> Candidate:
    """Read what is proposed: a catalogue's folder, or a TOML file with `catalogue`, `learner` and `[decisions]`.

    `without` takes something away from it: `lever:ID`, `action:ID`, all `levers`, or what it knows of the `context`,
    the `history` or the `person`. Whatever is not named stays as it runs. Raises `NotFound` for a file that is not
    there, `InvalidInput` for settings that do not exist and for what can't be taken away, `CatalogueError` for a
    catalogue that can't run.
    """
    proposed = Proposed() if policy is None else _read(policy)
    if proposed.catalogue is not None and policy is not None and catalogue is None:
        catalogue = policy.parent / proposed.catalogue
    running = running_catalogue(company.store)
    candidate = running if catalogue is None else read_catalogue(catalogue)
    candidate, unknown = _less(candidate, without)
    settings = _settings(company.settings, proposed.decisions)
    check_runs(candidate, settings.currency)
    changed = setting_differences(company.settings, settings)
    learner = learner or proposed.learner
    if learner is not None:
        if learner not in LEARNERS:
            raise InvalidInput(f"there is no learner {learner!r}; known: {', '.join(LEARNERS)}")
        changed.append(Difference("learner", "own", learner))
        if PERSON in unknown:
            raise InvalidInput(f"{learner} knows the person; evaluate it, or what runs without the person")
    changed += [Difference(each, "known", "unknown") for each in unknown]
    return Candidate(
        candidate, settings, running, [*differences(running, candidate), *changed], learner, unknown
    )


def without_action(catalogue: Catalogue, action: str) -> Catalogue:
    """Return the catalogue with an action paused; raises `NotFound` for one it does not have."""
    paused = msgspec.structs.replace(_known("action", action, catalogue.actions), status=Status.PAUSED)
    return msgspec.structs.replace(catalogue, actions={**catalogue.actions, action: paused})


def without_lever(catalogue: Catalogue, lever: str) -> Catalogue:
    """Return the catalogue without a lever; raises `NotFound` for one it does not have."""
    _known("lever", lever, catalogue.levers)
    kept = {key: each for key, each in catalogue.levers.items() if key != lever}
    return msgspec.structs.replace(catalogue, levers=kept)


def _less(catalogue: Catalogue, without: Sequence[str]) -> tuple[Catalogue, tuple[str, ...]]:
    """Return the catalogue without levers and actions, and what else would not be known."""
    unknown = []
    for each in dict.fromkeys(without):
        kind, named, key = each.partition(":")
        if named and kind == "lever":
            catalogue = without_lever(catalogue, key)
        elif named and kind == "action":
            catalogue = without_action(catalogue, key)
        elif each == "levers":
            catalogue = msgspec.structs.replace(catalogue, levers={})
        elif each in UNKNOWN:
            unknown.append(each)
        else:
            raise InvalidInput(
                f"there is no doing without {each!r}; say lever:ID, action:ID, levers, {', '.join(UNKNOWN)}"
            )
    return catalogue, tuple(unknown)


def _known(kind: str, key: str, known: Mapping[str, Entry]) -> Any:
    if key not in known:
        raise NotFound(f"there is no {kind} {key!r}; known: {', '.join(sorted(known)) or 'none yet'}")
    return known[key]


def setting_differences(before: Settings, after: Settings) -> list[Difference]:
    """Return the decision settings in which one differs from another."""
    old, new = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    return [Difference(f"decisions.{name}", old[name], new[name]) for name in new if old[name] != new[name]]


def _read(file: Path) -> Proposed:
    if not file.is_file():
        raise NotFound(f"there is no file {file}")
    try:
        return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Proposed)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InvalidInput(f"{file}: {error}") from None


def _settings(running: Settings, changed: dict[str, float | bool]) -> Settings:
    known = {"withheld_rate", "floor", "exploration", "optimistic"}
    if unknown := changed.keys() - known:
        raise InvalidInput(
            f"decisions.{min(unknown)} can't be changed in what decides; known: {', '.join(sorted(known))}"
        )
    proposed = {**msgspec.to_builtins(running), **changed}
    try:
        return msgspec.convert(proposed, Settings)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"decisions: {error}") from None
