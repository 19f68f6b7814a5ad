"""What could run instead: the running catalogue and settings with something changed."""

import tomllib
from pathlib import Path

import msgspec

from cvo.actions.catalogue import Catalogue
from cvo.actions.drafts import Difference, differences
from cvo.actions.read import read_catalogue
from cvo.actions.settings import Settings
from cvo.app.apply import check_runs
from cvo.app.company import Company
from cvo.app.state import running_catalogue
from cvo.core.errors import InvalidInput, NotFound

LEARNERS = ("linear", "vw")
"""What can be evaluated in place of the product's own models (see `learning.challenger`)."""


class Proposed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a policy file: a catalogue's folder, from where the file lies, settings, another learner."""

    catalogue: str | None = None
    learner: str | None = None
    decisions: dict[str, float | bool] = {}


class Candidate(msgspec.Struct, frozen=True):
    """A catalogue and settings that could decide, the catalogue that does, and in what they differ.

    `learner` is one of `LEARNERS` where something else than the product's models would choose.
    """

    catalogue: Catalogue
    settings: Settings
    running: Catalogue
    changes: list[Difference]
    learner: str | None = None


def read_candidate(
    company: Company,
    *,
    policy: Path | None = None,
    catalogue: Path | None = None,
    learner: str | None = None,
) -> Candidate:
    """Read what is proposed: a catalogue's folder, or a TOML file with `catalogue`, `learner` and `[decisions]`.

    Whatever is not named stays as it runs. Raises `NotFound` for a file that is not there, `InvalidInput` for
    settings that do not exist, `CatalogueError` for a catalogue that can't run.
    """
    proposed = Proposed() if policy is None else _read(policy)
    if proposed.catalogue is not None and policy is not None and catalogue is None:
        catalogue = policy.parent / proposed.catalogue
    running = running_catalogue(company.store)
    candidate = running if catalogue is None else read_catalogue(catalogue)
    settings = _settings(company.settings, proposed.decisions)
    check_runs(candidate, settings.currency)
    changed = setting_differences(company.settings, settings)
    learner = learner or proposed.learner
    if learner is not None:
        if learner not in LEARNERS:
            raise InvalidInput(f"there is no learner {learner!r}; known: {', '.join(LEARNERS)}")
        changed.append(Difference("learner", "own", learner))
    return Candidate(candidate, settings, running, [*differences(running, candidate), *changed], learner)


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
