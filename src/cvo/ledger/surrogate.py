"""A surrogate index: what customers will bring, foretold from their state a short while after an action's window.

Where a horizon has not closed, ΔCLV may be read from the state that customers are in by then, if that state tells
all the action did (Athey, Chetty, Imbens, Kang 2019, "The surrogate index", NBER 26463). Whether it does can't be
assumed: an order brought forward leaves a customer who looks better and will bring less. So the index is learned on
customers whatever they got, and held against randomised cohorts whose horizon has closed; it is used only where their
effect on the index is that on the truth, by a test stated here, and then with what the test leaves open as error.
"""

from collections.abc import Mapping

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cvo.core.clock import DAY, Instant
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.core.money import minor_unit
from cvo.inference import Predict, folds_by_hash, ridge_per_action
from cvo.inference.clustered import normal_estimate, normal_quantile
from cvo.ledger.contrast import Contrast
from cvo.ledger.influence import Total, influences
from cvo.lifetime import Economics

FloatArray = NDArray[np.float64]

SHORT_DAYS = 28
"""How long after the end of its window a customer's state is read: what happened until then is taken as it was."""
LEVEL = 0.95
"""The index is refused where a cohort's difference to the truth leaves out zero, held over all cohorts (Bonferroni)."""

_LAGS_DAYS = (28, 90, 365)
_ORIGINS, _APART_DAYS, _FEWEST_BUYERS = 12, 28, 200
_PENALTY = 10.0


REFUSED = "surrogate refused"
NO_COHORT = NotEstimable(
    "no validated surrogate",
    f"no randomised cohort of the stage has a closed horizon beyond {SHORT_DAYS} days to hold an index against",
)


class Surrogate(msgspec.Struct, frozen=True, kw_only=True):
    """ΔCLV over `horizon_days` read from the index, and the cohorts that it was held against.

    `off_by` has, for each, what the index says less what came. The error of `change` has what they leave open.
    """

    horizon_days: int
    change: Estimate
    off_by: dict[str, Estimate]


class Index(msgspec.Struct, frozen=True, eq=False):
    """Foretells the discounted margin of the next `days` from a customer's state, by customers of the other fold."""

    days: int
    currency: str
    margin: pl.DataFrame
    halves: tuple[Predict, Predict]

    @property
    def unit(self) -> str:
        """Return the unit of what is foretold."""
        return f"{self.currency} a customer"

    def of(self, rows: pl.DataFrame, window_days: int) -> FloatArray:
        """Return for decisions what came in the short while after the window, and what the state foretells, discounted.

        `rows` have `person_id` and `at`; money is in major units, discounted to the decision.
        """
        read_at = window_days + SHORT_DAYS
        found = brought(rows, self.margin, window_days, read_at)["margin"].to_numpy() * minor_unit(
            self.currency
        )
        features, half = _states(rows, self.margin, read_at, self.currency), _half(rows["person_id"])
        foretold = np.where(half == 0, *(predict(features)[:, 0] for predict in self.halves))
        return np.asarray(found + foretold * float(Economics().discount(np.asarray(float(read_at)))))


def learn_index(
    decisions: pl.DataFrame, margin: pl.DataFrame, days: int, as_of: Instant, currency: str
) -> Index | NotEstimable:
    """Learn the index on everybody decided for: their states every four weeks, each with what came in `days`."""
    met = (
        pl.concat([each.select("person_id", "at") for each in (decisions, margin)])
        .filter(pl.col("person_id").is_in(decisions["person_id"].unique().implode()))
        .group_by("person_id")
        .agg(pl.col("at").min().alias("met_at"))
        .sort("person_id")
    )
    origins = [as_of - (days + _APART_DAYS * k) * DAY for k in range(_ORIGINS)]
    rows = pl.concat(
        [met.filter(pl.col("met_at") < at).select("person_id", pl.lit(at).alias("at")) for at in origins]
    )
    came = brought(rows, margin, 0, days)["margin"].to_numpy() * minor_unit(currency)
    half, features = _half(rows["person_id"]), _states(rows, margin, 0, currency)
    buyers = min(int((came[half == each] != 0).sum()) for each in (0, 1))
    if buyers < _FEWEST_BUYERS:
        return NotEstimable(
            "too few buyers",
            f"{buyers:,} states that orders followed; an index needs {_FEWEST_BUYERS:,} in each half",
        )
    fit = ridge_per_action(1, penalty=_PENALTY)
    first, second = (
        fit(features[half != each], np.zeros(int((half != each).sum()), dtype=np.int64), came[half != each])
        for each in (0, 1)
    )
    return Index(days, currency, margin, (first, second))


def off_by(index: Index, contrast: Contrast, window_days: int, as_of: Instant) -> Estimate | NotEstimable:
    """Return what a cohort's index says it changed less what it did change, of rows whose horizon has closed."""
    end = window_days + SHORT_DAYS + index.days
    rows = contrast.rows.filter(pl.col("at") + end * DAY <= as_of)
    came = brought(rows, index.margin, window_days, end)["margin"].to_numpy() * minor_unit(index.currency)
    return compared(rows, index.of(rows, window_days) - came).estimate(index.unit)


def validated(found: Mapping[str, Estimate]) -> NotEstimable | None:
    """Return a refusal where a cohort shows that the index is no measure of what came."""
    if not found:
        return NO_COHORT
    bound = normal_quantile(1 - (1 - LEVEL) / len(found))
    wrong = {name: each for name, each in found.items() if abs(each.value) > bound * each.standard_error}
    if not wrong:
        return None
    said = ", ".join(
        f"{name} {each.value:+,.2f} ± {each.standard_error:,.2f}" for name, each in sorted(wrong.items())
    )
    return NotEstimable(
        REFUSED,
        f"the state after the window says more, or less, than came, {next(iter(wrong.values())).unit}: {said}",
    )


def read(
    index: Index,
    contrast: Contrast,
    window_days: int,
    as_of: Instant,
    cohorts: Mapping[str, Estimate],
) -> Surrogate | NotEstimable:
    """Read ΔCLV of an open cohort from an index that `cohorts` validated.

    Its bias is known as far as they tell: under a flat prior that is, on average over them, the square of what was
    found and its variance, and so much is added to the error.
    """
    rows = contrast.rows.filter(pl.col("at") + (window_days + SHORT_DAYS) * DAY <= as_of)
    change = compared(rows, index.of(rows, window_days)).estimate(index.unit)
    if isinstance(change, NotEstimable):
        return change
    bias = float(np.mean([each.value**2 + each.standard_error**2 for each in cohorts.values()]))
    wider = normal_estimate(
        change.value,
        float(np.sqrt(change.standard_error**2 + bias)),
        level=LEVEL,
        unit=index.unit,
        grade=Grade.POOLED,
        sample_size=change.sample_size,
    )
    if isinstance(wider, NotEstimable):
        return wider
    return Surrogate(horizon_days=SHORT_DAYS + index.days, change=wider, off_by=dict(cohorts))


def compared(rows: pl.DataFrame, y: FloatArray) -> Total:
    """Return the difference of a figure's means over who got an action and whom chance kept it from, a customer."""
    got, odds = (rows[name].to_numpy() / rows[name].sum() for name in ("got", "odds"))
    influence = got * (y - got @ y) - odds * (y - odds @ y)
    return Total(float(got @ y - odds @ y), influences(rows["person_id"], influence))


def brought(rows: pl.DataFrame, margin: pl.DataFrame, begin: int, end: int) -> pl.DataFrame:
    """Return whether the customer of each row bought between two days after it, how often, and the discounted margin.

    Columns are `bought`, `orders` and `margin`, the last in minor units at the time of the row.
    """
    within = (
        rows.select("person_id", "at")
        .with_row_index("row")
        # In one order always, so that sums are the same to the last bit.
        .join(margin.rename({"at": "ordered_at"}), on="person_id", maintain_order="left_right")
        .with_columns(((pl.col("ordered_at") - pl.col("at")) / DAY).alias("after"))
        .filter(pl.col("after").is_between(begin, end, closed="left"))
    )
    row, present = within["row"].to_numpy(), Economics().discount(within["after"].to_numpy())
    orders = np.bincount(row, within["revenue_minor"].to_numpy() > 0, rows.height)
    earned = np.bincount(row, within["margin_minor"].to_numpy() * present, rows.height)
    return pl.DataFrame({"bought": (orders > 0).astype(np.float64), "orders": orders, "margin": earned})


def _half(people: pl.Series) -> NDArray[np.int64]:
    return folds_by_hash(
        people.bin.encode("hex").to_numpy().astype(str), fold_count=2, seed="surrogate index"
    )


def _states(rows: pl.DataFrame, margin: pl.DataFrame, days: int, currency: str) -> FloatArray:
    """Return the (n, d) states `days` after each row: how recently, how often, for how much customers bought."""
    at = (pl.col("at") + days * DAY - 1).alias("at")
    moments = rows.select("person_id", at).with_row_index("row").sort("at")
    history = margin.sort("at", maintain_order=True).select(
        "person_id",
        "at",
        (pl.col("revenue_minor") > 0).cast(pl.Int64).cum_sum().over("person_id").alias("orders"),
        pl.col("margin_minor").cum_sum().over("person_id").alias("margin"),
        pl.when(pl.col("revenue_minor") > 0).then("at").forward_fill().over("person_id").alias("last"),
    )

    def by(lag: int) -> pl.DataFrame:
        then = moments.with_columns((pl.col("at") - lag * DAY).alias("at"))
        found = then.join_asof(history, on="at", by="person_id", check_sortedness=False)
        return found.sort("row").select("at", "last", pl.col("orders", "margin").fill_null(0))

    now = by(0)
    silent = ((now["at"] - now["last"]) / DAY).fill_null(np.inf).to_numpy()
    columns = [np.exp(-silent / lag) for lag in _LAGS_DAYS]
    for lag in _LAGS_DAYS:
        then = by(lag)
        orders, money = ((now[name] - then[name]).to_numpy() for name in ("orders", "margin"))
        columns += [orders, money * minor_unit(currency), orders * np.exp(-silent / 90), np.log1p(orders)]
    columns += [now["orders"].to_numpy(), now["margin"].to_numpy() * minor_unit(currency)]
    return np.column_stack(columns)
