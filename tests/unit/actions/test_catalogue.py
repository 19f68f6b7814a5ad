from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from cvo.actions.catalogue import Catalogue, Status
from cvo.actions.drafts import check_steps, differences
from cvo.actions.read import parse_catalogue, read_catalogue
from cvo.core.errors import CatalogueError
from tests.data.company import TEXT, catalogue


def test_a_catalogue_s_version_names_its_content_and_survives_being_kept():
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(catalogue()), type=Catalogue)
    assert kept == catalogue()
    assert kept.version == catalogue().version
    assert catalogue(**{"value: 30": "value: 31"}).version != kept.version


def test_sections_may_be_spread_over_files_in_any_way(tmp_path):
    parsed = parse_catalogue(TEXT)
    head, tail = TEXT.split("limits:")
    (tmp_path / "b.yaml").write_text(head)
    (tmp_path / "a.yaml").write_text("limits:" + tail)
    assert read_catalogue(tmp_path).version == parsed.version
    assert parsed.actions["upgrade"].contact_cost == Decimal("0.10")


def test_times_keep_their_zone():
    dated = catalogue(**{"value: 40,": "value: 40, starts_at: 2026-01-01T01:00:00+01:00,"})
    assert dated.actions["callback"].starts_at == datetime(2026, 1, 1, tzinfo=UTC)


WRONG = {
    "a misspelt field": ("value: 30,", "valeu: 30,", "actions.upgrade: there is no field 'valeu'; known: .*value"),
    "a missing field": ("status: live, name: Upgrade", "name: U", "actions.upgrade: .*missing"),
    "an unknown team": ("team: care", "team: cara", "actions.callback: team 'cara' .*known: care, sales"),
    "an unknown channel": ("channel: web", "channel: wap", "placements.home: channel 'wap' .*known: email, web"),
    "an unknown placement": ("{placement: home}, u-", "{placement: hom}, u-", "actions.upgrade.creatives.u-home"),
    "an unknown status": ("status: paused", "status: pausing", "actions.winter: .*pausing"),
    "an unknown stage": ("stage: retain", "stage: retian", "actions.winter: .*retian"),
    "a negative cost": ("contact_cost: 2,", "contact_cost: -2,", "actions.callback.contact_cost is -2; .*at least 0"),
    "a cost that is no number": ("contact_cost: 2,", "contact_cost: .nan,", "actions.callback.contact_cost is NaN"),
    "an endless value": ("value: 40,", "value: .inf,", "actions.callback.value is Infinity"),
    "a negative value": ("value: 40,", "value: -1,", "actions.callback.value is -1"),
    "no window": ("value: 40,", "value: 40, window_days: 0,", "actions.callback.window_days is 0"),
    "a rate of one": ("value: 40,", "value: 40, withheld_rate: 1,", r"withheld_rate is 1.0; it has to be in \[0, 1\)"),
    "a time without zone": ("value: 40,", "value: 40, starts_at: 2026-01-01 00:00:00,", "actions.callback: .*timezone"),
    "an end before the start": (
        "value: 40,",
        "value: 40, starts_at: 2026-02-01T00:00:00Z, ends_at: 2026-01-01T00:00:00Z,",
        "actions.callback ends at 2026-01-01 .* before it starts",
    ),
    "no slots": ("slots: 2", "slots: 0", "placements.home.slots is 0; it has to be at least 1"),
    "an unknown section": ("limits:", "limit:", "unknown section 'limit'; known: actions, assumptions"),
    "an entry given twice": ("  accessory:", "  upgrade:", "'upgrade' is given twice"),
    "an unknown limited team": ("per: channel, of: email", "per: team, of: sale", "limits.weekly-mail: of 'sale'"),
    "an unknown limited stage": ("per: channel, of: email", "per: stage, of: x", "limits.weekly-mail: of 'x'"),
    "a limit of all of one": ("per: channel, of: email", "per: all, of: email", "limits.weekly-mail: of 'email' needs"),
    "a limit beyond memory": ("days: 7", "days: 400", "limits.weekly-mail.days is 400; profiles count back 366 days"),
    "an entry that is no map": ("{name: Care}", "3", "teams.care: Expected `object`"),
    "a key that is no name": ("{name: Care}", "{? [a] : b}", "a key has to be a plain name"),
    "no YAML": ("teams:", "teams: [", "is not YAML"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_named_with_its_entry(case):
    old, new, message = case
    with pytest.raises(CatalogueError, match=f"(?s){message}"):
        catalogue(**{old: new})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "channels: {e-mail: {}}",
            "channels.e-mail: name it with letters, digits and _ only, such as e_mail",
        ),
        ("teams: {'a\"b': {name: A}}", "an id can't contain quotes"),
        ("- a\n- b", "has to map section names to entries"),
        ("teams: [a]", "teams has to map ids to entries"),
    ],
)
def test_ids_that_no_rule_could_name_and_lists_are_refused(text, message):
    with pytest.raises(CatalogueError, match=message):
        parse_catalogue(text)


def test_files_are_named_in_what_is_wrong_with_them(tmp_path):
    with pytest.raises(CatalogueError, match=r"holds no \*.yaml file; `cvo init` writes one"):
        read_catalogue(tmp_path)
    (tmp_path / "a.yaml").write_text("teams: {x: {name: X}}")
    (tmp_path / "b.yaml").write_text("teams: {x: {name: Y}}")
    with pytest.raises(CatalogueError, match=r"b.yaml: teams.x is also in a.yaml; keep one"):
        read_catalogue(tmp_path)
    (tmp_path / "b.yaml").write_bytes(b"teams: {\xff}")
    with pytest.raises(CatalogueError, match=r"b.yaml is not UTF-8 text"):
        read_catalogue(tmp_path)


def test_differences_go_field_by_field_for_actions_and_entry_by_entry_else():
    before = catalogue()
    after = catalogue(**{"value: 30": "value: 31", "days: 7": "days: 8", "winter:": "summer:"})
    found = {each.entry: (each.kind, each.before, each.after) for each in differences(before, after)}
    assert found["actions.upgrade.value"] == ("changed", "30", "31")
    assert found["limits.weekly-mail"][0] == "changed"
    assert found["actions.winter"][0] == "removed"
    assert found["actions.summer"][0] == "added"
    assert len(found) == 4
    assert differences(before, catalogue()) == []


ALLOWED = {
    (Status.DRAFT, Status.APPROVED), (Status.DRAFT, Status.LIVE), (Status.DRAFT, Status.RETIRED),
    (Status.APPROVED, Status.DRAFT), (Status.APPROVED, Status.LIVE), (Status.APPROVED, Status.RETIRED),
    (Status.LIVE, Status.PAUSED), (Status.LIVE, Status.RETIRED),
    (Status.PAUSED, Status.LIVE), (Status.PAUSED, Status.RETIRED),
}  # fmt: skip


@pytest.mark.parametrize("start", Status)
@pytest.mark.parametrize("end", Status)
def test_a_status_takes_only_the_steps_of_its_life(start, end):
    before, after = (catalogue(**{"status: paused": f"status: {each}"}) for each in (start, end))
    if start is end or (start, end) in ALLOWED:
        check_steps(before, after)
    else:
        with pytest.raises(
            CatalogueError, match=f"actions.winter cannot go from {start} to {end}; allowed: "
        ):
            check_steps(before, after)


def test_an_action_is_retired_and_never_removed():
    with pytest.raises(CatalogueError, match=r"actions.winter is gone; set its status to retired"):
        check_steps(catalogue(), catalogue(**{"winter:": "summer:"}))
