"""The fold: events in, profile out; the same bytes whether at once or one by one.

Keys of `Profile.tallies` (`<scope>` is `channel:<id>`, `stage:<id>`, `team:<id>` or `action:<id>`):

| key | counts |
|---|---|
| `order`, `refund` | orders and refunds of any currency |
| `spend:<CUR>`, `refunded:<CUR>` | the same with their money, by currency |
| `activity`, `activity:<name>` | activities, all and by name |
| `contact`, `contact:<scope>` | decisions that chose an action, delivered or withheld |
| `response:<kind>`, `response:<kind>:<scope>` | responses to actions |

Names in `activity:` come from clients: the first 256 of a customer are kept, later new ones count in `activity`
only. Likewise the first 1,000 traits, and 256 purposes of consent; but a refusal is always kept, because what is
missing may be read as allowed.

An order reported again, as when its page is loaded again, counts once: the first report, as in the ledger. It
is known again among the customer's latest 50 orders.
"""

from collections.abc import Callable, Iterable
from typing import Any

from cvo.core.clock import Instant
from cvo.core.errors import Conflict
from cvo.core.random import keyed_bytes
from cvo.events.event import (
    Activity,
    ConsentSet,
    Decided,
    Delivery,
    Event,
    Order,
    Refund,
    Response,
    TraitsSet,
    Value,
    Valued,
)
from cvo.profiles.profile import LAYOUT, Profile, Tally

NAME_LIMIT = 256
TRAIT_LIMIT = 1_000
PURPOSE_LIMIT = 256
ORDER_LIMIT = 50


def fold(profile: Profile, events: Iterable[Event]) -> Profile:
    """Return the profile after `events`, which come by (at, event_id) and all after its last one.

    An event out of order raises `Conflict`: the profile then has to be folded anew from the log.

    >>> from cvo.core.ids import EventId, PersonId
    >>> visit = Event(EventId(b"1"), PersonId(b"p"), Instant(5), Instant(5), Activity("Visit"))
    >>> fold(Profile(), [visit]).tallies["activity:Visit"].count
    1
    """
    draft = _Draft(profile)
    for event in events:
        draft.take(event)
    return draft.profile()


class _Draft:
    """A profile being folded; dictionaries are copied once, tallies are values."""

    def __init__(self, profile: Profile) -> None:
        self.events = profile.events
        self.first_at = profile.first_at
        self.last = (profile.last_at, profile.last_event_id)
        self.named = profile.named
        self.dropped = profile.dropped
        self.traits = dict(profile.traits)
        self.consent = dict(profile.consent)
        self.tallies = dict(profile.tallies)
        self.valued = profile.valued
        self.valued_at = profile.valued_at
        self.recent_orders = profile.recent_orders

    def profile(self) -> Profile:
        return Profile(
            LAYOUT,
            self.events,
            self.first_at,
            self.last[0],
            self.last[1],
            self.named,
            self.dropped,
            self.traits,
            self.consent,
            self.tallies,
            self.valued,
            self.valued_at,
            self.recent_orders,
        )

    def take(self, event: Event) -> None:
        order = (event.at, event.event_id)
        if self.events and order <= self.last:
            raise Conflict("an event lies before the last one folded; fold the profile anew from the log")
        if not self.events:
            self.first_at = event.at
        self.events += 1
        self.last = order
        _TAKE[type(event.body)](self, event.at, event.body)

    def count(self, key: str, at: Instant, amount_minor: int | None = None) -> None:
        tally = self.tallies.get(key, _NONE)
        self.tallies[key] = tally.adding(at, amount_minor)

    def count_named(self, key: str, at: Instant) -> None:
        if key not in self.tallies:
            if self.named >= NAME_LIMIT:
                self.dropped += 1
                return
            self.named += 1
        self.count(key, at)


_NONE = Tally()


def _traits(draft: _Draft, _at: Instant, body: TraitsSet) -> None:
    for name, value in body.traits.items():
        if value is None:
            draft.traits.pop(name, None)
        else:
            _keep(draft, draft.traits, name, value, TRAIT_LIMIT)


def _consent(draft: _Draft, _at: Instant, body: ConsentSet) -> None:
    for purpose, allowed in body.purposes.items():
        if allowed:
            _keep(draft, draft.consent, purpose, allowed, PURPOSE_LIMIT)
        else:
            draft.consent[purpose] = False


def _keep(draft: _Draft, kept: dict[str, Any], name: str, value: Value, limit: int) -> None:
    if name in kept or len(kept) < limit:
        kept[name] = value
    else:
        draft.dropped += 1


def _activity(draft: _Draft, at: Instant, body: Activity) -> None:
    draft.count("activity", at)
    draft.count_named(f"activity:{body.name}", at)


def _order(draft: _Draft, at: Instant, body: Order) -> None:
    # A few bytes for an id of any length, so that a profile stays small.
    order = keyed_bytes("order", body.order_id, size=8)
    if order in draft.recent_orders:
        return
    draft.recent_orders = [*draft.recent_orders, order][-ORDER_LIMIT:]
    draft.count("order", at)
    draft.count(f"spend:{body.currency}", at, body.revenue_minor)


def _refund(draft: _Draft, at: Instant, body: Refund) -> None:
    draft.count("refund", at)
    draft.count(f"refunded:{body.currency}", at, body.amount_minor)


def _response(draft: _Draft, at: Instant, body: Response) -> None:
    key = f"response:{body.kind.value}"
    draft.count(key, at)
    draft.count(f"{key}:action:{body.action}", at)
    draft.count(f"{key}:team:{body.team}", at)
    draft.count(f"{key}:stage:{body.stage}", at)
    if body.channel:
        draft.count(f"{key}:channel:{body.channel}", at)


def _decided(draft: _Draft, at: Instant, body: Decided) -> None:
    if body.delivery is Delivery.NOTHING:
        return
    draft.count("contact", at)
    draft.count(f"contact:channel:{body.channel}", at)
    draft.count(f"contact:action:{body.action}", at)
    draft.count(f"contact:team:{body.team}", at)
    draft.count(f"contact:stage:{body.stage}", at)


def _valued(draft: _Draft, at: Instant, body: Valued) -> None:
    draft.valued, draft.valued_at = body, at


_TAKE: dict[type, Callable[[_Draft, Instant, Any], None]] = {
    TraitsSet: _traits,
    ConsentSet: _consent,
    Activity: _activity,
    Order: _order,
    Refund: _refund,
    Response: _response,
    Decided: _decided,
    Valued: _valued,
}
