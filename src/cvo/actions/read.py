"""Reading a catalogue from its YAML files, with errors that name file, entry and remedy."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import yaml

from cvo.actions.bundles import check_bundles
from cvo.actions.catalogue import Action, Catalogue
from cvo.actions.check import (
    amount,
    at_least,
    check_intent,
    check_lever,
    check_limit,
    check_quiet_hours,
    check_resource,
    check_rest,
    check_scope,
    refer,
)
from cvo.core.errors import CatalogueError
from cvo.core.shapes import misshapen

_ENTRY_TYPES: dict[str, type[Any]] = {
    section: get_args(hint)[1] for section, hint in get_type_hints(Catalogue).items()
}

_SCOPED: dict[str, Callable[[str, Any, Catalogue], None]] = {
    "limits": check_limit,
    "rests": check_rest,
    "resources": check_resource,
    "levers": check_lever,
    "rules": check_scope,
}
"""What checks the entries that say whom they are about."""


def read_catalogue(folder: Path) -> Catalogue:
    """Read every `*.yaml` of a folder as one catalogue; sections may be spread over files.

    Raises `CatalogueError` for YAML that does not parse, an unknown section or field, a wrong type, an id
    given twice, or a reference to an entry that is not there.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise CatalogueError(f"{folder} holds no *.yaml file; `cvo init` writes one to start from")
    sections: dict[str, dict[str, Any]] = {}
    home: dict[tuple[str, str], Path] = {}
    for file in files:
        for section, entries in _mapping(file).items():
            _check_section(section, entries, file)
            for key, entry in entries.items():
                if (section, key) in home:
                    raise CatalogueError(
                        f"{file}: {section}.{key} is also in {home[section, key].name}; keep one"
                    )
                home[section, key] = file
                sections.setdefault(section, {})[key] = entry
    catalogue = _convert(sections, folder)
    _check(catalogue)
    return catalogue


def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue from the text of one YAML file; raises as `read_catalogue` does."""
    catalogue = _convert(_load(text, "the text"), "the text")
    _check(catalogue)
    return catalogue


def changed_catalogue(catalogue: Catalogue, changes: Mapping[str, Any], where: object) -> Catalogue:
    """Return a catalogue with changed entries: by section and id, the fields that would be different.

    What an entry does not name stays as it is; an id that is not there yet is a new entry. Raises as `read_catalogue`
    does.
    """
    sections: dict[str, dict[str, Any]] = {}
    for section, entries in changes.items():
        _check_section(section, entries, where)
        known: dict[str, Any] = getattr(catalogue, section)
        sections[section] = dict(known)
        for key, fields in entries.items():
            if not isinstance(fields, dict):
                raise CatalogueError(f"{where}: {section}.{key} has to map fields to values")
            before = msgspec.to_builtins(known[key]) if key in known else {}
            entry = _entry(f"{section}.{key}", _merged(before, fields), _ENTRY_TYPES[section])
            sections[section][str(key)] = entry
    changed = msgspec.structs.replace(catalogue, **sections)
    _check(changed)
    return changed


def _merged(before: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(before)
    for name, value in fields.items():
        old = merged.get(name)
        merged[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


class _Loader(yaml.SafeLoader):
    """Refuses a key given twice, which plain YAML loading would settle silently."""


def _unique_mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(
                None, None, "a key has to be a plain name", key.start_mark
            )
        if key.value in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"{key.value!r} is given twice", key.start_mark
            )
        seen.add(key.value)
    return dict(loader.construct_pairs(node, deep=True))


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def _load(text: str, where: object) -> dict[str, Any]:
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506  (a SafeLoader)
    except yaml.YAMLError as error:
        raise CatalogueError(f"{where} is not YAML: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise CatalogueError(f"{where} has to map section names to entries")
    return content


def _mapping(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{file} is not UTF-8 text: {error}") from None
    return _load(text, file)


def _convert(sections: dict[str, Any], where: object) -> Catalogue:
    for section, entries in sections.items():
        _check_section(section, entries, where)
    return Catalogue(
        **{
            section: {
                str(key): _entry(f"{section}.{key}", entry, _ENTRY_TYPES[section])
                for key, entry in entries.items()
            }
            for section, entries in sections.items()
        }
    )


def _check_section(section: str, entries: Any, where: object) -> None:
    if section not in _ENTRY_TYPES:
        raise CatalogueError(
            f"{where}: unknown section {section!r}; known: {', '.join(sorted(_ENTRY_TYPES))}"
        )
    if not isinstance(entries, dict):
        raise CatalogueError(f"{where}: {section} has to map ids to entries")


def _entry(where: str, entry: Any, entry_type: type[Any]) -> Any:
    try:
        return msgspec.convert(entry, entry_type, strict=False)
    except msgspec.ValidationError as error:
        raise CatalogueError(f"{where}: {misshapen(error, entry_type)}") from None


def _check(catalogue: Catalogue) -> None:
    for section in ("channels", "teams", "actions", "resources"):
        for key in getattr(catalogue, section):
            _check_id(section, key)
    for key, placement in catalogue.placements.items():
        refer(f"placements.{key}", "channel", placement.channel, catalogue.channels)
        at_least(f"placements.{key}.slots", placement.slots, 1)
    for key, action in catalogue.actions.items():
        _check_action(f"actions.{key}", action, catalogue)
    check_bundles(catalogue)
    for key, channel in catalogue.channels.items():
        for hours in channel.quiet_hours:
            check_quiet_hours(f"channels.{key}.quiet_hours", hours)
    for key, team in catalogue.teams.items():
        amount(f"teams.{key}.lever_bound", team.lever_bound)
    for section, check in _SCOPED.items():
        for key, entry in getattr(catalogue, section).items():
            check(f"{section}.{key}", entry, catalogue)
    for key, intent in catalogue.intents.items():
        check_intent(f"intents.{key}", intent)


def _check_id(section: str, key: str) -> None:
    """Refuse ids that can't stand in the rules made of them: `consent.<channel>`, `contacts("team:<id>")`."""
    if section == "channels" and not (key.isidentifier() and key.isascii()):
        raise CatalogueError(f"channels.{key}: name it with letters, digits and _ only, such as e_mail")
    if not key.isprintable() or set(key) & set('"\\'):
        raise CatalogueError(f"{section}.{key}: an id can't contain quotes, backslashes or line breaks")


def _check_action(where: str, action: Action, catalogue: Catalogue) -> None:
    refer(where, "team", action.team, catalogue.teams)
    at_least(f"{where}.window_days", action.window_days, 1)
    amount(f"{where}.contact_cost", action.contact_cost)
    if action.value is not None:
        amount(f"{where}.value", action.value)
    if action.withheld_rate is not None and not 0 <= action.withheld_rate < 1:
        raise CatalogueError(f"{where}.withheld_rate is {action.withheld_rate}; it has to be in [0, 1)")
    if action.starts_at is not None and action.ends_at is not None and action.ends_at <= action.starts_at:
        raise CatalogueError(f"{where} ends at {action.ends_at}, before it starts at {action.starts_at}")
    for name, creative in action.creatives.items():
        refer(f"{where}.creatives.{name}", "placement", creative.placement, catalogue.placements)
