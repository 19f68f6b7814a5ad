"""The tables, laid out so that the same rows shard by person on a larger database.

Every key of what belongs to a person begins with `person_id`; intake begins with `sender_key`, because a
client's retry carries the same raw id whatever was merged in between. No foreign keys, sequences, triggers or
server defaults: ids and times are handed in. Times are UTC microseconds, money minor units, bodies bytes.
"""

from sqlalchemy import (
    REAL,
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeEngine

METADATA = MetaData()

# STRICT tables of SQLite know no BIGINT; their INTEGER has the same 64 bits.
Long = BigInteger().with_variant(Integer(), "sqlite")
Rate: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")


def _long(name: str, *, key: bool = False, nullable: bool = False) -> Column[int]:
    return Column(name, Long, primary_key=key, nullable=nullable, autoincrement=False)


def _text(name: str, *, key: bool = False, nullable: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=nullable)


def _blob(name: str, *, key: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, primary_key=key, nullable=False)


INTAKE = Table(
    "intake",
    METADATA,
    _blob("sender_key", key=True),
    _text("message_id", key=True),
    _long("received_at"),
    Index("intake_by_time", "received_at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Which messages were taken that left no event to know them by, such as those that only link two ids."""

EVENT = Table(
    "event",
    METADATA,
    _blob("person_id", key=True),
    _blob("event_id", key=True),
    _long("at"),
    _long("received_at"),
    _text("kind"),
    _blob("body"),
    _long("version"),
    _long("log_partition"),
    _long("log_offset"),
    Index("event_position", "log_partition", "log_offset"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Facts, for ever under the node they were sent for. `version` is the person's after the fact was applied."""

PERSON = Table(
    "person",
    METADATA,
    _blob("person_id", key=True),
    _text("id_kind"),
    _text("id_value"),
    _blob("canonical_id"),
    _long("version"),
    _text("arm"),
    _long("assigned_at"),
    _long("contaminated"),
    _blob("profile"),
    sqlite_strict=True,
)
"""Nodes of the identity graph; the row of a canonical node also holds the person's state."""

LINK = Table(
    "link",
    METADATA,
    _blob("person_id", key=True),
    _blob("other_id", key=True),
    _long("at", key=True),
    _blob("link_id", key=True),
    _text("kind"),
    _long("person_known"),
    _long("other_known"),
    _text("author", nullable=True),
    _long("version"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""The identity log, each link once from either end; `author` is who decided on an override or reversal."""

CLAIM = Table(
    "claim",
    METADATA,
    _blob("person_id", key=True),
    _blob("other_id", key=True),
    _long("at"),
    _blob("link_id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Earliest link of a known customer, `other_id`, to a device that another one had before: it joins nothing.

Kept apart from `link`, so that a device of thousands costs none of them anything.
"""

ASSIGNMENT = Table(
    "assignment",
    METADATA,
    _blob("person_id", key=True),
    _text("arm"),
    _long("assigned_at"),
    Column("control_rate", Rate, nullable=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Which arm a person was given when first met, and the share of customers that was left alone then.

The rate is missing where the arm is older than the column; it was then the one in company.toml.
"""

DECISION = Table(
    "decision",
    METADATA,
    _blob("person_id", key=True),
    _text("decision_id", key=True),
    _long("at"),
    _text("placement"),
    _text("purpose"),
    _blob("body"),
    Index("decision_by_id", "decision_id"),
    sqlite_strict=True,
)

CHANGE = Table(
    "change",
    METADATA,
    _text("change_id", key=True),
    _long("at"),
    _text("author"),
    _text("kind"),
    _blob("body"),
    sqlite_strict=True,
)
"""Who changed catalogue or settings, when, to what."""

BLOB = Table("blob", METADATA, _text("digest", key=True), _blob("body"), sqlite_strict=True)
"""State named by its content: catalogues, settings, model snapshots."""

DEAD_LETTER = Table(
    "dead_letter",
    METADATA,
    _blob("letter_id", key=True),
    _long("received_at"),
    _text("reason"),
    _text("detail"),
    _text("raw"),
    sqlite_strict=True,
)

IDEMPOTENCY = Table(
    "idempotency",
    METADATA,
    _blob("sender_key", key=True),
    _text("idempotency_key", key=True),
    _long("received_at"),
    _text("request"),
    _blob("owner_id"),
    _text("decision_id"),
    Index("idempotency_by_time", "received_at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Requests for decisions that may be repeated: what was asked, by content hash, and the decision it got.

`owner_id` is the person under whom the decision is logged.
"""

API_KEY = Table(
    "api_key",
    METADATA,
    _blob("key_hash", key=True),
    _text("name"),
    _text("scopes"),
    _long("made_at"),
    _long("revoked_at", nullable=True),
    sqlite_strict=True,
)
"""Who may ask the server for what; the keys themselves are not kept."""

POSITION = Table(
    "position", METADATA, _long("log_partition", key=True), _long("next_offset"), sqlite_strict=True
)
"""Where each partition of the log ends."""

STOCK = Table(
    "stock",
    METADATA,
    _text("product", key=True),
    _text("place", key=True),
    _long("at"),
    _long("version"),
    _long("quantity"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""How many of a product there are at a place, and since when; the company's, and no person's."""

STOCK_EVENT = Table(
    "stock_event",
    METADATA,
    _long("version", key=True),
    _blob("event_id"),
    _text("product"),
    _text("place"),
    _long("at"),
    _long("received_at"),
    _long("quantity"),
    Index("stock_event_by_id", "event_id", unique=True),
    Index("stock_event_by_product", "product", "version"),
    sqlite_strict=True,
)
"""Every report of a level; `version` counts them as they came in, so that what was known once can be told again."""

RESOURCE = Table("resource", METADATA, _text("name", key=True), _blob("body"), sqlite_strict=True)
"""What was used of the company's resources in their periods, and their prices."""

META = Table("meta", METADATA, _text("name", key=True), _text("value"), sqlite_strict=True)
"""What the whole store has to agree on."""
