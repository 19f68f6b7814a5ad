"""What every route takes and answers: the table that `/openapi.json` is made from."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from cvo.api import answers
from cvo.api.customers import View
from cvo.api.decisions import KEY_LIMIT
from cvo.api.http import Problem
from cvo.api.ofrep import FLAGS, Evaluation, EvaluationFailure, Evaluations
from cvo.api.openapi import Operation, Parameter, Schema, document, reference
from cvo.api.requests import EXAMPLES, MESSAGE, MESSAGES, SHARED, asked_for, evaluation_request
from cvo.api.segment import BATCH, PATHS, SETTINGS
from cvo.api.value import VALUE_PARAMETERS
from cvo.app.keys import Scope

_DONE: Schema = {"type": "object", "required": ["success"], "properties": {"success": {"const": True}}}
_STATUS: Schema = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}
_ETAG: Schema = {"ETag": {"description": "Names this very answer.", "schema": {"type": "string"}}}

_IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "header",
    "The same key of the same customer gets the same decision again; with another request it is refused.",
    {"type": "string", "pattern": rf"^[!-~]{{1,{KEY_LIMIT}}}$"},
)
_IF_NONE_MATCH = Parameter(
    "If-None-Match", "header", "The ETag of the answer that is there already.", {"type": "string"}
)
_NOW = Parameter("X-Simulated-Now", "header", "The time it is.", {"type": "string", "format": "date-time"})
_DECISION_ID = Parameter("decision_id", "path", "The id of a decision.", {"type": "string"})
_CUSTOMER_ID = Parameter("customer_id", "path", "The customer's userId.", {"type": "string"})
_KEY = Parameter("key", "path", "The key.", {"type": "string"})


def described(placements: Iterable[str], *, simulated_time: bool) -> bytes:
    """Return the OpenAPI document of a server whose catalogue has these placements."""
    return document(
        operations(placements, simulated_time=simulated_time), (Problem, EvaluationFailure), SHARED
    )


def operations(placements: Iterable[str], *, simulated_time: bool) -> list[Operation]:
    """Return every operation of a server whose catalogue has these placements."""
    known = sorted(placements)
    found = [*_events(), *_decisions(known), *_flags(known), *_reports(), *_process()]
    if not simulated_time:
        return found
    return [_timed(each) if each.method == "POST" and each.scope is not None else each for each in found]


def _timed(operation: Operation) -> Operation:
    return msgspec.structs.replace(operation, parameters=(*operation.parameters, _NOW))


def _events() -> Iterator[Operation]:
    for path, kind in PATHS.items():
        spoken = path == f"/v1/{kind}"
        yield Operation(
            method="POST",
            path=path,
            group="events" if spoken else "events from browsers",
            summary="Take a batch of messages" if kind == BATCH else f"Take one message: {kind}",
            description="Durable once it is answered. The body may be compressed with gzip.",
            scope=Scope.WRITE,
            key_optional=True,
            request=MESSAGES if kind == BATCH else MESSAGE,
            request_example=EXAMPLES[kind],
            answer=_DONE,
            refusals=(413, 503),
        )
    yield Operation(
        method="GET",
        path=SETTINGS,
        group="events from browsers",
        summary="Tell a browser client where to send events",
        parameters=(_KEY,),
        answer={"type": "object"},
        refusals=(400, 401, 403),
    )


def _decisions(placements: Sequence[str]) -> Iterator[Operation]:
    yield Operation(
        method="POST",
        path="/v1/decisions",
        group="decisions",
        summary="Decide what is next for a customer",
        description="Durable once it is answered. A customer never seen before gets a decision too.",
        scope=Scope.DECIDE,
        parameters=(_IDEMPOTENCY_KEY,),
        request=asked_for(placements),
        request_example={"customerId": "c-17", "placement": placements[0] if placements else "home"},
        answer=answers.Answer,
        refusals=(413, 422, 503),
    )
    yield Operation(
        method="GET",
        path="/v1/decisions/{decision_id}",
        group="decisions",
        summary="Return a decision as it was logged",
        description="Every action of the catalogue, refused by which rule or scored term by term; every draw.",
        scope=Scope.READ,
        parameters=(_DECISION_ID,),
        answer=answers.Record,
        refusals=(404,),
    )
    yield Operation(
        method="POST",
        path="/v1/decisions/{decision_id}/replay",
        group="decisions",
        summary="Make a decision again from the log, and compare",
        scope=Scope.READ,
        parameters=(_DECISION_ID,),
        answer=answers.Replayed,
        refusals=(404, 409, 422),
    )


def _flags(placements: Sequence[str]) -> Iterator[Operation]:
    failure = {"application/json": {"schema": reference(EvaluationFailure)}}
    refused = {"application/problem+json": {"schema": reference(Problem)}}
    wrong = {"400": {"description": "The context can't be read", "content": failure | refused}}
    unchanged = {"304": {"description": "Nothing changed", "headers": _ETAG}}
    context = evaluation_request()
    flag: Schema = {"type": "string"} | ({"enum": list(placements)} if placements else {})
    yield Operation(
        method="POST",
        path=f"{FLAGS}/{{key}}",
        group="flags (OFREP)",
        summary="Evaluate what a placement would show",
        description="A rehearsal: logged, and no contact until `Action Presented` says it was shown.",
        scope=Scope.DECIDE,
        parameters=(Parameter("key", "path", "A placement.", flag),),
        request=context,
        request_example={"context": {"targetingKey": "c-17"}},
        answer=Evaluation,
        also=wrong | {"404": {"description": "There is no such placement", "content": failure}},
        refusals=(413, 503),
    )
    yield Operation(
        method="POST",
        path=FLAGS,
        group="flags (OFREP)",
        summary="Evaluate what all placements would show",
        scope=Scope.DECIDE,
        parameters=(_IF_NONE_MATCH,),
        request=context,
        request_example={"context": {"targetingKey": "c-17"}},
        answer=Evaluations,
        answer_headers=_ETAG,
        also=wrong | unchanged,
        refusals=(413, 503),
    )


def _reports() -> Iterator[Operation]:
    yield Operation(
        method="GET",
        path="/v1/customers/{customer_id}",
        group="reports",
        summary="Return a customer: profile, consent, account, recent decisions",
        scope=Scope.READ,
        parameters=(_CUSTOMER_ID,),
        answer=View,
        refusals=(404,),
    )
    yield Operation(
        method="GET",
        path="/v1/value",
        group="reports",
        summary="Report what was caused, and what was realised",
        description="Every figure with its interval and grade, split by the columns asked for.",
        scope=Scope.READ,
        parameters=VALUE_PARAMETERS,
        answer={"type": "object"},
        refusals=(422, 503),
    )


def _process() -> Iterator[Operation]:
    text: Schema = {"type": "string"}
    for path, summary, answer, refusals in (
        ("/healthz", "Tell that the process runs", _STATUS, ()),
        ("/readyz", "Tell whether requests are answered", _STATUS, (503,)),
        ("/openapi.json", "Return this document", {"type": "object"}, ()),
    ):
        yield Operation(
            method="GET", path=path, group="process", summary=summary, answer=answer, refusals=refusals
        )
    yield Operation(
        method="GET",
        path="/metrics",
        group="process",
        summary="Return figures as Prometheus reads them",
        answer=text,
        answer_type="text/plain",
    )
