"""Text and marks can be read in both themes: contrast as in WCAG 2.2, success criteria 1.4.3 and 1.4.11."""

import re
from importlib.resources import files

import pytest

CSS = files("cvo.reports").joinpath("page.css").read_text("utf-8")
DARK_AT = CSS.index("prefers-color-scheme: dark")
NAMES = r"--([a-z0-9-]+): (#[0-9a-f]{6});"
LIGHT = dict(re.findall(NAMES, CSS[:DARK_AT]))
DARK = LIGHT | dict(re.findall(NAMES, CSS[DARK_AT:]))
TEXT = ("ink", "muted", "accent")
MARKS = ("measured", "pooled", "observational", "assumed", "series-1", "series-2", "series-3", "series-4")


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "panel"])
def test_text_and_marks_stand_out(theme, ground):
    faint = {name: contrast(theme[name], theme[ground]) for name in (*TEXT, *MARKS)}
    assert not {name: ratio for name, ratio in faint.items() if ratio < 4.5}


def test_the_dark_theme_restates_every_colour_that_is_drawn_with():
    restated = dict(re.findall(NAMES, CSS[DARK_AT:]))
    assert set(restated) == set(LIGHT)
