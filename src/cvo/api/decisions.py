"""POST /v1/decisions: what is next for a customer here."""

from typing import Any

import msgspec

from cvo.api.answers import answer
from cvo.api.http import Receive, Response, problem, problem_of, read_body
from cvo.api.service import Service
from cvo.api.situation import situation
from cvo.app.keys import Scope
from cvo.app.live import Ask
from cvo.core.errors import CvoError, InvalidInput
from cvo.events.intake import customer_id

BODY_LIMIT = 64 * 1024
KEY_LIMIT = 255
_MOST_SLOTS = 1_000_000
IDEMPOTENCY_KEY = b"idempotency-key"


class Asked(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The body of a request for a decision."""

    placement: str
    customer_id: str | int | float | None = None
    anonymous_id: str | int | float | None = None
    context: dict[str, Any] = {}
    limit: int | float | None = None
    explain: bool = False


_DECODER = msgspec.json.Decoder(Asked)
_ENCODER = msgspec.json.Encoder()


async def decide(service: Service, headers: dict[bytes, bytes], receive: Receive) -> Response:
    """Decide, and answer once the decision is durable."""
    refused = service.refuse(headers, Scope.DECIDE)
    body = await read_body(receive, BODY_LIMIT)
    if refused is not None:
        return refused.response()
    if body is None:
        return problem(413, f"a request for a decision has at most {BODY_LIMIT} bytes").response()
    try:
        asked = _DECODER.decode(body)
        decision = await service.writer.decide(_ask(service, asked, headers))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return problem(400, f"the body is not a request for a decision: {error}").response()
    except CvoError as error:
        return problem_of(error).response()
    catalogue = service.catalogue(decision)
    return Response(200, _ENCODER.encode(answer(decision, catalogue, explain=asked.explain)))


def _ask(service: Service, asked: Asked, headers: dict[bytes, bytes]) -> Ask:
    key = headers.get(IDEMPOTENCY_KEY)
    if key is not None and not 0 < len(key) <= KEY_LIMIT:
        raise InvalidInput(f"Idempotency-Key has {len(key)} bytes; it has to have 1 to {KEY_LIMIT}")
    return Ask(
        customer=customer_id(
            _whole(asked.customer_id, "customerId"), _whole(asked.anonymous_id, "anonymousId")
        ),
        placement=asked.placement,
        context=situation(asked.context),
        at=service.decision_time(headers),
        limit=_limit(asked.limit),
        idempotency_key=None if key is None else key.decode("latin-1"),
    )


def _whole(value: str | float | None, where: str) -> str | int | None:
    """Return an id; in JSON 17.0 is the same number as 17, and some clients write it so."""
    if isinstance(value, float):
        if not value.is_integer():
            raise InvalidInput(f"{where} is {value}; send a text or a whole number")
        return int(value)
    return value


def _limit(value: float | None) -> int | None:
    if value is not None and (value < 1 or value != int(value)):
        raise InvalidInput(f"limit is {value}; it has to be a whole number of slots, 1 or more")
    # No placement has that many slots, and a number of more than 64 bits can't be kept with the request.
    return None if value is None else int(min(value, _MOST_SLOTS))
