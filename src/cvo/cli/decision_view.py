"""A decision as people read it: what was chosen and why, and what became of every other action."""

from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from cvo.core.clock import format_rfc3339
from cvo.events.event import Delivery

if TYPE_CHECKING:
    from cvo.actions.qualify import Refusal
    from cvo.decisions.decision import Candidate, Decision, Slot
from cvo.decisions.scored import Terms

_OUTCOMES = {
    Delivery.DELIVERED: "delivered",
    Delivery.WITHHELD: "withheld by its coin, to measure what it causes",
    Delivery.NOTHING: "nothing is done",
    Delivery.REHEARSED: "rehearsed: logged, not delivered",
}


def show(decision: "Decision", console: Console, *, explain: bool) -> None:
    """Print a decision, with every action of the catalogue if `explain`."""
    console.print(_headline(decision))
    if explain:
        console.print()
        console.print(_candidates(decision))
        console.print(_pins(decision), style="dim")


def as_data(decision: "Decision") -> dict[str, Any]:
    """Return what was logged, by name, as JSON shows it."""
    return {
        "decision_id": decision.decision_id,
        "person_id": decision.person_id.hex(),
        "customer": decision.customer,
        "placement": decision.placement,
        "channel": decision.channel,
        "at": format_rfc3339(decision.at),
        "purpose": decision.purpose,
        "context": decision.context,
        "arm": decision.arm,
        "pins": msgspec.structs.asdict(decision.pins),
        "currency": decision.currency,
        "candidates": [_candidate(decision, each) for each in decision.candidates],
        "slots": [each.plain() for each in decision.slots],
        "scarcity": msgspec.structs.asdict(decision.scarcity),
    }


def _candidate(decision: "Decision", candidate: "Candidate") -> dict[str, Any]:
    refusal, terms = candidate.refusal, candidate.terms
    lead = candidate.action if terms is None else decision.scored.lead(candidate.action)
    return {
        "action": candidate.action,
        "refusal": None if refusal is None else _refusal(refusal),
        "terms": None if terms is None else msgspec.structs.asdict(terms),
        "comes_with": None if lead == candidate.action else lead,
    }


def _refusal(refusal: "Refusal") -> dict[str, Any]:
    until = None if refusal.until is None else format_rfc3339(refusal.until)
    return {"tier": refusal.tier, "rule": refusal.rule, "until": until}


def _headline(decision: "Decision") -> RenderableType:
    lines = [
        Text.assemble("For ", (decision.customer, "bold"), f" at {decision.placement} ({decision.channel}):")
    ]
    for slot in decision.slots:
        chosen = Text(slot.chosen or "nothing", style="bold green" if slot.chosen else "bold")
        why = f", picked with probability {slot.propensity:.4f}; {_OUTCOMES[slot.delivery]}"
        if decision.arm == "control":
            why = ": the customer is in the control group and gets the baseline"
        lines.append(Text.assemble("  ", chosen, why))
    return Group(*lines)


def _candidates(decision: "Decision") -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    first = decision.slots[0]
    for candidate in decision.candidates:
        if candidate.refusal is not None:
            refused = candidate.refusal
            until = "" if refused.until is None else f", until {format_rfc3339(refused.until)}"
            text = Text.assemble(("refused", "yellow"), f" by {refused.tier}: {refused.rule}{until}")
            table.add_row(Text(candidate.action), text)
        elif candidate.terms is not None:
            lead = decision.scored.lead(candidate.action)
            with_it = "" if lead == candidate.action else f"comes with {lead}, "
            table.add_row(Text(candidate.action), Text(with_it + _probability(first, lead)))
            table.add_row("", _terms(candidate.terms, decision.currency))
    table.add_row("nothing", _probability(first, ""))
    table.add_row("", "score 0 by definition")
    return table


def _terms(terms: "Terms", currency: str) -> Text:
    return Text(
        f"{terms.response_probability:.4f} responds × {terms.margin_per_response:.2f} {currency} a response"
        f" × {terms.incrementality:.2f} caused = {terms.uplift:.4f} uplift\n"
        f"{terms.clv_change:+.4f} ΔCLV − {terms.patience:.4f} patience, after the window ({terms.clv_grade})\n"
        f"− {terms.cost:.2f} cost + {terms.lever:.2f} lever − {terms.price:.2f} prices"
        f" = {terms.score:+.4f} {currency}\n"
        f"± {terms.score_sd:.4f} standard deviation, {terms.grade}"
    )


def _probability(slot: "Slot", option: str) -> str:
    return f"picked with probability {slot.propensities[slot.options.index(option)]:.4f}"


def _pins(decision: "Decision") -> Text:
    pins = decision.pins
    draws = ", ".join(f"{slot.draw:.6f}" for slot in decision.slots)
    return Text(
        f"\nDecision {decision.decision_id}\n"
        f"at {format_rfc3339(decision.at)}, draw {draws}, person version {pins.person_version}\n"
        f"catalogue {pins.catalogue[:12]}, models {pins.models[:12]}, settings {pins.settings[:12]}"
    )
