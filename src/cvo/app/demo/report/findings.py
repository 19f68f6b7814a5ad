"""What the demo's figures say, in sentences: chosen by where intervals lie, never written ahead."""

from enum import Enum

from cvo.app.demo.calibration import Calibration
from cvo.app.demo.report.names import ACTIONS, alone, capital, inside
from cvo.app.demo.run import Demo
from cvo.core.evidence import Estimate, NotEstimable
from cvo.reports import PERCENT, money_format


class Verdict(Enum):
    """Where the interval of a difference lies."""

    MORE = "above zero"
    LESS = "below zero"
    OPEN = "around zero"
    UNKNOWN = "nowhere"


def verdict(difference: Estimate | NotEstimable) -> Verdict:
    """Tell what a difference shows; one whose interval holds zero shows neither more nor less."""
    if isinstance(difference, NotEstimable):
        return Verdict.UNKNOWN
    if not difference.interval.excludes(0.0):
        return Verdict.OPEN
    return Verdict.MORE if difference.value > 0 else Verdict.LESS


def currency(demo: Demo) -> str:
    """Return the currency of all amounts."""
    return demo.value.realised.margin.currency


def contact_cost(demo: Demo) -> float:
    """Return what an e-mail cost on average, in major units."""
    deliveries = sum(caused.deliveries for caused in demo.value.actions)
    return sum(caused.spend for caused in demo.value.actions) / deliveries


def headline(demo: Demo) -> str:
    """Say whether the better single e-mail pays, and whether choosing per customer earns more than it."""
    single = inside(demo.best_single)
    pays = {
        Verdict.MORE: f"The {single} pays",
        Verdict.LESS: f"The {single} costs more than it brings",
        Verdict.OPEN: f"Whether the {single} pays is not settled",
        Verdict.UNKNOWN: f"Whether the {single} pays could not be estimated",
    }[verdict(demo.policies[demo.best_single].difference_to_nobody)]
    chosen = {
        Verdict.MORE: "choosing per customer earns more than sending it to all",
        Verdict.LESS: "choosing per customer earns less than sending it to all",
        Verdict.OPEN: "choosing per customer is not shown to earn more or less",
        Verdict.UNKNOWN: "choosing per customer could not be compared with it",
    }[verdict(demo.policies["learned"].difference_to_best_single)]
    return f"{pays}; {chosen}"


def lead(demo: Demo) -> str:
    """Say the three differences behind the headline, with their intervals."""
    single, figures = f"the {inside(demo.best_single)} for all", demo.policies
    return " ".join(
        (
            f"Per 1,000 customers, in margin after contact cost: {single} brings"
            f" {_change(demo, figures[demo.best_single].difference_to_nobody)} no e-mail.",
            "The learned policy, which chooses per customer, brings"
            f" {_change(demo, figures['learned'].difference_to_nobody)} no e-mail, and"
            f" {_change(demo, figures['learned'].difference_to_best_single)} {single}.",
        )
    )


def _change(demo: Demo, difference: Estimate | NotEstimable) -> str:
    if isinstance(difference, NotEstimable):
        return f"an amount that could not be estimated ({difference.detail}) against"
    money = money_format(currency(demo))
    interval = money_format(currency(demo), signed=True).interval(difference.interval)
    more = "less" if difference.value < 0 else "more"
    open_ = ", so zero is possible" if verdict(difference) is Verdict.OPEN else ""
    return f"{money.text(abs(difference.value))} {more} ({interval}{open_}) than"


def comparison(difference: Estimate | NotEstimable) -> str:
    """Say in one sentence what a difference shows."""
    return {
        Verdict.MORE: "The whole interval lies above zero.",
        Verdict.LESS: "The whole interval lies below zero.",
        Verdict.OPEN: "The interval holds zero: neither more nor less is shown.",
        Verdict.UNKNOWN: "The trial does not support an estimate.",
    }[verdict(difference)]


def against_nobody(demo: Demo) -> str:
    """Say whether the learned policy beats doing nothing."""
    return {
        Verdict.MORE: "Choosing per customer earns more than sending nothing",
        Verdict.LESS: "Choosing per customer earns less than sending nothing",
        Verdict.OPEN: "Choosing per customer is not shown to earn more or less than sending nothing",
        Verdict.UNKNOWN: "Choosing per customer could not be compared with sending nothing",
    }[verdict(demo.policies["learned"].difference_to_nobody)]


def earned_their_cost(demo: Demo) -> str:
    """Say of every action delivered whether it caused more margin than it cost."""
    said = {
        Verdict.MORE: "{} earned {} cost",
        Verdict.LESS: "{} did not earn {} cost",
        Verdict.OPEN: "whether {} earned {} cost is not settled",
        Verdict.UNKNOWN: "whether {} earned {} cost could not be estimated",
    }
    groups: dict[Verdict, list[str]] = {}
    for caused in demo.value.actions:
        groups.setdefault(verdict(caused.value), []).append(f"the {inside(caused.name)}")
    parts = [
        said[which].format(" and ".join(names), "their" if len(names) > 1 else "its")
        for which in Verdict
        if (names := groups.get(which))
    ]
    return capital("; ".join(parts))


def calibrated(demo: Demo) -> str:
    """Say whether predicted visits came true: at 5 % for all actions together (Bonferroni)."""
    limit = 0.05 / len(demo.calibrations)
    off = [f"the {inside(each.action)}" for each in demo.calibrations if each.p_value < limit]
    if off:
        return f"Visits differ from what was predicted for {' and '.join(off)}"
    return "Predicted visits come true, as far as the trial can tell"


def calibration_in_words(each: Calibration) -> str:
    """Say an action's predicted and actual rate, and how likely a deviation by chance is."""
    p_value = f"= {each.p_value:.3f}" if each.p_value >= 0.001 else "< 0.001"
    return (
        f"{alone(each.action)}: predicted {PERCENT.text(each.overall.predicted)},"
        f" actual {PERCENT.estimate(each.overall.actual)}; p {p_value}."
    )


def picked(demo: Demo) -> str:
    """Say what the policy picked most often, and for what share of the customers."""
    counts = choices(demo)
    most = max(counts, key=lambda option: counts[option])
    return f"Picked most often: {inside(most)}, for {PERCENT.text(counts[most] / len(demo.decisions))}"


def choices(demo: Demo) -> dict[str, int]:
    """Return how many customers each option was drawn for."""
    counts = dict.fromkeys(ACTIONS, 0)
    for decision in demo.decisions:
        chosen = decision.slots[0].chosen
        counts[chosen] = counts.get(chosen, 0) + 1
    return counts
