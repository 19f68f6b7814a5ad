"""Drift: whether the last weeks are still like those before, and if not, which action or feature, since when."""

from cvo.app.drift.alarm import DriftAlarm, Watched
from cvo.app.drift.report import Drift, drift

__all__ = ["Drift", "DriftAlarm", "Watched", "drift"]
