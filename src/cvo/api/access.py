"""Who asks: keys from the `Authorization` header, checked against those that are in use."""

import base64
import binascii
import time

from cvo.api.http import Problem, problem
from cvo.app.keys import Scope, key_hash, scopes_of
from cvo.storage.keys import Keys

REFRESH_SECONDS = 2.0
"""How long a revoked key may still work, and a new one may not work yet."""

_REMEMBERED = 10_000


class Access:
    """Knows what each key may be used for; asks the database again after a while."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._scopes: dict[bytes, frozenset[Scope]] = {}
        self._known: dict[bytes, frozenset[Scope]] = {}
        self._read_at = float("-inf")

    def refuse(self, authorization: bytes | None, wanted: Scope) -> Problem | None:
        """Return why the holder of this header may not do what `wanted` stands for, if so."""
        if time.monotonic() - self._read_at > REFRESH_SECONDS:
            self._refresh()
        if authorization is None:
            return problem(401, "send a key: Authorization: Bearer KEY, or Basic with the key as user name")
        scopes = self._known.get(authorization)
        if scopes is None:
            key = _key(authorization)
            if key is None or (found := self._scopes.get(key_hash(key))) is None:
                return problem(401, "the key is not one in use; `cvo keys new` makes one")
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            scopes = self._known[authorization] = found
        if wanted not in scopes:
            return problem(403, f"the key has no scope {wanted.value!r}, only {', '.join(sorted(scopes))}")
        return None

    def _refresh(self) -> None:
        in_use = {
            each.key_hash: scopes_of(each.scopes) for each in self._keys.all() if each.revoked_at is None
        }
        if in_use != self._scopes:
            self._scopes, self._known = in_use, {}
        self._read_at = time.monotonic()


def _key(authorization: bytes) -> str | None:
    kind, _, value = authorization.partition(b" ")
    try:
        match kind.lower():
            case b"bearer":
                return value.strip().decode("ascii")
            case b"basic":
                user, _, _ = base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")
                return user
            case _:
                return None
    except (UnicodeDecodeError, binascii.Error, ValueError):
        return None
