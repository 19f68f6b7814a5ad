"""Who is compared with whom: customers who got an action, and those from whom chance alone kept it.

*By coin*: the first decision of a customer in the action's window that chose it, delivered against withheld. The
coin holds for the whole window, so those on its other side never got the action in it (the ghost-ads idea:
Johnson, Lewis, Nubbemeyer 2017). *By draw*, where nothing was withheld, as in a trial recorded elsewhere: the
first decision of the window at which the action and nothing both had a chance, those who got it against those
who got nothing at that moment, weighted by the odds P(a)/P(∅) (Hirano, Imbens, Ridder 2003, eq. 27).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import polars as pl

from cvo.core.clock import DAY, Instant
from cvo.core.evidence import NotEstimable
from cvo.core.random import keyed_uniform
from cvo.inference import sample_ratio_refusal
from cvo.ledger.margin import sums_within

_CERTAIN = 1.0 - 1e-9


class Contrast(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The comparison of one action, one row a customer and window that has closed.

    `rows` has `person_id`, `at`, `got` (1 or 0), `odds` (the weight of a row that got nothing, else 0), all the
    customer's money from `at` to the window's end, and `deliveries` and `spend_minor` of the action in the window, with
    what came with it in a bundle.
    `refusal` says why the rows must not be compared.
    """

    action: str
    stage: str
    by: Literal["coin", "draw"]
    rows: pl.DataFrame
    team: str = ""
    refusal: NotEstimable | None = None


def contrasts(
    decisions: pl.DataFrame, margin: pl.DataFrame, window_days: Mapping[str, int], as_of: Instant
) -> list[Contrast]:
    """Return the contrast of every action that was ever chosen, with its window in `window_days`.

    Decision ids are dropped first: nothing here can tell which outcome a message claims for which decision.
    """
    anonymous = decisions.drop("decision_id").sort("person_id", "at", maintain_order=True)
    chosen = anonymous.filter(pl.col("chosen") != "")["chosen"].unique().sort().to_list()
    return [
        _contrast(action, anonymous, margin, window_days[action], as_of)
        for action in chosen
        if action in window_days
    ]


def half_of(compared: Sequence[Contrast], seed: str, half: int) -> list[Contrast]:
    """Return the contrasts of one half of the customers, 0 or 1, by a hash of who they are.

    What is chosen on one half can be estimated on the other without flattery.
    """
    people = pl.concat([each.rows["person_id"] for each in compared]).unique() if compared else pl.Series()
    mine = [person for person in people if (keyed_uniform(seed, "half", person) < 0.5) == (half == 0)]
    kept = pl.Series(mine, dtype=pl.Binary)
    return [
        msgspec.structs.replace(each, rows=each.rows.filter(pl.col("person_id").is_in(kept.implode())))
        for each in compared
    ]


def _contrast(
    action: str, decisions: pl.DataFrame, margin: pl.DataFrame, days: int, as_of: Instant
) -> Contrast:
    rows = decisions.with_columns(
        (pl.col("at") // (days * DAY)).alias("window"),
        probability_of(action).alias("chance"),
        probability_of("").alias("nothing"),
    ).filter(pl.col("at") + days * DAY <= as_of)
    chose = rows.filter(pl.col("chosen") == action)
    labels = decisions.filter(pl.col("chosen") == action)
    kept = (pl.col("chance") / pl.col("propensity")).alias("kept")
    first_choice = _first(chose.with_columns(kept)).filter(pl.col("kept").is_between(1e-9, _CERTAIN))
    if first_choice.height:
        weight = pl.col("kept") / (1 - pl.col("kept"))
        units = _weighed(first_choice, action, pl.col("delivered") != action, weight)
        refusal = _uneven(units)
    else:
        both = rows.filter((pl.col("chance") > 0) & (pl.col("nothing") > 0))
        refusal = _slots(both, action)
        seen = _first(both).filter(pl.col("delivered").is_in([action, ""]))
        units = _weighed(seen, action, pl.col("delivered") == "", pl.col("chance") / pl.col("nothing"))
    spent = (
        rows.filter((pl.col("delivered") != "") & (leading() == action))
        .group_by("person_id", "window")
        .agg(
            (pl.col("delivered") == action).sum().alias("deliveries"),
            pl.col("contact_cost_minor").sum().alias("spend_minor"),
        )
    )
    compared = units.select("person_id", "at", "window", "got", "odds").join(
        spent, on=["person_id", "window"], how="left", maintain_order="left"
    )
    return Contrast(
        action=action,
        stage=str(labels["stage"][-1]),
        team=str(labels["team"][-1]),
        by="coin" if first_choice.height else "draw",
        rows=sums_within(compared, margin, days).with_columns(
            pl.col("deliveries", "spend_minor").fill_null(0)
        ),
        refusal=refusal,
    )


def probability_of(option: str) -> pl.Expr:
    """Return the probability with which an option is delivered; 0 where it is not among the options."""
    is_it = pl.col("options").list.eval(pl.element() == pl.lit(option))
    found = pl.col("probabilities").list.get(is_it.list.arg_max(), null_on_oob=True)
    return pl.when(is_it.list.any()).then(found).otherwise(0.0)


def leading() -> pl.Expr:
    """Return the action that each slot is part of, rows being by slot: the first of its bundle, or its own.

    The others of a bundle come with the first for certain, so all that they change and cost is found there.
    """
    first = pl.when(pl.col("propensity") < 1.0).then("chosen")
    return first.forward_fill().over("person_id", "at", "placement").fill_null(pl.col("chosen"))


def _first(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.unique(["person_id", "window"], keep="first", maintain_order=True)


def _weighed(rows: pl.DataFrame, action: str, other: pl.Expr, weight: pl.Expr) -> pl.DataFrame:
    return rows.with_columns(
        (pl.col("delivered") == action).cast(pl.Float64).alias("got"),
        pl.when(other).then(weight).otherwise(0.0).alias("odds"),
    )


def _slots(rows: pl.DataFrame, action: str) -> NotEstimable | None:
    if not rows.select(pl.struct("person_id", "at", "placement").is_duplicated().any()).item():
        return None
    return NotEstimable(
        "several slots",
        f"{action} was decided in several slots at once and never withheld: who got nothing in one slot may have "
        "got something in another; set a withheld_rate",
    )


def _uneven(units: pl.DataFrame) -> NotEstimable | None:
    """Refuse coins that did not fall as their probabilities say: then the split itself is broken."""
    delivered = int(units["got"].sum())
    kept = float(units["kept"].sum())
    return sample_ratio_refusal(
        {"delivered": delivered, "withheld": units.height - delivered},
        {"delivered": kept, "withheld": units.height - kept},
    )
