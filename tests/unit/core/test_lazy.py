"""Modules that are loaded when something of them is first used."""

import sys

import pytest

from cvo.core.lazy import Lazy


def test_a_module_is_loaded_by_the_first_use_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    lazy = Lazy("colorsys")
    assert "colorsys" not in sys.modules
    assert lazy.rgb_to_hsv(1.0, 0.0, 0.0) == (0.0, 1.0, 1.0)
    assert "colorsys" in sys.modules


def test_what_was_found_is_not_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lazy = Lazy("colorsys")
    found = lazy.rgb_to_hsv
    monkeypatch.setitem(sys.modules, "colorsys", None)
    assert lazy.rgb_to_hsv is found


def test_what_the_module_does_not_have_is_missing() -> None:
    with pytest.raises(AttributeError, match="colorsys"):
        _ = Lazy("colorsys").nothing_of_the_kind
