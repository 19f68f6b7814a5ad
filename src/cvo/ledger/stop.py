"""Actions to stop: those that are not worth doing, told from those that are merely unproven."""

from collections.abc import Callable, Sequence

import msgspec

from cvo.core.evidence import Estimate, NotEstimable
from cvo.inference import discoveries
from cvo.ledger.caused import Caused


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """An action whose value is below what is worth while, and what to do in its place.

    `per_delivery` is value a delivery; `saved` is what not doing it would have brought over the period, before
    what is done instead. `instead` is the action of its stage that, on one half of the customers, proved worth while
    and brings the most, `instead_per_delivery` what it brings on the other half, who had no say in its being chosen.
    `None` where there is none: then nothing, which costs nothing, is better.
    """

    action: str
    per_delivery: Estimate
    saved: Estimate
    instead: str | None
    instead_per_delivery: Estimate | NotEstimable | None


def actions_to_stop(
    actions: Sequence[Caused],
    stages: dict[str, str],
    half: Callable[[int], Sequence[Caused]],
    *,
    worthwhile: float = 0.0,
    rate: float = 0.1,
) -> list[Stop]:
    """Return the actions whose value a delivery is below `worthwhile`, in major units of the currency.

    `actions` are rows by action, `stages` tells each one's stage, `half` gives the same rows from either half of the
    customers alone, and is asked only where something is to stop. Among those returned a share `rate` is expected to be
    wrong (Benjamini, Hochberg 1995, over all actions with an estimate).
    """
    known, told = _told(actions, worthwhile, rate)
    rows = {row.name: row for row in actions}
    bad = {name: each for name, each in known.items() if told[name] and each.value < worthwhile}
    if not bad:
        return []
    chosen_on, proved = _told(half(0), worthwhile, rate)
    good = {name: each for name, each in chosen_on.items() if proved[name] and each.value > worthwhile}
    others = {row.name: row for row in half(1)} if good else {}
    found = []
    for name, estimate in bad.items():
        total = rows[name].value
        if not isinstance(total, Estimate):
            continue
        same = [other for other in good if stages.get(other) == stages.get(name) and other not in bad]
        best = max(same, key=lambda other: (good[other].value, other), default=None)
        found.append(
            Stop(
                action=name,
                per_delivery=estimate,
                saved=total.scaled(-1.0),
                instead=best,
                instead_per_delivery=None if best is None else _estimated(others.get(best)),
            )
        )
    return sorted(found, key=lambda stop: (-stop.saved.value, stop.action))


def _told(
    rows: Sequence[Caused], worthwhile: float, rate: float
) -> tuple[dict[str, Estimate], dict[str, bool]]:
    """Return what each action brings a delivery, where that can be told, and of which it differs from `worthwhile`."""
    each = {row.name: _per_delivery(row) for row in rows}
    known = {name: estimate for name, estimate in each.items() if isinstance(estimate, Estimate)}
    told = discoveries(list(known.values()), rate=rate, null=worthwhile)
    return known, {name: bool(out) for name, out in zip(known, told, strict=True)}


def _estimated(row: Caused | None) -> Estimate | NotEstimable:
    if row is None:
        return NotEstimable("no deliveries", "nobody of the other half of the customers got it")
    return _per_delivery(row)


def _per_delivery(row: Caused) -> Estimate | NotEstimable:
    if isinstance(row.value, NotEstimable):
        return row.value
    if not row.deliveries:
        return NotEstimable("no deliveries", f"{row.name} was not delivered")
    return row.value.scaled(1.0 / row.deliveries, f"{row.value.unit} a delivery")
