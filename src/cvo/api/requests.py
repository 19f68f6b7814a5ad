"""What requests may say, as JSON Schema has it.

Schemas say what the server holds to and no more, because programs check it: a message that is wrong is kept with
its reason and answered with success, so hardly anything is required of a message here.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from cvo.api.decisions import Asked
from cvo.api.openapi import Schema
from cvo.api.segment import BATCH
from cvo.events.intake import ID_LIMIT, NOBODY
from cvo.events.values import INTEGER_LIMIT

_NO_NUL = r"^[^\u0000]*$"
_NAMES_NOBODY: Schema = {"enum": sorted(NOBODY)}
_ID: Schema = {
    "type": ["string", "integer"],
    "minLength": 1,
    "maxLength": ID_LIMIT,
    "pattern": _NO_NUL,
    "minimum": -INTEGER_LIMIT,
    "maximum": INTEGER_LIMIT,
    "not": _NAMES_NOBODY,
}
_ID_OR_NONE: Schema = _ID | {"type": ["string", "integer", "null"], "minLength": 0}
_ATTRIBUTE: Schema = {"$ref": "#/components/schemas/Attribute"}
SHARED: Schema = {
    "Attribute": {
        "description": "What an application knows of the moment; nested attributes are read by dotted path.",
        "anyOf": [
            {"type": "string", "pattern": _NO_NUL},
            {"type": ["number", "boolean", "null"]},
            {"type": "array", "items": _ATTRIBUTE},
            {"type": "object", "propertyNames": {"pattern": _NO_NUL}, "additionalProperties": _ATTRIBUTE},
        ],
    },
    "Message": {
        "description": "A message as Segment's specification has it. One that is not, or that says what can't "
        "be, is kept with the reason, and never fails the request.",
        "type": "object",
        "properties": {
            name: {"description": meaning}
            for name, meaning in {
                "type": "identify, track, page, screen, group or alias; given by the address where it is one",
                "userId": "who the customer is to the company",
                "anonymousId": "the browser or device",
                "messageId": "the same id from the same sender counts once; where it is missing, content and time",
                "event": "what happened, of track",
                "properties": "of track, page and screen; those of commerce as in Segment's specification",
                "traits": "of identify and group",
                "groupId": "of group",
                "previousId": "of alias: an anonymous id of the customer",
                "timestamp": "when it happened, RFC 3339",
                "sentAt": "when it was sent by the sender's clock, which takes that clock's error out of timestamp",
                "writeKey": "the key, where it can't be sent in a header",
            }.items()
        },
    },
}
MESSAGE: Schema = {"$ref": "#/components/schemas/Message"}
MESSAGES: Schema = {
    "type": "object",
    "required": ["batch"],
    "properties": {
        "batch": {"type": "array", "description": "Messages, each with its type.", "items": {}},
        "sentAt": {"description": "Stands in for that of the messages."},
        "writeKey": {"description": "The key, where it can't be sent in a header."},
    },
}
EXAMPLES: dict[str, Any] = {
    "identify": {"userId": "c-17", "messageId": "1", "traits": {"city": "Oslo"}},
    "track": {"userId": "c-17", "messageId": "2", "event": "Order Completed"}
    | {"properties": {"order_id": "o-1", "revenue": 59.9, "currency": "EUR"}},
    "page": {"userId": "c-17", "messageId": "3", "name": "Start"},
    "screen": {"userId": "c-17", "messageId": "4", "name": "Start"},
    "group": {"userId": "c-17", "messageId": "5", "groupId": "club"},
    "alias": {"userId": "c-17", "messageId": "6", "previousId": "browser-1"},
    BATCH: {"batch": [{"type": "track", "userId": "c-17", "messageId": "7", "event": "Visit"}]},
}


def asked_for(placements: Sequence[str]) -> Schema:
    """Return the schema of a request for a decision, with what its types don't say."""
    (_, made) = msgspec.json.schema_components([Asked])
    asked: Schema = made["Asked"]
    told = {
        "placement": {"type": "string", "description": "Where: a placement of the catalogue."}
        | ({"enum": list(placements)} if placements else {}),
        "customerId": _ID_OR_NONE,
        "anonymousId": _ID_OR_NONE,
        "context": {
            "type": "object",
            "description": "What is known of the moment, for rules and models to read.",
            "propertyNames": {"pattern": _NO_NUL},
            "additionalProperties": _ATTRIBUTE,
        },
        "limit": {
            "type": ["integer", "null"],
            "minimum": 1,
            "description": "How many slots there is room for, where fewer than the placement has.",
        },
    }
    one_of_two = [{"required": [name], "properties": {name: _ID}} for name in ("customerId", "anonymousId")]
    return asked | {"properties": asked["properties"] | told, "anyOf": one_of_two}


def evaluation_request() -> Schema:
    """Return the schema of a request to evaluate flags."""
    return {
        "type": "object",
        "required": ["context"],
        "properties": {
            "context": {
                "type": "object",
                "required": ["targetingKey"],
                "properties": {
                    "targetingKey": {"type": "string", "minLength": 1, "maxLength": ID_LIMIT}
                    | {"pattern": _NO_NUL, "not": _NAMES_NOBODY, "description": "The customer's id."},
                    "anonymous": {
                        "type": "boolean",
                        "description": "True where `targetingKey` is the id of a browser or device.",
                    },
                },
                "propertyNames": {"pattern": _NO_NUL},
                "additionalProperties": _ATTRIBUTE,
            }
        },
    }
