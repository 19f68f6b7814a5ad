"""The OpenAPI 3.1 document of the server, made from the values that the routes read and write.

What an operation takes and answers stands in `contract.py` and `requests.py`; this file puts it into OpenAPI's words.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from cvo import __version__
from cvo.api.http import Problem
from cvo.app.keys import Scope

Schema = dict[str, Any]

SCHEMES: dict[str, Schema] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key: `Authorization: Bearer KEY`."},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "A key as the user name, with an empty password, as Segment's clients send it.",
    },
}
REFUSALS = {
    400: "The request can't be read",
    401: "There is no key, or it is not one in use",
    403: "The key is not for this",
    404: "There is no such thing",
    405: "The method is not for this address",
    409: "The request contradicts what is true",
    413: "The request is too large",
    422: "The request asks for what can't be",
    503: "The server can't answer now; `Retry-After` says when to try again",
}
_REFERENCE = "#/components/schemas/{name}"


class Parameter(msgspec.Struct, frozen=True):
    """A parameter in the path or in a header."""

    name: str
    place: str
    description: str
    schema: Schema


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One route: who may ask, what it takes, what it answers, with which refusals.

    `answer` is a type, or a schema where there is none. `key_optional` is for routes that also find the key in
    the body. `also` are further responses.
    """

    method: str
    path: str
    group: str
    summary: str
    description: str = ""
    scope: Scope | None = None
    key_optional: bool = False
    parameters: Sequence[Parameter] = ()
    request: Schema | None = None
    request_example: Any = None
    answer: type | Schema | None = None
    answer_type: str = "application/json"
    answer_headers: Schema = {}
    also: Schema = {}
    refusals: Sequence[int] = ()


def reference(kind: type) -> Schema:
    """Return what stands for the schema of a type."""
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def document(operations: Sequence[Operation], types: Sequence[type], shared: Schema) -> bytes:
    """Return the document as JSON; `types` are those that operations refer to, `shared` are further schemas."""
    used = {each.answer for each in operations if isinstance(each.answer, type)}
    _, components = msgspec.json.schema_components([*used, *types], ref_template=_REFERENCE)
    paths: Schema = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "cvo",
                "version": __version__,
                "summary": "Customer value optimisation: events in, decisions out, and what they caused.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "tags": [{"name": name} for name in dict.fromkeys(each.group for each in operations)],
            "paths": paths,
            "components": {
                "schemas": dict(sorted((components | shared).items())),
                "securitySchemes": SCHEMES,
            },
        }
    )


def _operation(operation: Operation) -> Schema:
    described: Schema = {
        "operationId": _name(operation),
        "tags": [operation.group],
        "summary": operation.summary,
        "security": _security(operation),
        "responses": _responses(operation),
    }
    if operation.description:
        described["description"] = operation.description
    if operation.parameters:
        described["parameters"] = [_parameter(each) for each in operation.parameters]
    if operation.request is not None:
        content = {"schema": operation.request}
        if operation.request_example is not None:
            content["example"] = operation.request_example
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    return described


def _name(operation: Operation) -> str:
    words = operation.path.replace("{", "by-").replace("}", "").strip("/").split("/")
    return "-".join([operation.method.lower(), *words]).replace(".", "-")


def _security(operation: Operation) -> list[Schema]:
    if operation.scope is None:
        return []
    return [{scheme: []} for scheme in SCHEMES] + ([{}] if operation.key_optional else [])


def _parameter(parameter: Parameter) -> Schema:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _responses(operation: Operation) -> Schema:
    done: Schema = {"description": operation.summary}
    if operation.answer is not None:
        done["content"] = {operation.answer_type: {"schema": _schema(operation.answer)}}
    if operation.answer_headers:
        done["headers"] = operation.answer_headers
    refusals = {str(status): _refusal(status) for status in _refusals(operation)}
    return {"200": done, **refusals, **operation.also}


def _refusals(operation: Operation) -> list[int]:
    for_keys = (400, 401, 403) if operation.scope is not None else ()
    return sorted({*for_keys, *operation.refusals})


def _refusal(status: int) -> Schema:
    content = {"application/problem+json": {"schema": reference(Problem)}}
    found: Schema = {"description": REFUSALS[status], "content": content}
    if status == 503:
        found["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "string"}}}
    return found


def _schema(wanted: type | Schema) -> Schema:
    return wanted if isinstance(wanted, dict) else reference(wanted)
