"""Bring a database to the schema that this code reads and writes."""

from sqlalchemy import Connection

from cvo.core.errors import Conflict
from cvo.storage.migrations import HEAD


def schema_version(connection: Connection) -> str | None:
    """Return the schema version of a database, `None` for an empty one."""
    row = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'alembic_version'").first()
    if row is None:
        return None
    version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if version is None else str(version)


def refuse_newer(version: str | None) -> None:
    """Raise `Conflict` for a database that a later cvo made: older code would damage it."""
    if version is not None and version > HEAD:
        raise Conflict(
            f"the database has schema {version}, made by a later cvo (this one knows {HEAD}): upgrade cvo"
        )


def upgrade(connection: Connection) -> None:
    """Migrate to the current schema inside the connection's transaction; does nothing where it is current."""
    version = schema_version(connection)
    refuse_newer(version)
    if version == HEAD:
        return
    from alembic.command import upgrade as run
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "cvo.storage:migrations")
    config.attributes["connection"] = connection
    run(config, HEAD)
