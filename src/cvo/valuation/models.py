"""What has been learned, as an immutable snapshot named by its content."""

from functools import cached_property

import msgspec
import numpy as np

from cvo.actions.catalogue import Catalogue
from cvo.core.clock import Instant
from cvo.core.digest import digest
from cvo.learning import MarginModel, ResponseModel, new_margins, new_model
from cvo.valuation.assumptions import Assumptions
from cvo.valuation.encoder import Encoder
from cvo.valuation.uplift import Uplift

_COEFFICIENT_SD = 0.5
"""Prior standard deviation, on the logit, of what one sd of a number or one level of a category does."""


class MeasuredEffect(msgspec.Struct, frozen=True, array_like=True):
    """The margin a delivery of an action caused, by the causal join, beside what p·m predicts for it."""

    action: str
    caused: float
    standard_error: float
    predicted: float


class Models(msgspec.Struct, frozen=True, dict=True):
    """Everything learned up to `as_of`, over `actions` in this order.

    `uplift` is missing where no draw of known probability taught anything: then τ is κ·p·m.
    """

    as_of: Instant
    actions: list[str]
    encoder: Encoder
    response: ResponseModel
    margins: MarginModel | None
    effects: list[MeasuredEffect]
    uplift: Uplift | None = None

    @cached_property
    def version(self) -> str:
        """Return the content hash that names this snapshot."""
        return digest(self)


def untrained(catalogue: Catalogue, assumptions: Assumptions, encoder: Encoder, as_of: Instant) -> Models:
    """Return models that know nothing but the assumptions.

    `margins` is missing where nothing says what a response brings; actions then need a `value` of their own.
    """
    rate = assumptions["response_probability"]
    width = len(encoder.names)
    mean = np.zeros(width)
    mean[0] = np.log(rate.value / (1.0 - rate.value))
    sd = np.full(width, _COEFFICIENT_SD)
    sd[0] = rate.standard_deviation
    actions = list(catalogue.action_ids)
    worth = assumptions.by_name.get("margin_per_response")
    return Models(
        as_of=as_of,
        actions=actions,
        encoder=encoder,
        response=new_model(len(actions), mean, sd),
        margins=new_margins(len(actions), worth.value) if worth else None,
        effects=[],
    )


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Models)


def encode(models: Models) -> bytes:
    """Return the bytes that are kept under the snapshot's version."""
    return _ENCODER.encode(models)


def decode(data: bytes) -> Models:
    """Read the bytes of a snapshot."""
    return _DECODER.decode(data)
