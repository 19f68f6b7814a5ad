"""A change of rules, limits, prices or levers is on the record with its author and its evaluated effect."""

import json

import msgspec
import pytest
from click.testing import CliRunner

from cvo.actions.drafts import Change, Effect, Verdict
from cvo.app.apply import apply, settle
from cvo.app.audit import NOT_ASKED, steps
from cvo.app.company import Company
from cvo.app.simulate import simulate
from cvo.app.what_if import read_candidate, what_if
from cvo.cli.drafts import command, effect_data, told
from cvo.core.clock import FixedClock, parse_rfc3339
from cvo.core.evidence import Estimate, Grade, Interval

LATER = parse_rfc3339("2027-01-01T00:00:00Z")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("audit") / "company"
    simulate(made, "retail", 120, 8, seed="audit")
    return made


def test_a_draft_stands_on_the_record_with_what_the_log_says_it_would_have_brought(folder):
    file = folder / "catalogue" / "simulated.yaml"
    with Company.open(folder, clock=FixedClock(LATER)) as company:
        (owner,) = company.config.owners
        before = steps(company)
        assert [each.verdict for each in before] == [Verdict.PROPOSED, Verdict.APPROVED]
        assert {each.effect for each in before} == {None}
        file.write_text(file.read_text().replace("status: live", "status: paused", 1))
        asked = what_if(company, read_candidate(company, catalogue=folder / "catalogue"))
        draft = apply(company, owner)
        # Few customers tell nothing, and that is on the record, too.
        assert draft.effect.reason == asked.difference
        assert (draft.effect.decisions, draft.effect.window_days) == (asked.decisions, asked.window_days)
        assert draft.effect.decisions > 50
        settle(company, draft.draft_id, owner, Verdict.APPROVED, "spring is over")
        *_, proposed, approved = steps(company)
        assert proposed.effect == approved.effect == draft.effect
        assert (approved.author, approved.because, approved.at) == (owner, "spring is over", LATER)
        assert [each.entry.rpartition(".")[2] for each in approved.differences] == ["status"]
        file.write_text(file.read_text().replace("status: paused", "status: live", 1))
        assert apply(company, owner, evaluate=False).effect == NOT_ASKED
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(command, ["--company", str(folder)])
    assert shown.exit_code == 0, shown.output
    assert "spring is over" in shown.output
    assert "can't be told" in shown.output
    listed = CliRunner().invoke(command, ["--company", str(folder), "--draft", draft.draft_id, "--json"])
    told_of = json.loads(listed.stdout)
    assert [each["verdict"] for each in told_of] == ["proposed", "approved"]
    assert told_of[0]["effect"] == told_of[1]["effect"]
    assert told_of[0]["effect"]["reason"] == asked.difference.reason


def test_an_effect_is_kept_as_it_was_found_and_told_with_its_interval():
    found = Estimate(
        value=12.5,
        standard_error=3.0,
        interval=Interval(6.62, 18.38),
        grade=Grade.MEASURED,
        unit="EUR per 1,000 decisions",
        sample_size=4_000,
    )
    effect = Effect(estimate=found, decisions=4_000, since=LATER, until=LATER, window_days=14)
    change = Change("draft-000003", Verdict.PROPOSED, None, "v", [], effect=effect)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(change), type=Change) == change
    assert told(effect) == "+12.50 EUR per 1,000 decisions (+6.62 to +18.38), measured, of 4,000 decisions"
    assert effect_data(effect)["estimate"] == 12.5
    without = msgspec.msgpack.encode(
        {k: v for k, v in msgspec.structs.asdict(change).items() if k != "effect"}
    )
    assert msgspec.msgpack.decode(without, type=Change).effect is None
    assert told(None) == "not evaluated"
