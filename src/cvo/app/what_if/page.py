"""The evaluation as a page: the difference, where it comes from, and how it was made."""

from pathlib import Path

from cvo.app.what_if.candidate import spelt
from cvo.app.what_if.compare import WhatIf
from cvo.app.what_if.estimators import DOUBLY_ROBUST
from cvo.app.what_if.parts import Part
from cvo.core.clock import DAY, to_datetime
from cvo.core.evidence import Estimate, NotEstimable
from cvo.reports import (
    COUNT,
    Block,
    Cell,
    Column,
    Curve,
    Figure,
    Figures,
    Format,
    IntervalChart,
    IntervalRow,
    Method,
    Methods,
    Page,
    Point,
    Reference,
    Section,
    Series,
    Table,
    money_format,
    render,
)

NAME = "evaluate.html"
_MOST_SEGMENTS = 24
_ESTIMATORS = {
    DOUBLY_ROBUST: "Doubly robust",
    "ips": "Inverse propensity",
    "snips": "The same, self-normalised",
    "direct method": "Direct method",
    "switch": "SWITCH",
    "shrunk": "Shrunk weights",
    "mips": "By kind of action",
}
_WHAT_RUNS = Reference(0.0, "what runs")


def write_page(found: WhatIf, folder: Path) -> Path:
    """Write the page into a folder as one HTML file and return its path; an older one is replaced."""
    file, draft = folder / NAME, folder / f".{NAME}"
    draft.write_text(render(page(found)), encoding="utf-8")
    return draft.replace(file)


def page(found: WhatIf) -> Page:
    """Return the page on an evaluation."""
    change = money_format(found.currency, signed=True)
    return Page(
        kicker="Customer value optimisation · before a customer sees it",
        title=_title(found, change),
        lead=(
            "What runs and what is proposed were both asked again in every situation of the log. What would have "
            "followed is estimated from draws of known probability; nobody was contacted for this page."
        ),
        facts=(
            ("Decisions", COUNT.text(found.decisions)),
            ("Customers", COUNT.text(found.customers)),
            ("From", f"{to_datetime(found.since):%d %B %Y}"),
            ("To", f"{to_datetime(found.until):%d %B %Y}"),
            ("Outcome window", f"{found.window_days} days"),
        ),
        sections=(
            _difference(found, change),
            _reach(found),
            *_scarce(found),
            *_parts(found, change),
            *_over_time(found, change),
            _methods(found),
        ),
    )


def _title(found: WhatIf, change: Format) -> str:
    difference = found.difference
    if isinstance(difference, NotEstimable):
        return "The log cannot tell what this change would bring"
    if not difference.interval.excludes(0.0):
        return "The log cannot tell it from what runs"
    better = "more" if difference.value > 0 else "less"
    return f"{change.text(difference.value)} per 1,000 decisions: {better} than what runs"


def _difference(found: WhatIf, change: Format) -> Section:
    rows = [IntervalRow(_ESTIMATORS[found.estimator], found.difference, emphasis=True)]
    rows += [IntervalRow(_ESTIMATORS[name], each) for name, each in found.others.items()]
    plain = money_format(found.currency)
    blocks: list[Block] = [
        Figures(
            (
                Figure(
                    label="Difference to what runs, per 1,000 decisions",
                    estimate=found.difference,
                    format=change,
                    emphasis=True,
                ),
                Figure(
                    label="And after the window, as scores count it",
                    estimate=found.afterwards,
                    format=money_format(found.currency, signed=True, decimals=2),
                ),
                Figure(label="What is proposed", estimate=found.value["candidate"], format=plain),
                Figure(label="What runs", estimate=found.value["current"], format=plain),
                Figure(label="What was done", estimate=found.value["logged"], format=plain),
            )
        ),
        IntervalChart(
            title="Do the estimators agree?",
            subtitle=f"Difference to what runs, {found.currency} per 1,000 decisions, 95 % intervals",
            rows=tuple(rows),
            format=change,
            reference=_WHAT_RUNS,
            note="The direct method rests on its model alone; the others weigh what really happened. Actions of one "
            "team and stage are a kind.",
        ),
        Table(
            title="What is proposed",
            columns=(Column("Entry"), Column("Now"), Column("Then")),
            rows=tuple(
                (each.entry, spelt(each.before, 120), spelt(each.after, 120)) for each in found.changes
            ),
        )
        if found.changes
        else "Nothing is proposed: what was given says what runs already.",
    ]
    return Section("What it would have brought", tuple(blocks))


def _reach(found: WhatIf) -> Section:
    now, then = ({each.action: each for each in found.reach[side]} for side in ("current", "candidate"))
    rows: list[tuple[Cell, ...]] = []
    for action in sorted(now.keys() | then.keys()):
        either = then.get(action) or now[action]
        counts = [
            (side[action].scored, side[action].picked) if action in side else (0, 0) for side in (now, then)
        ]
        pairs = [value for pair in zip(*counts, strict=True) for value in pair]
        refused = then[action].refused if action in then else {}
        rows.append((action, either.team, *pairs, _refusal(refused)))
    headings = ("Scored now", "then", "Picked now", "then")
    return Section(
        "How far every action gets",
        (
            Table(
                title="Decisions that reach each step",
                columns=(
                    Column("Action"),
                    Column("Team"),
                    *(Column(heading, COUNT) for heading in headings),
                    Column("Refused most by"),
                ),
                rows=tuple(rows),
                note=f"Of {COUNT.text(found.decisions)} decisions; picked is a sum of exact probabilities.",
            ),
        ),
    )


def _scarce(found: WhatIf) -> list[Section]:
    now, then = found.prices["current"], found.prices["candidate"]
    if not (now or then):
        return []
    money = money_format(found.currency, decimals=3)
    return [
        Section(
            "What scarce things cost",
            (
                Table(
                    title="Price of a unit, on average over the decisions that saw one",
                    columns=(Column("Resource"), Column("Now", money), Column("Then", money)),
                    rows=tuple(
                        (name, now.get(name, "not counted"), then.get(name, "not counted"))
                        for name in sorted(now.keys() | then.keys())
                    ),
                    note=(
                        "Resources that the change is about are paced anew along the log, on either side, by what is "
                        "expected to be used; all others are as they were."
                    ),
                ),
            ),
        )
    ]


def _refusal(refused: dict[str, int]) -> str:
    if not refused:
        return "nothing"
    rule, count = max(refused.items(), key=lambda item: item[1])
    return f"{rule} ({COUNT.text(count)})"


def _parts(found: WhatIf, change: Format) -> list[Section]:
    sections = []
    if found.teams:
        sections.append(
            Section(
                "Whose actions make the difference",
                (_chart("By team", "Teams add up to the difference", found.teams, change),),
            )
        )
    told = sorted(
        (part for part in found.segments if isinstance(part.difference, Estimate)),
        key=lambda part: (not part.stands_out, -part.share),
    )[:_MOST_SEGMENTS]
    if told:
        blocks = (
            "Segments overlap and do not add up. Bold ones stand out where one in ten of such claims may be false.",
            _chart("By segment", "Difference within each segment", told, change),
        )
        sections.append(Section("Who gains and who loses", blocks))
    return sections


def _chart(title: str, subtitle: str, parts: list[Part], change: Format) -> IntervalChart:
    return IntervalChart(
        title=title,
        subtitle=f"{subtitle}, per 1,000 decisions, 95 % intervals",
        rows=tuple(
            IntervalRow(
                part.name if part.by == "team" else f"{part.by}: {part.name}",
                part.difference,
                emphasis=part.stands_out,
            )
            for part in parts
        ),
        format=change,
        reference=_WHAT_RUNS,
    )


def _over_time(found: WhatIf, change: Format) -> list[Section]:
    if isinstance(found.looks, NotEstimable) or len(found.looks) < 2:
        return []
    begin = found.since
    points = tuple(
        Point((look.at - begin) / (7 * DAY), look.difference, look.interval) for look in found.looks
    )
    curve = Curve(
        title="The difference as it would have been seen, week by week",
        subtitle="Per 1,000 decisions, with a 95 % interval valid at every look",
        x_axis="weeks",
        y_axis=f"{found.currency} per 1,000 decisions",
        series=(Series("Difference to what runs", points),),
        y_format=change,
    )
    return [Section("For those who look every week", (curve,))]


def _methods(found: WhatIf) -> Section:
    return Section(
        "How these numbers were made",
        (
            Methods(
                (
                    Method(
                        figure="Difference",
                        how=(
                            f"{_ESTIMATORS[found.estimator]}; one scored decision a customer and window. Predictions "
                            "come from other customers, intervals are by customer, and the cost of contacts is taken "
                            "as the catalogue has it. The formula is the doubly robust one."
                            + (f" {found.later_slots.detail}." if found.later_slots else "")
                        ),
                        formula="Σ_a (π−π′)(a)·q̂(a) + (π−π′)(A)/P(A)·(r − q̂(A)) − Σ_a (π·c − π′·c′)(a)",
                        source="Dudík, Langford, Li 2011 (arXiv 1103.4601), eq. 1",
                    ),
                    Method(
                        figure="After the window",
                        how=(
                            "No part of the difference. What would be delivered more or less, each at what the latest "
                            "models take it to change once its window has closed: its ΔCLV less the patience that a "
                            "contact uses up. The interval is of who the customers are; how that value is known says "
                            "the grade."
                        ),
                        formula="Σ_a (π − π′)(a)·(d_a − ρ_c)",
                    ),
                    Method(
                        figure="Models",
                        how=(
                            "Each decision is asked again with the models that were known when it was made. Where "
                            "somebody else decided, models come from the other half of the customers."
                        ),
                    ),
                    Method(
                        figure="Week by week",
                        how=(
                            "A confidence sequence, planned on the first tenth of the log. A decision counts "
                            "once its window has closed, predictions are from windows that had closed before it, and "
                            "the windows of one customer do not overlap."
                        ),
                        formula="mean ± √(2(Vρ²+1)/(t²ρ²)·log(√(Vρ²+1)/α))",
                        source="Waudby-Smith et al. (arXiv 2103.06476), Proposition 2.5",
                    ),
                )
            ),
        ),
    )
