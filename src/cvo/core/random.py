"""Random numbers keyed by what they are for, so that replay needs no state.

A counter-based generator (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3")
maps a key straight to a number: the same key gives the same number on every machine and in every order.
BLAKE2b serves as the keyed function; at about a microsecond it costs no more than making a generator.
"""

from functools import lru_cache
from hashlib import blake2b

_SCALE = 2.0**-53


def keyed_bytes(seed: str, *key: str | bytes | int, size: int = 16) -> bytes:
    """Return `size` bytes (at most 64) that depend on nothing but `seed` and `key`."""
    parts: list[bytes] = []
    for part in key:
        raw = part if isinstance(part, bytes) else str(part).encode()
        # The length in front keeps ("ab", "c") and ("a", "bc") apart.
        parts += len(raw).to_bytes(4, "little"), raw
    hasher = _keyed(seed, size).copy()
    hasher.update(b"".join(parts))
    return hasher.digest()


@lru_cache(maxsize=64)
def _keyed(seed: str, size: int) -> "blake2b":
    """Return a function of the seed alone, to be copied: making one takes as long as all the rest."""
    key = seed.encode()
    if len(key) > blake2b.MAX_KEY_SIZE:
        # As HMAC does (RFC 2104): two long seeds must not agree because their beginnings do.
        key = blake2b(key).digest()
    return blake2b(digest_size=size, key=key)


def keyed_uniform(seed: str, *key: str | bytes | int) -> float:
    """Return a number uniform on [0, 1) with 53 random bits, the same for the same seed and key.

    >>> keyed_uniform("seed", "arm", "customer-1") == keyed_uniform("seed", "arm", "customer-1")
    True
    """
    return (int.from_bytes(keyed_bytes(seed, *key, size=8), "little") >> 11) * _SCALE
