"""Keys: who may ask a server of the company for what."""

import secrets
from collections.abc import Iterable
from enum import StrEnum
from hashlib import blake2b

from cvo.app.company import DATA, DATABASE, Company
from cvo.core.errors import InvalidInput
from cvo.storage.keys import ApiKey, Keys

PREFIX = "cvo_"


class Scope(StrEnum):
    """What a key may be used for."""

    WRITE = "write"
    """Sending events."""
    DECIDE = "decide"
    """Asking for decisions."""
    READ = "read"
    """Looking at decisions, customers and reports."""
    MANAGE = "manage"
    """Changing what the company does."""


EVERYTHING = frozenset(Scope)


def scopes_of(text: str) -> frozenset[Scope]:
    """Read scopes separated by commas; an unknown one raises `InvalidInput`.

    >>> sorted(scopes_of("write, read"))
    [<Scope.READ: 'read'>, <Scope.WRITE: 'write'>]
    """
    try:
        return frozenset(Scope(part.strip()) for part in text.split(","))
    except ValueError:
        raise InvalidInput(f"{text!r} has to name scopes out of {', '.join(Scope)}") from None


def key_hash(key: str) -> bytes:
    """Return what is kept of a key.

    One fast hash is enough, and is needed at every request: a key is 256 random bits, not a password that
    could be guessed.
    """
    return blake2b(key.encode(), digest_size=32).digest()


def new_key(company: Company, scopes: Iterable[Scope] = EVERYTHING, name: str = "") -> str:
    """Make a key and return it; it can't be read again later."""
    keys = keys_of(company)
    key = PREFIX + secrets.token_urlsafe(32)
    name = name or key[: len(PREFIX) + 6]
    if any(each.name == name and each.revoked_at is None for each in keys.all()):
        raise InvalidInput(f"there is a key named {name!r} already; choose another name or revoke it")
    keys.add(ApiKey(key_hash(key), name, ",".join(sorted(scopes)), company.clock.now()))
    return key


def keys_of(company: Company) -> Keys:
    """Return where the keys of a company are kept."""
    return Keys(company.folder / DATA / DATABASE)
