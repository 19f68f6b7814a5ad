"""Decision explanations v2: every action of every decision, with the stage at which it fell out.

A decision record names the first rule that refused an action, so each action falls out at one stage, or is the output.
`Stage_pyName` are the steps that `cvo why` shows, `Stage_pyStageGroup` the groups of its pipeline they belong to.
"""

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from cvo.connectors.pdstools.labels import Labels, pega_time
from cvo.decisions.decision import Arm, Decision, Slot
from cvo.decisions.scored import Terms
from cvo.events.event import Delivery

EXPLANATIONS = pl.Schema(
    {
        "pxRecordType": pl.String(),
        "Primary_pySubjectID": pl.String(),
        "Primary_pySubjectType": pl.String(),
        "pxInteractionID": pl.String(),
        "pxDecisionTime": pl.String(),
        "pyIssue": pl.String(),
        "pyGroup": pl.String(),
        "pyName": pl.String(),
        "pyTreatment": pl.String(),
        "PlacementType": pl.String(),
        "pxStrategyName": pl.String(),
        "Primary_ContainerPayload_Channel": pl.String(),
        "Primary_ContainerPayload_Direction": pl.String(),
        "Stage_pyName": pl.String(),
        "Stage_pyStageGroup": pl.String(),
        "Stage_pyOrder": pl.Int32(),
        "pxComponentName": pl.String(),
        "pxComponentType": pl.String(),
        "Value": pl.Float64(),
        "ContextWeight": pl.Float64(),
        "Weight": pl.Float64(),
        "FinalPropensity": pl.Float64(),
        "Priority": pl.Float64(),
    }
)
"""One row an action and decision."""


class Stage(NamedTuple):
    """A step of ours, the group of its pipeline it belongs to, and where it comes."""

    name: str
    group: str
    order: int


_HERE = Stage("live here", "AvailableActions", 100)
_HELD = Stage("not held back", "JourneysContactPolicies", 1400)
STAGES = {
    "status": _HERE,
    "placement": _HERE,
    "dates": _HERE,
    "consent": Stage("allowed", "ChannelAvailabilityProductAssociations", 500),
    "eligible": Stage("eligible", "EngagementPolicies", 1000),
    "applicable": Stage("applicable", "EngagementPolicies", 1100),
    "suitable": Stage("suitable", "EngagementPolicies", 1200),
    "conversation": _HELD,
    "quiet hours": _HELD,
    "contact limit": Stage("within limits", "JourneysContactPolicies", 1500),
    "rest": Stage("rested", "JourneysContactPolicies", 1600),
    "capacity": Stage("affordable", "JourneysContactPolicies", 1700),
    "bundle": Stage("with its bundle", "JourneysContactPolicies", 1800),
    "value": Stage("valued", "Arbitration", 3000),
}
"""The stage at which a refusal of each tier takes an action out."""

_CONTROL = Stage("not in control", "Arbitration", 3800)
_WORTH = Stage("worth it", "Arbitration", 3900)
_CHOSEN = Stage("chosen", "Arbitration", 4000)
_WITHHELD = Stage("delivered", "FinalActionsProcessing", 5000)
_OUTPUT = Stage("Output", "Output", 10_000)


class _Fate(NamedTuple):
    """What became of an action: the stage it reached, the component that decided it there, and of what kind."""

    stage: Stage
    component: str
    kind: str


def explanation_rows(decision: Decision, labels: Labels) -> Iterator[tuple[object, ...]]:
    """Yield the rows of `EXPLANATIONS` of one live decision, refused actions first.

    `FinalPropensity` is the response probability, `Value` the margin of a response, `ContextWeight` the
    incrementality, `Priority` the score: their product is the score only where nothing else is known of the action.
    """
    chosen = {slot.chosen: slot for slot in decision.slots if slot.chosen}
    for action, refusal in decision.refused.items():
        fate = _Fate(STAGES[refusal.tier], refusal.rule, refusal.tier)
        yield _row(decision, labels, action, fate)
    for action, terms in decision.scored.terms().items():
        slot = chosen.get(action)
        yield _row(decision, labels, action, _fate(decision, terms, slot), terms=terms, slot=slot)


def _fate(decision: Decision, terms: Terms, slot: Slot | None) -> _Fate:
    if decision.arm is Arm.CONTROL:
        return _Fate(_CONTROL, "control group", "control")
    if slot is None and terms.score <= 0:
        return _Fate(_WORTH, "worth less than nothing", "score")
    if slot is None:
        return _Fate(_CHOSEN, "another option was drawn", "draw")
    if slot.delivery is not Delivery.DELIVERED:
        return _Fate(_WITHHELD, "withheld by coin", "coin")
    return _Fate(_OUTPUT, "delivered", "draw")


def _row(
    decision: Decision,
    labels: Labels,
    action: str,
    fate: _Fate,
    *,
    terms: Terms | None = None,
    slot: Slot | None = None,
) -> tuple[object, ...]:
    return (
        "OUTPUT" if fate.stage is _OUTPUT else "FILTERED_OUT",
        decision.customer,
        "Customer",
        decision.decision_id,
        pega_time(decision.at),
        labels.issues[action],
        labels.groups[action],
        action,
        slot.creative if slot else None,
        decision.placement,
        f"policy {decision.pins.models[:12]}",
        decision.channel,
        labels.direction(decision.channel),
        fate.stage.name,
        fate.stage.group,
        fate.stage.order,
        fate.component,
        fate.kind,
        terms.margin_per_response if terms else None,
        terms.incrementality if terms else None,
        1.0 if terms else None,
        terms.response_probability if terms else None,
        terms.score if terms else None,
    )
