"""What a policy file can propose: entries of the catalogue, levers and prices among them, each asked of the log."""

import msgspec
import pytest

from cvo.app.ingest import ingest
from cvo.app.rollout.start import start
from cvo.app.what_if import read_candidate, what_if
from cvo.app.what_if.log import read_log
from cvo.app.what_if.page import page
from cvo.app.what_if.reach import answers, snapshots
from cvo.core.clock import DAY, FixedClock, Instant
from cvo.core.errors import CatalogueError, CvoError, InvalidInput
from cvo.core.evidence import Estimate
from cvo.inference import GuardRails
from cvo.reports import render
from tests.data.company import NOW
from tests.data.folder import ONE_MAIL, OWNER, decide_for, ordered, running

FEW = GuardRails(min_effective_sample_size=20, max_mean_weight_gap=1.0)
CUSTOMERS = [f"c{n}" for n in range(160)]
MAILS = 30
SCARCE = (
    ONE_MAIL.replace("{name: Sales}", "{name: Sales, lever_bound: 10}")
    + f"resources: {{mails: {{per: channel, of: email, amount: {MAILS}, period_days: 7}}}}\n"
    + "rules: {adults: {per: all, eligible: ['customer.age >= 18']}}\n"
)


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """Ten weeks of mails that reach for a fifth of those who are asked about."""
    folder = tmp_path_factory.mktemp("candidates") / "shop"
    with running(
        folder, NOW, SCARCE.replace("customer.age >= 18", "!(customer.age < 18)"), floor=0.1
    ) as shop:
        for week in range(10):
            at = Instant(NOW + week * 7 * DAY)
            for part in range(40):
                shop.clock = FixedClock(Instant(at + part * DAY // 6))
                decide_for(shop, CUSTOMERS[4 * part : 4 * part + 4])
            buyers = CUSTOMERS[week % 3 :: 5]
            ingest(shop, [ordered(each, Instant(at + DAY), 20.0, f"{week}-{each}") for each in buyers])
        shop.clock = FixedClock(Instant(NOW + 100 * DAY))
        yield shop


@pytest.fixture
def proposed(company, tmp_path):
    def read(text, **rest):
        file = tmp_path / "policy.toml"
        file.write_text(text)
        return read_candidate(company, policy=file, **rest)

    return read


def picked(found, side):
    return found.reach[side][0].picked


def test_what_was_scarce_is_as_scarce_when_asked_again(company):
    log = read_log(company, [])
    assert {case.scarcity.left["mails"] < 1 for case in log.cases} == {True, False}
    running_now = read_candidate(company)
    again = answers(log, running_now.catalogue, running_now.settings, snapshots(company, log))
    for asked, logged in zip(again.probabilities, log.probabilities, strict=True):
        assert asked == pytest.approx(logged, abs=1e-12)
    assert again.prices["mails"] > 0


def test_a_lever_for_later_is_asked_of_the_log_as_if_it_had_stood(proposed, company):
    lever = """
        [levers.push]
        team = "sales"
        per = "action"
        of = "offer"
        amount = 5
        because = "a launch"
        starts_at = 2027-01-01T00:00:00Z
        ends_at = 2027-02-01T00:00:00Z
    """
    candidate = proposed(lever)
    assert [each.entry for each in candidate.changes] == ["levers.push"]
    found = what_if(company, candidate, rails=FEW)
    assert picked(found, "candidate") > 1.05 * picked(found, "current")
    assert isinstance(found.difference, Estimate)


def test_a_price_that_is_set_by_hand_makes_an_action_rarer_and_is_not_rolled_out(proposed, company):
    candidate = proposed("[prices]\nmails = 3.0\n")
    found = what_if(company, candidate, rails=FEW)
    assert picked(found, "candidate") < 0.9 * picked(found, "current")
    assert found.prices["candidate"] == {"mails": 3.0}
    assert 0 < found.prices["current"]["mails"] < 3.0
    assert render(page(found)).count("What scarce things cost") == 1
    with pytest.raises(InvalidInput, match="price that is set by hand can be evaluated, not rolled out"):
        start(company, candidate, OWNER, delta=1.0)


def test_more_of_a_resource_reaches_more_customers_at_a_lower_price(proposed, company):
    wide = what_if(company, proposed(f"[resources.mails]\namount = {10 * MAILS}\n"), rails=FEW)
    assert [each.entry for each in wide.changes] == ["resources.mails"]
    assert picked(wide, "candidate") > 1.5 * picked(wide, "current")
    assert wide.prices["candidate"]["mails"] < wide.prices["current"]["mails"]
    narrow = what_if(company, proposed(f"[resources.mails]\namount = {MAILS // 5}\n"), rails=FEW)
    assert picked(narrow, "candidate") < 0.5 * picked(narrow, "current")
    # Not more than there is in all these weeks.
    assert picked(narrow, "candidate") <= 11 * MAILS // 5
    assert wide.reach["current"] == narrow.reach["current"]


def test_paced_anew_what_runs_uses_about_what_it_used(proposed, company):
    found = what_if(company, proposed(f"[resources.mails]\namount = {10 * MAILS}\n"), rails=FEW)
    log = read_log(company, [])
    used = sum(log.scored_deliveries.values())
    assert found.reach["current"][0].delivered == pytest.approx(used, rel=0.25)


def test_entries_are_changed_field_by_field(proposed, company):
    candidate = proposed(
        '[actions.offer]\ncontact_cost = 0.25\n[rules.adults]\neligible = ["!(customer.age < 21)"]\n'
        '[limits.weekly]\nper = "channel"\nof = "email"\nat_most = 1\ndays = 30\n'
    )
    assert {each.entry for each in candidate.changes} == {
        "actions.offer.contact_cost",
        "rules.adults",
        "limits.weekly",
    }
    before, after = candidate.running.actions["offer"], candidate.catalogue.actions["offer"]
    assert msgspec.structs.replace(after, contact_cost=before.contact_cost) == before
    found = what_if(company, candidate, rails=FEW)
    refused = found.reach["candidate"][0].refused
    assert any("weekly" in rule or "contacts" in rule for rule in refused)


@pytest.mark.parametrize("what", ["rule:adults", "resource:mails"])
def test_entries_are_taken_away(proposed, company, what):
    candidate = proposed("", without=[what])
    assert [each.after for each in candidate.changes] == [None]
    assert proposed(f'without = ["{what}"]\n').changes == candidate.changes
    what_if(company, candidate, rails=FEW)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("[prices]\ncalls = 1\n", CvoError, "no resource 'calls'; known: mails"),
        ("[prices]\nmails = -1\n", InvalidInput, "prices.mails is -1"),
        ("[levers.push]\namount = 5\n", CatalogueError, "levers.push"),
        ("[actions.offer]\ncontact_kost = 5\n", CatalogueError, "contact_kost"),
        ("[actions]\noffer = 5\n", CatalogueError, "actions.offer has to map fields"),
        ("actions = 5\n", CatalogueError, "actions has to map ids"),
        ('without = ["colour"]\n', InvalidInput, "no doing without 'colour'"),
    ],
)
def test_what_can_not_be_proposed(proposed, text, error, said):
    with pytest.raises(error, match=said):
        proposed(text)


def test_what_is_proposed_for_a_run_reaches_though_all_are_asked_in_one_moment(tmp_path):
    with running(tmp_path / "shop", NOW, ONE_MAIL, control_rate=0.0, floor=0.1) as shop:
        decide_for(shop, [f"c{n}" for n in range(800)])
        shop.clock = FixedClock(Instant(NOW + 20 * DAY))
        file = tmp_path / "policy.toml"
        file.write_text('[resources.mails]\nper = "channel"\nof = "email"\namount = 200\nperiod_days = 7\n')
        found = what_if(shop, read_candidate(shop, policy=file), rails=FEW)
    assert found.reach["current"][0].delivered > 250
    assert found.reach["candidate"][0].delivered == pytest.approx(200, abs=5)
