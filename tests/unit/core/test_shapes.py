"""An unknown field is told with those that are known where it stands."""

import msgspec
import pytest

from cvo.core.shapes import misshapen


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    colour: str = ""
    watts: int = 5


class Outer(msgspec.Struct, forbid_unknown_fields=True, rename={"all_": "all"}):
    lamps: dict[str, Inner] = {}
    rows: list[Inner] = []
    spare: Inner | None = None
    all_: bool = False


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"lamp": {}}, "there is no field 'lamp'; known: all, lamps, rows, spare"),
        ({"lamps": {"a": {"color": ""}}}, "there is no field 'color' in `lamps[...]`; known: colour, watts"),
        ({"rows": [{}, {"color": ""}]}, "there is no field 'color' in `rows[1]`; known: colour, watts"),
        ({"spare": {"color": ""}}, "there is no field 'color' in `spare`; known: colour, watts"),
        ({"spare": {"watts": "x"}}, "spare.watts: expected `int`, got `str`"),
    ],
)
def test_what_is_known_stands_beside_what_is_not(given, told):
    with pytest.raises(msgspec.ValidationError) as found:
        msgspec.convert(given, Outer)
    assert misshapen(found.value, Outer) == told


def test_names_read_elsewhere_are_known_at_the_top_alone():
    def said(given):
        with pytest.raises(msgspec.ValidationError) as found:
            msgspec.convert(given, Outer)
        return misshapen(found.value, Outer, also=["actions"])

    assert said({"x": 1}).endswith("known: actions, all, lamps, rows, spare")
    assert said({"spare": {"x": 1}}).endswith("known: colour, watts")
