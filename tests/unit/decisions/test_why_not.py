"""Where an action fell out of many decisions, to whom, and by how much: hand-made records with known answers."""

import pytest

from cvo.actions.conditions import BUNDLE, CAPACITY, CONSENT, CONVERSATION, LIMIT, QUIET, REST, TIERS
from cvo.actions.qualify import UNVALUED, Refusal
from cvo.core.clock import Instant
from cvo.core.ids import PersonId
from cvo.decisions.case import Case
from cvo.decisions.decide import decide
from cvo.decisions.decision import (
    Arm,
    Decision,
    Pins,
    Purpose,
    Request,
    Slot,
    Subject,
)
from cvo.decisions.legend import Legend
from cvo.decisions.packed import packed
from cvo.decisions.scored import Scored
from cvo.decisions.why_not import STEPS, why_not
from cvo.events.event import Delivery
from cvo.profiles.profile import EMPTY
from tests.data.company import NOW, policy


def record(
    *,
    scores=None,
    refusal=None,
    chosen="",
    delivery=Delivery.NOTHING,
    arm=Arm.TREATED,
    person=b"p",
    price=0.0,
):
    """Return a record in which `mine` is scored among others, or refused."""
    scores = scores or {}
    names, columns = list(scores), len(scores)
    options = [*names, ""]
    said = [Refusal(refusal.tier, refusal.rule)] if refusal else []
    legend = Legend(sorted({*names, *(["mine"] if refusal else [])}), said)
    return Decision(
        decision_id="d",
        person_id=PersonId(person),
        customer="c",
        placement="home",
        channel="web",
        at=NOW,
        purpose=Purpose.LIVE,
        context={},
        arm=arm,
        pins=Pins(1, "c", "m", "s"),
        currency="EUR",
        legend=legend,
        codes=legend.packed_codes([refusal] if refusal else []),
        ends={1: refusal.until} if refusal and refusal.until else {},
        scored=Scored.of(
            legend,
            names,
            ["assumed"] * columns,
            price=[price] * columns,
            score=scores.values(),
            score_sd=[1.0] * columns,
        ),
        slots=[
            Slot(
                1,
                legend,
                legend.packed_places(names),
                packed([1 / len(options)] * len(options)),
                packed([0.0] * len(options)),
                0.5,
                chosen,
                None,
                None,
                delivery,
            )
        ],
    )


def passed(found):
    return {step.name: step.passed for step in found.funnel}


def test_every_decision_falls_out_at_one_step():
    rest = Refusal("rest", "r", Instant(5))
    found = why_not(
        "mine",
        [
            record(refusal=Refusal("placement", "no creative for home"), person=b"a"),
            record(refusal=Refusal("consent", "consent.email")),
            record(refusal=Refusal("eligible", "customer.age >= 18")),
            record(refusal=Refusal("contact limit", "l")),
            record(refusal=rest),
            record(refusal=Refusal("rest", "r", Instant(3))),
            record(refusal=Refusal("capacity", "agent minutes")),
            record(scores={"mine": 1.0}, arm=Arm.CONTROL),
            record(scores={"mine": -1.0, "other": 3.0}, chosen="other"),
            record(scores={"mine": -2.0, "other": 3.0}, chosen="other", price=2.5),
            record(scores={"mine": 1.0, "other": 3.0}, chosen="other"),
            record(scores={"mine": 1.0, "other": 2.0}, chosen="other"),
            record(scores={"mine": 1.0}),
            record(scores={"mine": 1.0}, chosen="mine", delivery=Delivery.WITHHELD),
            record(scores={"mine": -1.0}, chosen="mine", delivery=Delivery.DELIVERED),
            record(scores={"other": 1.0}),
        ],
    )
    assert (found.decisions, found.customers, found.currency) == (15, 2, "EUR")
    assert passed(found) == {
        "live here": 14,
        "allowed": 13,
        "eligible": 12,
        "applicable": 12,
        "suitable": 12,
        "not held back": 12,
        "within limits": 11,
        "rested": 9,
        "affordable": 8,
        "with its bundle": 8,
        "valued": 8,
        "not in control": 7,
        "worth it": 5,
        "chosen": 2,
        "delivered": 1,
    }
    assert [step.name for step in found.funnel] == list(STEPS)
    assert all(
        step.reached == before.passed for before, step in zip(found.funnel, found.funnel[1:], strict=False)
    )
    assert (found.stops[0].rule, found.stops[0].decisions, found.stops[0].until) == ("r", 2, 5)
    assert sum(stop.decisions for stop in found.stops) == 7
    assert (found.shortfall.decisions, found.shortfall.priced_out, found.shortfall.lacking) == (2, 1, 1.5)
    other, nothing = found.rivals
    assert (other.option, other.decisions, other.gap) == ("other", 2, 1.5)
    assert other.propensity == pytest.approx(1 / 3)
    assert (nothing.option, nothing.decisions, nothing.gap) == ("", 1, -1.0)
    assert found.lever == 1.0


def test_nothing_was_decided():
    found = why_not("mine", [])
    assert (found.decisions, found.rivals, found.stops, found.shortfall, found.lever) == (
        0,
        [],
        [],
        None,
        None,
    )
    assert set(passed(found).values()) == {0}


@pytest.mark.parametrize("placement", ["home", "newsletter"])
def test_records_as_they_are_made_add_up(placement):
    rules = policy()
    made = [
        decide(
            Case(
                Subject(
                    person_id=PersonId(b"%016d" % n),
                    customer=f"c{n}",
                    version=0,
                    arm=Arm(["treated", "control"][n % 5 == 0]),
                ),
                EMPTY,
                Request(placement=placement, at=NOW),
            ),
            rules,
        )
        for n in range(60)
    ]
    for action in rules.catalogue.actions:
        found = why_not(action, made)
        chosen = [s for each in made for s in each.slots if s.chosen == action]
        assert found.decisions == 60
        assert passed(found)["chosen"] == len(chosen)
        assert passed(found)["delivered"] == sum(s.delivery is Delivery.DELIVERED for s in chosen)
        refused = [each for each in made if action in each.refused]
        assert sum(stop.decisions for stop in found.stops) == len(refused)


def test_every_tier_has_its_step():
    tiers = {
        CONSENT,
        QUIET,
        CONVERSATION,
        LIMIT,
        REST,
        CAPACITY,
        BUNDLE,
        *TIERS,
        UNVALUED.tier,
        "dates",
        "status",
        "placement",
    }
    for tier in tiers:
        (stop,) = why_not("mine", [record(refusal=Refusal(tier, "r"))]).stops
        assert (stop.tier, stop.step in STEPS) == (tier, True)
