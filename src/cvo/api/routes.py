"""The routes that are asked seldom: looking at decisions and customers, health, metrics."""

from typing import Any

from litestar import Litestar, MediaType, Request, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath
from litestar.response import Response

from cvo.api import answers
from cvo.api.child import value_report
from cvo.api.contract import described
from cvo.api.customers import View, view
from cvo.api.http import Problem, problem, problem_of
from cvo.api.service import Service, headers_of
from cvo.api.value import value_options
from cvo.app.customer import customer
from cvo.app.keys import Scope
from cvo.app.replay import logged, replay
from cvo.core.errors import CvoError
from cvo.events.message import user


def application(service: Service) -> Litestar:
    """Return the ASGI application of these routes."""

    def require(request: Request[Any, Any, Any], scope: Scope) -> None:
        refused = service.refuse(headers_of(request.scope["headers"]), scope)
        if refused is not None:
            raise Refusal(refused)

    @get("/v1/decisions/{decision_id:str}", sync_to_thread=True)
    def decision_record(request: Request[Any, Any, Any], decision_id: FromPath[str]) -> answers.Record:
        """Return a decision as it was logged: every action scored or refused, and every draw."""
        require(request, Scope.READ)
        decision = logged(service.company, decision_id)
        return answers.record(decision, service.catalogue(decision))

    @post("/v1/decisions/{decision_id:str}/replay", sync_to_thread=True, status_code=200)
    def decision_replay(request: Request[Any, Any, Any], decision_id: FromPath[str]) -> answers.Replayed:
        """Make a logged decision again, and tell whether it comes out bit for bit the same."""
        require(request, Scope.READ)
        made = replay(service.company, decision_id, service.pinned)
        return answers.Replayed(identical=made.identical, differences=made.differences)

    @get("/v1/customers/{customer_id:str}", sync_to_thread=True)
    def customer_view(request: Request[Any, Any, Any], customer_id: FromPath[str]) -> View:
        """Return a customer: profile, consent, value account and recent decisions."""
        require(request, Scope.READ)
        return view(customer(service.company, user(customer_id)))

    @get("/v1/value")
    async def value(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Report what was caused, measured against customers left alone, and what was realised."""
        require(request, Scope.READ)
        report = await value_report(
            service.company.folder, *value_options(request.query_params.multi_items())
        )
        return Response(report, media_type=MediaType.JSON)

    @get("/healthz", sync_to_thread=False)
    def healthz() -> dict[str, str]:
        """Tell that the process runs."""
        return {"status": "ok"}

    @get("/readyz", sync_to_thread=False)
    def readyz() -> Response[Any]:
        """Tell whether requests are answered."""
        if service.ready:
            return Response({"status": "ready"})
        return _sent(problem(503, "the server is starting or stopping"))

    @get("/metrics", sync_to_thread=False)
    def metrics() -> Response[bytes]:
        """Return figures of this process as Prometheus reads them."""
        return Response(service.figures(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @get("/openapi.json", sync_to_thread=False)
    def openapi() -> Response[bytes]:
        """Return what every route takes and answers."""
        policy = service.live.policy
        placements = policy.catalogue.placements if policy is not None else ()
        content = described(placements, simulated_time=service.options.simulated_time)
        return Response(content, media_type=MediaType.JSON)

    return Litestar(
        [decision_record, decision_replay, customer_view, value, healthz, readyz, metrics, openapi],
        openapi_config=None,
        exception_handlers={
            CvoError: lambda _request, error: _sent(problem_of(error)),
            Refusal: lambda _request, error: _sent(error.problem),
            404: lambda request, _error: _sent(problem(404, f"there is nothing at {request.url.path}")),
            405: _wrong_method,
        },
        logging_config=None,
    )


class Refusal(Exception):
    """A route that these headers do not open."""

    def __init__(self, found: Problem) -> None:
        self.problem = found
        super().__init__(found.detail)


def _wrong_method(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    allowed = error.headers if isinstance(error, HTTPException) else None
    sent = _sent(problem(405, f"{request.method} is not for {request.url.path}"))
    sent.headers.update(allowed or {})
    return sent


def _sent(found: Problem) -> Response[Any]:
    sent = found.response()
    return Response(
        content=sent.body,
        status_code=sent.status,
        headers={name.decode(): value.decode() for name, value in sent.headers if name != b"content-type"},
        media_type="application/problem+json",
    )
