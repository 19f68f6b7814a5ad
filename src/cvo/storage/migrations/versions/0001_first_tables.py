"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Written out, not taken from schema.py: a step stays what it was while the schema moves on.
_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES: dict[str, tuple[str, tuple[str, ...], bool]] = {
    "intake": ("sender_key! message_id$! received_at#", (), False),
    "event": (
        "person_id! at#! event_id! received_at# kind$ body version# log_partition# log_offset#",
        ("event_position log_partition log_offset",),
        False,
    ),
    "person": (
        "person_id! id_kind$ id_value$ canonical_id version# arm$ assigned_at# contaminated# profile",
        (),
        True,
    ),
    "link": (
        "person_id! other_id! at#! link_id! kind$ person_known# other_known# author$? version#",
        (),
        False,
    ),
    "assignment": ("person_id! arm$ assigned_at#", (), False),
    "decision": (
        "person_id! decision_id$! at# placement$ purpose$ body",
        ("decision_by_id decision_id",),
        True,
    ),
    "change": ("change_id$! at# author$ kind$ body", (), True),
    "blob": ("digest$! body", (), True),
    "dead_letter": ("letter_id! received_at# reason$ detail$ raw$", (), True),
    "position": ("log_partition#! next_offset#", (), True),
    "meta": ("name$! value$", (), True),
}
"""Columns, indexes, whether SQLite keeps a rowid. `#` long, `$` text, else bytes; `!` key, `?` nullable."""


def upgrade() -> None:
    """Create every table."""
    for name, (columns, indexes, rowid) in _TABLES.items():
        op.create_table(
            name,
            *(_column(column) for column in columns.split()),
            sqlite_strict=True,
            sqlite_with_rowid=rowid,
        )
        for index in indexes:
            index_name, *keys = index.split()
            op.create_index(index_name, name, keys)


def _column(marked: str) -> sa.Column[Any]:
    name = marked.rstrip("#$!?")
    kind: sa.types.TypeEngine[Any] = sa.LargeBinary()
    if "#" in marked:
        kind = _LONG
    elif "$" in marked:
        kind = sa.Text()
    return sa.Column(name, kind, primary_key="!" in marked, nullable="?" in marked, autoincrement=False)
