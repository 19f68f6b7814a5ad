"""A company's database as an earlier version of the schema held the same rows."""

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic.command import upgrade
from alembic.config import Config
from sqlalchemy import create_engine


def put_back(database: Path, version: str) -> None:
    """Replace a database by one of an earlier schema, with all the rows and columns that it had room for."""
    earlier = database.with_name("earlier.sqlite3")
    engine = create_engine(f"sqlite:///{earlier}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", "cvo.storage:migrations")
        config.attributes["connection"] = connection
        upgrade(config, version)
    engine.dispose()
    with closing(sqlite3.connect(earlier)) as made, made:
        made.execute("ATTACH ? AS later", (str(database),))
        for table in _names(made, "SELECT name FROM main.sqlite_master WHERE type = 'table'"):
            if table == "alembic_version":
                continue
            columns = ", ".join(
                _names(
                    made,
                    "SELECT name FROM pragma_table_info(:table, 'main') INTERSECT "
                    "SELECT name FROM pragma_table_info(:table, 'later')",
                    table=table,
                )
            )
            made.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM later.{table}")
    for beside in ("-wal", "-shm"):
        database.with_name(database.name + beside).unlink(missing_ok=True)
    earlier.replace(database)


def _names(connection: sqlite3.Connection, query: str, **parameters: str) -> list[str]:
    return [row[0] for row in connection.execute(query, parameters)]
