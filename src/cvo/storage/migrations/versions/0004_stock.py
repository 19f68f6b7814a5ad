"""Stock: every report of a level, and the levels that the next decision sees."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "stock",
        sa.Column("product", sa.Text(), primary_key=True, nullable=False),
        sa.Column("place", sa.Text(), primary_key=True, nullable=False),
        sa.Column("at", _LONG, nullable=False),
        sa.Column("version", _LONG, nullable=False),
        sa.Column("quantity", _LONG, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "stock_event",
        sa.Column("version", _LONG, primary_key=True, nullable=False, autoincrement=False),
        sa.Column("event_id", sa.LargeBinary(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("at", _LONG, nullable=False),
        sa.Column("received_at", _LONG, nullable=False),
        sa.Column("quantity", _LONG, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("stock_event_by_id", "stock_event", ["event_id"], unique=True)
    op.create_index("stock_event_by_product", "stock_event", ["product", "version"])
