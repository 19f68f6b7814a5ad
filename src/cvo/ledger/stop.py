"""Actions to stop: those that are not worth doing, told from those that are merely unproven."""

from collections.abc import Sequence

import msgspec

from cvo.core.evidence import Estimate
from cvo.inference import discoveries
from cvo.ledger.caused import Caused


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """An action whose value is below what is worth while, and what to do in its place.

    `per_delivery` is value a delivery; `saved` is what not doing it would have brought over the period, before
    what is done instead. `instead` is the action of its stage that proved worth while and brings the most, `None`
    where there is none: then nothing, which costs nothing, is better.
    """

    action: str
    per_delivery: Estimate
    saved: Estimate
    instead: str | None
    instead_per_delivery: Estimate | None


def actions_to_stop(
    actions: Sequence[Caused], stages: dict[str, str], *, worthwhile: float = 0.0, rate: float = 0.1
) -> list[Stop]:
    """Return the actions whose value a delivery is below `worthwhile`, in major units of the currency.

    `actions` are rows by action, `stages` tells each one's stage. Among those returned a share `rate` is
    expected to be wrong (Benjamini, Hochberg 1995, over all actions with an estimate).
    """
    each = {row.name: _per_delivery(row) for row in actions}
    known = {name: estimate for name, estimate in each.items() if estimate is not None}
    told = dict(zip(known, discoveries(list(known.values()), rate=rate, null=worthwhile), strict=True))
    good = {name: known[name] for name in known if told[name] and known[name].value > worthwhile}
    rows = {row.name: row for row in actions}
    found = []
    for name, estimate in known.items():
        total = rows[name].value
        if not told[name] or estimate.value >= worthwhile or not isinstance(total, Estimate):
            continue
        same = [other for other in good if stages.get(other) == stages.get(name)]
        best = max(same, key=lambda other: (good[other].value, other), default=None)
        found.append(
            Stop(
                action=name,
                per_delivery=estimate,
                saved=total.scaled(-1.0),
                instead=best,
                instead_per_delivery=None if best is None else good[best],
            )
        )
    return sorted(found, key=lambda stop: (-stop.saved.value, stop.action))


def _per_delivery(row: Caused) -> Estimate | None:
    if not isinstance(row.value, Estimate) or not row.deliveries:
        return None
    return row.value.scaled(1.0 / row.deliveries, f"{row.value.unit} a delivery")
