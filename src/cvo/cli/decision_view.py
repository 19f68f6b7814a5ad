"""A decision as people read it: what was chosen and why, and what became of every other action."""

from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from cvo.core.clock import format_rfc3339
from cvo.events.event import Delivery

if TYPE_CHECKING:
    from cvo.decisions.decision import Decision, Slot

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
        console.print(_candidates(decision))
        console.print(_pins(decision), style="dim")


def _headline(decision: "Decision") -> RenderableType:
    lines = [
        Text.assemble(
            "For ", (decision.customer, "bold"), f" at {decision.placement}, ", f"{decision.channel}:"
        )
    ]
    for slot in decision.slots:
        chosen = Text(slot.chosen or "nothing", style="bold green" if slot.chosen else "bold")
        why = f"  probability {slot.propensity:.4f}, {_OUTCOMES[slot.delivery]}"
        if decision.arm == "control":
            why = "  the customer is in the control group and gets the baseline"
        lines.append(Text.assemble("  ", chosen, why))
    return Group(*lines)


def _candidates(decision: "Decision") -> Table:
    money = decision.currency
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("action")
    table.add_column("P(picked)", justify="right")
    for heading in (
        "response",
        f"margin {money}",
        "caused",
        f"uplift {money}",
        "ΔCLV",
        "cost",
        "lever",
        "price",
    ):
        table.add_column(heading, justify="right")
    table.add_column(f"score {money}", justify="right", style="bold")
    table.add_column("grade")
    first = decision.slots[0]
    for candidate in decision.candidates:
        if candidate.refusal is not None:
            table.add_row(candidate.action, "refused", *[""] * 9, "")
            table.add_row(Text(f"  {candidate.refusal.tier}: {candidate.refusal.rule}", style="yellow"))
        elif candidate.terms is not None:
            terms = candidate.terms
            table.add_row(
                candidate.action,
                _probability(first, candidate.action),
                f"{terms.response_probability:.4f}",
                f"{terms.margin_per_response:.2f}",
                f"× {terms.incrementality:.2f}",
                f"{terms.uplift:.4f}",
                f"{terms.clv_change:.2f}",
                f"{terms.cost:.2f}",
                f"{terms.lever:.2f}",
                f"{terms.price:.2f}",
                f"{terms.score:+.4f} ± {terms.score_sd:.4f}",
                terms.grade,
            )
    table.add_row("nothing", _probability(first, ""), *[""] * 8, "+0.0000", "")
    return table


def _probability(slot: "Slot", option: str) -> str:
    return f"{slot.propensities[slot.options.index(option)]:.4f}"


def _pins(decision: "Decision") -> Text:
    pins = decision.pins
    draws = ", ".join(f"slot {slot.rank}: {slot.draw:.6f}" for slot in decision.slots)
    return Text(
        f"decision {decision.decision_id} at {format_rfc3339(decision.at)}, draw {draws}\n"
        f"person version {pins.person_version}, catalogue {pins.catalogue[:12]}, models {pins.models[:12]}, "
        f"settings {pins.settings[:12]}"
    )
