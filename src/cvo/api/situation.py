"""What a caller knows of the moment, as JSON has it, made into what rules and models read."""

from typing import Any

import msgspec

from cvo.core.errors import InvalidInput
from cvo.events.event import Scalar
from cvo.events.values import INTEGER_LIMIT, flatten


def situation(given: dict[str, Any]) -> dict[str, Scalar]:
    """Return attributes by dotted path; nulls are left out, lists are kept as their JSON text.

    Applications share one context among many uses, so nothing JSON can say is an error but NUL characters and
    too deep a nesting, which raise `InvalidInput`. JSON has one kind of number: a whole one that is too large
    to be exact is read as what it is nearest to.

    >>> situation({"device": "phone", "cart": {"lines": 2, "ids": [7]}, "voucher": None})
    {'device': 'phone', 'cart.lines': 2, 'cart.ids': '[7]'}
    """
    try:
        flat = flatten(_rounded(given), "context")
    except RecursionError:
        raise InvalidInput("context is nested too deeply") from None
    except OverflowError:
        raise InvalidInput("context has a number that no computer holds; send it as text") from None
    return {
        key: msgspec.json.encode(value).decode() if isinstance(value, list) else value
        for key, value in flat.items()
        if value is not None
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return float(value) if isinstance(value, int) and abs(value) > INTEGER_LIMIT else value
