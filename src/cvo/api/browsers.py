"""Pages of other sites: browsers let their scripts ask only a server that says so (CORS, Fetch standard).

Any site may ask, because nothing a browser adds by itself, such as a cookie, opens anything here: the key has
to be in the request.
"""

from collections.abc import Awaitable, Callable

from cvo.api.http import Header, Message, Receive, Response, Scope, Send, respond
from cvo.api.ofrep import FLAGS
from cvo.api.segment import PATHS, project_of
from cvo.api.service import headers_of

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_ANYBODY: tuple[Header, ...] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"etag, retry-after"),
)
_REQUESTED = b"access-control-request-headers"
_DAY = b"86400"


class CrossOrigin:
    """Lets pages of any site use the routes that are made for browsers: events and flags."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, the only use of OPTIONS, or let a page read the application's answer."""
        if scope["type"] != "http" or not for_browsers(scope["path"]):
            await self._application(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await respond(send, _preflight(headers_of(scope["headers"])))
            return

        async def readable(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_ANYBODY]
            await send(message)

        await self._application(scope, receive, readable)


def for_browsers(path: str) -> bool:
    """Tell whether a route is made for pages of other sites too."""
    return path in PATHS or path.startswith(FLAGS) or project_of(path) is not None


def _preflight(headers: dict[bytes, bytes]) -> Response:
    allowed = (
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", headers.get(_REQUESTED, b"authorization, content-type")),
        (b"access-control-max-age", _DAY),
        (b"vary", _REQUESTED),
    )
    return Response(204, b"", (*_ANYBODY, *allowed))
