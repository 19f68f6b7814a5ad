"""OFREP, the OpenFeature Remote Evaluation Protocol: what a placement would show, read as a feature flag.

A flag is a placement; its value is an object with the items of its slots. Evaluating is not showing: clients
evaluate ahead, again and again, and for pages nobody looks at. So an evaluation is a rehearsal: logged and
replayable, no contact, in no caused value. An `Action Presented` with its decision id says that it was shown.
Who is in the control group, or has a delivery withheld, gets no items here either.

An evaluation stands for up to an hour: the same customer, context and policy get the same decision again until
something new is known of the customer, or of the stock that the placement's rules ask about.
"""

import asyncio
import hashlib
from typing import Any

import msgspec

from cvo.api.answers import policy_version
from cvo.api.http import JSON, Receive, Response, problem, problem_of, read_body
from cvo.api.service import Service
from cvo.api.situation import situation
from cvo.app.keys import Scope
from cvo.app.live import Ask
from cvo.core.clock import HOUR, Instant
from cvo.core.digest import digest
from cvo.core.errors import CvoError, InvalidInput, Unavailable
from cvo.decisions.decision import Decision, Purpose, Slot
from cvo.decisions.policy import Policy
from cvo.events.event import Delivery, Scalar
from cvo.events.intake import customer_id
from cvo.events.message import ExternalId, Reason, Refused

FLAGS = "/ofrep/v1/evaluate/flags"
BODY_LIMIT = 64 * 1024
STANDS = HOUR
IF_NONE_MATCH = b"if-none-match"

_OWN = frozenset({"targetingKey", "anonymous"})


class EvaluationRequest(msgspec.Struct, frozen=True):
    """The body of a request: who it is about, and what is known of the moment."""

    context: dict[str, Any] = {}


class FlagItem(msgspec.Struct, frozen=True):
    """What one slot would show: an action, and the content of its creative by part."""

    rank: int
    action: str
    creative: str
    content: dict[str, str]


class FlagValue(msgspec.Struct, frozen=True):
    """The value of a flag; no items where the placement's own default is to be shown."""

    items: list[FlagItem]


class FlagMetadata(msgspec.Struct, frozen=True, rename="camel"):
    """What an event about what was shown has to carry."""

    decision_id: str
    placement: str
    policy_version: str


class Evaluation(msgspec.Struct, frozen=True):
    """One flag evaluated; `variant` names the creatives, best first."""

    key: str
    value: FlagValue
    reason: str
    variant: str
    metadata: FlagMetadata


class Evaluations(msgspec.Struct, frozen=True):
    """All flags evaluated."""

    flags: list[Evaluation]


class EvaluationFailure(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Why a flag can't be evaluated, in OpenFeature's words."""

    error_code: str
    error_details: str
    key: str | None = None


class _Failed(Exception):
    def __init__(self, status: int, code: str, details: str) -> None:
        self.status, self.code, self.details = status, code, details
        super().__init__(details)


_DECODER = msgspec.json.Decoder(EvaluationRequest)
_ENCODER = msgspec.json.Encoder()


async def evaluate(
    service: Service, headers: dict[bytes, bytes], receive: Receive, flag: str | None
) -> Response:
    """Evaluate one flag, or all of them where none is named."""
    refused = service.refuse(headers, Scope.DECIDE)
    body = await read_body(receive, BODY_LIMIT)
    if refused is not None:
        return refused.response()
    if body is None:
        return problem(413, f"a request to evaluate flags has at most {BODY_LIMIT} bytes").response()
    try:
        policy = service.live.policy
        if policy is None:
            raise Unavailable("there is no approved catalogue yet; `cvo apply --approve` approves one")
        flags = _flags(policy, flag)
        (customer, context), at = _read(body), service.decision_time(headers)
        asks = [Ask(customer, flag, context, at, purpose=Purpose.REHEARSAL) for flag in flags]
        decisions = await _decided(service, policy, customer, asks)
    except _Failed as error:
        return _json(error.status, EvaluationFailure(error.code, error.details, flag))
    except CvoError as error:
        return problem_of(error).response()
    if flag is not None:
        return _json(200, _evaluation(service, policy, decisions[0]))
    evaluations = [_evaluation(service, policy, decision) for decision in decisions]
    return _if_changed(headers, _json(200, Evaluations(evaluations)))


def _flags(policy: Policy, flag: str | None) -> list[str]:
    placements = policy.catalogue.placements
    if flag is None:
        return sorted(placements)
    if flag not in placements:
        raise _Failed(404, "FLAG_NOT_FOUND", f"there is no placement {flag!r}")
    return [flag]


def _read(body: bytes) -> tuple[ExternalId, dict[str, Scalar]]:
    try:
        given = _DECODER.decode(body).context
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Failed(400, "PARSE_ERROR", f"the body is no evaluation context: {error}") from None
    key = given.get("targetingKey")
    if key is not None and not isinstance(key, str):
        raise _Failed(400, "INVALID_CONTEXT", "context.targetingKey has to be text")
    unknown = given.get("anonymous", False)
    if not isinstance(unknown, bool):
        raise _Failed(400, "INVALID_CONTEXT", "context.anonymous has to be true or false")
    ids = (None, key) if unknown else (key, None)
    try:
        return customer_id(*ids), situation({key: value for key, value in given.items() if key not in _OWN})
    except InvalidInput as error:
        missing = isinstance(error, Refused) and error.reason is Reason.MISSING_ID
        raise _Failed(
            400,
            "TARGETING_KEY_MISSING" if missing else "INVALID_CONTEXT",
            "context.targetingKey has to name a customer" if missing else str(error),
        ) from None


async def _decided(service: Service, policy: Policy, customer: ExternalId, asks: list[Ask]) -> list[Decision]:
    """Return decisions, the earlier ones where they still stand."""
    person = await asyncio.to_thread(service.company.store.person, customer)
    products = {product for ask in asks for product in policy.qualifier(ask.placement).products}
    stock = await asyncio.to_thread(service.company.store.stock, products)
    pins, now = policy.pins(person.version if person is not None else 0), service.company.clock.now()
    standing = []
    for ask in asks:
        # What is in stock of other products is nothing new to this placement.
        levels = {product: stock.levels.get(product) for product in policy.qualifier(ask.placement).products}
        name = digest((ask.content, pins, levels, _hour(ask, now)))
        # A line break can't come in a header, so no client's own key is ever this one.
        standing.append(msgspec.structs.replace(ask, idempotency_key=f"ofrep\n{name}"))
    return await asyncio.gather(*map(service.writer.decide, standing))


def _hour(ask: Ask, now: Instant) -> int:
    return (now if ask.at is None else ask.at) // STANDS


def _evaluation(service: Service, policy: Policy, decision: Decision) -> Evaluation:
    if decision.pins != policy.pins(decision.pins.person_version, decision.pins.stock):
        policy = service.pinned.policy(decision.pins)
    shown = [_shown(policy, slot) for slot in decision.slots if _would_show(policy, slot)]
    return Evaluation(
        key=decision.placement,
        value=FlagValue(shown),
        reason="SPLIT",
        variant="+".join(each.creative for each in shown) or "nothing",
        metadata=FlagMetadata(decision.decision_id, decision.placement, policy_version(decision)),
    )


def _would_show(policy: Policy, slot: Slot) -> bool:
    if slot.delivery is not Delivery.REHEARSED or slot.coin is None:
        return False
    return slot.coin >= policy.withholding[slot.chosen].rate


def _shown(policy: Policy, slot: Slot) -> FlagItem:
    creative = slot.creative or ""
    parts = policy.catalogue.actions[slot.chosen].creatives[creative].parts
    return FlagItem(slot.rank, slot.chosen, creative, {name: part.content for name, part in parts.items()})


def _if_changed(headers: dict[bytes, bytes], response: Response) -> Response:
    """Return the response with its entity tag, or 304 where the client has that very one (RFC 9110, 13.1.2)."""
    tag = b'"%s"' % hashlib.blake2b(response.body, digest_size=16).hexdigest().encode()
    held = {each.strip().removeprefix(b"W/") for each in headers.get(IF_NONE_MATCH, b"").split(b",")}
    if tag in held or b"*" in held:
        return Response(304, b"", ((b"etag", tag),))
    return Response(response.status, response.body, (*response.headers, (b"etag", tag)))


def _json(status: int, content: msgspec.Struct) -> Response:
    return Response(status, _ENCODER.encode(content), (JSON,))
