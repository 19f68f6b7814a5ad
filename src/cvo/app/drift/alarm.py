"""What an alarm says."""

from enum import StrEnum

import msgspec

from cvo.core.clock import Instant


class Watched(StrEnum):
    """What drifts."""

    RESPONSES = "responses"
    FEATURE = "feature"
    PROPENSITY = "propensity"


class DriftAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it was: what, of which action or feature, since when, and what was seen."""

    what: Watched
    name: str
    since: Instant
    said: str
