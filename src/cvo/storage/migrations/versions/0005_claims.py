"""Links to a device that somebody else has are kept apart from those that join."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table; links that are there already stay where they are, and mean the same."""
    op.create_table(
        "claim",
        sa.Column("person_id", sa.LargeBinary(), primary_key=True, nullable=False),
        sa.Column("other_id", sa.LargeBinary(), primary_key=True, nullable=False),
        sa.Column("at", _LONG, nullable=False),
        sa.Column("link_id", sa.LargeBinary(), nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
