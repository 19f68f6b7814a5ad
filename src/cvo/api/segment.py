"""What clients made for Segment and RudderStack do: compress, label oddly, live in browsers, read errors.

Facts about them: RudderStack's compress up to eight megabytes of messages into one request, and label the result
as a form. Browser clients read their settings from the server first, shorten the routes to one letter, send
text/plain, which needs no preflight, and may put the key into the body instead of a header.
"""

import zlib
from typing import Any

import msgspec

from cvo.api.http import Problem, Response
from cvo.core.errors import InvalidInput

PLAIN_LIMIT = 500 * 1024
"""Bytes of a request, as Segment limits it."""
PACKED_LIMIT = 4 * 1024 * 1024
"""Bytes of a compressed request: what RudderStack's clients may send."""
UNPACKED_LIMIT = 9 * 1024 * 1024
"""Bytes of a compressed request once it is unpacked: twice 4 MiB of messages, and what surrounds them."""

TYPES = ("identify", "track", "page", "screen", "group", "alias")
BATCH = "batch"
_IN_BROWSERS = ("identify", "track", "page", "group", "alias", BATCH)
PATHS = {f"/v1/{kind}": kind for kind in (*TYPES, BATCH)} | {
    f"{prefix}/{kind[0]}": kind for prefix in ("/v1", "") for kind in _IN_BROWSERS
}
"""What the routes for events take: messages of one kind, or batches."""

SETTINGS = "/v1/projects/{key}/settings"
"""Where a browser client reads its settings."""
_BEFORE_KEY, _AFTER_KEY = SETTINGS.split("{key}")


class TooLarge(InvalidInput):
    """A request that has more bytes than are taken."""


class Complaint(Problem, frozen=True):
    """A problem with the members that these clients look for: without them some retry what can never work."""

    code: str
    message: str


def complaint(problem: Problem) -> Response:
    """Return the response a problem is for these clients."""
    code = problem.type.rpartition(":")[2]
    fields = msgspec.structs.asdict(problem)
    return Complaint(**fields, code=code, message=problem.detail).response()


def packed(headers: dict[bytes, bytes]) -> bool:
    """Tell whether a body is compressed."""
    return headers.get(b"content-encoding", b"").strip().lower() == b"gzip"


def unpacked(body: bytes) -> bytes:
    """Return what was compressed; raises `TooLarge` past the limit, and `zlib.error` for what is no gzip."""
    unpacker = zlib.decompressobj(wbits=31)
    content = unpacker.decompress(body, UNPACKED_LIMIT)
    if unpacker.unconsumed_tail:
        raise TooLarge(f"unpacked, a request has at most {UNPACKED_LIMIT} bytes; send smaller batches")
    if not unpacker.eof or unpacker.unused_data:
        raise zlib.error("the compressed body is cut off, or followed by something else")
    return content


def bearer(key: str) -> bytes:
    """Return the `Authorization` that a key in another place stands for."""
    return b"Bearer " + key.encode("utf-8", "replace")


def body_key(content: dict[str, Any]) -> bytes | None:
    """Return the `Authorization` that the `writeKey` of a body stands for, if it has one."""
    key = content.get("writeKey")
    return bearer(key) if isinstance(key, str) and key else None


def project_of(path: str) -> str | None:
    """Return the key in the address where a browser client reads its settings, if it is one."""
    if path.startswith(_BEFORE_KEY) and path.endswith(_AFTER_KEY):
        key = path[len(_BEFORE_KEY) : -len(_AFTER_KEY)]
        return key if key and "/" not in key else None
    return None


def settings(key: str, scheme: str, host: str) -> dict[str, Any]:
    """Return the settings of a browser client: it sends everything here, and nothing anywhere else."""
    return {
        "integrations": {"Segment.io": {"apiKey": key, "protocol": scheme, "apiHost": f"{host}/v1"}},
        "plan": {"track": {"__default": {"enabled": True}}, "identify": {"__default": {"enabled": True}}},
        "edgeFunction": {},
        "metrics": {"sampleRate": 0},
    }
