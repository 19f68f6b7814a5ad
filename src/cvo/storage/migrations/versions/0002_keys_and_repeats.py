"""API keys, and the idempotency keys of requests for decisions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "api_key",
        sa.Column("key_hash", sa.LargeBinary(), primary_key=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("made_at", _LONG, nullable=False),
        sa.Column("revoked_at", _LONG, nullable=True),
        sqlite_strict=True,
    )
    op.create_table(
        "idempotency",
        sa.Column("sender_key", sa.LargeBinary(), primary_key=True, nullable=False),
        sa.Column("idempotency_key", sa.Text(), primary_key=True, nullable=False),
        sa.Column("received_at", _LONG, nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.LargeBinary(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
