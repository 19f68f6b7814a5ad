"""The tables the ledger works on: facts as columns, in the order of person and time.

Money is in minor units of the company's currency; what came in another currency is not in them.
"""

import polars as pl

ORDERS = pl.Schema(
    {"person_id": pl.Binary(), "at": pl.Int64(), "order_id": pl.String(), "revenue_minor": pl.Int64()}
)
"""One row a completed order."""

REFUNDS = pl.Schema(
    {"person_id": pl.Binary(), "at": pl.Int64(), "order_id": pl.String(), "amount_minor": pl.Int64()}
)
"""One row a refund."""

RESPONSES = pl.Schema(
    {
        "person_id": pl.Binary(),
        "at": pl.Int64(),
        "kind": pl.String(),
        "action": pl.String(),
        "decision_id": pl.String(),
    }
)
"""One row a response or activity: `kind` as an action's `response` names it, `action` if it names one."""

DECISIONS = pl.Schema(
    {
        "person_id": pl.Binary(),
        "at": pl.Int64(),
        "decision_id": pl.String(),
        "placement": pl.String(),
        "chosen": pl.String(),
        "delivered": pl.String(),
        "team": pl.String(),
        "stage": pl.String(),
        "contact_cost_minor": pl.Int64(),
        "options": pl.List(pl.String()),
        "probabilities": pl.List(pl.Float64()),
    }
)
"""One row a live decision; nothing is the empty string. `probabilities` are of delivery, given the arm."""
