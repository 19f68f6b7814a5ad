"""Draws of known probability, each with all that the customer brought afterwards: what teaches τ.

*By draw*: a customer's first decision in every window, with the probability of each option. *By coin*, where a
window holds several decisions: the first that chose an action, delivered against withheld. An action that was
not drawn at one visit comes at the next; only the coin, which holds for the window, keeps it from the customer
(the ghost-ads idea: Johnson, Lewis, Nubbemeyer 2017). Nothing here sees a decision id.
"""

from collections.abc import Mapping

import polars as pl

from cvo.core.clock import DAY, Instant
from cvo.ledger.causal import outcomes, triggers
from cvo.ledger.contrast import probability_of
from cvo.ledger.margin import sums_within

SEVERAL = 1.25
"""From so many slots a customer and window on, coins are compared: draws would hardly differ in what came."""


def draws(
    decisions: pl.DataFrame, margin: pl.DataFrame, window_days: Mapping[str, int], as_of: Instant
) -> pl.DataFrame:
    """Return one row a draw whose window closed by `as_of`, by time and customer, with the money of its window.

    `options` and `probabilities` are of delivery; a coin's are those of the action it fell for and of nothing.
    `baseline` says whose margins are alike but for what was delivered: all draws', or the coins' of one action.
    """
    longest = max(window_days.values(), default=1)
    closed = decisions.drop("decision_id").filter(pl.col("at") + longest * DAY <= as_of)
    drawn = triggers(decisions, longest, as_of).with_columns(pl.lit("").alias("baseline"))
    if closed.height >= SEVERAL * drawn.height:
        coins = [_coins(decisions, action, days, as_of) for action, days in sorted(window_days.items())]
        found = [
            sums_within(rows, margin, days)
            for rows, (_, days) in zip(coins, sorted(window_days.items()), strict=True)
            if rows.height
        ]
        if found:
            return pl.concat(found).sort("at", "person_id", maintain_order=True)
    return outcomes(drawn.filter(_alone(closed, drawn)), margin, longest).sort(
        "at", "person_id", maintain_order=True
    )


def _alone(closed: pl.DataFrame, drawn: pl.DataFrame) -> pl.Series:
    """Tell the draws of one slot: of several filled at once, one says nothing of what the others brought."""
    slots = closed.group_by("person_id", "at").agg(pl.len().alias("slots"))
    return drawn.join(slots, on=["person_id", "at"], how="left", maintain_order="left")["slots"] == 1


def _coins(decisions: pl.DataFrame, action: str, days: int, as_of: Instant) -> pl.DataFrame:
    """Return the first decision in each window that chose the action, where its coin was still to fall."""
    kept = pl.col("chance") / pl.col("propensity")
    return (
        decisions.drop("decision_id")
        .filter((pl.col("chosen") == action) & (pl.col("at") + days * DAY <= as_of))
        .with_columns((pl.col("at") // (days * DAY)).alias("window"), probability_of(action).alias("chance"))
        .sort("person_id", "at", maintain_order=True)
        .unique(["person_id", "window"], keep="first", maintain_order=True)
        .with_columns(kept.alias("kept"))
        .filter(pl.col("kept").is_between(1e-9, 1 - 1e-9))
        .with_columns(
            pl.concat_list(pl.lit(action), pl.lit("")).alias("options"),
            pl.concat_list("kept", 1 - pl.col("kept")).alias("probabilities"),
            pl.lit(action).alias("baseline"),
        )
        .drop("window", "chance", "kept")
    )
