"""An event: an immutable fact about one customer, with an id and a time."""

from enum import StrEnum

import msgspec

from cvo.core.clock import Instant
from cvo.core.ids import DecisionId, EventId, PersonId

Scalar = str | int | float | bool
Value = Scalar | list[str]


class TraitsSet(msgspec.Struct, frozen=True, array_like=True, tag="traits"):
    """What is true of the customer from now on; `None` forgets a trait."""

    traits: dict[str, Value | None]


class ConsentSet(msgspec.Struct, frozen=True, array_like=True, tag="consent"):
    """What the customer allows, by purpose or channel; what is not mentioned stays as it was."""

    purposes: dict[str, bool]


class Activity(msgspec.Struct, frozen=True, array_like=True, tag="activity"):
    """Something the customer did that has no type of its own: a visit, a search, a call."""

    name: str
    properties: dict[str, Value | None] = {}


class Order(msgspec.Struct, frozen=True, array_like=True, tag="order"):
    """A completed order; `revenue_minor` is without shipping and tax, in minor units of `currency`.

    `properties` keeps what else the order said (coupon, product lines), because a fact can't be asked again.
    """

    order_id: str
    revenue_minor: int
    currency: str
    properties: dict[str, Value | None] = {}


class Refund(msgspec.Struct, frozen=True, array_like=True, tag="refund"):
    """Money given back for an order; counts at the date of the order it belongs to."""

    order_id: str
    amount_minor: int
    currency: str


class ResponseKind(StrEnum):
    """What a customer did about an action that was shown, from least to most."""

    PRESENTED = "presented"
    DISMISSED = "dismissed"
    POSTPONED = "postponed"
    CLICKED = "clicked"
    ACCEPTED = "accepted"
    CONVERTED = "converted"


class Response(msgspec.Struct, frozen=True, array_like=True, tag="response"):
    """A response to an action, with the action's labels as they were."""

    kind: ResponseKind
    action: str
    team: str
    stage: str
    channel: str
    decision_id: DecisionId | None = None


class Delivery(StrEnum):
    """What became of a decision."""

    DELIVERED = "delivered"
    """The customer gets the action."""
    WITHHELD = "withheld"
    """Chosen, and not delivered by a coin of known probability; counts as a contact for limits."""
    NOTHING = "nothing"
    """Doing nothing was chosen."""
    REHEARSED = "rehearsed"
    """Decided for the record only; such a decision is no fact about the customer, and makes no event."""


class Decided(msgspec.Struct, frozen=True, array_like=True, tag="decided"):
    """A decision, ours or one made elsewhere, with the action's labels as they were.

    `propensity` is the probability that the policy picks this option. `options` are the probabilities with
    which the customer gets each option, given the arm and coins already fallen; nothing is the empty string,
    and they sum to one. The two differ where deliveries are withheld. `creative` is how the action was rendered, empty
    where nobody said.
    """

    decision_id: DecisionId
    placement: str
    channel: str
    action: str | None
    team: str | None
    stage: str | None
    delivery: Delivery
    propensity: float
    options: dict[str, float]
    contact_cost_minor: float
    currency: str
    creative: str = ""

    @property
    def delivered(self) -> str:
        """Return the option the customer got: the action, or the empty string for nothing."""
        return self.action if self.action and self.delivery is Delivery.DELIVERED else ""


class HorizonValue(msgspec.Struct, frozen=True, array_like=True):
    """The discounted margin a customer is expected to bring within `days`, with P10, P50 and P90."""

    days: int
    expected_minor: int
    p10_minor: int
    p50_minor: int
    p90_minor: int
    expected_orders: float


class Valued(msgspec.Struct, frozen=True, array_like=True, tag="valued"):
    """A lifetime value as it was predicted, kept so that it can be scored once its horizon has passed.

    `model` names the model and, after a colon, its content. `overdue` is how long the customer has been silent
    against their own rhythm: 0 at once, 1 later than they have any reason to be. What came is discounted alike,
    at `annual_discount_rate`, before the two are compared.
    """

    model: str
    currency: str
    horizons: list[HorizonValue]
    probability_alive: float
    overdue: float
    annual_discount_rate: float = 0.1


Body = Valued | TraitsSet | ConsentSet | Activity | Order | Refund | Response | Decided


class Event(msgspec.Struct, frozen=True, array_like=True):
    """One fact about one person: ordered by `at`, then `event_id`."""

    event_id: EventId
    person_id: PersonId
    at: Instant
    received_at: Instant
    body: Body

    @property
    def order(self) -> tuple[Instant, EventId]:
        """Return the key that puts facts in the order in which they happened."""
        return self.at, self.event_id
