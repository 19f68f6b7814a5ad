"""A company's settings: `company.toml`, overridden by the environment."""

import os
import tomllib
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from cvo.actions.settings import Settings, Shares
from cvo.core.errors import InvalidInput, NotFound
from cvo.core.money import minor_exponent
from cvo.core.shapes import misshapen

FILE = "company.toml"
_PREFIX = "CVO_"

REPEATS_KNOWN_DAYS = 7
"""Clients send again for this long what was not answered."""


class Learning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[learning]` table: `half_life_days` after which an outcome counts half, 0 where nothing is forgotten."""

    half_life_days: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.half_life_days < inf:
            raise InvalidInput(
                f"learning.half_life_days is {self.half_life_days:g}; it has to be a number of days, or 0 to "
                "forget nothing"
            )


class Decisions(Shares, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[decisions]` table, with what holds for a company that says nothing else."""

    exploration: float = 0.25
    """Factor on the scores' standard deviations in the draw.

    Less than Thompson sampling's 1: a customer is decided for many times a year, and every draw teaches. A policy by
    itself keeps 1, so that settings pinned before companies had this default mean what they meant.
    """


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of `company.toml`.

    `seed` keys every draw, coin and arm, and the ids of persons: it is made once and never changed.
    """

    name: str
    currency: str
    seed: str
    time_zone: str = "UTC"
    owners: list[str] = []
    decisions: Decisions = Decisions()
    learning: Learning = Learning()
    repeats_known_days: float = 7.0
    """How long a server knows a repeated request for a decision again, and a repeated message without an event."""

    def __post_init__(self) -> None:
        minor_exponent(self.currency)
        if not REPEATS_KNOWN_DAYS <= self.repeats_known_days < inf:
            raise InvalidInput(
                f"repeats_known_days is {self.repeats_known_days:g}; clients rely on at least "
                f"{REPEATS_KNOWN_DAYS}"
            )
        if not self.seed:
            raise InvalidInput("seed is empty; give it a secret text, made once and never changed")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidInput(f"{self.time_zone!r} is not a time zone such as Europe/Berlin") from None

    @property
    def settings(self) -> Settings:
        """Return the decision settings, checked."""
        shares = msgspec.structs.asdict(self.decisions)
        return Settings(currency=self.currency, seed=self.seed, time_zone=self.time_zone, **shares)


def find_company(start: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Return `$CVO_COMPANY`, else the nearest folder upwards from `start` that has a `company.toml`.

    Raises `NotFound` where there is none.
    """
    if named := environment.get(_PREFIX + "COMPANY"):
        return Path(named)
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / FILE).is_file():
            return folder
    raise NotFound(
        f"no {FILE} in {start} or above; name a company with --company, or make one with `cvo init`"
    )


def read_config(folder: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Read a company's settings; `CVO_FLOOR=0.05` and the like override its `[decisions]`.

    Raises `NotFound` without the file, `InvalidInput` naming file and field for what is wrong in it.
    """
    file = folder / FILE
    if not file.is_file():
        raise NotFound(
            f"{folder} is not a company: it has no {FILE}; `cvo init --company {folder}` makes one"
        )
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        shares = content.get("decisions", {})
        if isinstance(shares, dict):
            content["decisions"] = {**shares, **_overrides(environment)}
        config = msgspec.convert(content, Config)
        config.settings  # noqa: B018  checked on making
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError, InvalidInput) as error:
        raise InvalidInput(f"{file}: {misshapen(error, Config)}") from None
    return config


def _overrides(environment: Mapping[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for field in msgspec.structs.fields(Decisions):
        name = _PREFIX + field.name.upper()
        if (text := environment.get(name)) is not None:
            try:
                given[field.name] = msgspec.convert(text, field.type, strict=False)
            except msgspec.ValidationError:
                kind = "true or false" if field.type is bool else "a number"
                raise InvalidInput(f"${name} is {text!r}; it has to be {kind}") from None
    return given
