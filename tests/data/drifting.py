"""A company that lives through weeks, in which one thing may change at a known time."""

import numpy as np

from cvo.app.company import Company
from cvo.app.ingest import ingest
from cvo.app.learn import learn
from cvo.core.clock import DAY, HOUR, Instant, parse_rfc3339
from cvo.events.event import Delivery
from tests.data.folder import OWNER, decide_for, message, running, track

MONDAY = parse_rfc3339("2026-01-01T00:00:00Z")
"""The beginning of a week as weeks are counted, from 1970 on."""
WEEKS = 9
CHANGED = Instant(MONDAY + 7 * 7 * DAY)

TEXT = """
teams: {sales: {name: Sales}}
channels: {email: {consent: none}}
placements: {newsletter: {channel: email}}
actions:
  offer:
    {team: sales, stage: grow, status: live, name: Offer, contact_cost: 0.10, value: 10, response: clicked,
     window_days: 3, RULE creatives: {mail: {placement: newsletter}}}
  tips:
    {team: sales, stage: grow, status: live, name: Tips, contact_cost: 0.10, value: 10, response: clicked,
     window_days: 3, creatives: {tips-mail: {placement: newsletter}}}
traits: {age: {type: number}, city: {type: string}, open: {type: bool}}
features:
  age: {value: customer.age, kind: number}
  city: {value: customer.city, kind: category}
assumptions:
  margin_rate: {value: 0.5, because: tests}
  response_probability: {value: 0.2, standard_deviation: 1, because: tests}
"""


def lived(folder, seed: int, *, weekly: int = 300, change: str = "") -> Company:
    """Live through weeks of other customers each; from `CHANGED` on one thing differs.

    `age`: customers are ten years older; `offer`: half as many click it; `rule`: hardly anybody qualifies for it.
    """
    random = np.random.default_rng(seed)
    company = running(folder, MONDAY, TEXT.replace("RULE", 'eligible: ["customer.open == true"],'))
    for week in range(WEEKS):
        changed = week >= 7
        begun = Instant(MONDAY + week * 7 * DAY + 9 * HOUR)
        names = [f"c{week}-{n}" for n in range(weekly)]
        older = 10 * (changed and change == "age")
        met = [
            message(
                "identify", name, begun, f"met-{name}",
                traits={
                    "age": float(random.normal(40 + older, 10)),
                    "city": str(random.choice(["Bonn", "Rome", "Oslo"], p=[0.5, 0.3, 0.2])),
                    "open": bool(random.random() < (0.05 if changed and change == "rule" else 1.0)),
                },
            )
            for name in names
        ]  # fmt: skip
        ingest(company, met)
        company.clock.at = Instant(begun + HOUR)
        made = decide_for(company, names)
        chance = {"offer": 0.15 if changed and change == "offer" else 0.4, "tips": 0.4}
        clicks = [
            track(
                each.customer, Instant(begun + 2 * HOUR), f"click-{each.customer}", "Action Clicked",
                action=each.slots[0].chosen, decisionId=each.decision_id,
            )
            for each in made
            if each.slots[0].delivery is Delivery.DELIVERED
            and random.random() < chance[each.slots[0].chosen]
        ]  # fmt: skip
        ingest(company, clicks)
        company.clock.at = Instant(MONDAY + (week + 1) * 7 * DAY)
        learn(company, OWNER)
    return company
