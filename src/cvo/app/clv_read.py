"""Read transactions from a CSV or Parquet file whose columns nobody has described yet."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cvo.core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    import polars as pl

_CUSTOMER = (
    "customer_id",
    "customer",
    "client_id",
    "user_id",
    "household_id",
    "member_id",
    "account_id",
    "buyer_id",
)
_DATE = (
    "date",
    "order_date",
    "invoice_date",
    "purchase_date",
    "transaction_date",
    "timestamp",
    "created_at",
    "on",
)
_AMOUNT = ("amount", "revenue", "value", "sales_value", "sales", "total", "spend", "order_value", "price")


class Transactions(msgspec.Struct, frozen=True, eq=False):
    """Transactions as `customer_id, date, amount`, and how the file was understood."""

    frame: "pl.DataFrame"
    columns: dict[str, str]
    guessed: tuple[str, ...]
    """Which of the columns nobody named."""
    dropped: int
    """Rows without customer, date or amount."""


def read_transactions(
    path: Path,
    *,
    customer: str | None = None,
    when: str | None = None,
    amount: str | None = None,
    date_format: str | None = None,
) -> Transactions:
    """Read a CSV or Parquet file; columns not named are recognised by their usual names.

    Raises `NotFound` without the file, `InvalidInput` when a column can't be told or does not hold what it
    should.
    """
    import polars as pl

    frame = _load(path)
    named = {"customer": customer, "date": when, "amount": amount}
    usual = {"customer": _CUSTOMER, "date": _DATE, "amount": _AMOUNT}
    columns = {role: named[role] or _recognised(role, usual[role], frame) for role in named}
    absent = [name for name in columns.values() if name not in frame.columns]
    if absent:
        raise InvalidInput(f"{path} has no column {', '.join(absent)}, only {', '.join(frame.columns)}")
    days = _dates(frame[columns["date"]], date_format)
    try:
        values = frame[columns["amount"]].cast(pl.Float64)
    except pl.exceptions.InvalidOperationError:
        raise InvalidInput(
            f"column {columns['amount']} does not hold numbers; name another with --amount"
        ) from None
    rows = pl.DataFrame({"customer_id": frame[columns["customer"]], "date": days, "amount": values})
    whole = rows.drop_nulls().filter(pl.col("amount").is_finite())
    if not whole.height:
        raise InvalidInput(f"{path} holds no row with customer, date and amount")
    guessed = tuple(role for role, name in named.items() if name is None)
    return Transactions(whole, columns, guessed, rows.height - whole.height)


def _load(path: Path) -> "pl.DataFrame":
    import polars as pl

    if not path.is_file():
        raise NotFound(f"there is no file {path}")
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            return pl.read_parquet(path, glob=False)
        # Polars would settle for itself whether 03/04 is in March or in April.
        return pl.read_csv(path, glob=False, try_parse_dates=False, infer_schema_length=10_000)
    except pl.exceptions.PolarsError as error:
        raise InvalidInput(f"{path} can't be read as CSV or Parquet: {error}") from error


def _recognised(role: str, usual: tuple[str, ...], frame: "pl.DataFrame") -> str:
    plain = {name.lower().replace(" ", "").replace("_", ""): name for name in reversed(frame.columns)}
    for name in usual:
        if name.replace("_", "") in plain:
            return plain[name.replace("_", "")]
    dates = [name for name, kind in frame.schema.items() if kind.is_temporal()]
    if role == "date" and len(dates) == 1:
        return dates[0]
    raise InvalidInput(
        f"which column holds the {role}? Name it with --{role}; there are {', '.join(frame.columns)}"
    )


def _dates(column: "pl.Series", date_format: str | None) -> "pl.Series":
    import polars as pl

    if column.dtype.is_temporal():
        return column.cast(pl.Date)
    if column.dtype.is_float():
        raise InvalidInput(f"column {column.name} holds decimals, not dates; name another with --date")
    text = column.cast(pl.String).str.strip_chars()
    for form in [date_format] if date_format else ["%Y-%m-%d", "%Y%m%d", "%Y/%m/%d"]:
        length = None if date_format else {"%Y%m%d": 8}.get(form, 10)
        parsed = (text.str.head(length) if length else text).str.to_datetime(form, strict=False).cast(pl.Date)
        if parsed.null_count() == text.null_count():
            return parsed
    raise InvalidInput(
        f"column {column.name} holds dates such as {text.drop_nulls().first()!r}; say how to read them with "
        "--date-format, for instance %d/%m/%Y"
    )
