"""What has to hold for an action at a placement, as texts of the rule language: its own rules and the whole company's.

Consent, dates, quiet hours, limits, rests and open intents are written in the language in which people write rules, so
that there is one evaluator, one explanation and nothing beside them that can refuse.
"""

from collections.abc import Iterator

from cvo.actions.catalogue import Action, Catalogue, Limit, QuietHours, Rest, SharedRules, Weekday
from cvo.actions.rules.vocabulary import quote
from cvo.actions.scarcity import uses
from cvo.core.clock import format_rfc3339, instant

CONSENT, QUIET, CONVERSATION, LIMIT, REST, CAPACITY, BUNDLE = (
    "consent",
    "quiet hours",
    "conversation",
    "contact limit",
    "rest",
    "capacity",
    "bundle",
)
"""Tiers of refusals beside the action's own `eligible`, `applicable` and `suitable`, and `dates`."""
TIERS = ("eligible", "applicable", "suitable")

_WEEK = list(Weekday)


def conditions(key: str, action: Action, catalogue: Catalogue, channel: str) -> Iterator[tuple[str, str]]:
    """Yield (tier, rule) in the order in which they are reported: what holds longest comes first."""
    if action.starts_at is not None:
        yield "dates", f'now >= timestamp("{format_rfc3339(instant(action.starts_at))}")'
    if action.ends_at is not None:
        yield "dates", f'now < timestamp("{format_rfc3339(instant(action.ends_at))}")'
    consent = catalogue.channels[channel].consent
    if consent == "opt-in":
        yield CONSENT, f"consent.{channel}"
    elif consent == "opt-out":
        yield CONSENT, f"!(consent.{channel} == false)"
    shared = [each for each in catalogue.rules.values() if scope(key, action, each, channel) is not None]
    for tier in TIERS:
        for source in (*shared, action):
            for text in getattr(source, tier):
                yield tier, text
    if not action.service:
        yield from _spared(key, action, catalogue, channel)
    for resource, use in uses(key, action, catalogue, channel).items():
        yield CAPACITY, f"left({quote(resource)}) >= {use:.9f}".rstrip("0").rstrip(".")


def _spared(key: str, action: Action, catalogue: Catalogue, channel: str) -> Iterator[tuple[str, str]]:
    """Yield what spares the customer, and does not hold for service messages."""
    for intent in catalogue.intents.values():
        if action.stage in intent.holds:
            lapses = "" if intent.lapses_days is None else f", {intent.lapses_days}"
            yield CONVERSATION, f"!open({quote(intent.opens)}, {quote(intent.closes)}{lapses})"
    for hours in catalogue.channels[channel].quiet_hours:
        yield QUIET, f"!({_quiet(hours)})"
    for limit in catalogue.limits.values():
        counted = scope(key, action, limit, channel)
        if counted is not None:
            yield LIMIT, f'contacts("{counted}", {limit.days}) < {limit.at_most}'
    for rest in catalogue.rests.values():
        counted = scope(key, action, rest, channel)
        if counted is not None:
            days = "" if rest.days is None else f", {rest.days}"
            outcome = f'"{rest.after}", "{counted}", {rest.times}, {rest.within_days}'
            yield REST, f"!(now < rest_ends({outcome}{days}))"


def _quiet(hours: QuietHours) -> str:
    """Return when the hours are, by the customer's clock; times of day compare as texts."""
    begun, over = f'local.time >= "{hours.begins}"', f'local.time < "{hours.ends}"'
    today = _on(hours.weekdays)
    if str(hours.begins) < str(hours.ends):
        return f"{begun} && {over}{today}"
    yesterday = _on([_WEEK[(_WEEK.index(day) + 1) % len(_WEEK)] for day in hours.weekdays])
    return f"{begun}{today} || {over}{yesterday}"


def _on(weekdays: list[Weekday]) -> str:
    return f" && local.weekday in [{', '.join(quote(day.value) for day in weekdays)}]" if weekdays else ""


def scope(key: str, action: Action, entry: Limit | Rest | SharedRules, channel: str) -> str | None:
    """Return for what an entry counts an action, such as `team:sales`, or `None` where the action is not meant."""
    if entry.per == "all":
        return "any"
    mine = {"channel": channel, "stage": action.stage.value, "team": action.team, "action": key}[entry.per]
    return f"{entry.per}:{mine}" if entry.of is None or entry.of == mine else None
