"""What the log says of value after the window: ΔCLV of every action, and the price of a contact on every channel.

Both as far as horizons have closed. An action's coins are few beside all draws between a contact and none, so the two
are taken as independent looks.
"""

from collections.abc import Sequence

import polars as pl

from cvo.actions.catalogue import Catalogue
from cvo.core.clock import Instant
from cvo.core.evidence import Estimate, Grade
from cvo.inference import GuardRails
from cvo.ledger.clv_change import clv_changes
from cvo.ledger.contact_change import contact_changes
from cvo.ledger.contrast import Contrast
from cvo.ledger.surrogate import SHORT_DAYS
from cvo.lifetime import HORIZONS_DAYS
from cvo.valuation.later import MeasuredLater

CLV_HORIZONS_DAYS = (SHORT_DAYS, *HORIZONS_DAYS)
"""Over which ΔCLV is measured: the longest that has closed."""


def measured_later(
    compared: Sequence[Contrast],
    decisions: pl.DataFrame,
    margin: pl.DataFrame,
    catalogue: Catalogue,
    *,
    as_of: Instant,
    currency: str,
    rails: GuardRails,
) -> list[MeasuredLater]:
    """Return what deliveries of each action, and contacts on each channel, changed afterwards, where chance tells."""
    channels = _channels(decisions, catalogue)
    changes = clv_changes(
        compared,
        margin,
        decisions=decisions,
        window_days={key: action.window_days for key, action in catalogue.actions.items()},
        horizons_days=CLV_HORIZONS_DAYS,
        as_of=as_of,
        currency=currency,
        rails=rails,
    )
    own = [
        MeasuredLater(
            {each.action: 1.0},
            channels.get(each.action, {}),
            found.value,
            found.standard_error,
            # An index says no more than that it held elsewhere.
            Grade.MEASURED if found.grade is Grade.MEASURED else Grade.POOLED,
        )
        for each in changes
        # Where everybody brought the same to the cent, the data has no scale to weigh it by.
        if isinstance(found := each.change, Estimate) and found.standard_error > 0
    ]
    contacts = contact_changes(
        decisions,
        margin,
        channel_of={key: placement.channel for key, placement in catalogue.placements.items()},
        window_days=max((action.window_days for action in catalogue.actions.values()), default=1),
        horizons_days=CLV_HORIZONS_DAYS,
        as_of=as_of,
        currency=currency,
        rails=rails,
    )
    return own + [
        MeasuredLater(each.actions, {each.channel: 1.0}, found.value, found.standard_error)
        for each in contacts
        if isinstance(found := each.afterwards, Estimate) and found.standard_error > 0
    ]


def _channels(decisions: pl.DataFrame, catalogue: Catalogue) -> dict[str, dict[str, float]]:
    """Return on which channels each action was delivered, as shares."""
    counted = decisions.group_by("delivered", "placement", maintain_order=True).agg(pl.len().alias("times"))
    shares: dict[str, dict[str, float]] = {}
    for action, placement, times in counted.iter_rows():
        known = catalogue.placements.get(placement)
        if action and known:
            mine = shares.setdefault(action, {})
            mine[known.channel] = mine.get(known.channel, 0.0) + times
    return {
        action: {channel: times / sum(mine.values()) for channel, times in mine.items()}
        for action, mine in shares.items()
    }
