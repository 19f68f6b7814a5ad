"""The whole application: the two routes that everybody asks all the time, and the framework for the rest."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from cvo.api.decisions import decide
from cvo.api.events import TYPES, take
from cvo.api.http import Receive, Response, Scope, Send, problem, respond
from cvo.api.service import Service, headers_of
from cvo.api.writer import Writer

Route = Callable[[dict[bytes, bytes], Receive], Awaitable[Response]]
Framework = Callable[[Any, Any, Any], Awaitable[None]]


class Application:
    """An ASGI application that serves one company."""

    def __init__(self, service: Service, rest: Framework) -> None:
        self._service = service
        self._rest = rest
        self._routes: dict[tuple[str, str], Route] = {
            ("POST", "/v1/decisions"): lambda headers, receive: decide(service, headers, receive),
            **{("POST", f"/v1/{kind}"): self._events(kind) for kind in (*TYPES, "batch")},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the server's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        route = self._routes.get((scope.get("method", ""), scope["path"]))
        if route is None:
            await self._rest(scope, receive, send)
            return
        begun = time.perf_counter()
        try:
            response = await route(headers_of(scope["headers"]), receive)
        except Exception:
            await respond(send, problem(500, "the server failed; its log says how").response())
            raise
        await respond(send, response)
        self._service.metrics.seen(scope["path"], response.status, time.perf_counter() - begun)

    def _events(self, kind: str) -> Route:
        return lambda headers, receive: take(self._service, headers, receive, kind)

    async def _live(self, receive: Receive, send: Send) -> None:
        service = self._service
        await receive()
        service.writer = writer = Writer(service.live, asyncio.get_running_loop())
        writer.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await writer.stop()
        await send({"type": "lifespan.shutdown.complete"})
