"""What the learned policy expected, and what it picked."""

import numpy as np

from cvo.app.demo.report import findings
from cvo.app.demo.report.names import alone
from cvo.app.demo.run import Demo
from cvo.reports import (
    COUNT,
    PERCENT,
    Bar,
    Curve,
    Distribution,
    Format,
    Histogram,
    Point,
    Reference,
    Section,
    Series,
)

_PROPENSITY_EDGES = tuple(step / 20 for step in range(21))


def predictions(demo: Demo) -> Section:
    """Show predicted against actual visits on the judging half."""
    curve = Curve(
        title="Predicted and actual visits",
        subtitle="Visit rate by decile of prediction, on customers the model had not seen, 95 % intervals",
        x_axis="Predicted",
        y_axis="Actual",
        series=tuple(
            Series(
                alone(each.action),
                tuple(Point(b.predicted, b.actual.value, b.actual.interval) for b in each.bins),
            )
            for each in demo.calibrations
        ),
        x_format=PERCENT,
        y_format=PERCENT,
        diagonal="predicted = actual",
        note="Each customer counts at the e-mail that the trial really sent. "
        + " ".join(findings.calibration_in_words(each) for each in demo.calibrations)
        + " p: how often right predictions would miss by as much.",
    )
    return Section(findings.calibrated(demo), (curve,))


def choices(demo: Demo) -> Section:
    """Show what the policy drew for the judging half, and with which probability."""
    counts = findings.choices(demo)
    most = max(counts.values())
    drawn = np.array([decision.slots[0].propensity for decision in demo.decisions])
    frequencies, _ = np.histogram(drawn, _PROPENSITY_EDGES)
    return Section(
        findings.picked(demo),
        (
            Distribution(
                title="What was picked",
                subtitle=f"{COUNT.text(len(demo.decisions))} decisions by option drawn",
                bars=tuple(
                    Bar(alone(option), count, emphasis=count == most) for option, count in counts.items()
                ),
                half=True,
            ),
            Histogram(
                title="With which probability",
                subtitle="Decisions by logged propensity of the option drawn",
                edges=_PROPENSITY_EDGES,
                counts=tuple(int(count) for count in frequencies),
                format=Format(decimals=2),
                reference=Reference(1 / 3, "by lot"),
                half=True,
            ),
            "The policy draws an option about as often as it may be the best one: the less is known, the more "
            "evenly it draws. Every probability is logged with its decision, which is why a policy can be "
            "judged on a log before a customer meets it.",
        ),
    )
