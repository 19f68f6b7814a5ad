"""From an event to a proven value: the whole loop on 1,800 made-up customers whose true response is known.

A grocer may send each customer an e-mail with picnic ideas. It makes parents buy more often and leaves everybody
else as they were. cvo does not know that; we do, and hold its figures against the truth.
"""

import random
import tempfile
from collections import Counter
from pathlib import Path

import cvo
from cvo.core.clock import DAY, FixedClock, Instant, parse_rfc3339
from cvo.decisions.decision import Decision

SETTINGS = """
name = "Corner shop"
currency = "EUR"
seed = "event-to-value"
owners = ["ann"]
[decisions]
# Far more than a real shop would leave alone: there are few customers here.
control_rate = 0.2
withheld_rate = 0.45
"""
CATALOGUE = """
teams: {kitchen: {name: Kitchen}}
channels: {email: {consent: opt-out}}
placements: {newsletter: {channel: email}}
actions:
  picnic:
    {team: kitchen, stage: grow, status: live, name: Picnic ideas, contact_cost: 0.10, value: 14,
     creatives: {picnic-mail: {placement: newsletter}}}
  regulars:
    {team: kitchen, stage: retain, status: live, name: A treat for regulars, contact_cost: 1.00, value: 14,
     eligible: ["orders(30) >= 1"], creatives: {regulars-mail: {placement: newsletter}}}
limits: {weekly-mail: {per: channel, of: email, at_most: 1, days: 7}}
traits: {parent: {type: bool}}
features: {parent: {value: customer.parent, kind: category}}
assumptions: {margin_rate: {value: 0.35, because: What the grocer's books say.}}
"""
BASKET, MARGIN_RATE, COST = 40.0, 0.35, 0.10
LIFT = 0.35  # what the e-mail adds to a parent's probability to buy


def main() -> None:
    """Run the loop once and print what cvo says beside what is true."""
    folder, luck = Path(tempfile.mkdtemp()), random.Random(1)  # noqa: S311  luck, not secrets
    (folder / "catalogue").mkdir()
    (folder / "company.toml").write_text(SETTINGS)
    (folder / "catalogue" / "shop.yaml").write_text(CATALOGUE)
    clock = FixedClock(parse_rfc3339("2026-05-04T08:00:00Z"))
    with cvo.open(folder, clock=clock) as company:
        print("1. The catalogue on disk is approved and runs:", company.apply(approve=True).running)

        parents = {f"customer-{number}": luck.random() < 0.5 for number in range(1_800)}
        known = company.ingest(identify(customer, parent) for customer, parent in parents.items())
        print("2. What is known comes in as events:", known)

        decisions = [company.decide(customer, "newsletter") for customer in parents]
        controls = sum(decision.arm == "control" for decision in decisions)
        fates = Counter(decision.slots[0].delivery.value for decision in decisions)
        print(f"3. Everybody gets a decision: {controls} are in the control group and get no e-mail;")
        print(f"   {fates['delivered']} get it, and from {fates['withheld']} a coin withholds it.")
        explain(decisions[0])

        clock.at = Instant(clock.at + DAY)
        bought = [decision for decision in decisions if luck.random() < 0.4 + lift(decision, parents)]
        orders = [order(decision.customer, luck) for decision in bought]
        print("4. Outcomes are events too:", company.ingest(orders))

        clock.at = Instant(clock.at + 14 * DAY)
        effect = company.learn().models.effects[0]
        print(f"5. The windows have closed. A delivery caused {effect.caused:.2f} EUR of margin,")
        print(f"   where responses alone would credit it with {effect.predicted:.2f}.")

        again = company.decide(bought[0].customer, "newsletter")
        print("6. The next decision, with what was learned:")
        explain(again)
        print("7. Made again from the log, it is identical:", company.replay(again.decision_id).identical)

        value = company.value()
        truth = sum(lift(decision, parents) * BASKET * MARGIN_RATE for decision in decisions)
        truth -= fates["delivered"] * COST
        print("8. What the deliveries caused, less their cost:", value.actions[0].value)
        print(f"   the truth: {truth:,.0f} EUR")
        print("   What the whole programme caused:", value.programme)
        print(f"   the truth: {truth / (len(decisions) - controls):.2f} EUR a customer")


def explain(decision: Decision) -> None:
    """Print what became of every action, and what was picked."""
    for candidate in decision.candidates:
        if candidate.terms:
            fate = f"worth {candidate.terms.score:+.2f} ± {candidate.terms.score_sd:.2f} EUR"
        else:
            fate = f"refused, {candidate.refusal}"
        print(f"   {candidate.action} for {decision.customer}: {fate}")
    slot = decision.slots[0]
    print(f"   picked, with probability {slot.propensity:.3f}: {slot.chosen or 'nothing'}")


def lift(decision: Decision, parents: dict[str, bool]) -> float:
    """Return what really got added to the customer's probability to buy."""
    return LIFT if parents[decision.customer] and decision.slots[0].delivery == "delivered" else 0.0


def identify(customer: str, parent: bool) -> dict[str, object]:
    """Return the message that the shop's sign-up form sends."""
    return {"userId": customer, "messageId": "sign-up", "type": "identify", "traits": {"parent": parent}}


def order(customer: str, luck: random.Random) -> dict[str, object]:
    """Return the message that the shop's till sends."""
    paid = {"order_id": f"order-{customer}", "revenue": round(BASKET * luck.uniform(0.5, 1.5), 2)}
    sent = {"userId": customer, "messageId": paid["order_id"], "type": "track", "event": "Order Completed"}
    return {**sent, "properties": paid}


if __name__ == "__main__":
    main()
