"""What can't be right in the company's rulebook: limits, rests, quiet hours, intents and whom they are about."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from cvo.actions.catalogue import (
    Catalogue,
    Intent,
    Lever,
    Limit,
    QuietHours,
    Resource,
    Rest,
    SharedRules,
    Stage,
)
from cvo.core.errors import CatalogueError
from cvo.profiles.profile import WINDOW_LIMIT_DAYS

_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def check_limit(where: str, limit: Limit, catalogue: Catalogue) -> None:
    """Raise `CatalogueError` for a limit that nothing can count."""
    at_least(f"{where}.at_most", limit.at_most, 0)
    _days(f"{where}.days", limit.days)
    check_scope(where, limit, catalogue)


def check_rest(where: str, rest: Rest, catalogue: Catalogue) -> None:
    """Raise `CatalogueError` for a rest that tallies can't tell: they look back a year."""
    at_least(f"{where}.times", rest.times, 1)
    _days(f"{where}.within_days", rest.within_days)
    if rest.days is not None:
        _days(f"{where}.days", rest.days)
    if rest.times > 1 and (rest.days is None or rest.within_days + rest.days > WINDOW_LIMIT_DAYS):
        raise CatalogueError(
            f"{where}: profiles count back {WINDOW_LIMIT_DAYS} days; after more than one time, days and within_days "
            "together can't be more, nor can the rest be for ever"
        )
    check_scope(where, rest, catalogue)


def check_quiet_hours(where: str, hours: QuietHours) -> None:
    """Raise `CatalogueError` for hours that no clock shows."""
    for name, time in (("from", hours.begins), ("to", hours.ends)):
        if not isinstance(time, str) or not _TIME_OF_DAY.fullmatch(time.replace("24:00", "23:59")):
            raise CatalogueError(
                f'{where}: {name} is {time!r}; write a time of day in quotes, such as "21:00"'
            )
    if hours.begins in {hours.ends, "24:00"}:
        raise CatalogueError(
            f'{where}: from {hours.begins!r} to {hours.ends!r} is no time; a day is "00:00" to "24:00"'
        )


def check_intent(where: str, intent: Intent) -> None:
    """Raise `CatalogueError` for an intent that holds nothing back or never differs from closed."""
    if not intent.opens or not intent.closes or intent.opens == intent.closes:
        raise CatalogueError(f"{where}: opens and closes have to be the names of two different events")
    if not intent.holds:
        raise CatalogueError(f"{where}: holds is empty; name the stages that wait while it is open")
    if intent.lapses_days is not None:
        _days(f"{where}.lapses_days", intent.lapses_days)


def check_resource(where: str, resource: Resource, catalogue: Catalogue) -> None:
    """Raise `CatalogueError` for a resource that nobody uses, or that has no price to begin with."""
    if (resource.of is None) != (resource.per == "all"):
        raise CatalogueError(f"{where}: say of which {resource.per} in `of`, or write per: all")
    check_scope(where, resource, catalogue)
    at_least(f"{where}.period_days", resource.period_days, 1)
    amount(f"{where}.amount", resource.amount)
    for name, value in (("use", resource.use), ("price", resource.price)):
        amount(f"{where}.{name}", value)
        if value <= 0:
            raise CatalogueError(f"{where}.{name} is {value}; it has to be more than nothing")


def check_lever(where: str, lever: Lever, catalogue: Catalogue) -> None:
    """Raise `CatalogueError` for a lever that moves nothing, has no end or reason, or takes its team over its bound."""
    refer(where, "team", lever.team, catalogue.teams)
    if lever.per == "team":
        if lever.of not in {None, lever.team}:
            raise CatalogueError(f"{where}: a team's lever moves its own actions; of is {lever.of!r}")
    elif lever.of is None:
        raise CatalogueError(f"{where}: say of which {lever.per} in `of`, or write per: team")
    check_scope(where, lever, catalogue)
    if lever.per == "action" and lever.of is not None and catalogue.actions[lever.of].team != lever.team:
        raise CatalogueError(f"{where}: {lever.of} is an action of {catalogue.actions[lever.of].team}")
    if not lever.amount.is_finite() or not lever.amount:
        raise CatalogueError(
            f"{where}.amount is {lever.amount}; it has to be an amount of money other than 0"
        )
    if not lever.because.strip():
        raise CatalogueError(f"{where}.because is empty; say why the score is not enough")
    if lever.ends_at <= lever.starts_at:
        raise CatalogueError(f"{where} ends at {lever.ends_at}, before it starts at {lever.starts_at}")
    _check_bound(where, lever, catalogue)


def _check_bound(where: str, lever: Lever, catalogue: Catalogue) -> None:
    # The sum can only rise where a lever starts, and each is checked there.
    together = [
        abs(each.amount)
        for each in catalogue.levers.values()
        if each.team == lever.team and each.starts_at <= lever.starts_at < each.ends_at
    ]
    bound = catalogue.teams[lever.team].lever_bound
    if sum(together) > bound:
        raise CatalogueError(
            f"{where}: levers of {lever.team} add up to {sum(together)} at {lever.starts_at}; "
            f"teams.{lever.team}.lever_bound is {bound}"
        )


def check_scope(
    where: str, entry: Limit | Rest | SharedRules | Resource | Lever, catalogue: Catalogue
) -> None:
    """Raise `CatalogueError` for an `of` that names nothing."""
    if entry.of is None:
        return
    known: dict[str, Iterable[str]] = {
        "channel": catalogue.channels,
        "stage": [stage.value for stage in Stage],
        "team": catalogue.teams,
        "action": catalogue.actions,
    }
    if entry.per not in known:
        raise CatalogueError(f"{where}: of {entry.of!r} needs a per of {', '.join(known)}")
    refer(where, "of", entry.of, known[entry.per])


def _days(where: str, days: int) -> None:
    at_least(where, days, 1)
    if days > WINDOW_LIMIT_DAYS:
        raise CatalogueError(f"{where} is {days}; profiles count back {WINDOW_LIMIT_DAYS} days")


def refer(where: str, field: str, value: str, known: Iterable[str]) -> None:
    """Raise `CatalogueError` where a field names what is not in the catalogue."""
    if value not in known:
        names = ", ".join(sorted(known)) or "none yet"
        raise CatalogueError(f"{where}: {field} {value!r} is not in the catalogue; known: {names}")


def at_least(where: str, value: Any, least: int) -> None:
    """Raise `CatalogueError` where a number is too small."""
    if value < least:
        raise CatalogueError(f"{where} is {value}; it has to be at least {least}")


def amount(where: str, value: Decimal) -> None:
    """Raise `CatalogueError` where a number is no amount of money, or below zero."""
    if not value.is_finite():
        raise CatalogueError(f"{where} is {value}; it has to be an amount of money")
    at_least(where, value, 0)
