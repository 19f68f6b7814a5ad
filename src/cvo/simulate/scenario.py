"""A scenario: what makes one kind of company's world, as a small file a person can read and change."""

from typing import Annotated, Literal, get_args

import msgspec

Rate = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*$")]
Stage = Literal["acquire", "onboard", "grow", "retain", "serve", "win back"]
STAGES: tuple[str, ...] = get_args(Stage)

LATENTS = ("spend", "price_sensitivity", "forbearance", "order_rate", "departure_rate")
"""What every customer has hidden besides needs, each a standard normal before it is put on its scale."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Gamma(_Part, frozen=True, kw_only=True):
    """How a rate differs between customers; a small `shape` means a few do most of it."""

    mean: NotNegative
    shape: Positive


class Population(_Part, frozen=True, kw_only=True):
    """Who the customers are, and how they come to be known.

    `price_sensitivity` is the log-odds of accepting that 10 % discount adds, as (mean, standard deviation);
    `spend_spread` (between customers), `basket_spread` (between orders of one) and `forbearance_spread` are
    standard deviations of logarithms.
    """

    needs: Annotated[list[Name], msgspec.Meta(min_length=1)]
    existing_share: Rate
    arrival_weeks: Positive
    known_share: Rate
    login_rate: Rate
    second_device_share: Rate = 0.0
    orders_per_week: Gamma
    departures_per_week: Gamma
    spend_spread: NotNegative
    price_sensitivity: tuple[float, NotNegative]
    basket_spread: NotNegative = 0.0
    forbearance_spread: NotNegative = 0.0


class Peak(_Part, frozen=True, kw_only=True):
    """A time of the year in which customers buy more or less: by `lift` at its height."""

    week: Annotated[float, msgspec.Meta(ge=0, lt=52)]
    width_weeks: Positive
    lift: Annotated[float, msgspec.Meta(ge=-1)]


class Season(_Part, frozen=True, kw_only=True):
    """What moves everybody's purchases: growth per year and peaks."""

    trend_per_year: float = 0.0
    peaks: list[Peak] = []


class Contract(_Part, frozen=True, kw_only=True):
    """Margin that comes in every week until the customer leaves; `spread` is the sd of its logarithm."""

    margin_per_week: Positive
    spread: NotNegative


class Reaction(_Part, frozen=True, kw_only=True):
    """How customers react to being contacted.

    `intent` and `off_stage` are log-odds of accepting, for those about to buy anyway and for actions that
    serve another stage; `departed` multiplies the response of those who left. `annoyance` is the log of how
    much faster a customer without patience leaves. `delay` is the probability that an added order comes 0, 1,
    2 … steps later.
    """

    intent: float
    intent_visits: NotNegative
    off_stage: Annotated[float, msgspec.Meta(le=0)]
    departed: Rate
    click_odds: Annotated[float, msgspec.Meta(ge=1)]
    complaint_rate: Rate
    complaint_harm: NotNegative
    complaint_cost: NotNegative
    annoyance: NotNegative
    recovery_per_week: Rate
    bond_memory_weeks: Positive
    delay: Annotated[list[Rate], msgspec.Meta(min_length=1)]


class Observation(_Part, frozen=True, kw_only=True):
    """What the company gets to see: how late, how much is lost, how much comes twice."""

    mean_delay_hours: NotNegative
    dropped_rate: dict[
        Literal["impression", "click", "acceptance", "order", "refund", "complaint", "departure"], Rate
    ] = {}
    duplicated_rate: Rate = 0.0


class Channel(_Part, frozen=True, kw_only=True):
    """A way to meet customers: they come (`inbound`) or are written to, which needs that they are known."""

    name: Name
    inbound: bool
    touches_per_week: Positive
    seen_rate: Rate
    patience_use: Rate
    contact_cost: NotNegative
    fit_spread: NotNegative = 0.0


class Product(_Part, frozen=True, kw_only=True):
    """Something sold; `needs` are the weights of hidden needs in its share of a customer's orders.

    Stock is per 1,000 customers and filled up every `restock_weeks`. It limits what actions can add;
    purchases that were planned wait for the next delivery.
    """

    name: Name
    price: Positive
    margin_rate: Rate
    refund_rate: Rate = 0.0
    popularity: Positive = 1.0
    needs: dict[str, float] = {}
    stock_per_1000: Positive | None = None
    restock_weeks: Positive = 4.0


class Trait(_Part, frozen=True, kw_only=True):
    """What shows of a hidden variable: with correlation `strength`, as a number or in equal levels."""

    name: Name
    shows: str
    strength: Rate
    mean: float = 0.0
    sd: Positive = 1.0
    levels: list[str] = []


class Action(_Part, frozen=True, kw_only=True):
    """Something a team can do. The `…_by` weights say how hidden variables move each number per customer.

    `appeal`: log-odds of accepting when seen with full patience. Given acceptance, `adds` is the probability
    of an order that would not have been, else `pulls` that of a planned order coming early, and `revives`
    that someone who left returns. `keeps` is the gain in bond (log of how much more slowly the customer
    leaves) on acceptance, `wakes` its loss on merely seeing it.
    """

    name: Name
    team: Name
    stage: Stage
    channels: Annotated[list[Name], msgspec.Meta(min_length=1)]
    product: Name | None = None
    discount: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    cost_if_accepted: NotNegative = 0.0
    appeal: float
    adds: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    pulls: Rate = 0.0
    keeps: float = 0.0
    wakes: NotNegative = 0.0
    revives: Rate = 0.0
    appeal_by: dict[str, float] = {}
    adds_by: dict[str, float] = {}
    keeps_by: dict[str, float] = {}
    wakes_by: dict[str, float] = {}


class Scenario(_Part, frozen=True, kw_only=True):
    """One kind of company; its world moves by `step_days`, orders are planned `planning_weeks` ahead."""

    name: Name
    description: str
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    step_days: Annotated[float, msgspec.Meta(ge=1, le=7)]
    planning_weeks: Positive
    onboard_weeks: Positive
    silence_weeks: Positive
    discount_rate_per_year: NotNegative
    population: Population
    season: Season = Season()
    contract: Contract | None = None
    reaction: Reaction
    observation: Observation
    channels: Annotated[list[Channel], msgspec.Meta(min_length=1)]
    products: Annotated[list[Product], msgspec.Meta(min_length=1)]
    traits: list[Trait] = []
    actions: list[Action]

    @property
    def steps_per_week(self) -> int:
        """Return how many steps make a week."""
        return round(7 / self.step_days)

    @property
    def planning_steps(self) -> int:
        """Return how many steps ahead an order is planned."""
        return round(self.planning_weeks * self.steps_per_week)

    @property
    def hidden(self) -> list[str]:
        """Return the names of the hidden variables: needs, then what every scenario has."""
        return [*self.population.needs, *LATENTS]
