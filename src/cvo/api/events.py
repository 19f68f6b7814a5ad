"""POST /v1/{identify,track,page,screen,group,alias,batch}: events in, as Segment's clients send them."""

import zlib
from typing import Any

import msgspec

from cvo.api.http import Receive, Response, problem, problem_of, read_body
from cvo.api.service import Service
from cvo.app.keys import Scope
from cvo.app.live import Accept
from cvo.core.errors import CvoError

TYPES = ("identify", "track", "page", "screen", "group", "alias")
BATCH_LIMIT = 500 * 1024
"""Bytes of a request, as Segment limits it."""
UNPACKED_LIMIT = 4 * 1024 * 1024
"""Bytes of a compressed request once it is unpacked."""

_OBJECT = msgspec.json.Decoder(dict[str, Any])
_DONE = Response(200, b'{"success":true}')


class _Batch(msgspec.Struct):
    batch: list[Any]


async def take(service: Service, headers: dict[bytes, bytes], receive: Receive, kind: str) -> Response:
    """Take one message of a kind, or a batch; answer once all that can be taken is durable."""
    refused = service.refuse(headers, Scope.WRITE)
    body = await read_body(receive, BATCH_LIMIT)
    if refused is not None:
        return refused.response()
    if body is None:
        return problem(413, f"a request has at most {BATCH_LIMIT} bytes; send smaller batches").response()
    try:
        receipts = await service.writer.accept(_job(service, headers, _unpacked(headers, body), kind))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, zlib.error) as error:
        return problem(400, f"the body is not a message or a batch of them: {error}").response()
    except CvoError as error:
        return problem_of(error).response()
    service.metrics.taken(receipts)
    return _DONE


def _unpacked(headers: dict[bytes, bytes], body: bytes) -> bytes:
    if headers.get(b"content-encoding", b"").lower() != b"gzip":
        return body
    unpacker = zlib.decompressobj(wbits=31)
    content = unpacker.decompress(body, UNPACKED_LIMIT)
    if not unpacker.eof:
        raise zlib.error(f"it is cut off, or has more than {UNPACKED_LIMIT} bytes unpacked")
    return content


def _job(service: Service, headers: dict[bytes, bytes], body: bytes, kind: str) -> Accept:
    content = _OBJECT.decode(body)
    messages = msgspec.convert(content, _Batch).batch if kind == "batch" else [{**content, "type": kind}]
    if service.options.simulated_time:
        # A simulated world has one clock: what is sent was sent when it happened.
        return Accept([_without_sent_at(message) for message in messages], service.stated_time(headers))
    sent_at = content.get("sentAt")
    return Accept(messages, service.company.clock.now(), sent_at if isinstance(sent_at, str) else None)


def _without_sent_at(message: Any) -> Any:
    return {k: v for k, v in message.items() if k != "sentAt"} if isinstance(message, dict) else message
