import msgspec
import numpy as np
import polars as pl
import pytest

from cvo.app.company import Company
from cvo.app.decide import decide
from cvo.app.ingest import ingest
from cvo.app.learn import learn
from cvo.app.value import Question, facts_of, growth_of, read_question, value, value_bank
from cvo.core.clock import DAY, FixedClock, Instant
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.core.money import Money
from cvo.inference import look_level
from tests.data.company import NOW
from tests.data.folder import ONE_MAIL, OWNER, decide_for, message, ordered, recorded, running, track

HALF = {"offer": 0.5, "": 0.5}
CLICKS = ONE_MAIL.replace("response: order", "response: clicked")


def refunded(who, at, amount, order_id):
    return track(who, at, f"refund-{order_id}", "Order Refunded", order_id=order_id, revenue=amount)


def trial(count=1_200, *, ids=True, seed=0):
    """A trial of an offer against nothing: clicks that may say which decision they answer, orders, refunds."""
    rng = np.random.default_rng(seed)
    for n in range(count):
        who, got = f"c{n}", rng.random() < 0.5
        yield recorded(who, Instant(NOW + n), "offer" if got else None, HALF, f"d{n}")
        if got and rng.random() < 0.6:
            named = {"decisionId": f"d{n}"} if ids else {}
            yield track(who, Instant(NOW + DAY), f"k{n}", "Action Clicked", action="offer", **named)
        if rng.random() < 0.4 + 0.2 * got:
            yield ordered(who, Instant(NOW + 2 * DAY), int(rng.integers(10, 30)), f"o{n}")
            if rng.random() < 0.1:
                yield refunded(who, Instant(NOW + 40 * DAY), 5, f"o{n}")


def report(folder, facts, day=60.0, text=CLICKS):
    with running(folder, Instant(NOW + int(day * DAY)), text) as company:
        assert not ingest(company, facts).refused
        return value(company), learn(company, OWNER)


def test_blanking_every_decision_id_in_the_outcomes_changes_no_caused_figure(tmp_path):
    named, learned = report(tmp_path / "named", trial())
    blank, learned_blank = report(tmp_path / "blank", trial(ids=False))
    assert isinstance(named.actions[0].margin, Estimate)
    assert (named.actions, named.stages, named.programme, named.realised) == (
        blank.actions,
        blank.stages,
        blank.programme,
        blank.realised,
    )
    assert learned.models.effects == learned_blank.models.effects
    # An id that names another decision does change what is attributed, or this would prove nothing.
    wrong = [
        msgspec.convert({**fact, "properties": {**fact["properties"], "decisionId": "another"}}, dict)
        if fact["event"] == "Action Clicked"
        else fact
        for fact in trial()
    ]
    misled, learned_wrong = report(tmp_path / "wrong", wrong)
    assert (learned.responses, learned_wrong.responses) == (learned_blank.responses, 0)
    assert misled.actions == named.actions


def test_realised_value_is_the_log_to_the_cent(tmp_path):
    facts = [
        ordered("a", NOW, 19.99, "1"),
        ordered("a", Instant(NOW + DAY), 0.01, "2"),
        refunded("a", Instant(NOW + 50 * DAY), 5, "1"),
        recorded("b", NOW, "offer", HALF),
        track("a", NOW, "usd", "Order Completed", order_id="9", revenue=100, currency="USD"),
    ]
    found, _ = report(tmp_path, facts)
    assert found.realised == msgspec.structs.replace(
        found.realised,
        customers=2,
        orders=2,
        revenue=Money.of("20.00", "EUR"),
        refunds=Money.of("5.00", "EUR"),
        # Half of 14.99 and half of 0.01, each rounded to the cent.
        margin=Money.of("7.50", "EUR"),
        contact_cost=Money.of("0.10", "EUR"),
        unvalued=1,
    )
    assert found.assumptions["margin_rate"].value == 0.5


def test_windows_still_open_are_left_out_of_what_is_caused_and_not_of_what_is_realised(tmp_path):
    early, _ = report(tmp_path / "early", [f for f in trial() if f["event"] != "Order Refunded"], day=13.9)
    assert {each.margin.reason for each in early.actions} == {"nothing to compare"}
    assert early.realised.orders > 400


def test_without_a_decision_of_our_own_there_is_no_programme(tmp_path):
    found, _ = report(tmp_path, trial(100))
    assert found.programme == NotEstimable(
        "no live decisions", "the programme has not decided for anybody yet"
    )


def live(folder, *, merges=False, customers=4_000, control=0.3):
    """A company that decides for everybody; a delivered offer lifts the chance of a 20.00 order from .2 to .5."""
    rng = np.random.default_rng(4)
    with running(folder, NOW, control_rate=control, withheld_rate=0.4, floor=0.1) as company:
        names = [f"c{n}" for n in range(customers)]
        ingest(company, [ordered(name, Instant(NOW - 90 * DAY), 500) for name in names[::7]])
        if merges:
            seen = [
                {**track("", NOW, f"v{n}", "Visit"), "userId": None, "anonymousId": f"a{n}"}
                for n in range(0, customers, 3)
            ]
            ingest(company, seen)
        made = decide_for(company, names)
        orders = [
            ordered(decision.customer, Instant(NOW + DAY), 20)
            for decision in made
            if rng.random() < (0.5 if decision.slots[0].delivery == "delivered" else 0.2)
        ]
        company.clock.at = Instant(NOW + 20 * DAY)
        ingest(company, orders)
        if merges:
            links = [
                message("identify", f"c{n}", Instant(NOW + 2 * DAY), f"i{n}", anonymousId=f"a{n}", traits={})
                for n in range(0, customers, 3)
            ]
            ingest(company, links)
        persons = {each.external.value: each for each in company.store.persons()}
        share = np.mean(
            [decision.slots[0].delivery == "delivered" for decision in made if decision.arm == "treated"]
        )
        return value(company), persons, share


@pytest.mark.parametrize("merges", [False, True])
def test_the_programme_effect_is_found_whoever_is_merged_with_whom(tmp_path, merges):
    found, persons, delivered = live(tmp_path, merges=merges)
    programme = found.programme
    assert isinstance(programme, Estimate)
    assert programme.interval.level == look_level(2)
    assert programme.grade is Grade.MEASURED
    contaminated = [each for each in persons.values() if each.contaminated]
    assert len(persons) == 4_000
    assert bool(contaminated) is merges
    # A delivery causes .3 orders of 10.00 margin and costs .10. Every third customer was first seen as somebody
    # else: the arm given then stays, which has nothing to do with what they got, so their part is diluted away.
    truth = delivered * (0.3 * 10 - 0.10) * (2 / 3 if merges else 1.0)
    assert abs(programme.value - truth) < 4 * programme.standard_error
    assert not programme.interval.low <= 0 <= programme.interval.high
    (action,) = found.actions
    assert (
        abs(action.margin.value / action.units - 3.0) < 4 * action.margin.standard_error / action.deliveries
    )


def test_what_was_bought_before_the_programme_is_no_noise_in_it(tmp_path):
    found, _, _ = live(tmp_path)
    # Every seventh customer spent 500 before: with that in the account the error would be ten times this.
    assert found.programme.standard_error < 0.2


def test_a_report_as_of_before_the_first_decision_has_no_programme(tmp_path):
    with running(tmp_path, NOW) as company:
        decide(company, "c", "newsletter")
        company.clock.at = Instant(NOW - DAY)
        assert value(company).programme.reason == "no live decisions"


def test_kappa_comes_from_everything_customers_bought_and_not_from_what_answers_a_decision(tmp_path):
    """What was withheld leaves no decision id: by ids everything would be caused; .55 of it is."""
    rng = np.random.default_rng(9)
    with running(tmp_path, NOW, control_rate=0.0, withheld_rate=0.4, floor=0.1) as company:
        made = decide_for(company, [f"c{n}" for n in range(6_000)])
        facts, by_id = [], {}
        for decision in made:
            delivered = decision.slots[0].delivery == "delivered"
            if rng.random() < (0.5 if delivered else 0.5 * 0.45):
                facts.append(ordered(decision.customer, Instant(NOW + DAY), 20))
                if delivered:
                    by_id[decision.decision_id] = 10.0
        company.clock.at = Instant(NOW + 15 * DAY)
        ingest(company, facts)
        learned = learn(company, OWNER)
        (effect,) = learned.models.effects
        (caused,) = value(company).actions
    kappa, error = effect.caused / effect.predicted, effect.standard_error / effect.predicted
    assert abs(kappa - 0.55) < 4 * error
    assert error < 0.05
    assert effect.caused == pytest.approx(caused.margin.value / caused.deliveries)
    picked = pl.DataFrame(
        [
            (decision.slots[0].delivery == "delivered", by_id.get(decision.decision_id, 0.0))
            for decision in made
            if decision.slots[0].chosen
        ],
        schema=["delivered", "margin"],
        orient="row",
    )
    means = dict(picked.group_by("delivered").agg(pl.col("margin").mean()).iter_rows())
    assert (means[True] - means[False]) / effect.predicted == pytest.approx(1.0, abs=0.03)


def test_the_headline_in_parts_adds_up_and_says_who_is_in_which_arm(tmp_path):
    found, persons, _ = live(tmp_path, merges=True)
    split = found.split
    (row,) = split.rows
    assert row.labels == {"stage": "grow", "action": "offer"}
    assert row.value.interval.level == found.programme.interval.level == split.rest.interval.level
    assert row.value.value + split.rest.value == pytest.approx(split.headline.value)
    treated = [each for each in persons.values() if each.arm == "treated"]
    assert split.headline.value == pytest.approx(found.programme.value * len(treated))
    arm = found.headline.arms["treated"]
    assert (arm.customers, arm.contaminated) == (len(treated), sum(each.contaminated for each in treated))
    assert arm.contaminated_rate == arm.contaminated / arm.customers > 0
    assert found.headline.cap.reason == "too few buyers"
    assert found.headline.uncapped == found.programme
    # Offers add .3 orders in their window and nothing after it; one interval in twenty misses that.
    assert not split.rest.interval.excludes(0.0)


def test_a_period_holds_what_happened_in_it(tmp_path):
    with running(tmp_path, Instant(NOW + 60 * DAY), CLICKS) as company:
        ingest(company, trial())
        whole = value(company)
        after = value(company, read_question("2026-03-20", None, ["week"]))
        before = value(company, read_question(None, "2026-03-20", ["week", "action"]))
    assert after.realised.orders == 0
    assert before.realised.orders == whole.realised.orders
    assert after.rows == []
    assert [each.labels for each in before.rows] == [{"week": "2026-W10", "action": "offer"}]
    assert before.rows[0].margin == whole.actions[0].margin


def test_service_costs_are_part_of_value_and_lowering_them_is_shown(tmp_path):
    """Half as many calls, at 8.00 each, from those who got the offer; they buy alike."""
    rng = np.random.default_rng(3)

    def facts(called):
        for n in range(3_000):
            who, got = f"c{n}", rng.random() < 0.5
            yield recorded(who, Instant(NOW + n), "offer" if got else None, HALF, f"d{n}")
            if rng.random() < 0.4:
                yield ordered(who, Instant(NOW + DAY), 20, f"o{n}")
            if called and rng.random() < (0.2 if got else 0.4):
                yield track(who, Instant(NOW + 2 * DAY), f"call{n}", "Call Ended", service_cost=8)

    silent, _ = report(tmp_path / "silent", list(facts(called=False)))
    assert silent.actions[0].cost_lowered.reason == "no service costs"
    found, _ = report(tmp_path / "called", list(facts(called=True)))
    (offer,) = found.actions
    assert not offer.cost_lowered.interval.excludes(0.2 * 8 * offer.units)
    assert offer.cost_lowered.interval.low > 0
    assert offer.value.value == pytest.approx(offer.margin.value + offer.cost_lowered.value - offer.spend)
    assert offer.return_on_spend.value == pytest.approx(offer.value.value / offer.spend)
    assert found.realised.service_cost.amount % 8 == 0
    assert found.realised.service_cost.amount > 6_000


def test_the_curve_ends_at_the_headline_and_its_first_week_is_where_the_offer_worked(tmp_path):
    found, _, _ = live(tmp_path)
    assert [each.total.interval.level for each in found.cumulative] == [look_level(1), look_level(2)]
    assert found.cumulative[-1].total == found.split.headline
    # All decisions fall on the first day, all orders a day later.
    first, second = found.since_first
    assert first.effect.value == pytest.approx(found.programme.value)
    assert second.effect.reason == "too few buyers"


def test_a_later_period_takes_no_second_decision_for_a_first(tmp_path):
    """Who comes back has been treated, or not, by then: that is no first decision."""
    live(tmp_path)
    with Company.open(tmp_path, clock=FixedClock(Instant(NOW + 21 * DAY))) as company:
        decide_for(company, [f"c{n}" for n in range(4_000)])
        ingest(company, [ordered(f"c{n}", Instant(NOW + 22 * DAY), 20, f"p{n}") for n in range(4_000)])
        company.clock.at = Instant(NOW + 36 * DAY)
        found = value(company, Question(since=Instant(NOW + 20 * DAY)))
    assert isinstance(found.programme, Estimate)
    assert found.since_first == []


def test_growth_is_split_by_source_and_what_was_caused(tmp_path):
    """Before, a seventh bought for 500 each; then many buy for 20, the more the more got the offer."""
    found, persons, _ = live(tmp_path)
    growth = found.growth
    assert growth.since == found.headline.started_at
    assert growth.after.margin - growth.before.margin == pytest.approx(growth.split.total)
    for name in ("customers", "orders_per_customer", "value_per_order", "total"):
        both = getattr(growth.caused, name).value + getattr(growth.not_caused, name)
        assert both == pytest.approx(getattr(growth.split, name))
    # The offer makes more customers buy, once each, at the usual price; it costs nothing in margin.
    assert growth.caused.customers.interval.low > 0
    assert growth.caused.customers.value == pytest.approx(growth.caused.total.value)
    for other in (growth.caused.orders_per_customer, growth.caused.value_per_order):
        assert other.value == pytest.approx(0, abs=1e-6)
    treated = sum(each.arm == "treated" for each in persons.values())
    assert growth.caused.total.value == pytest.approx(
        treated * (found.programme.value) + float(found.realised.contact_cost.amount), rel=1e-9
    )


def test_growth_of_a_company_without_a_programme_has_nothing_caused(tmp_path):
    with running(tmp_path, Instant(NOW + 60 * DAY)) as company:
        ingest(company, [ordered(f"c{n}", Instant(NOW + n * 1_000), 10, f"o{n}") for n in range(9)])
        ingest(company, [ordered(f"c{n}", Instant(NOW + 30 * DAY), 20, f"p{n}") for n in range(18)])
        found = growth_of(
            company, facts_of(company, Question()), read_question("2026-04-01", "2026-04-30", ())
        )
    assert (found.before.margin, found.after.margin) == (45.0, 180.0)
    assert found.split.customers == pytest.approx(found.split.value_per_order)
    assert found.caused.reason == found.not_caused.reason == "no live decisions"


def test_the_bank_of_an_earlier_day_knows_nothing_of_what_came_since(tmp_path):
    live(tmp_path)
    with Company.open(tmp_path, write=False, clock=FixedClock(Instant(NOW + 20 * DAY))) as company:
        now = value_bank(company)
        before = value_bank(company, Question(until=NOW))
        same = value_bank(company, Question(until=Instant(NOW + 20 * DAY)))
    assert before.as_of == NOW
    assert before.realised["revenue"] == Money.of(str(500 * len(range(0, 4_000, 7))), "EUR")
    assert before.realised["contact_cost"] == Money.of("0", "EUR")
    assert now.realised["revenue"].amount > before.realised["revenue"].amount
    assert (same.realised, same.rows.height) == (now.realised, now.rows.height)


def test_the_bank_sums_to_the_log_and_to_its_own_rows(tmp_path):
    found, persons, _ = live(tmp_path)
    with Company.open(tmp_path, write=False, clock=FixedClock(Instant(NOW + 20 * DAY))) as company:
        bank = value_bank(company)
    realised = found.realised
    assert bank.realised["margin"] == realised.margin
    assert bank.realised["contact_cost"] == realised.contact_cost
    assert bank.realised["value"].amount == realised.margin.amount - realised.contact_cost.amount
    assert bank.rows["value_minor"].sum() == pytest.approx(float(bank.realised["value"].amount) * 100)
    assert set(bank.rows["customer"]) <= {each.external.value for each in persons.values()}
    assert bank.expected.reason == "no prediction"
    (change,) = bank.clv_changes
    assert change.action == "offer"
    assert change.change.reason == "open horizon"


def test_a_period_without_a_full_week_and_a_programme_in_its_first_week_say_so(tmp_path):
    with running(tmp_path, NOW) as company:
        decide(company, "c", "newsletter")
        company.clock.at = Instant(NOW + 6 * DAY)
        assert value(company).programme.reason == "first week"
        company.clock.at = Instant(NOW + 15 * DAY)
        late = value(company, Question(since=Instant(NOW + 14 * DAY)))
        assert late.programme.reason == "no full week"
        assert late.cumulative == late.since_first == []
