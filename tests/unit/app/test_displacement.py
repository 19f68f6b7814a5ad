"""What runs against itself without one thing: what that took from others, what it brought, and why it can't be told."""

import shutil

import msgspec
import numpy as np
import pytest

from cvo.actions.catalogue import Status
from cvo.actions.qualify import QUALIFIED
from cvo.actions.situation import Situation
from cvo.app.apply import apply
from cvo.app.company import Company
from cvo.app.simulate import simulate
from cvo.app.value import value, value_bank
from cvo.app.value.page import page
from cvo.app.what_if import displacement, read_candidate, what_if
from cvo.app.what_if.log import read_log
from cvo.app.what_if.reach import answers, contact_costs, snapshots
from cvo.app.what_if.unknowing import FORGOTTEN, knowing, segments_of, usual
from cvo.cli.evaluate import as_data
from cvo.cli.value import as_data as value_data
from cvo.cli.value import show
from cvo.core.clock import DAY, FixedClock, Instant, format_rfc3339, parse_rfc3339
from cvo.core.errors import InvalidInput, NotFound
from cvo.core.evidence import Estimate, NotEstimable
from cvo.inference import GuardRails
from cvo.profiles.profile import Profile
from cvo.reports import IntervalChart, render
from tests.data.folder import ONE_MAIL, running

LATER = parse_rfc3339("2027-01-01T00:00:00Z")
FEW = GuardRails(min_effective_sample_size=20, max_mean_weight_gap=1.0, max_unlogged_rate=1.0)


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    made = tmp_path_factory.mktemp("displacement") / "company"
    with pytest.MonkeyPatch.context() as patch:
        # So short a log has to have explored much for every question here to be answerable.
        patch.setenv("CVO_EXPLORATION", "1")
        simulate(made, "retail", 250, 10, seed="what if")
        with Company.open(made, write=False, clock=FixedClock(LATER)) as opened:
            yield opened


@pytest.fixture(scope="module")
def found(company):
    return displacement(company, rails=FEW)


def test_every_action_that_is_done_and_all_that_is_known_is_told(company, found):
    log = read_log(company, [])
    assert found.decisions == len(log.cases) > 150
    assert {each.name for each in found.knowing} == {"context", "history", "person"}
    assert found.levers == []
    done = {each.name for each in found.actions}
    assert done <= company.policy().catalogue.actions.keys()
    assert {log.options[column] for column in np.unique(log.got)} - {""} <= done


def test_what_an_action_took_is_what_others_get_without_it_and_no_more(found):
    for each in found.actions:
        assert each.name not in each.took
        assert min(each.took.values(), default=0) >= 0
        # What others gain without it is what it had; here and there one loses a little by the floor, too.
        assert sum(each.took.values()) <= 1_000 * each.share + 1e-9
        assert sum(each.took.values()) == pytest.approx(1_000 * each.share, rel=0.02)


def test_an_action_s_value_is_the_evaluation_of_the_catalogue_with_it_paused_turned_round(company, found):
    action = max(found.actions, key=lambda each: each.share)
    candidate = read_candidate(company, without=[f"action:{action.name}"])
    assert candidate.catalogue.actions[action.name].status is Status.PAUSED
    difference = what_if(company, candidate, rails=FEW).difference
    assert isinstance(difference, Estimate)
    assert action.value.value == pytest.approx(-difference.value)
    assert action.value.standard_error == pytest.approx(difference.standard_error)


def test_knowing_is_worth_the_evaluation_without_it_turned_round(company, found):
    for each in found.knowing:
        candidate = read_candidate(company, without=[each.name])
        assert [(c.entry, c.before, c.after) for c in candidate.changes] == [(each.name, "known", "unknown")]
        told = what_if(company, candidate, rails=FEW)
        if isinstance(each.value, Estimate):
            assert each.value.value == pytest.approx(-told.difference.value)
            assert 0 < each.share <= 1
        else:
            assert each.value.reason == "nothing displaced"
            assert each.share == pytest.approx(0, abs=1e-9)
            assert told.difference.value == pytest.approx(0, abs=1e-9)
    assert as_data(told)["changes"]


def test_without_history_rules_are_kept_and_features_are_not_seen(company):
    log, policy = read_log(company, []), company.policy()
    blind = knowing(["history"])(policy.catalogue, policy.models, policy.settings)
    placement = log.cases[0].request.placement
    judge, really = blind.qualifier(placement), policy.qualifier(placement)
    some = [_situation(case, policy) for case in log.cases if case.request.placement == placement]
    qualified, allowed = judge.codes(some) == QUALIFIED, really.codes(some) == QUALIFIED
    assert not (qualified & ~allowed).any()
    bare = [FORGOTTEN["history"](each) for each in some]
    np.testing.assert_array_equal(blind.valuer.design(some), policy.valuer.design(bare))
    assert not np.array_equal(policy.valuer.design(some), policy.valuer.design(bare))
    assert all(
        b.profile == Profile(traits=a.profile.traits, consent=a.profile.consent)
        for a, b in zip(some, bare, strict=True)
    )


def _situation(case, policy):
    request, channel = case.request, policy.qualifier(case.request.placement).channel
    return Situation(case.profile, request.at, request.placement, channel, request.context)


def test_without_the_person_everybody_gets_what_the_segment_got_on_average_up_to_then(company):
    log, policy = read_log(company, []), company.policy()
    segments = segments_of(log)
    assert 1 <= len(set(segments)) < len(segments) / 50
    kept = []

    def keep(slots):
        kept.extend(zip(slots, usual(log, slots), segments, log.at, strict=True))
        return usual(log, slots)

    answers(log, policy.catalogue, company.settings, snapshots(company, log), rechosen=keep)
    alike = {}
    for before, after, segment, _ in sorted(kept, key=lambda each: each[-1]):
        assert after.options == before.options
        assert sum(after.propensities) == pytest.approx(1.0)
        assert sum(after.delivery_probabilities) == pytest.approx(1.0)
        alike.setdefault((segment, *after.options), []).append((before.propensities, after.propensities))
    largest = max(alike.values(), key=len)
    before, after = (np.array(each) for each in zip(*largest, strict=True))
    assert len(largest) > 20
    assert not np.allclose(before, before[0], atol=1e-3)
    assert after.std(axis=0).max() < before.std(axis=0).max() / 2
    # Nothing that was decided later has a part in it; other options of the segment have a small one.
    so_far = np.cumsum(before, axis=0) / np.arange(1, len(before) + 1)[:, None]
    np.testing.assert_allclose(after[20:], so_far[20:], atol=0.15)


def test_a_lever_displaces_what_it_pushed_aside_and_nothing_when_its_time_was_another(company, tmp_path):
    at = read_log(company, []).at
    catalogue = company.policy().catalogue
    team = next(each.team for each in catalogue.actions.values() if each.status is Status.LIVE)
    folder = shutil.copytree(company.folder, tmp_path / "copy")
    file = next((folder / "catalogue").glob("*.yaml"))
    text, name = file.read_text(), catalogue.teams[team].name
    file.write_text(
        text.replace(f"name: {name}\n", f"name: {name}\n    lever_bound: 50\n", 1) + _levers(team, at)
    )
    with Company.open(folder, clock=FixedClock(LATER)) as pushed:
        apply(pushed, pushed.config.owners[0], approve=True)
        late, then = displacement(pushed, rails=FEW).levers
    assert late.name == "late"
    assert late.value == NotEstimable(
        "nothing displaced", "every decision of the log would have been the same"
    )
    assert late.took == {}
    assert then.share > 0.05
    assert sum(then.took.values()) == pytest.approx(1_000 * then.share, rel=0.02)
    assert isinstance(then.value, Estimate)


def _levers(team, at):
    spans = {"then": (at[0], at[-1] + DAY), "late": (at[-1] + DAY, at[-1] + 2 * DAY)}
    lines = [
        f"  {name}: {{team: {team}, per: team, amount: 50, because: tests, "
        f"starts_at: {format_rfc3339(begins)}, ends_at: {format_rfc3339(ends)}}}\n"
        for name, (begins, ends) in spans.items()
    ]
    return "\nlevers:\n" + "".join(lines)


def test_a_period_takes_its_own_decisions(company, found):
    at = read_log(company, []).at
    middle = at[len(at) // 2]
    later = read_log(company, [], since=middle)
    assert min(later.at) >= middle
    assert 0 < len(later.cases) < found.decisions
    closed = read_log(company, [], until=Instant(middle + later.window_days * DAY))
    assert max(closed.at) <= middle


def test_a_thin_log_is_refused_with_its_reason_and_an_empty_one_too(company, tmp_path):
    refused = [each.value for each in displacement(company).actions]
    assert {each.reason for each in refused if isinstance(each, NotEstimable)} >= {"effective sample size"}
    with running(tmp_path, LATER, ONE_MAIL) as empty:
        assert displacement(empty).reason == "no decisions"


@pytest.mark.parametrize(
    ("what", "error", "said"),
    [
        ("lever:none", NotFound, "there is no lever 'none'; known: none yet"),
        ("action:none", NotFound, "there is no action 'none'; known: .*voucher_20"),
        ("weather", InvalidInput, "no doing without 'weather'; say action:ID, lever:ID, rule:ID"),
    ],
)  # fmt: skip
def test_what_is_not_there_can_t_be_taken_away(company, what, error, said):
    with pytest.raises(error, match=said):
        read_candidate(company, without=[what])


def test_another_learner_can_t_do_without_the_person(company):
    with pytest.raises(InvalidInput, match="linear knows the person"):
        read_candidate(company, learner="linear", without=["person"])


def test_contacts_cost_the_same_with_and_without(company):
    candidate = read_candidate(company, without=["levers", "context"])
    assert candidate.unknown == ("context",)
    log = read_log(company, [])
    np.testing.assert_array_equal(
        contact_costs(candidate.catalogue, log), contact_costs(candidate.running, log)
    )


def test_report_page_and_terminal_have_the_same_figures(company, found, capsys):
    empty = value(company)
    assert empty.displacement is None
    assert "displaced" not in render(page(empty, value_bank(company), "Shop"))
    pushed = msgspec.structs.replace(found.actions[0], name="spring-push")
    report = msgspec.structs.replace(empty, displacement=msgspec.structs.replace(found, levers=[pushed]))
    made = page(report, value_bank(company), "Shop")
    titles = [section.title for section in made.sections]
    assert titles[-6:-3] == ["What each action displaced", "What each lever cost", "Are we customer-centric?"]
    charts = [
        block
        for section in made.sections[-6:-3]
        for block in section.blocks
        if isinstance(block, IntervalChart)
    ]
    drawn = [row.estimate.value for chart in charts for row in chart.rows]
    data = value_data(report)["displacement"]
    told = [each["value"] for name in ("actions", "levers", "knowing") for each in data[name]]
    assert drawn == [each["estimate"] for each in told if "estimate" in each]
    assert data["decisions"] == found.decisions
    show(report)
    printed = capsys.readouterr().out
    assert "Are we customer-centric?" in printed
    assert "spring-push" in printed
    refused = msgspec.structs.replace(empty, displacement=NotEstimable("no decisions", "the log is empty"))
    assert (
        "Can't be told: the log is empty." in page(refused, value_bank(company), "Shop").sections[-4].blocks
    )
    assert value_data(refused)["displacement"]["reason"] == "no decisions"
    show(refused)
    assert "What actions displaced: the log is empty" in capsys.readouterr().out
