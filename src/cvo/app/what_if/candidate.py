"""What could run instead: the running catalogue and settings with something changed."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cvo.actions.catalogue import Catalogue, Entry, Status
from cvo.actions.drafts import Difference, differences
from cvo.actions.read import changed_catalogue, read_catalogue
from cvo.actions.settings import Settings
from cvo.app.apply import check_runs
from cvo.app.company import Company
from cvo.app.state import running_catalogue
from cvo.app.what_if.unknowing import FORGOTTEN, PERSON
from cvo.core.errors import InvalidInput, NotFound
from cvo.core.shapes import misshapen

UNKNOWN = (*FORGOTTEN, PERSON)
"""What a policy could decide without."""
REMOVABLE = {
    "lever": "levers",
    "rule": "rules",
    "limit": "limits",
    "rest": "rests",
    "resource": "resources",
    "intent": "intents",
}
"""What can be taken out of the catalogue, and its section; an action is paused instead, to be told what refuses it."""
LEARNERS = ("linear", "vw")
"""What can be evaluated in place of the product's own models (see `learning.challenger`)."""


class Proposed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a policy file: what would be different, everything else being as it runs.

    `catalogue` is a folder, from where the file lies, `learner` and `without` as for `read_candidate`, `decisions` are
    settings, `prices` money a unit of resources. All other tables are sections of the catalogue.
    """

    catalogue: str | None = None
    learner: str | None = None
    without: list[str] = []
    decisions: dict[str, float | bool] = {}
    prices: dict[str, float] = {}


class Candidate(msgspec.Struct, frozen=True):
    """A catalogue and settings that could decide, the catalogue that does, and in what they differ.

    `learner` is one of `LEARNERS` where something else than the product's models would choose; `unknown` is what it
    would decide without: `context`, `history`, `person`; `prices` of resources hold in place of those in force.
    """

    catalogue: Catalogue
    settings: Settings
    running: Catalogue
    changes: list[Difference]
    learner: str | None = None
    unknown: tuple[str, ...] = ()
    prices: dict[str, float] = {}

    @property
    def only_on_the_log(self) -> str:
        """Return what of it can be evaluated and not decide for customers, or nothing."""
        if self.learner is not None:
            return "another learner"
        return "forgetting" if self.unknown else "a price that is set by hand" if self.prices else ""


def read_candidate(
    company: Company,
    *,
    policy: Path | None = None,
    catalogue: Path | None = None,
    learner: str | None = None,
    without: Sequence[str] = (),
) -> Candidate:
    """Read what is proposed: a catalogue's folder, or a TOML file that says what would be different.

    `without` takes something away from it: `lever:ID` or another kind of `REMOVABLE`, `action:ID`, all `levers`, or
    what it knows of the `context`, the `history` or the `person`. Whatever is not named stays as it runs. Raises
    `NotFound` for a file that is not there, `InvalidInput` for settings that do not exist and for what can't be taken
    away, `CatalogueError` for a catalogue that can't run.
    """
    proposed, changed_entries = (Proposed(), {}) if policy is None else _read(policy)
    if proposed.catalogue is not None and policy is not None and catalogue is None:
        catalogue = policy.parent / proposed.catalogue
    running = running_catalogue(company.store)
    candidate = running if catalogue is None else read_catalogue(catalogue)
    candidate = changed_catalogue(candidate, changed_entries, policy) if changed_entries else candidate
    candidate, unknown = _less(candidate, [*proposed.without, *without])
    settings = _settings(company.settings, proposed.decisions)
    check_runs(candidate, settings.currency)
    changed = setting_differences(company.settings, settings)
    changed += _price_differences(candidate, proposed.prices)
    learner = learner or proposed.learner
    if learner is not None:
        if learner not in LEARNERS:
            raise InvalidInput(f"there is no learner {learner!r}; known: {', '.join(LEARNERS)}")
        changed.append(Difference("learner", "own", learner))
        if PERSON in unknown:
            raise InvalidInput(f"{learner} knows the person; evaluate it, or what runs without the person")
    changed += [Difference(each, "known", "unknown") for each in unknown]
    return Candidate(
        candidate,
        settings,
        running,
        [*differences(running, candidate), *changed],
        learner,
        unknown,
        proposed.prices,
    )


def _price_differences(candidate: Catalogue, prices: Mapping[str, float]) -> list[Difference]:
    for name, price in prices.items():
        _known("resource", name, candidate.resources)
        if not 0 <= price < float("inf"):
            raise InvalidInput(f"prices.{name} is {price}; it has to be 0 or more money a unit")
    return [Difference(f"prices.{name}", "by use", price) for name, price in sorted(prices.items())]


def without_action(catalogue: Catalogue, action: str) -> Catalogue:
    """Return the catalogue with an action paused; raises `NotFound` for one it does not have."""
    paused = msgspec.structs.replace(_known("action", action, catalogue.actions), status=Status.PAUSED)
    return msgspec.structs.replace(catalogue, actions={**catalogue.actions, action: paused})


def without_entry(catalogue: Catalogue, section: str, kind: str, key: str) -> Catalogue:
    """Return the catalogue without an entry of a section; raises `NotFound` for one it does not have."""
    known = getattr(catalogue, section)
    _known(kind, key, known)
    kept = {name: each for name, each in known.items() if name != key}
    return msgspec.structs.replace(catalogue, **{section: kept})


def _less(catalogue: Catalogue, without: Sequence[str]) -> tuple[Catalogue, tuple[str, ...]]:
    """Return the catalogue without some of its entries, and what else would not be known."""
    unknown = []
    for each in dict.fromkeys(without):
        kind, named, key = each.partition(":")
        if named and kind in REMOVABLE:
            catalogue = without_entry(catalogue, REMOVABLE[kind], kind, key)
        elif named and kind == "action":
            catalogue = without_action(catalogue, key)
        elif each == "levers":
            catalogue = msgspec.structs.replace(catalogue, levers={})
        elif each in UNKNOWN:
            unknown.append(each)
        else:
            known = ", ".join(f"{kind}:ID" for kind in ("action", *REMOVABLE))
            raise InvalidInput(
                f"there is no doing without {each!r}; say {known}, levers, {', '.join(UNKNOWN)}"
            )
    return catalogue, tuple(unknown)


def _known(kind: str, key: str, known: Mapping[str, Entry]) -> Any:
    if key not in known:
        raise NotFound(f"there is no {kind} {key!r}; known: {', '.join(sorted(known)) or 'none yet'}")
    return known[key]


def spelt(value: object, most: int) -> str:
    """Return a value of a change as people write it, in at most so many characters."""
    plain = msgspec.to_builtins(value)
    if isinstance(plain, Mapping):
        text = ", ".join(f"{name}: {spelt(each, most)}" for name, each in plain.items())
    elif isinstance(plain, list):
        text = "; ".join(spelt(each, most) for each in plain)
    else:
        text = "" if plain is None else str(plain)
    text = text or "none"
    return text if len(text) <= most else f"{text[: most - 3]}..."


def setting_differences(before: Settings, after: Settings) -> list[Difference]:
    """Return the decision settings in which one differs from another."""
    old, new = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    return [Difference(f"decisions.{name}", old[name], new[name]) for name in new if old[name] != new[name]]


def _read(file: Path) -> tuple[Proposed, dict[str, Any]]:
    """Return what a policy file says of anything but entries of the catalogue, and these by section."""
    if not file.is_file():
        raise NotFound(f"there is no file {file}")
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        sections = {name: content.pop(name) for name in Catalogue.__struct_fields__ if name in content}
        return msgspec.convert(content, Proposed), sections
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InvalidInput(
            f"{file}: {misshapen(error, Proposed, also=Catalogue.__struct_fields__)}"
        ) from None


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
