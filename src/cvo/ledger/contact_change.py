"""The price of a contact, measured: what one more contact, whatever it offered, changed after its window.

Every decision is a draw of known probability between a contact and none, so what is left of it when that probability is
taken off, `r = contacted − P(contacted)`, has nothing to do with who the customer is or was about to do. What customers
bring afterwards moves with it only as far as contacts move it: this one, and those that it leaves less room for
(limits, rests). So the effect `h` of a contact, in its window and after it, solves (g-estimation: Robins 1994,
"Correcting for non-compliance in randomized trials using structural nested mean models", §3)

    Σ_t r_t · (Y_t − Σ_{s ≥ t} X_{s−t} h) = 0

`Y_t` is all the customer's margin, less the cost of service, in both stretches after decision t, by the causal join;
`X` tells how much of what a contact at s changes falls into them, taken as even within each stretch. What the past lets
expect of either, learned from the other half of the customers, is taken off first: where it is wrong that costs
precision, not truth. Nothing here sees a decision id.
"""

from collections.abc import Mapping, Sequence
from math import sqrt

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cvo.core.clock import DAY, Instant
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.core.money import minor_unit
from cvo.inference import DEFAULT_GUARD_RAILS, GuardRails, buyers_refusal, folds_by_hash
from cvo.inference.clustered import normal_estimate
from cvo.ledger.contrast import probability_of

FloatArray = NDArray[np.float64]

_CERTAIN = 1e-9
_STRONG = 5.0
"""Where draws moved contacts by less than so many standard errors, a ratio to that has no usual interval."""

_PAST_DAYS = (28, 90, 365)
"""What a customer brought in these days before a decision lets expect what comes."""


class ContactChange(msgspec.Struct, frozen=True, kw_only=True):
    """What one more contact on `channel` changed in its window and in `horizon_days` after it, in major units.

    `actions` tells what these contacts offered, as shares.
    """

    channel: str
    window_days: int
    horizon_days: int
    window: Estimate | NotEstimable
    afterwards: Estimate | NotEstimable
    actions: dict[str, float] = {}


def contact_changes(
    decisions: pl.DataFrame,
    margin: pl.DataFrame,
    *,
    channel_of: Mapping[str, str],
    window_days: int,
    horizons_days: Sequence[int],
    as_of: Instant,
    currency: str,
    rails: GuardRails = DEFAULT_GUARD_RAILS,
) -> list[ContactChange]:
    """Measure the contacts of every channel over the longest horizon that closed for half of the closed decisions.

    `decisions` and `margin` are as in `ledger.tables` and `ledger.margin`; `channel_of` gives the channel of each
    placement.
    """
    log = _Log.read(decisions, margin, channel_of, currency)
    found, horizons = [], sorted(horizons_days)
    for channel in sorted(set(log.rows["channel"].to_list())):
        closed = [log.closed(channel, window_days + days, as_of) for days in horizons]
        horizon, rows = next(
            (days, rows)
            for days, rows in zip(reversed(horizons), reversed(closed), strict=True)
            if 2 * rows.height >= closed[0].height
        )
        found.append(_measured(log, rows, channel, (window_days, horizon), rails))
    return found


class _Log(msgspec.Struct, frozen=True, eq=False):
    """Drawn contacts, `rows`, all `contacts` made and the `money` of customers, each by time."""

    rows: pl.DataFrame
    contacts: pl.DataFrame
    money: pl.DataFrame
    currency: str

    @classmethod
    def read(
        cls, decisions: pl.DataFrame, margin: pl.DataFrame, channel_of: Mapping[str, str], currency: str
    ) -> "_Log":
        slots = decisions.drop("decision_id").with_columns(
            pl.col("placement")
            .replace_strict(dict(channel_of), default="", return_dtype=pl.String)
            .alias("channel"),
            (1.0 - probability_of("")).alias("chance"),
        )
        contacted = (pl.col("delivered") != "").cast(pl.Float64)
        rows = slots.filter(pl.col("chance").is_between(_CERTAIN, 1 - _CERTAIN)).select(
            "person_id", "at", "channel", "delivered", (contacted - pl.col("chance")).alias("r")
        )
        first = decisions["at"].min() if decisions.height else 0
        made = slots.filter(contacted > 0).select(
            "person_id", "at", pl.lit(1.0).alias("times"), ((pl.col("at") - first) / DAY).alias("days")
        )
        net = (pl.col("margin_minor") - pl.col("service_cost_minor")) * minor_unit(currency)
        money = margin.select("person_id", "at", net.alias("amount"))
        drawn = rows.with_columns(((pl.col("at") - first) / DAY).alias("days"))
        return cls(
            drawn.sort("at", "person_id", maintain_order=True),
            _running(made, "times", "days"),
            _running(money, "amount"),
            currency,
        )

    def closed(self, channel: str, days: int, as_of: Instant) -> pl.DataFrame:
        return self.rows.filter((pl.col("channel") == channel) & (pl.col("at") + days * DAY <= as_of))

    def brought(self, rows: pl.DataFrame, begin: int, end: int) -> FloatArray:
        """Return what each row's customer brought from `begin` days after it until before `end` (n,)."""
        (until,), (before,) = (_before(rows, self.money, days, "amount") for days in (end, begin))
        return until - before

    def falling(self, rows: pl.DataFrame, into: tuple[int, int], of: tuple[int, int]) -> FloatArray:
        """Return how many contacts' changes fall into a stretch after each row, of those made from it on (n,).

        Stretches are in days after the row, and after the contact.
        """
        ramps = [(into[1] - of[0], 1), (into[1] - of[1], -1), (into[0] - of[0], -1), (into[0] - of[1], 1)]
        total = sum(
            (sign * self._ramp(rows, days) for days, sign in ramps if days > 0), np.zeros(rows.height)
        )
        return total / (of[1] - of[0])

    def _ramp(self, rows: pl.DataFrame, days: int) -> FloatArray:
        """Return Σ (days − age) over the contacts made within `days` after each row, it included."""
        (count, sums), (count_before, sums_before) = (
            _before(rows, self.contacts, each, "times", "days") for each in (days, 0)
        )
        made = count - count_before
        return (rows["days"].to_numpy() + days) * made - (sums - sums_before)


def _measured(
    log: _Log, rows: pl.DataFrame, channel: str, days: tuple[int, int], rails: GuardRails
) -> ContactChange:
    window, horizon = days
    stretches = [(0, window), (window, window + horizon)]
    y = np.column_stack([log.brought(rows, *each) for each in stretches])
    refused = _refusal(rows, y[:, 1], horizon, rails)
    if refused is not None:
        return _unknown(channel, days, refused)
    past = [np.arcsinh(log.brought(rows, -each, 0)) for each in _PAST_DAYS]
    half = folds_by_hash(rows["person_id"].bin.encode("hex").to_numpy(), fold_count=2, seed="halves")
    x = np.column_stack([log.falling(rows, into, of) for into in stretches for of in stretches])
    surprise = _surprise(np.column_stack([y, x]), np.column_stack([np.ones(len(y)), *past]), half)
    r, people = rows["r"].to_numpy(), rows["person_id"].rank("dense").to_numpy().astype(np.int64) - 1
    # One row a customer: how the residual draws went along with both stretches, and with what falls into them.
    moved = np.stack([np.bincount(people, r * column) for column in surprise.T], axis=1)
    total = moved.sum(axis=0)
    if not total[2] > _STRONG * sqrt(float((moved[:, 2] ** 2).sum())):
        return _unknown(channel, days, NotEstimable("few draws", f"draws hardly moved contacts on {channel}"))
    inverse = np.linalg.inv(total[2:].reshape(2, 2))
    change = inverse @ total[:2]
    left = moved[:, :2] - np.einsum("nij,j->ni", moved[:, 2:].reshape(-1, 2, 2), change)
    influence = left @ inverse.T
    errors = np.sqrt((influence**2).sum(axis=0) * len(moved) / (len(moved) - 1))
    estimates = [
        normal_estimate(
            float(value),
            float(error),
            level=0.95,
            unit=f"{log.currency} a contact",
            grade=Grade.MEASURED,
            sample_size=len(moved),
        )
        for value, error in zip(change, errors, strict=True)
    ]
    return ContactChange(
        channel=channel,
        window_days=window,
        horizon_days=horizon,
        window=estimates[0],
        afterwards=estimates[1],
        actions=_shares(rows),
    )


def _unknown(channel: str, days: tuple[int, int], why: NotEstimable) -> ContactChange:
    return ContactChange(
        channel=channel, window_days=days[0], horizon_days=days[1], window=why, afterwards=why
    )


def _refusal(rows: pl.DataFrame, later: FloatArray, horizon: int, rails: GuardRails) -> NotEstimable | None:
    bought = rows.filter(pl.Series(later > 0, dtype=pl.Boolean))
    buyers = {
        name: bought.filter(side)["person_id"].n_unique()
        for name, side in (("contacted", pl.col("r") > 0), ("not contacted", pl.col("r") < 0))
    }
    refused = buyers_refusal(buyers, rails)
    if refused is None:
        return None
    return NotEstimable("open horizon", f"{horizon} days after the window: {refused.detail}")


def _shares(rows: pl.DataFrame) -> dict[str, float]:
    """Return what the contacts that draws decided offered."""
    made = (
        rows.filter(pl.col("delivered") != "").group_by("delivered").agg(pl.col("r").sum()).sort("delivered")
    )
    return dict(zip(made["delivered"].to_list(), (made["r"] / made["r"].sum()).to_list(), strict=True))


def _running(facts: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Return the facts with what each customer's come to so far."""
    ordered = facts.sort("person_id", "at", maintain_order=True)
    return ordered.with_columns(pl.col(columns).cum_sum().over("person_id")).sort("at", maintain_order=True)


def _before(rows: pl.DataFrame, running: pl.DataFrame, days: int, *columns: str) -> list[FloatArray]:
    """Return what each row's customer came to before so many days after it, a vector for each column."""
    moments = rows.select("person_id", (pl.col("at") + (days * DAY - 1)).alias("at"))
    found = moments.join_asof(running, on="at", by="person_id", check_sortedness=False)
    return [found[column].fill_null(0.0).to_numpy() for column in columns]


def _surprise(values: FloatArray, past: FloatArray, half: NDArray[np.int64]) -> FloatArray:
    """Return values (n, m) less what the past (n, d) lets expect, learned from the other half of the customers."""
    result = values.copy()
    for each in (0, 1):
        mine, others = half == each, half != each
        if others.any():
            weights, *_ = np.linalg.lstsq(past[others], values[others], rcond=None)
            result[mine] -= past[mine] @ weights
    return result
