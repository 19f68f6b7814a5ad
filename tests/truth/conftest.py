"""What truth tests share: a figure is recorded for the page on the truth, and held to its bounds, in one call."""

import json

import pytest


@pytest.fixture
def told(record_property):
    """Return a function that records a figure and fails where it is outside `at_least` … `at_most`."""

    def tell(what, value, *, at_least=None, at_most=None, of=None):
        record_property(
            "figure",
            json.dumps(
                {
                    "what": what,
                    "value": float(value),
                    "at_least": None if at_least is None else float(at_least),
                    "at_most": None if at_most is None else float(at_most),
                    "of": None if of is None else float(of),
                }
            ),
        )
        assert at_least is None or value >= at_least, f"{what}: {value} is below {at_least}"
        assert at_most is None or value <= at_most, f"{what}: {value} is above {at_most}"

    return tell
