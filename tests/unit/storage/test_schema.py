import sqlite3

import pytest
from sqlalchemy import BigInteger, Double, LargeBinary, Text, UniqueConstraint, create_engine

from cvo.core.errors import Conflict
from cvo.storage.migrate import schema_version, upgrade
from cvo.storage.migrations import HEAD
from cvo.storage.schema import METADATA

TABLES = pytest.mark.parametrize("table", METADATA.sorted_tables, ids=lambda table: table.name)


@TABLES
def test_the_rules_that_let_it_shard(table):
    keys = [list(table.primary_key.columns)]
    keys += [list(c.columns) for c in table.constraints if isinstance(c, UniqueConstraint)]
    keys += [list(index.columns) for index in table.indexes if index.unique]
    for key in keys:
        if "person_id" in table.c:
            assert key[0].name == "person_id"
        if "sender_key" in table.c:
            assert key[0].name == "sender_key"
    assert not table.foreign_keys
    assert table.dialect_options["sqlite"]["strict"]
    for column in table.c:
        assert column.server_default is None
        assert column.server_onupdate is None
        assert column.default is None
        assert not column.autoincrement or column.autoincrement == "auto"
        assert isinstance(
            column.type, Double if column.name.endswith("_rate") else BigInteger | LargeBinary | Text
        )
        if column.name in {"at", "version"} or column.name.endswith(("_at", "_minor", "_offset")):
            assert isinstance(column.type, BigInteger)
        if column.name.endswith("_id") and column.name not in {"message_id", "decision_id", "change_id"}:
            assert isinstance(column.type, LargeBinary)
        if column.name in {"body", "profile"}:
            assert isinstance(column.type, LargeBinary)


def _sql(engine) -> dict[str, str]:
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%'"
        )
        return {name: "".join(sql.split()) for name, sql in rows}


def test_migrations_lead_to_the_schema_of_the_code():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    migrated, direct = create_engine("sqlite://"), create_engine("sqlite://")
    with migrated.begin() as connection:
        assert schema_version(connection) is None
        upgrade(connection)
        assert schema_version(connection) == HEAD
        upgrade(connection)
    METADATA.create_all(direct)
    assert _sql(migrated) == _sql(direct)
    config = Config()
    config.set_main_option("script_location", "cvo.storage:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD
    migrated.dispose()
    direct.dispose()


def test_a_database_of_a_later_cvo_is_left_alone():
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        upgrade(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(Conflict, match="upgrade cvo"):
            upgrade(connection)
    engine.dispose()


def test_sqlite_is_recent_enough_here():
    assert sqlite3.sqlite_version_info >= (3, 37)
