"""Requests that come at one moment, of the same customers and for the same scarce things, overrun nothing."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.app.live import Ask, Live
from cvo.app.replay import replay
from cvo.decisions.decision import Decision, Purpose
from cvo.events.message import user
from tests.data.company import NOW
from tests.data.folder import running

TEXT = """
teams: {sales: {name: Sales}, care: {name: Care}}
channels: {web: {consent: none}, email: {consent: none}}
placements: {home: {channel: web, slots: 3}, mail: {channel: email}}
actions:
  one: {team: sales, stage: grow, REST}
  two: {team: sales, stage: grow, REST}
  three: {team: care, stage: serve, REST}
bundles: {both: {placement: home, actions: [one, two]}}
limits: {week: {per: all, at_most: 3, days: 7}, mail: {per: channel, of: email, at_most: 1, days: 7}}
resources:
  money: {per: team, of: sales, amount: 4, period_days: 7, unit: money}
  mails: {per: channel, of: email, amount: 5, period_days: 1}
assumptions: {margin_rate: {value: 0.4, because: tests}}
""".replace(
    "REST",
    "status: live, name: A, contact_cost: 0.5, value: 900, creatives: {h: {placement: home}, m: {placement: mail}}",
)
ASKS = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["home", "mail"])), min_size=1, max_size=30)


@settings(max_examples=15, deadline=None)
@given(st.lists(ASKS, min_size=1, max_size=3))
def test_nothing_is_overrun(batches):
    with (
        TemporaryDirectory() as folder,
        running(Path(folder), NOW, TEXT, withheld_rate=0.2, floor=0.2) as company,
    ):
        live = Live(company)
        made = [
            each
            for batch in batches
            for each in live.process([Ask(user(f"c{who}"), placement) for who, placement in batch])
        ]
        assert len(made) == sum(map(len, batches))
        contacts, mails, delivered = Counter(), Counter(), Counter()
        for decision in made:
            assert isinstance(decision, Decision)
            assert decision.purpose is Purpose.LIVE
            chosen = [slot for slot in decision.slots if slot.chosen]
            contacts[decision.customer] += len(chosen)
            mails[decision.customer] += len(chosen) * (decision.placement == "mail")
            for slot in chosen:
                if slot.delivery == "delivered":
                    delivered["money"] += 0.5 * (slot.chosen != "three")
                    delivered["mails"] += decision.placement == "mail"
            assert replay(company, decision.decision_id).identical
        assert max(contacts.values(), default=0) <= 3
        assert max(mails.values(), default=0) <= 1
        assert delivered["money"] <= 4
        assert delivered["mails"] <= 5
