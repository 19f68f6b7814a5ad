"""Replay: a logged decision made again from the log, whatever came in since."""

from cvo.app.company import Company
from cvo.app.records import records
from cvo.app.state import Pinned
from cvo.core.ids import DecisionId
from cvo.decisions.decision import Decision
from cvo.decisions.replay import Replay
from cvo.decisions.replay import replay as make_again


def logged(company: Company, decision_id: str) -> Decision:
    """Return a decision as it was logged; an unknown id raises `NotFound`."""
    return records(company.store)(company.store.decision(DecisionId(decision_id)).body)


def replay(company: Company, decision_id: str, pinned: Pinned | None = None) -> Replay:
    """Make a decision again, from the profile, catalogue and models as they were then."""
    decision = logged(company, decision_id)
    profile = company.store.profile_at(decision.person_id, decision.pins.person_version)
    policy = (pinned or Pinned(company.store)).policy(decision.pins)
    stock = company.store.stock_at(decision.pins.stock, policy.qualifier(decision.placement).products)
    return make_again(decision, profile, policy, stock)
