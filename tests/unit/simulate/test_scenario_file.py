import json
from importlib.resources import files

import msgspec
import pytest

from cvo.core.errors import InvalidInput, NotFound
from cvo.simulate import load_scenario, parse_scenario, scenario_names

RETAIL = files("cvo.simulate").joinpath("scenarios/retail.toml").read_text(encoding="utf-8")


def inline(value):
    """Write a value as inline TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {inline(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inline(entry) for entry in value) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value)


def as_toml(raw):
    return "\n".join(f"{key} = {inline(value)}" for key, value in raw.items())


def changed(path, value):
    """Return the retail scenario as TOML with one entry replaced."""
    raw = msgspec.toml.decode(RETAIL)
    *way, last = path
    entry = raw
    for key in way:
        entry = entry[key]
    entry[last] = value
    return as_toml(raw)


def test_the_scenarios_that_come_with_cvo_are_read():
    assert scenario_names() == ["bank", "retail", "subscription", "telecom"]
    for name in scenario_names():
        scenario = load_scenario(name)
        assert scenario.name == name
        assert len({action.team for action in scenario.actions}) >= 3
        assert any(channel.inbound for channel in scenario.channels)


def test_a_scenario_is_read_from_any_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(changed(["name"], "mine"), encoding="utf-8")
    assert load_scenario(path).name == "mine"
    assert load_scenario(str(path)).name == "mine"


def test_an_unknown_scenario_names_those_there_are():
    with pytest.raises(NotFound, match="bank, retail, subscription, telecom"):
        load_scenario("retial")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (["step_days"], 3.0, "does not divide a week"),
        (["planning_weeks"], 0.5, "at least two steps ahead"),
        (["reaction", "delay"], [0.5, 0.4], "sum to 0.9"),
        (["reaction", "complaint_rate"], 1.5, r"\$\.reaction\.complaint_rate"),
        (["reaction", "annoyance"], float("inf"), r"\$\.reaction\.annoyance is inf"),
        (["actions", 0, "appeal"], float("nan"), r"\$\.actions\[0\]\.appeal is nan"),
        (["actions", 0, "adds"], 1.0, r"\$\.actions\[0\]\.adds"),
        (["actions", 0, "adds"], 0.1, "'voucher_20' adds orders but names no product"),
        (["actions", 0, "apeal_by"], {"home": 1.0}, "apeal_by"),
        (["actions", 0, "appeal_by"], {"hme": 1.0}, "action 'voucher_20', appeal_by: 'hme' is not one of"),
        (["actions", 1, "product"], "fasion", "action 'voucher_fashion_10', product: 'fasion'"),
        (["actions", 1, "name"], "voucher_20", "'voucher_20' stands twice"),
        (["actions", 2, "channels"], ["post"], "'post' is not one of agent, email, web"),
        (["actions", 2, "stage"], "upsell", r"\$\.actions\[2\]\.stage"),
        (["traits", 0, "shows"], "mood", "trait 'age', shows: 'mood'"),
        (["products", 0, "needs"], {"spend": 1.0}, "product 'garden', needs: 'spend'"),
        (["population", "needs"], ["spend"], "'spend' stands twice"),
        (["currency"], "Euro", r"\$\.currency"),
        (["channels"], [], r"\$\.channels"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_the_place(path, value, says):
    with pytest.raises(InvalidInput, match=says) as caught:
        parse_scenario(changed(path, value), "mine.toml")
    assert str(caught.value).startswith("mine.toml: ")


def test_text_that_is_not_toml_is_refused():
    with pytest.raises(InvalidInput, match=r"mine\.toml"):
        parse_scenario("name = ", "mine.toml")


def test_every_problem_is_named_at_once():
    raw = msgspec.toml.decode(RETAIL)
    raw["step_days"] = 3.0
    raw["traits"][0]["shows"] = "mood"
    with pytest.raises(InvalidInput, match=r"does not divide a week.*'mood'"):
        parse_scenario(as_toml(raw))
