"""Experiments of a company: promised first, assigned as facts, judged by all that customers brought."""

import msgspec
import numpy as np
import pytest

from cvo.app.experiments.enrolment import enrol, messages
from cvo.app.experiments.outcomes import enrolled, outcomes
from cvo.app.experiments.page import experiment_page
from cvo.app.experiments.promise import read_registration
from cvo.app.experiments.registry import end, register, registered
from cvo.app.experiments.status import status
from cvo.app.ingest import ingest
from cvo.core.clock import DAY, FixedClock, Instant, parse_rfc3339
from cvo.core.errors import Conflict, InvalidInput, NotFound
from cvo.core.evidence import NotEstimable
from cvo.events.identity import LinkKind
from cvo.events.message import user
from cvo.experiments import Conclusion, Guardrail, Looks, Metric, Registration, Traffic
from cvo.reports import render
from tests.data.folder import ONE_MAIL, OWNER, decide_for, message, ordered, recorded, running, track

START = parse_rfc3339("2026-01-01T00:00:00Z")
PROMISE = Registration(
    name="page",
    goal=Metric(column="margin", before="margin_before", unit="EUR"),
    minimum_effect=1.0,
    horizon_days=14,
    guardrails=(Guardrail(metric=Metric(column="refunds"), tolerance=0.5, higher_is_better=False),),
    customers=600,
)


def at(company, days):
    company.clock = FixedClock(Instant(START + days * DAY))


@pytest.fixture
def shop(tmp_path):
    """A company of 600 customers who ordered before, at day 0."""
    company = running(tmp_path, START)
    random = np.random.default_rng(0)
    before = random.gamma(2.0, 20.0, 600).tolist()
    names = [f"customer-{number}" for number in range(600)]
    ingest(
        company,
        [
            ordered(who, Instant(START - DAY), round(spend, 2))
            for who, spend in zip(names, before, strict=True)
        ],
    )
    company.names, company.before = names, before
    yield company
    company.close()


def trait(company, who, name="page"):
    return company.store.person(user(who)).profile.traits.get(f"experiment_{name}")


def play(company, effect, days=3):
    """Let everybody order again, the treated for `effect` more of margin (half of revenue)."""
    at(company, days)
    got = [trait(company, who) == "treated" for who in company.names]
    ordering = zip(company.names, company.before, got, strict=True)
    ingest(
        company,
        [
            ordered(who, Instant(START + days * DAY), round(b + 2 * effect * g, 2), f"again-{who}")
            for who, b, g in ordering
        ],
    )


def test_a_better_arm_is_adopted_once_all_horizons_have_closed(shop):
    register(shop, PROMISE, OWNER)
    given = enrol(shop, "page")
    assert sum(given.new.values()) == given.total == 600
    assert min(given.new.values()) > 240
    play(shop, effect=3.0)
    at(shop, 10)
    early = status(shop, "page").report
    assert isinstance(early, NotEstimable)
    assert "no horizon of 14 days" in early.detail
    at(shop, 20)
    found = status(shop, "page", (Metric(column="orders"),))
    assert found.closed == 600
    assert found.registered.version == PROMISE.version
    assert found.report.conclusions == {"treated": Conclusion.ADOPT}
    goal = found.report.goal[0].effect
    assert goal.value == pytest.approx(3.0, abs=0.02), "CUPED takes out all that habit explains"
    assert found.report.guardrails[0].holds
    assert found.report.exploratory[0].effect.value == 0.0
    shown = experiment_page(found)
    assert shown.title == "page: adopt treated"
    assert [section.title for section in shown.sections] == [
        "What was promised",
        "What it did",
        "What must not get worse",
        "Exploratory: not promised, settles nothing",
        "Checks",
        "How these numbers were made",
    ]
    assert PROMISE.version[:12] in render(shown)


def test_an_arm_is_given_once_and_newcomers_get_theirs(shop):
    register(shop, msgspec.structs.replace(PROMISE, customers=700), OWNER)
    enrol(shop, "page")
    arms = {who: trait(shop, who) for who in shop.names}
    assert enrol(shop, "page").new == {"control": 0, "treated": 0}
    ingest(shop, [message("identify", f"new-{n}", START, f"new-{n}", traits={"age": 30}) for n in range(150)])
    assert enrol(shop, "page").total == 700, "as many as planned, and no more"
    assert {who: trait(shop, who) for who in shop.names} == arms


def test_a_server_is_sent_messages_that_give_the_same_arms(shop):
    register(shop, PROMISE, OWNER)
    sent = list(messages(shop, "page"))
    assert len(sent) == 600
    ingest(shop, [{**each, "timestamp": "2026-01-01T00:00:00Z"} for each in sent])
    assert {who: trait(shop, who) for who in shop.names} == {
        each["userId"]: each["traits"]["experiment_page"] for each in sent
    }
    assert list(messages(shop, "page")) == []
    assert enrol(shop, "page").total == 600


def test_rules_can_ask_for_the_arm(tmp_path):
    ruled = ONE_MAIL.replace("traits: {age", "traits: {experiment_page: {type: string}, age")
    ruled = ruled.replace("value: 10,", """value: 10, eligible: ['customer.experiment_page == "treated"'],""")
    with running(tmp_path, START, ruled, control_rate=0.0, withheld_rate=0.0) as company:
        names = [f"customer-{number}" for number in range(40)]
        ingest(company, [message("identify", who, START, who, traits={"age": 30}) for who in names])
        register(company, PROMISE, OWNER)
        enrol(company, "page")
        qualified = {made.customer: not made.refused for made in decide_for(company, names)}
        assert set(qualified.values()) == {True, False}
        assert qualified == {who: trait(company, who) == "treated" for who in names}


def test_a_promise_is_kept_on_the_record_and_not_changed(shop):
    register(shop, PROMISE, OWNER)
    with pytest.raises(Conflict, match="isn't changed"):
        register(shop, msgspec.structs.replace(PROMISE, minimum_effect=0.1), OWNER)
    [kept] = registered(shop.store)
    assert (kept.registration, kept.author, kept.at) == (PROMISE, OWNER, START)


def test_traffic_is_shared_out_and_free_again_after_the_end(shop):
    register(shop, PROMISE, OWNER)
    other = msgspec.structs.replace(PROMISE, name="mail")
    with pytest.raises(Conflict, match="page has that traffic"):
        register(shop, other, OWNER)
    register(shop, msgspec.structs.replace(other, traffic=Traffic(layer="mail")), OWNER)
    end(shop, "page", OWNER, "enough")
    with pytest.raises(Conflict, match="ended"):
        enrol(shop, "page")
    register(shop, msgspec.structs.replace(PROMISE, name="page-2"), OWNER)
    assert [each.ended_at is None for each in registered(shop.store)] == [False, True, True]


def test_two_experiments_on_the_same_customers_are_checked_for_interaction(shop):
    register(shop, PROMISE, OWNER)
    register(shop, msgspec.structs.replace(PROMISE, name="mail", traffic=Traffic(layer="mail")), OWNER)
    enrol(shop, "page")
    enrol(shop, "mail")
    play(shop, effect=0.0)
    at(shop, 20)
    found = status(shop, "page")
    assert found.interactions["mail"].customers == 600
    assert found.interactions["mail"].effects_p > 0.001


def test_exposure_is_checked_by_arm(shop):
    register(shop, PROMISE, OWNER)
    enrol(shop, "page")
    options = {"offer": 0.5, "": 0.5}
    at(shop, 2)
    exposed = [who for who in shop.names if trait(shop, who) == "treated"]
    ingest(shop, [recorded(who, Instant(START + 2 * DAY), "offer", options) for who in exposed])
    at(shop, 20)
    found = status(shop, "page").exposure
    assert found.exposed == {"control": 0, "treated": len(exposed)}
    assert found.p < 1e-6


def test_value_is_margin_less_what_contacts_and_service_cost(shop):
    register(shop, msgspec.structs.replace(PROMISE, goal=Metric(column="value")), OWNER)
    enrol(shop, "page")
    got = [who for who in shop.names if trait(shop, who) == "treated"]
    at(shop, 2)
    when = Instant(START + 2 * DAY)
    ingest(shop, [recorded(who, when, "offer", {"offer": 1.0}) for who in got])
    ingest(shop, [track(who, when, f"call-{who}", "Call Received", service_cost=4.0) for who in got])
    play(shop, effect=0.0)
    at(shop, 20)
    also = tuple(Metric(column=name) for name in ("contact_cost", "service_cost", "margin"))
    found = {each.metric: each.effect.value for each in status(shop, "page", also).report.exploratory}
    assert found["contact_cost"] == pytest.approx(0.10)
    assert found["service_cost"] == pytest.approx(4.0)
    goal = status(shop, "page").report.goal[0].effect
    assert goal.value == pytest.approx(found["margin"] - 4.10)


def test_a_refund_after_the_arm_was_given_does_not_reach_back_into_the_time_before(shop):
    register(shop, PROMISE, OWNER)
    enrol(shop, "page")
    at(shop, 20)
    asked = enrolled(shop, "page"), 14, shop.clock.now()
    before = outcomes(shop, *asked)
    bought, later = Instant(START - DAY), Instant(START + 3 * DAY)
    ingest(
        shop,
        [
            track(who, later, f"back-{who}", "Order Refunded", order_id=f"{who}-{bought}", revenue=1.0)
            for who in shop.names
        ],
    )
    after = outcomes(shop, *asked)
    assert after["margin_before"].equals(before["margin_before"])
    assert after["refunds_before"].sum() == 0


def test_a_weekly_timetable_is_judged_at_full_weeks(shop):
    weekly = msgspec.structs.replace(PROMISE, timetable=Looks.WEEKLY, customers=0)
    register(shop, weekly, OWNER)
    enrol(shop, "page")
    play(shop, effect=3.0)
    for day, closed in ((5, 0), (20, 600)):
        at(shop, day)
        early = status(shop, "page")
        assert early.closed == closed
        assert isinstance(early.report, NotEstimable)
    at(shop, 14 + 15)
    found = status(shop, "page")
    assert found.report.look == 2
    assert found.as_of == Instant(START + 28 * DAY)
    assert found.report.level == pytest.approx(1 - 0.05 / 6)
    assert found.report.conclusions == {"treated": Conclusion.ADOPT}


def test_customers_merged_across_arms_stay_in_their_first_and_are_counted(shop):
    register(shop, PROMISE, OWNER)
    enrol(shop, "page")
    one = next(who for who in shop.names if trait(shop, who) == "control")
    two = next(who for who in shop.names if trait(shop, who) == "treated")
    with shop.store.unit_of_work() as work:
        work.link(user(one), user(two), START, LinkKind.OVERRIDE, OWNER)
    at(shop, 20)
    found = status(shop, "page")
    assert found.contaminated == 1
    assert sum(found.enrolled.values()) == 599
    assert found.report.ended, "600 arms were given, and all horizons have closed"
    assert sum(enrol(shop, "page").new.values()) == 0


def test_nobody_enrolled_is_said(shop):
    register(shop, PROMISE, OWNER)
    found = status(shop, "page")
    assert "enrol" in found.report.detail
    assert isinstance(found.exposure, NotEstimable)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"goal": Metric(column="clicks")}, "the log holds no clicks"),
        ({"customers": 0}, "how many `customers`"),
    ],
)
def test_promises_that_a_company_cannot_judge_are_refused(shop, change, said):
    with pytest.raises(InvalidInput, match=said):
        register(shop, msgspec.structs.replace(PROMISE, **change), OWNER)


def test_an_unknown_experiment_is_not_found(shop):
    with pytest.raises(NotFound, match="no experiment 'nope'"):
        status(shop, "nope")


def test_a_registration_is_read_from_toml(tmp_path):
    file = tmp_path / "page.toml"
    with pytest.raises(NotFound):
        read_registration(file)
    file.write_text(
        'name = "page"\nminimum_effect = 1.0\nhorizon_days = 14\ncustomers = 600\n[goal]\ncolumn = "margin"\n'
    )
    assert read_registration(file).goal == Metric(column="margin")
    file.write_text('name = "page"\nminimum_effct = 1.0\n')
    with pytest.raises(InvalidInput, match="minimum_effct"):
        read_registration(file)
