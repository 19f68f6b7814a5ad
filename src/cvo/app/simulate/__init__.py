"""Simulate: a made-up company whose truth is known, driven through the same doors as a real one."""

from cvo.app.simulate.run import Simulated, simulate
from cvo.app.simulate.truth import Truth

__all__ = ["Simulated", "Truth", "simulate"]
