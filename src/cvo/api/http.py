"""Requests and responses of the routes that skip the framework: plain values over bare ASGI."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from cvo.core.errors import Conflict, CvoError, Damaged, InvalidInput, NotFound, StorageFull, Unavailable

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON = (b"content-type", b"application/json")
RETRY = (b"retry-after", b"1")

READ_LIMIT = 64 * 1024 * 1024
"""Bytes of a request that are read, and thrown away, before it is refused for its length."""

_BODILESS = frozenset({204, 304})


class Response(msgspec.Struct, frozen=True):
    """A whole response."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = (JSON,)


class Problem(msgspec.Struct, frozen=True):
    """What went wrong, as RFC 9457 says it; `type` is a stable name for programs."""

    type: str
    title: str
    status: int
    detail: str

    def response(self, *headers: Header) -> Response:
        """Return the problem as a response."""
        content = (b"content-type", b"application/problem+json")
        again = (RETRY,) if self.status == 503 else ()
        return Response(self.status, msgspec.json.encode(self), (content, *again, *headers))


_TITLES = {
    400: ("bad-request", "The request can't be read"),
    401: ("unauthorized", "A key is needed"),
    403: ("forbidden", "The key is not for this"),
    404: ("not-found", "There is no such thing"),
    405: ("method-not-allowed", "The method is not for this address"),
    409: ("conflict", "The request contradicts what is true"),
    413: ("too-large", "The request is too large"),
    415: ("unsupported-media-type", "The content type is not understood"),
    422: ("invalid", "The request asks for what can't be"),
    500: ("internal-error", "The server failed"),
    503: ("unavailable", "Not now; try again"),
}

_STATUS: tuple[tuple[type[CvoError], int], ...] = (
    (InvalidInput, 422),
    (NotFound, 404),
    (Conflict, 409),
    (StorageFull, 503),
    (Unavailable, 503),
    (Damaged, 500),
)


def problem(status: int, detail: str) -> Problem:
    """Return the problem of an HTTP status."""
    name, title = _TITLES.get(status, ("error", "The request failed"))
    return Problem(f"urn:cvo:problem:{name}", title, status, detail)


def problem_of(error: CvoError) -> Problem:
    """Return the problem that an error of ours is over HTTP."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if isinstance(error, StorageFull):
        return Problem("urn:cvo:problem:storage-full", "There is no room to write", status, str(error))
    return problem(status, str(error))


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """Return the body of a request, `None` where it is longer than `limit` bytes or the client went away."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body if len(body) <= limit and message["type"] == "http.request" else None
    parts = [body]
    size = len(body)
    # What is too long is read to its end all the same: most clients send everything before they listen.
    while message.get("more_body") and size <= READ_LIMIT:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size <= limit:
            parts.append(part)
        else:
            parts.clear()
    return b"".join(parts) if size <= limit else None


async def respond(send: Send, response: Response) -> None:
    """Send a whole response."""
    headers = list(response.headers)
    if response.status not in _BODILESS:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
