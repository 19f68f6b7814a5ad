"""The catalogue: everything the company could do for a customer, as frozen values.

A catalogue is data: it is read from reviewable YAML (`read.py`), changed by drafts (`drafts.py`) and compiled
into a rulebook for each placement (`qualify.py`). Its digest is its version.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

import msgspec

from cvo.core.digest import digest

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone, as people write it: 2026-01-31T08:00:00+01:00."""


class Stage(StrEnum):
    """The lifecycle stage that an action serves."""

    ACQUIRE = "acquire"
    ONBOARD = "onboard"
    GROW = "grow"
    RETAIN = "retain"
    SERVE = "serve"
    COLLECT = "collect"
    WIN_BACK = "win back"


class Status(StrEnum):
    """How far an action is on its way; only live ones are decided on."""

    DRAFT = "draft"
    APPROVED = "approved"
    LIVE = "live"
    PAUSED = "paused"
    RETIRED = "retired"


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every catalogue entry: immutable, and a misspelt field is an error."""


class Team(Entry, frozen=True):
    """A department that proposes actions."""

    name: str


class Channel(Entry, frozen=True):
    """A way to reach a customer, with what consent it takes.

    `opt-in`: only with a yes; `opt-out`: unless there is a no; `none`: no consent needed.
    """

    consent: Literal["opt-in", "opt-out", "none"] = "opt-out"


class Placement(Entry, frozen=True):
    """Where a decision is asked for: a page slot, an e-mail, an agent's screen."""

    channel: str
    slots: int = 1
    description: str = ""


class Part(Entry, frozen=True):
    """A part of a creative: its content, and the attributes that make it comparable with other parts."""

    content: str
    attributes: dict[str, str | float | bool] = {}


class Creative(Entry, frozen=True):
    """One rendering of an action for a placement and locale, made of parts such as headline and image."""

    placement: str
    locale: str = "en"
    parts: dict[str, Part] = {}


class Action(Entry, frozen=True):
    """Something the company can do for a customer, owned by a team, serving one stage.

    `contact_cost` is in the company's currency per delivery; `value` is the margin of one response, assumed
    until responses have been seen. `response` is the outcome that counts as a
    response within `window_days`: `order`, a response such as `clicked`, or `activity:` and a name.
    `eligible`, `applicable` and `suitable` are rules, all of which have to hold. `withheld_rate` overrides
    the company's.
    """

    team: str
    stage: Stage
    status: Status
    name: str
    contact_cost: Decimal
    creatives: dict[str, Creative]
    value: Decimal | None = None
    response: str = "order"
    window_days: int = 14
    attributes: dict[str, str | float | bool] = {}
    eligible: list[str] = []
    applicable: list[str] = []
    suitable: list[str] = []
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    withheld_rate: float | None = None


class Limit(Entry, frozen=True):
    """A contact limit: `at_most` contacts in `days` days per channel, stage, team or action, or over all.

    Without `of` it holds for each one separately, with `of` only for that one.
    """

    per: Literal["all", "channel", "stage", "team", "action"]
    at_most: int
    days: int
    of: str | None = None


class Trait(Entry, frozen=True):
    """A trait of the customer that rules and features may use, and its type."""

    type: Literal["number", "string", "bool", "time", "strings"]
    description: str = ""


class Feature(Entry, frozen=True):
    """An input of the models: a fact such as `customer.recency`, as a number or a category."""

    value: str
    kind: Literal["number", "category"]


class Assumption(Entry, frozen=True):
    """A number nobody measured: its value, why it is believed, and (where known) how far off it may be."""

    value: float
    because: str
    standard_deviation: float = 0.0


class Catalogue(Entry, frozen=True, dict=True):
    """All entries by id."""

    teams: dict[str, Team] = {}
    channels: dict[str, Channel] = {}
    placements: dict[str, Placement] = {}
    actions: dict[str, Action] = {}
    limits: dict[str, Limit] = {}
    traits: dict[str, Trait] = {}
    features: dict[str, Feature] = {}
    assumptions: dict[str, Assumption] = {}

    @cached_property
    def version(self) -> str:
        """Return the content hash that names this catalogue."""
        return digest(self)

    @cached_property
    def action_ids(self) -> tuple[str, ...]:
        """Return the ids of all actions in alphabetical order: the order of every array over actions."""
        return tuple(sorted(self.actions))
