"""API keys as they are stored: by their hash, for keys are long random texts that nobody can guess from it.

They are read and written beside the one writer, so that a key can be made or revoked while a server runs.
"""

from pathlib import Path

import msgspec
from sqlalchemy import select, update

from cvo.core.clock import Instant
from cvo.core.errors import NotFound
from cvo.storage import dialect, sqlite
from cvo.storage.schema import API_KEY


class ApiKey(msgspec.Struct, frozen=True):
    """A key as it is kept; `scopes` are separated by commas."""

    key_hash: bytes
    name: str
    scopes: str
    made_at: Instant
    revoked_at: Instant | None = None


class Keys:
    """The keys of one company's database, which has to be there."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def all(self) -> list[ApiKey]:
        """Return every key ever made, oldest first."""
        engine = sqlite.reader(self._database)
        try:
            with engine.connect() as connection:
                rows = connection.execute(select(API_KEY).order_by(API_KEY.c.made_at, API_KEY.c.key_hash))
                return [ApiKey(*row) for row in rows]
        finally:
            engine.dispose()

    def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        engine = sqlite.writer(self._database)
        try:
            with engine.begin() as connection:
                dialect.insert(connection, API_KEY, [msgspec.structs.astuple(key)])
        finally:
            engine.dispose()

    def revoke(self, name: str, at: Instant) -> None:
        """Revoke a key by its name; an unknown or revoked one raises `NotFound`."""
        engine = sqlite.writer(self._database)
        try:
            with engine.begin() as connection:
                done = connection.execute(
                    update(API_KEY)
                    .where(API_KEY.c.name == name, API_KEY.c.revoked_at.is_(None))
                    .values(revoked_at=at)
                    .returning(API_KEY.c.key_hash)
                ).all()
        finally:
            engine.dispose()
        if not done:
            raise NotFound(f"there is no key {name!r} in use; `cvo keys list` shows them")
