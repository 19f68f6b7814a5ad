"""Simulate: a made-up company whose truth is known, driven through the same doors as a real one."""

from cvo.app.simulate.run import Simulated, simulate, simulate_served
from cvo.app.simulate.truth import Truth

__all__ = ["Simulated", "Truth", "simulate", "simulate_served"]
