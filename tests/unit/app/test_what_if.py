"""A change evaluated on the log: asked again, what runs answers as it did; what differs is told with its reason."""

import shutil

import msgspec
import numpy as np
import pytest

from cvo.app.company import Company
from cvo.app.simulate import simulate
from cvo.app.what_if import read_candidate, what_if
from cvo.app.what_if.learners import rechosen
from cvo.app.what_if.log import read_log
from cvo.app.what_if.page import page
from cvo.app.what_if.reach import answers, snapshots
from cvo.cli.common import figure
from cvo.cli.evaluate import as_data
from cvo.core.clock import DAY, FixedClock, parse_rfc3339
from cvo.core.errors import InvalidInput, NotFound
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.inference import GuardRails
from cvo.reports import render
from tests.data.folder import ONE_MAIL, decide_for, running

LATER = parse_rfc3339("2027-01-01T00:00:00Z")
FEW = GuardRails(min_effective_sample_size=20, max_mean_weight_gap=1.0)
CATALOGUE = "simulated.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("what-if") / "company"
    simulate(made, "retail", 250, 10, seed="what if")
    return made


@pytest.fixture
def company(folder):
    with Company.open(folder, write=False, clock=FixedClock(LATER)) as opened:
        yield opened


@pytest.fixture
def proposed(folder, tmp_path):
    """Return a function that changes pieces of the catalogue's text in a copy, and returns its folder."""

    def change(**pieces):
        copy = tmp_path / "catalogue"
        shutil.copytree(folder / "catalogue", copy)
        text = (copy / CATALOGUE).read_text()
        for action, (old, new) in pieces.items():
            begin = text.index(f"  {action}:\n")
            at = text.index(old, begin)
            text = text[:at] + new + text[at + len(old) :]
        (copy / CATALOGUE).write_text(text)
        return copy

    return change


def test_asked_again_what_runs_answers_with_the_probabilities_that_were_logged(company):
    log = read_log(company, [])
    candidate = read_candidate(company)
    again = answers(log, candidate.catalogue, candidate.settings, snapshots(company, log))
    assert len(log.cases) > 150
    np.testing.assert_allclose(again.probabilities, log.probabilities, rtol=0, atol=1e-12)


def test_no_change_makes_no_difference_anywhere(company):
    found = what_if(company, read_candidate(company), rails=FEW)
    assert found.changes == []
    assert found.difference.value == pytest.approx(0, abs=1e-9)
    assert not any(part.stands_out for part in [*found.teams, *found.segments])
    assert isinstance(found.looks, NotEstimable)
    assert found.reach["candidate"] == found.reach["current"]
    assert (found.afterwards.value, found.afterwards.grade) == (0.0, Grade.MEASURED)


def test_a_thin_log_is_refused_with_the_reason(company, proposed):
    catalogue = proposed(voucher_20=("status: live", "status: paused"))
    found = what_if(company, read_candidate(company, catalogue=catalogue))
    assert found.difference.reason == "effective sample size"
    assert found.segments == []
    assert found.looks == found.difference
    assert "cannot tell" in page(found).title


def test_a_paused_action_is_refused_everywhere_and_its_team_makes_the_difference(company, proposed):
    catalogue = proposed(voucher_20=("status: live", "status: paused"))
    found = what_if(company, read_candidate(company, catalogue=catalogue), rails=FEW)
    assert [change.entry for change in found.changes] == ["actions.voucher_20.status"]
    now, then = (
        {each.action: each for each in found.reach[side]}["voucher_20"] for side in ("current", "candidate")
    )
    assert now.scored > 0
    assert then.scored == 0
    assert then.picked == 0
    assert sum(then.refused.values()) == found.decisions
    assert any(rule.startswith("status") for rule in then.refused)
    assert sum(part.difference.value for part in found.teams) == pytest.approx(found.difference.value)
    assert {part.name for part in found.teams} == {"marketing", "assortment", "service", "acquisition"}


def test_what_comes_after_the_window_is_counted_delivery_by_delivery_and_stands_apart(company, proposed):
    folder = proposed(voucher_20=("status: live", "status: paused"))
    candidate = read_candidate(company, catalogue=folder)
    found = what_if(company, candidate, rails=FEW)
    valuer, running = company.policy().valuer, candidate.running
    worth = {
        place: dict(zip(valuer.actions, valuer.later(each.channel).mean.tolist(), strict=True))
        for place, each in running.placements.items()
    }
    log = read_log(company, candidate.catalogue.actions)
    models, sums = snapshots(company, log), []
    for rules in (candidate.catalogue, running):
        given = answers(log, rules, company.settings, models).probabilities.tolist()
        sums.append(
            sum(
                chance * worth[case.request.placement].get(option, 0.0)
                for case, chances in zip(log.cases, given, strict=True)
                for option, chance in zip(log.options, chances, strict=True)
            )
        )
    after, before = sums
    assert found.afterwards.value == pytest.approx(1_000 * (after - before) / found.decisions)
    assert found.afterwards.value != 0
    assert found.afterwards.grade in {Grade.ASSUMED, Grade.POOLED}
    assert figure(found.afterwards) == as_data(found)["afterwards"]


def test_dearer_contacts_cost_what_they_cost(company, proposed):
    dearer = proposed(garden_season=("contact_cost: 0.0074", "contact_cost: 1.0074"))
    found = what_if(company, read_candidate(company, catalogue=dearer), rails=FEW)
    reach = {each.action: each for each in found.reach["candidate"]}["garden_season"]
    assert reach.delivered < {each.action: each for each in found.reach["current"]}["garden_season"].delivered
    assert sum(part.difference.value for part in found.teams) == pytest.approx(found.difference.value)


def test_an_action_that_nobody_ever_got_is_not_guessed_at(company, proposed):
    new = "  brand_new:\n    value: 500\n"
    catalogue = proposed()
    text = (catalogue / CATALOGUE).read_text()
    begin = text.index("  voucher_20:\n")
    end = text.index("  voucher_fashion_10:\n")
    entry = text[begin:end].replace("  voucher_20:\n", new).replace("voucher_20-", "brand_new-")
    (catalogue / CATALOGUE).write_text(text[:end] + entry + text[end:])
    found = what_if(company, read_candidate(company, catalogue=catalogue), rails=FEW)
    assert found.difference.reason == "unlogged options"
    assert {each.action for each in found.reach["candidate"]} - {
        each.action for each in found.reach["current"]
    } == {"brand_new"}


def test_a_policy_file_changes_settings(company, tmp_path):
    file = tmp_path / "bolder.toml"
    file.write_text("[decisions]\nexploration = 2.0\nfloor = 0.02\n")
    candidate = read_candidate(company, policy=file)
    assert candidate.settings.exploration == 2.0
    assert [(c.entry, c.before, c.after) for c in candidate.changes] == [("decisions.exploration", 0.25, 2.0)]
    found = what_if(company, candidate, rails=FEW)
    assert isinstance(found.difference, Estimate)
    assert found.difference.value != 0
    assert set(found.others) == {"ips", "snips", "direct method", "switch", "shrunk", "mips"}
    assert found.looks, "told week by week"
    assert as_data(found)["difference"]["grade"] == "measured"
    assert render(page(found)).count("<section") >= 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[decisions]\ncontrol_rate = 0.1\n", "control_rate can't be changed"),
        ("[decisions]\nflor = 0.1\n", "flor can't be changed"),
        ("[decisions]\nfloor = 2\n", "floor is 2"),
        ("colour = 1\n", "no field 'colour'; known: actions, .*without"),
        ("[", "bad.toml"),
    ],
)
def test_what_a_policy_file_can_not_say(company, tmp_path, text, message):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=message):
        read_candidate(company, policy=file)


def test_a_policy_file_that_is_not_there(company, tmp_path):
    with pytest.raises(NotFound, match=r"no\.toml"):
        read_candidate(company, policy=tmp_path / "no.toml")


def test_an_empty_log_tells_nothing(folder, tmp_path):
    copy = tmp_path / "young"
    shutil.copytree(folder, copy)
    early = FixedClock(parse_rfc3339("2026-01-06T00:00:00Z"))
    with Company.open(copy, write=False, clock=early) as young:
        assert what_if(young, read_candidate(young)).reason == "no decisions"


@pytest.mark.parametrize("learner", ["linear", "vw"])
def test_another_learner_chooses_among_what_qualifies_having_seen_what_closed(company, learner):
    found = what_if(company, read_candidate(company, learner=learner), rails=FEW)
    assert [(each.entry, each.after) for each in found.changes] == [("learner", learner)]
    ours, theirs = found.reach["current"], found.reach["candidate"]
    assert [each.scored for each in ours] == [each.scored for each in theirs]
    assert any(abs(a.picked - b.picked) > 1 for a, b in zip(ours, theirs, strict=True))
    assert all(each.delivered <= each.picked * (1 + 1e-9) for each in theirs)
    again = what_if(company, read_candidate(company, learner=learner), rails=FEW)
    assert again.reach == found.reach
    assert again.difference == found.difference


def test_a_learner_knows_nothing_of_windows_that_were_open(company):
    log = read_log(company, [])
    candidate = read_candidate(company)
    cost = np.zeros((len(log.got), len(log.options)))
    slots = []
    answers(
        log,
        candidate.catalogue,
        candidate.settings,
        snapshots(company, log),
        rechosen=lambda s: slots.extend(s) or s,
    )

    def chosen(margin):
        changed = msgspec.structs.replace(log, margin=margin)
        return rechosen(
            "linear", changed, slots, cost=cost, settings=candidate.settings, progress=lambda _: None
        )

    closes = [at + log.window_days * DAY for at in log.at]
    first = next(row for row, at in enumerate(log.at) if at >= closes[0])
    # The same spread, so that the unit in which a reward is learned stays the same.
    before, after = chosen(log.margin), chosen(log.margin[::-1].copy())
    assert before[:first] == after[:first]
    assert before[first:] != after[first:]


def test_an_unknown_learner_is_named(company):
    with pytest.raises(InvalidInput, match="there is no learner 'magic'; known: linear, vw"):
        read_candidate(company, learner="magic")


def test_another_estimator_decides_if_asked_and_the_rest_stand_beside_it(company, tmp_path):
    file = tmp_path / "bolder.toml"
    file.write_text("[decisions]\nexploration = 2.0\n")
    candidate = read_candidate(company, policy=file)
    robust = what_if(company, candidate, rails=FEW)
    kinds = what_if(company, candidate, rails=FEW, estimator="mips")
    assert kinds.estimator == "mips"
    assert kinds.difference == robust.others["mips"]
    assert kinds.others["doubly robust"] == robust.difference
    assert kinds.difference.grade == "pooled"
    told = [each.difference for each in kinds.segments if isinstance(each.difference, Estimate)]
    assert {each.grade for each in told} == {"pooled"}
    assert kinds.teams == []
    assert robust.later_slots is None
    with pytest.raises(InvalidInput, match="there is no estimator 'guess'; known: doubly robust, ips"):
        what_if(company, candidate, estimator="guess")


def test_placements_with_several_slots_are_told_with_what_is_not_in_the_figure(tmp_path):
    now = parse_rfc3339("2026-03-02T10:00:00Z")
    text = ONE_MAIL.replace("newsletter: {channel: email}", "newsletter: {channel: email, slots: 2}")
    with running(tmp_path / "shop", now, text) as shop:
        decide_for(shop, [f"c{n}" for n in range(40)])
        shop.clock.at = LATER
        found = what_if(shop, read_candidate(shop))
    assert found.later_slots.reason == "several slots"
    # Of 40 customers some are left alone.
    assert 30 < found.decisions < 40
    assert f"{found.decisions} of {found.decisions} decisions" in found.later_slots.detail
