"""Events in, as Segment's clients send them: POST /v1/{identify,track,page,screen,group,alias,batch}."""

import zlib
from typing import Any

import msgspec

from cvo.api.http import Problem, Receive, Response, problem, problem_of, read_body
from cvo.api.segment import (
    BATCH,
    PACKED_LIMIT,
    PLAIN_LIMIT,
    TooLarge,
    bearer,
    body_key,
    complaint,
    packed,
    settings,
    unpacked,
)
from cvo.api.service import AUTHORIZATION, Service
from cvo.app.keys import Scope
from cvo.app.live import Accept
from cvo.core.errors import CvoError

_OBJECT = msgspec.json.Decoder(dict[str, Any])
_DONE = Response(200, b'{"success":true}')


class _Batch(msgspec.Struct):
    batch: list[Any]


async def take(service: Service, headers: dict[bytes, bytes], receive: Receive, kind: str) -> Response:
    """Take one message of a kind, or a batch; answer once all that can be taken is durable."""
    limit = PACKED_LIMIT if packed(headers) else PLAIN_LIMIT
    body = await read_body(receive, limit)
    refused = service.refuse(headers, Scope.WRITE) if AUTHORIZATION in headers else None
    if refused is not None:
        return complaint(refused)
    if body is None:
        return complaint(problem(413, f"a request has at most {limit} bytes; send smaller batches"))
    try:
        refused = await _take(service, headers, body, kind)
    except TooLarge as error:
        refused = problem(413, str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, zlib.error) as error:
        refused = problem(400, f"the body is not a message or a batch of them: {error}")
    except CvoError as error:
        refused = problem_of(error)
    return _DONE if refused is None else complaint(refused)


async def _take(service: Service, headers: dict[bytes, bytes], body: bytes, kind: str) -> Problem | None:
    content = _OBJECT.decode(unpacked(body) if packed(headers) else body)
    if AUTHORIZATION not in headers:
        refused = service.refuse(_with_key(headers, content), Scope.WRITE)
        if refused is not None:
            return refused
    service.metrics.taken(await service.writer.accept(_job(service, headers, content, kind)))
    return None


def browser_settings(service: Service, headers: dict[bytes, bytes], key: str, scheme: str) -> Response:
    """Answer a browser client that asks for the settings of its key."""
    refused = service.refuse({**headers, AUTHORIZATION: bearer(key)}, Scope.WRITE)
    if refused is not None:
        return refused.response()
    host = headers.get(b"host", b"").decode("latin-1")
    return Response(200, msgspec.json.encode(settings(key, scheme, host)))


def _with_key(headers: dict[bytes, bytes], content: dict[str, Any]) -> dict[bytes, bytes]:
    key = body_key(content)
    return headers if key is None else {**headers, AUTHORIZATION: key}


def _job(service: Service, headers: dict[bytes, bytes], content: dict[str, Any], kind: str) -> Accept:
    raws = msgspec.convert(content, _Batch).batch if kind == BATCH else [{**content, "type": kind}]
    messages = [_without(raw, "writeKey") for raw in raws]
    if service.options.simulated_time:
        # A simulated world has one clock: what is sent was sent when it happened.
        return Accept([_without(message, "sentAt") for message in messages], service.stated_time(headers))
    sent_at = content.get("sentAt")
    return Accept(messages, service.company.clock.now(), sent_at if isinstance(sent_at, str) else None)


def _without(message: Any, name: str) -> Any:
    if isinstance(message, dict) and name in message:
        return {key: value for key, value in message.items() if key != name}
    return message
