import msgspec
import pytest

from cvo.actions.drafts import Verdict
from cvo.app.apply import apply, settle
from cvo.app.company import Company
from cvo.app.learn import decide_with, learn
from cvo.app.replay import replay
from cvo.app.state import (
    kept_catalogue,
    recorded,
    running_catalogue,
    running_models,
    running_policy,
    running_version,
)
from cvo.core.clock import HOUR, FixedClock, Instant
from cvo.core.errors import CatalogueError, Conflict, InvalidInput, NotFound
from cvo.valuation.models import MeasuredEffect
from tests.data.company import NOW
from tests.data.folder import decide_for, make


def edit(company, old, new):
    file = company.folder / "catalogue" / "all.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.fixture
def company(tmp_path):
    with Company.open(make(tmp_path, owners=["ann", "bob"]), clock=FixedClock(NOW)) as opened:
        yield opened


def approved(company, author="ann", approver="bob"):
    return settle(company, apply(company, author).draft_id, approver, Verdict.APPROVED)


def test_a_draft_runs_once_another_owner_approved_it(company):
    draft = apply(company, "ann")
    assert not draft.running
    assert running_version(company.store) is None
    with pytest.raises(NotFound, match="no approved catalogue yet; `cvo apply --approve`"):
        running_policy(company.store, company.config.settings)
    settled = settle(company, draft.draft_id, "bob", Verdict.APPROVED, "looks right")
    assert settled.running
    assert running_version(company.store) == draft.version == running_catalogue(company.store).version
    log = [(change.author, change.at) for change in recorded(company.store, "catalogue")]
    assert log == [("ann", NOW), ("bob", NOW)]


def test_with_several_owners_nobody_approves_their_own(company):
    draft = apply(company, "ann")
    with pytest.raises(Conflict, match="'ann' made the draft; another owner has to approve it"):
        settle(company, draft.draft_id, "ann", Verdict.APPROVED)
    with pytest.raises(Conflict, match="another owner has to approve it"):
        apply(company, "ann", approve=True)
    with pytest.raises(Conflict, match="'eve' is not an owner; only ann, bob can approve"):
        settle(company, draft.draft_id, "eve", Verdict.APPROVED)
    assert running_version(company.store) is None


def test_the_sole_owner_approves_at_once(tmp_path):
    with Company.open(make(tmp_path), clock=FixedClock(NOW)) as company:
        assert apply(company, "ann", approve=True).running
        again = apply(company, "ann", approve=True)
        assert (again.draft_id, again.running, again.differences) == (None, True, [])
        assert len(recorded(company.store, "catalogue")) == 2


def test_without_owners_nobody_can_approve(tmp_path):
    with (
        Company.open(make(tmp_path, owners=[]), clock=FixedClock(NOW)) as company,
        pytest.raises(Conflict, match="only nobody yet can approve"),
    ):
        apply(company, "ann", approve=True)


def test_a_draft_from_before_another_change_has_to_be_made_anew(company):
    approved(company)
    edit(company, "value: 10", "value: 11")
    first = apply(company, "ann")
    edit(company, "value: 11", "value: 12")
    second = apply(company, "ann")
    assert settle(company, second.draft_id, "bob", Verdict.APPROVED).running
    with pytest.raises(
        Conflict, match=f"{first.draft_id} was made before the catalogue changed; apply it anew"
    ):
        settle(company, first.draft_id, "bob", Verdict.APPROVED)
    assert str(running_catalogue(company.store).actions["offer"].value) == "12"
    assert [each.entry for each in second.differences] == ["actions.offer.value"]


def test_a_rejected_draft_never_runs(company):
    draft = apply(company, "ann")
    assert not settle(company, draft.draft_id, "bob", Verdict.REJECTED, "too dear").running
    with pytest.raises(Conflict, match=f"{draft.draft_id} was rejected by bob already"):
        settle(company, draft.draft_id, "bob", Verdict.APPROVED)
    assert running_version(company.store) is None
    assert approved(company).running


def test_a_draft_is_settled_once_and_by_a_verdict(company):
    draft = apply(company, "ann")
    with pytest.raises(InvalidInput, match="approving or rejecting"):
        settle(company, draft.draft_id, "bob", Verdict.PROPOSED)
    settle(company, draft.draft_id, "bob", Verdict.APPROVED)
    with pytest.raises(Conflict, match="was approved by bob already"):
        settle(company, draft.draft_id, "bob", Verdict.REJECTED)
    with pytest.raises(NotFound, match="there is no draft 'draft-9'"):
        settle(company, "draft-9", "bob", Verdict.APPROVED)


def test_a_step_that_a_status_does_not_allow_is_no_draft(company):
    approved(company)
    edit(company, "status: live", "status: draft")
    with pytest.raises(
        CatalogueError, match=r"actions.offer cannot go from live to draft; allowed: paused, retired"
    ):
        apply(company, "ann")
    edit(company, "offer:", "gift:")
    with pytest.raises(CatalogueError, match=r"actions.offer is gone"):
        apply(company, "ann")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("value: 10,", 'value: 10, eligible: ["customer.aeg > 3"],', "actions.offer.eligible: .*aeg"),
        ("customer.age, kind", "customer.aeg, kind", "features.age"),
        ("margin_rate", "margin_rat", "assumptions.margin_rat is not used"),
        ("{value: 0.5,", "{value: 5,", "assumptions.margin_rate.value is 5"),
    ],
)
def test_what_would_fail_at_the_first_decision_is_no_draft(company, old, new, message):
    edit(company, old, new)
    with pytest.raises(CatalogueError, match=f"(?s){message}"):
        apply(company, "ann")
    assert company.store.changes() == []


def test_what_the_running_models_would_fail_at_is_no_draft(company):
    approved(company)
    stranger = MeasuredEffect("stranger", 1.0, 0.1, 1.0)
    models = running_models(company.store, running_catalogue(company.store))
    decide_with(company, msgspec.structs.replace(models, effects=[stranger]), "ann")
    edit(company, "value: 10", "value: 11")
    with pytest.raises(ValueError, match="not in list"):
        apply(company, "ann")
    assert len(recorded(company.store, "catalogue")) == 2


def test_a_renamed_feature_is_missing_to_models_that_learned_the_old_one(company):
    approved(company)
    learn(company, "ann")
    edit(company, "features: {age:", "features: {years:")
    approved(company)
    (decision,) = decide_for(company, ["somebody"])
    assert decision.scored.actions == ["offer"]
    assert replay(company, decision.decision_id).identical


def test_the_last_approved_runs_even_if_the_clock_was_set_back(company):
    approved(company)
    company.clock.at = Instant(NOW - HOUR)
    edit(company, "value: 10", "value: 11")
    later = approved(company)
    assert running_version(company.store) == later.version


def test_every_catalogue_that_ever_ran_is_kept_as_it_was(company):
    first = approved(company)
    edit(company, "value: 10", "value: 11")
    second = approved(company)
    for applied, value in ((first, "10"), (second, "11")):
        kept = kept_catalogue(company.store, applied.version)
        assert kept.version == applied.version
        assert str(kept.actions["offer"].value) == value


def test_a_lever_is_pulled_by_one_and_approved_by_another_and_the_log_names_both(company):
    approved(company)
    edit(company, "sales: {name: Sales}", "sales: {name: Sales, lever_bound: 2}")
    dates = "starts_at: 2026-03-01T00:00:00Z, ends_at: 2026-04-01T00:00:00Z"
    lever = f"{{team: sales, per: team, amount: 2, because: stock, {dates}}}"
    edit(company, "traits:", f"levers: {{spring: {lever}}}\ntraits:")
    draft = apply(company, "bob")
    assert [each.entry for each in draft.differences] == ["teams.sales", "levers.spring"]
    with pytest.raises(Conflict, match="'bob' made the draft; another owner has to approve it"):
        settle(company, draft.draft_id, "bob", Verdict.APPROVED)
    settle(company, draft.draft_id, "ann", Verdict.APPROVED)
    assert running_catalogue(company.store).levers["spring"].because == "stock"
    assert [change.author for change in recorded(company.store, "catalogue")][-2:] == ["bob", "ann"]
