"""Content hashes: the name of a state is what it contains."""

from hashlib import blake2b
from typing import Any

import msgspec

_ENCODER = msgspec.msgpack.Encoder(order="deterministic")


def digest(value: Any) -> str:
    """Return 32 hexadecimal characters that name the content of any msgspec-encodable value.

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    return blake2b(_ENCODER.encode(value), digest_size=16).hexdigest()
