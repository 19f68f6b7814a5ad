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


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Base of every catalogue entry: immutable, and a misspelt field is an error.

    What is left at its default is not part of the content, so a catalogue keeps its version when cvo learns a field.
    """


class Team(Entry, frozen=True):
    """A department that proposes actions; its levers at one time may add up to `lever_bound` at most."""

    name: str
    lever_bound: Decimal = Decimal(0)


class Weekday(StrEnum):
    """A day of the week, as people shorten it."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


class QuietHours(Entry, frozen=True):
    """Hours in which a channel is silent, by the customer's clock: `from` "21:00" `to` "08:00".

    Hours that end before they begin go past midnight and belong to the weekday on which they begin.
    """

    begins: str | int = msgspec.field(name="from")
    ends: str | int = msgspec.field(name="to")
    weekdays: list[Weekday] = []


class Channel(Entry, frozen=True):
    """A way to reach a customer, with what consent it takes, and when it is silent.

    `opt-in`: only with a yes; `opt-out`: unless there is a no; `none`: no consent needed.
    """

    consent: Literal["opt-in", "opt-out", "none"] = "opt-out"
    quiet_hours: list[QuietHours] = []


class Placement(Entry, frozen=True):
    """Where a decision is asked for: a page slot, an e-mail, an agent's screen.

    A `distinct` one never takes two actions of the same group.
    """

    channel: str
    slots: int = 1
    distinct: bool = True
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
    the company's. A `service` message is owed to the customer: contact limits, rests, quiet hours and open intents
    don't keep it back; consent and rules do. Actions of one `group` are much the same to a customer.
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
    service: bool = False
    group: str | None = None


Scope = Literal["all", "channel", "stage", "team", "action"]


class Limit(Entry, frozen=True):
    """A contact limit: `at_most` contacts in `days` days per channel, stage, team or action, or over all.

    Without `of` it holds for each one separately, with `of` only for that one.
    """

    per: Scope
    at_most: int
    days: int
    of: str | None = None


class SharedRules(Entry, frozen=True):
    """Rules that hold for many actions: of a stage, team or action, on a channel, or for all."""

    per: Scope
    of: str | None = None
    eligible: list[str] = []
    applicable: list[str] = []
    suitable: list[str] = []


class Rest(Entry, frozen=True):
    """A rest after an outcome: `times` times within `within_days` days begin `days` days of rest, or for ever.

    The outcome is a response, or `ignored`: a contact without reaction for a day. It is counted, and rested from, per
    channel, stage, team or action, or over all; with `of` for that one only.
    """

    after: Literal["ignored", "presented", "dismissed", "postponed", "clicked", "accepted", "converted"]
    per: Scope
    days: int | None = None
    times: int = 1
    within_days: int = 30
    of: str | None = None


class Intent(Entry, frozen=True):
    """Something a customer began and waits for: while it is open, actions of the stages in `holds` are held back.

    Activities of the names `opens` and `closes` say when; `lapses_days` after it opened it is taken for closed.
    """

    opens: str
    closes: str
    holds: list[Stage]
    lapses_days: int | None = None


class Resource(Entry, frozen=True):
    """Something scarce: `amount` of it in every `period_days`, for a channel, stage, team or action, or for all.

    One delivery uses `use` of it; of a resource whose unit is `money` it uses its contact cost. `price` is what a unit
    is taken to be worth until use has taught more.
    """

    per: Scope
    amount: Decimal
    period_days: int
    unit: Literal["contacts", "minutes", "money"] = "contacts"
    use: Decimal = Decimal(1)
    price: Decimal = Decimal("0.01")
    of: str | None = None


class Lever(Entry, frozen=True):
    """Money that a `team` puts on the scores of its own actions for a time, and why.

    `per` says which of them: one `action`, those of a `stage`, those on a `channel`, or all of the `team`. Below 0 the
    `amount` makes them rarer.
    """

    team: str
    per: Literal["channel", "stage", "team", "action"]
    amount: Decimal
    because: str
    starts_at: Moment
    ends_at: Moment
    of: str | None = None


class Bundle(Entry, frozen=True):
    """Actions that fill slots of a `placement` together, in this order, or not at all."""

    placement: str
    actions: list[str]


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
    rules: dict[str, SharedRules] = {}
    bundles: dict[str, Bundle] = {}
    limits: dict[str, Limit] = {}
    rests: dict[str, Rest] = {}
    resources: dict[str, Resource] = {}
    levers: dict[str, Lever] = {}
    intents: dict[str, Intent] = {}
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
