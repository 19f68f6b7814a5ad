"""Events are found by their id, so that a repeat is known from the log itself; arms remember their rate.

What is kept for a time only, to know repeats by, is found by its time.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_RATE: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")


def upgrade() -> None:
    """Key events by person and id, index what is forgotten, and give assignments the rate they were drawn with."""
    op.drop_index("event_position", "event")
    op.rename_table("event", "event_0002")
    op.create_table(
        "event",
        sa.Column("person_id", sa.LargeBinary(), primary_key=True, nullable=False),
        sa.Column("event_id", sa.LargeBinary(), primary_key=True, nullable=False),
        sa.Column("at", _LONG, nullable=False),
        sa.Column("received_at", _LONG, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("version", _LONG, nullable=False),
        sa.Column("log_partition", _LONG, nullable=False),
        sa.Column("log_offset", _LONG, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO event SELECT person_id, event_id, at, received_at, kind, body, version, log_partition, "
        "log_offset FROM event_0002 ORDER BY person_id, event_id"
    )
    op.drop_table("event_0002")
    op.create_index("event_position", "event", ["log_partition", "log_offset"])
    op.create_index("intake_by_time", "intake", ["received_at"])
    op.create_index("idempotency_by_time", "idempotency", ["received_at"])
    op.rename_table("assignment", "assignment_0002")
    op.create_table(
        "assignment",
        sa.Column("person_id", sa.LargeBinary(), primary_key=True, nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("assigned_at", _LONG, nullable=False),
        sa.Column("control_rate", _RATE, nullable=True),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO assignment SELECT person_id, arm, assigned_at, NULL FROM assignment_0002")
    op.drop_table("assignment_0002")
