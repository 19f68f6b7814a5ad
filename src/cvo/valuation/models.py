"""What has been learned, as an immutable snapshot named by its content."""

from functools import cached_property

import msgspec
import numpy as np

from cvo.actions.catalogue import Assumption, Catalogue
from cvo.core.clock import Instant
from cvo.core.digest import digest
from cvo.core.errors import Conflict
from cvo.learning import MarginModel, ResponseModel, SharedModel, new_margins, new_model, new_shared
from cvo.valuation.assumptions import Assumptions
from cvo.valuation.attributes import attribute_rows, fit_attributes
from cvo.valuation.creatives import Creatives, untrained_creatives
from cvo.valuation.encoder import NO_FEATURES, WIDEST, Encoder
from cvo.valuation.groups import Labels, labels_of
from cvo.valuation.later import MeasuredLater
from cvo.valuation.uplift import Uplift

_COEFFICIENT_SD = 0.5
"""Prior standard deviation, on the logit, of what one sd of a number or one level of a category does."""

_TERMS = 8
"""With more numbers and categories than these in a shared model, each does less: together they do no more."""


class MeasuredEffect(msgspec.Struct, frozen=True, array_like=True):
    """Margin less the cost of service that a delivery caused, by the causal join, beside what p·m predicts for it."""

    action: str
    caused: float
    standard_error: float
    predicted: float


class Models(msgspec.Struct, frozen=True, dict=True):
    """Everything learned up to `as_of`, over `actions` in this order.

    `response` is a model an action or, beyond `WIDEST` columns of the encoder, one that actions share through their
    `attributes`; models an action are pooled over `labels`.

    `creatives` is missing where no placement has a choice of them, `uplift` where no draw of known probability taught
    anything: then τ is κ·p·m. `later` is what was measured beyond outcome windows.
    """

    as_of: Instant
    actions: list[str]
    encoder: Encoder
    response: ResponseModel | SharedModel
    margins: MarginModel | None
    effects: list[MeasuredEffect]
    uplift: Uplift | None = None
    attributes: Encoder = NO_FEATURES
    creatives: Creatives | None = None
    labels: Labels = []
    later: list[MeasuredLater] = []

    @cached_property
    def version(self) -> str:
        """Return the content hash that names this snapshot."""
        return digest(self)


def untrained(catalogue: Catalogue, assumptions: Assumptions, encoder: Encoder, as_of: Instant) -> Models:
    """Return models that know nothing but the assumptions.

    `margins` is missing where nothing says what a response brings; actions then need a `value` of their own.
    """
    actions = list(catalogue.action_ids)
    worth = assumptions.by_name.get("margin_per_response")
    attributes = fit_attributes(catalogue) if len(encoder.names) > WIDEST else NO_FEATURES
    return Models(
        as_of=as_of,
        actions=actions,
        encoder=encoder,
        response=_response(catalogue, assumptions["response_probability"], encoder, attributes),
        margins=new_margins(len(actions), worth.value) if worth else None,
        effects=[],
        attributes=attributes,
        creatives=untrained_creatives(catalogue, assumptions["response_probability"], encoder),
        labels=labels_of(catalogue, actions),
    )


def _response(
    catalogue: Catalogue, rate: Assumption, encoder: Encoder, attributes: Encoder
) -> ResponseModel | SharedModel:
    width, actions = len(encoder.names), catalogue.action_ids
    mean, sd = np.zeros(width), np.full(width, _COEFFICIENT_SD)
    mean[0], sd[0] = np.log(rate.value / (1.0 - rate.value)), rate.standard_deviation
    if width <= WIDEST:
        return new_model(len(actions), mean, sd)
    # Many weights as wide as a few would have everybody respond surely or never.
    sd[1:] *= min(1.0, np.sqrt(_TERMS / (len(encoder.numbers) + len(encoder.categories))))
    kinds = len(attributes.numbers) + len(attributes.categories)
    # Half of how far off the rate may be is common to all actions, half is theirs and their attributes'.
    sd[0] *= np.sqrt(0.5)
    return new_shared(
        attribute_rows(attributes, catalogue, actions),
        mean,
        sd,
        products_sd=_COEFFICIENT_SD / np.sqrt(kinds),
        intercept_sd=rate.standard_deviation * np.sqrt(0.5 / (1 + kinds)),
    )


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Models)


def encode(models: Models) -> bytes:
    """Return the bytes that are kept under the snapshot's version."""
    return _ENCODER.encode(models)


def decode(data: bytes) -> Models:
    """Read the bytes of a snapshot; one that another version of cvo made raises `Conflict`."""
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Conflict(
            f"these models are as another version of cvo kept them ({error}); `cvo learn` makes them anew"
        ) from None
