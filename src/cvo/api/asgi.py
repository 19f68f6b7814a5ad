"""The whole application: the routes that machines ask all the time, and the framework for the rest."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from cvo.api.checkpoints import keep_log_short
from cvo.api.decisions import decide
from cvo.api.events import browser_settings, take
from cvo.api.forgetting import forget_repeats
from cvo.api.http import Receive, Response, Scope, Send, problem, respond
from cvo.api.lessons import give_lessons
from cvo.api.ofrep import FLAGS, evaluate
from cvo.api.segment import PATHS, SETTINGS, project_of
from cvo.api.service import Service, headers_of
from cvo.api.writer import Writer

Route = Callable[[dict[bytes, bytes], Receive], Awaitable[Response]]
Framework = Callable[[Any, Any, Any], Awaitable[None]]


class _Bare(NamedTuple):
    """A route that skips the framework; `name` is its address in the metrics."""

    method: str
    name: str
    route: Route


class Application:
    """An ASGI application that serves one company; `more` are further routes to POST to, by address."""

    def __init__(
        self, service: Service, rest: Framework, more: Mapping[str, Route] = MappingProxyType({})
    ) -> None:
        self._service = service
        self._rest = rest
        routes: dict[str, Route] = {
            "/v1/decisions": lambda headers, receive: decide(service, headers, receive),
            FLAGS: self._flags(None),
            **{path: self._events(kind) for path, kind in PATHS.items()},
            **more,
        }
        self._bare = {path: _Bare("POST", path, route) for path, route in routes.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the server's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        bare = self._bare.get(scope["path"]) or self._with_parameter(scope)
        if bare is None:
            await self._rest(scope, receive, send)
            return
        begun = time.perf_counter()
        try:
            response = await _answer(bare, scope, receive)
        except Exception:
            await respond(send, problem(500, "the server failed; its log says how").response())
            raise
        await respond(send, response)
        self._service.metrics.seen(bare.name, response.status, time.perf_counter() - begun)

    def _with_parameter(self, scope: Scope) -> _Bare | None:
        path = scope["path"]
        if path.startswith(f"{FLAGS}/"):
            return _Bare("POST", f"{FLAGS}/{{key}}", self._flags(path[len(FLAGS) + 1 :]))
        key = project_of(path)
        return None if key is None else _Bare("GET", SETTINGS, self._settings(key, scope["scheme"]))

    def _events(self, kind: str) -> Route:
        return lambda headers, receive: take(self._service, headers, receive, kind)

    def _flags(self, flag: str | None) -> Route:
        return lambda headers, receive: evaluate(self._service, headers, receive, flag)

    def _settings(self, key: str, scheme: str) -> Route:
        async def route(headers: dict[bytes, bytes], _receive: Receive) -> Response:
            return browser_settings(self._service, headers, key, scheme)

        return route

    async def _live(self, receive: Receive, send: Send) -> None:
        service = self._service
        await receive()
        service.writer = writer = Writer(service.live, asyncio.get_running_loop())
        writer.start()
        endless = (give_lessons(service), keep_log_short(service), forget_repeats(service))
        beside = [asyncio.create_task(work) for work in endless]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await writer.stop()
        await send({"type": "lifespan.shutdown.complete"})


async def _answer(bare: _Bare, scope: Scope, receive: Receive) -> Response:
    if scope["method"] != bare.method:
        refused = problem(405, f"{scope['method']} is not for {scope['path']}, {bare.method} is")
        return refused.response((b"allow", bare.method.encode()))
    return await bare.route(headers_of(scope["headers"]), receive)
