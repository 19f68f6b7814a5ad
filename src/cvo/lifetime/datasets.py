"""The purchases on which the papers fitted their models."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def cdnow_sample() -> "pl.DataFrame":
    """Return the 6,696 purchases of 2,357 CDNOW customers: `customer_id, date, amount`; source beside the file.

    >>> cdnow_sample().height
    6696
    """
    import polars as pl

    return pl.read_parquet(Path(__file__).parent / "data" / "cdnow_sample.parquet")
