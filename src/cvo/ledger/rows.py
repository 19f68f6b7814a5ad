"""Contrasts split by what the report asks for: stage, action, team, and the time of the decision."""

from collections.abc import Iterable, Sequence

import msgspec
import polars as pl

from cvo.ledger.contrast import Contrast

DIMENSIONS = ("stage", "action", "team", "week", "month")
"""What caused value can be split by; weeks are those of ISO 8601."""

_TIMES = {"week": "%G-W%V", "month": "%Y-%m"}

Labels = tuple[str, ...]
"""One value for each column asked for, in their order."""


def split(compared: Iterable[Contrast], by: Sequence[str], time_zone: str) -> dict[Labels, list[Contrast]]:
    """Return the contrasts in each cell of the columns asked for, cells in sorted order.

    Time is that of the decision compared, in the company's time zone. A refusal of a whole contrast is one of
    every part of it.
    """
    cells: dict[Labels, list[Contrast]] = {}
    for each in compared:
        for times, part in _by_time(each, [name for name in by if name in _TIMES], time_zone):
            known = {"stage": each.stage, "action": each.action, "team": each.team, **times}
            cells.setdefault(tuple(known[name] for name in by), []).append(part)
    return dict(sorted(cells.items()))


def _by_time(
    contrast: Contrast, times: Sequence[str], time_zone: str
) -> Iterable[tuple[dict[str, str], Contrast]]:
    if not times or contrast.rows.is_empty():
        return [(dict.fromkeys(times, ""), contrast)]
    moment = pl.from_epoch("at", time_unit="us").dt.replace_time_zone("UTC").dt.convert_time_zone(time_zone)
    stamped = contrast.rows.with_columns(moment.dt.strftime(_TIMES[name]).alias(name) for name in times)
    return [
        (
            dict(zip(times, map(str, labels), strict=True)),
            msgspec.structs.replace(contrast, rows=rows.drop(times)),
        )
        for labels, rows in stamped.group_by(times, maintain_order=True)
    ]
