"""SQLite connections: one writer that holds a lock, any number of readers that never wait for it."""

import fcntl
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import QueuePool, StaticPool

from cvo.core.errors import CompanyLocked, Conflict, CvoError, Damaged, NotFound, StorageFull, Unavailable

_NEEDED = (3, 37, 0)
_WRITER_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # FULL makes every commit durable before it returns; NORMAL would lose the last ones when power fails.
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 8000",
    "PRAGMA cache_size = -131072",
    "PRAGMA temp_store = MEMORY",
)
_LOG_BYTES = 32 * 1024 * 1024
_LAST_RESORT_PAGES = 250_000
_READER_PRAGMAS = ("PRAGMA query_only = ON", "PRAGMA cache_size = -65536", "PRAGMA temp_store = MEMORY")


class WriterLock:
    """The exclusive right to write to a database; the kernel frees it when the process ends, however it ends.

    The lock file says who holds it, for the message that others get.
    """

    def __init__(self, database: Path) -> None:
        if not database.parent.is_dir():
            raise NotFound(f"there is no folder {database.parent}; `cvo init` makes a company")
        self.path = database.with_name(database.name + ".lock")
        self._file: IO[str] = self.path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip() or "another process"
            self._file.close()
            raise CompanyLocked(
                f"{database} is being written to by {holder}; stop it, or go through it"
            ) from None
        self.announce(f"process {os.getpid()}")

    def announce(self, holder: str) -> None:
        """Write down who holds the lock and where to reach them."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(holder)
        self._file.flush()

    def release(self) -> None:
        """Give the right back."""
        self._file.close()


def writer(path: Path) -> Engine:
    """Return an engine with the one connection that writes; a transaction begins by taking the write lock."""
    if sqlite3.sqlite_version_info < _NEEDED:
        raise Conflict(f"SQLite {sqlite3.sqlite_version} is too old; cvo needs 3.37 or later")
    # The thread that opens a store need not be the one that writes; there is only ever one at a time.
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "cached_statements": 512},
    )
    _prepare(engine, _WRITER_PRAGMAS, "BEGIN IMMEDIATE")
    return engine


def reader(path: Path) -> Engine:
    """Return an engine whose connections can only read; a missing database raises `NotFound`."""
    if not path.is_file():
        raise NotFound(f"there is no database {path}; `cvo init` makes a company")
    # On a medium that can't be written, SQLite can't make the files that readers share, and needs none.
    wal = path.with_name(path.name + "-wal")
    frozen = "&immutable=1" if not os.access(path.parent, os.W_OK) and not wal.exists() else ""
    engine = create_engine(
        f"sqlite:///file:{path.resolve()}?mode=ro{frozen}&uri=true",
        poolclass=QueuePool,
        connect_args={"check_same_thread": False},
    )
    _prepare(engine, _READER_PRAGMAS, "BEGIN")
    return engine


class Checkpoints:
    """Moves what is in the write-ahead log into the database beside the writer, who then need not.

    A writer that does it itself stops for as long as the disk takes, some hundred milliseconds in a second.
    """

    def __init__(self, path: Path, own: Engine) -> None:
        self._log = path.with_name(path.name + "-wal")
        self._own = own
        self._beside = writer(path)
        for engine in (self._own, self._beside):
            with closing(engine.raw_connection()) as connection:
                # Only should nobody have moved anything for long.
                connection.cursor().execute(f"PRAGMA wal_autocheckpoint = {_LAST_RESORT_PAGES}").close()

    def due(self) -> bool:
        """Tell whether the log has grown so large that it has to be moved."""
        try:
            return self._log.stat().st_size >= _LOG_BYTES
        except FileNotFoundError:
            return False

    def move(self) -> int:
        """Move what is in the log, from any thread while the writer writes; return the pages that came since."""
        return _moved(self._beside)

    def finish(self) -> int:
        """Move the rest in the writer's own thread, between transactions, so that the log begins anew."""
        return _moved(self._own)

    def close(self) -> None:
        """Close the connection."""
        self._beside.dispose()


def _moved(engine: Engine) -> int:
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        try:
            _, total, done = cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.OperationalError as error:
            # Without room the log stays as it is, and writing says so; anything else is worth an alarm.
            if not isinstance(_named(error), Unavailable):
                raise
            return 0
        finally:
            cursor.close()
    return int(total) - int(done)


def copy(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment to a new file, durably, and check the copy.

    Writers go on meanwhile. A source or a copy that is damaged raises `Damaged`.
    """
    try:
        with (
            closing(sqlite3.connect(f"file:{source.resolve()}?mode=ro", uri=True)) as original,
            closing(sqlite3.connect(target)) as made,
        ):
            # All pages at once: page by page, a busy writer would make it begin anew for ever.
            original.backup(made)
            made.execute("PRAGMA journal_mode = DELETE").close()
            found = made.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise (_named(error) or error) from error
    if found != "ok":
        raise Damaged(f"{source} is damaged ({found}); restore an earlier backup")


REMEDY = "stop what uses it, and put a backup back: cvo restore BACKUP --company FOLDER --replace"
"""What to do about a damaged database."""


def _named(error: sqlite3.DatabaseError) -> CvoError | None:
    """Return what SQLite says of a disk that is full, or a file that is held or damaged, as an error of ours."""
    # The upper bits of a code say where it happened, the lower eight what.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
        return StorageFull(
            f"the disk is full or can't be written to ({error}); nothing was written, make room and try again"
        )
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Unavailable(f"another program holds the database ({error}); nothing was written, try again")
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return Damaged(f"the database file is damaged ({error}); {REMEDY}")
    return None


def _prepare(engine: Engine, pragmas: tuple[str, ...], begin: str) -> None:
    def connect(connection: Any, _record: object) -> None:
        # Python's driver would begin transactions at moments of its own choosing.
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(pragma).close()

    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    def failed(context: ExceptionContext) -> None:
        error = context.original_exception
        if isinstance(error, sqlite3.DatabaseError) and (named := _named(error)) is not None:
            raise named from error

    event.listen(engine, "handle_error", failed)
    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", start)
