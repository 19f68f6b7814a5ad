"""Customer value optimisation: decide, deliver, measure and learn what was caused."""

__version__ = "0.1.0"
