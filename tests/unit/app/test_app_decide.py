import pytest

from cvo.app.apply import apply
from cvo.app.decide import decide, decide_in, rehearse
from cvo.app.history import moments
from cvo.app.ingest import ingest
from cvo.app.learn import learn
from cvo.app.records import unreadable
from cvo.app.replay import logged, replay
from cvo.app.state import keep_policy, running_policy
from cvo.app.value import value
from cvo.core.clock import DAY, HOUR, Instant
from cvo.core.errors import Damaged, InvalidInput, NotFound
from cvo.decisions.decision import Purpose, Request, encode
from cvo.events.event import Decided, Delivery
from cvo.events.identity import LinkKind
from cvo.events.message import anonymous, user
from cvo.ledger.causal import triggers
from cvo.ledger.tables import tabulate
from tests.data.company import NOW, TEXT
from tests.data.folder import ONE_MAIL, OWNER, decide_for, message, ordered, recorded, running, track

LIMITED = ONE_MAIL + "limits: {weekly: {per: channel, of: email, at_most: 1, days: 7}}\n"
ALWAYS = {"control_rate": 0.0, "withheld_rate": 0.5, "floor": 0.0}


@pytest.fixture
def company(tmp_path):
    with running(tmp_path, NOW, LIMITED, **ALWAYS) as opened:
        yield opened


def contacts(company, customer):
    tally = company.store.person(user(customer)).profile.tallies.get("contact")
    return 0 if tally is None else tally.count


def edit(company, old, new):
    file = company.folder / "catalogue" / "all.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    apply(company, OWNER, approve=True)


def test_somebody_unknown_is_met_and_gets_a_decision(company):
    assert company.store.person(user("new")) is None
    decision = decide(company, "new", "newsletter")
    person = company.store.person(user("new"))
    assert decision.person_id == person.person_id
    assert decision.arm.value == person.arm
    assert person.assigned_at == NOW
    assert [event.body.decision_id for event in company.store.history(person.person_id)] == [
        decision.decision_id
    ]
    assert encode(logged(company, decision.decision_id)) == encode(decision)


def test_the_coin_stays_when_somebody_unknown_logs_in(tmp_path):
    """And when they turn out to be somebody met before, the coin is the one of whoever was met first."""
    with running(tmp_path, NOW, ONE_MAIL, **ALWAYS) as company:
        numbers = range(200)
        before = decide_as(company, [anonymous(f"a{n}") for n in numbers])
        company.clock.at = Instant(NOW + HOUR)
        logins = [
            {**message("identify", f"u{n}", Instant(NOW + HOUR), f"i{n}"), "anonymousId": f"a{n}"}
            for n in numbers
        ]
        assert not ingest(company, logins).refused
        after = decide_as(company, [user(f"u{n}") for n in numbers])
        fates = set()
        for first, second in zip(before, after, strict=True):
            assert first.person_id != second.person_id
            assert second.met_as == first.person_id
            if first.slots[0].chosen and second.slots[0].chosen:
                assert first.slots[0].coin == second.slots[0].coin
                fates.add(second.slots[0].delivery)
            assert replay(company, second.decision_id).identical
        assert fates == {Delivery.DELIVERED, Delivery.WITHHELD}
        # Met later, under another id: the coin stays where it was.
        other = decide_as(company, [anonymous(f"b{n}") for n in numbers])
        assert all(each.met_as == b"" for each in other)
        company.clock.at = Instant(NOW + 2 * HOUR)
        again = [
            {**message("identify", f"u{n}", Instant(NOW + 2 * HOUR), f"j{n}"), "anonymousId": f"b{n}"}
            for n in numbers
        ]
        assert not ingest(company, again).refused
        last = decide_as(company, [anonymous(f"b{n}") for n in numbers])
        assert [each.met_as for each in last] == [each.person_id for each in before]


def decide_as(company, customers):
    policy = running_policy(company.store, company.config.settings)
    request = Request(placement="newsletter", at=company.clock.now())
    with company.store.unit_of_work() as work:
        keep_policy(work, policy)
        return decide_in(work, policy, [(customer, request) for customer in customers])


def test_an_unknown_placement_is_named_and_nobody_is_met(company):
    with pytest.raises(InvalidInput, match="no placement 'bilboard'; the catalogue has: newsletter"):
        decide(company, "new", "bilboard")
    assert company.store.person(user("new")) is None
    with pytest.raises(NotFound, match="there is no decision 'x'"):
        logged(company, "x")


def test_the_next_decision_sees_the_contact_of_the_one_before(company):
    customers = [f"c{n}" for n in range(60)]
    first = decide_for(company, customers)
    company.clock.at = Instant(NOW + HOUR)
    second = decide_for(company, customers)
    chosen = [bool(decision.slots[0].chosen) for decision in first]
    assert 5 < sum(chosen) < 60
    for was, decision in zip(chosen, second, strict=True):
        refused = [each.refusal.tier for each in decision.candidates if each.refusal]
        assert refused == (["contact limit"] if was else [])
    # A withheld delivery counts as a contact as well.
    assert {decision.slots[0].delivery for decision in first} >= {Delivery.WITHHELD, Delivery.DELIVERED}
    assert [contacts(company, customer) for customer in customers] == [
        was + bool(decision.slots[0].chosen) for was, decision in zip(chosen, second, strict=True)
    ]
    company.clock.at = Instant(NOW + 8 * DAY)
    assert not any(
        each.refusal for decision in decide_for(company, customers) for each in decision.candidates
    )


def test_a_customer_asked_about_twice_at_once_is_decided_for_in_turn(company):
    first, second = decide_for(company, ["twice", "twice"])
    assert second.pins.person_version == first.pins.person_version + 1
    assert bool(first.slots[0].chosen) == any(each.refusal for each in second.candidates)


def test_a_rehearsal_leaves_no_contact_no_value_and_no_trace_in_the_profile(company):
    customers = [f"c{n}" for n in range(80)]
    ingest(company, [ordered(customer, Instant(NOW - DAY), 20) for customer in customers])
    before, worth = company.store.counts(), value(company)
    made = rehearse(company, customers, "newsletter")
    assert any(decision.slots[0].delivery is Delivery.REHEARSED for decision in made)
    after = company.store.counts()
    assert after.pop("decisions") - before.pop("decisions") == 80
    assert after == before
    assert sum(contacts(company, customer) for customer in customers) == 0
    assert value(company) == worth
    assert learn(company, OWNER).deliveries == 0


def test_a_rehearsal_is_repeated_and_not_made_again(company):
    customers = [f"c{n}" for n in range(50)]
    told = []
    first = rehearse(company, customers[:30], "newsletter")
    again = rehearse(company, [*customers, "c0", "c49"], "newsletter", told.append)
    assert [encode(each) for each in again[:30]] == [encode(each) for each in first]
    assert encode(again[-2]) == encode(first[0])
    assert company.store.counts()["decisions"] == 50
    assert sum(told) == 50


def test_another_policy_rehearses_anew_even_at_the_same_instant(company):
    first = rehearse(company, ["c0", "c1"], "newsletter")
    edit(company, "value: 10", "value: 11")
    second = rehearse(company, ["c0", "c1"], "newsletter")
    assert len({each.decision_id for each in (*first, *second)}) == 4
    assert first[0].pins.catalogue != second[0].pins.catalogue


def test_two_ids_of_one_person_are_rehearsed_for_without_a_clash(company):
    decide_for(company, ["u1", "u2"])
    with company.store.unit_of_work() as work:
        work.link(user("u1"), user("u2"), NOW, LinkKind.OVERRIDE, OWNER)
    first, second = rehearse(company, ["u1", "u2"], "newsletter")
    assert first.person_id == second.person_id
    assert (first.customer, second.customer) == ("u1", "u2")


def test_a_rehearsal_and_a_live_decision_of_one_moment_are_two(company):
    rehearsed = decide(company, "c", "newsletter", purpose=Purpose.REHEARSAL)
    live = decide(company, "c", "newsletter")
    assert rehearsed.decision_id != live.decision_id


def test_any_decision_replays_after_late_facts_a_merge_and_a_new_catalogue(tmp_path):
    with running(tmp_path, NOW, TEXT, control_rate=0.2, withheld_rate=0.3) as company:
        customers = [f"c{n}" for n in range(40)]
        ingest(
            company,
            [
                message("identify", each, Instant(NOW - DAY), f"t{n}", traits={"age": 10 + n, "city": "Rome"})
                for n, each in enumerate(customers)
            ],
        )
        made = [*decide_for(company, customers, "home"), *rehearse(company, customers, "newsletter")]
        company.clock.at = Instant(NOW + HOUR)
        made += decide_for(company, customers, "newsletter")
        late = [
            fact
            for n, each in enumerate(customers)
            for fact in (
                message(
                    "identify", each, Instant(NOW - 6 * HOUR), f"l{n}", traits={"age": 99 - n, "city": "Bonn"}
                ),
                ordered(each, Instant(NOW - 3 * DAY), 50),
                track(
                    each, Instant(NOW - 4 * DAY), f"w{n}", "Consent Updated", purposes={"email": n % 2 == 0}
                ),
            )
        ]
        company.clock.at = Instant(NOW + DAY)
        assert ingest(company, late).accepted == len(late)
        with company.store.unit_of_work() as work:
            for first, second in zip(customers[::2], customers[1::2], strict=True):
                work.link(user(first), user(second), company.clock.now(), LinkKind.OVERRIDE, OWNER)
        edit(company, "value: 30", "value: 300")
        learn(company, OWNER)
        made += decide_for(company, customers, "home")
        for decision in made:
            outcome = replay(company, decision.decision_id)
            assert outcome.identical, outcome.differences
        # That would be no proof if nothing had changed for the customer or the catalogue.
        kept = company.store.person(user("c0")).profile
        assert kept.traits != company.store.profile_at(made[0].person_id, made[0].pins.person_version).traits
        assert made[0].pins.catalogue != made[-1].pins.catalogue
        assert made[0].pins.models != made[-1].pins.models


def test_slots_of_one_decision_are_one_moment_in_their_order(tmp_path):
    with running(tmp_path, NOW, TEXT, **ALWAYS) as company:
        made = {each.decision_id: each for each in decide_for(company, [f"c{n}" for n in range(60)], "home")}
        found = list(moments(company.store.events([Decided])))
        assert len(found) == 120
        for first, second in zip(found[::2], found[1::2], strict=True):
            decision = made[first.decided.decision_id]
            assert second.decided.decision_id == decision.decision_id
            chosen = [each.decided.action or "" for each in (first, second)]
            assert chosen == [slot.chosen for slot in decision.slots]
            assert second.situation.profile == first.situation.profile
        decisions = tabulate(company.store.events(), "EUR").decisions
        scored = triggers(decisions, 14, Instant(NOW + 60 * DAY))
        firsts = {decision.person_id: decision.slots[0] for decision in made.values()}
        assert scored.height == 60
        for person_id, chosen, options in scored.select("person_id", "chosen", "options").iter_rows():
            assert (chosen, options) == (firsts[person_id].chosen, firsts[person_id].options)


def test_a_decision_recorded_elsewhere_is_a_contact_of_ours(company):
    ingest(company, [recorded("c", Instant(NOW - DAY), "offer", {"offer": 0.5, "": 0.5})])
    decision = decide(company, "c", "newsletter")
    assert [each.refusal.tier for each in decision.candidates] == ["contact limit"]


def test_a_decision_whose_models_are_gone_is_found(company):
    pins = [decide(company, who, "newsletter").pins for who in ("one", "two")]
    assert unreadable(company.store) == []
    with company.store.unit_of_work() as work:
        work._connection.exec_driver_sql("delete from blob where digest = ?", (pins[0].models,))
    (said,) = unreadable(company.store)
    assert said.startswith(
        f"2 of the logged decisions: what they pin as models, {pins[0].models}, is missing"
    )


def test_a_decision_whose_legend_is_gone_says_so_and_the_others_are_read(company):
    lost = decide(company, "one", "newsletter")
    with company.store.unit_of_work() as work:
        work._connection.exec_driver_sql("delete from blob where digest = ?", (lost.legend.version,))
    with pytest.raises(Damaged, match=f"the legend {lost.legend.version} of logged decisions is missing"):
        logged(company, lost.decision_id)
    (said,) = unreadable(company.store)
    assert said.startswith(f"1 of the logged decisions: the legend {lost.legend.version}")
    edit(company, "at_most: 1, days: 7", "at_most: 2, days: 7")
    other = decide(company, "two", "newsletter")
    assert other.legend != lost.legend
    assert logged(company, other.decision_id) == other
