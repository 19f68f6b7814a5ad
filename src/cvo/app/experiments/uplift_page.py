"""The page on uplift: can customers be told apart, and how much better is that than a random order?"""

from cvo.core.evidence import Interval, NotEstimable
from cvo.experiments.uplift import Targeting
from cvo.inference.clustered import normal_quantile
from cvo.reports import (
    PERCENT,
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
)

_PER = 1_000
_LEVEL = 0.95


def uplift_page(found: Targeting, *, treatment: str, metric: str) -> Page:
    """Return the page on what was found out of sample; all figures are per 1,000 customers."""
    written = Format(decimals=1, factor=_PER, signed=True)
    return Page(
        kicker="Customer value optimisation · uplift",
        title=_title(found, treatment),
        lead=(
            f"Customers were put in the order in which {treatment} is expected to change their {metric} most, by "
            "models that had not seen them. A random order gains nothing; the trial's draws say what this one does."
        ),
        sections=(
            Section(
                "Whom it helps",
                (_figures(found, metric, written), _curve(found, metric), _orders(found, written)),
            ),
            _methods(),
        ),
    )


def _title(found: Targeting, treatment: str) -> str:
    if isinstance(found.model, NotEstimable):
        return f"{treatment}: {found.model.reason}"
    return f"{treatment}: customers can be told apart by how much it helps them"


def _figures(found: Targeting, metric: str, written: Format) -> Figures:
    return Figures(
        (
            Figure(
                label=f"{metric} caused per 1,000 treated at random", estimate=found.average, format=written
            ),
            Figure(
                label="Qini: gained over a random order per 1,000",
                estimate=found.qini,
                format=written,
                emphasis=True,
            ),
        )
    )


def _curve(found: Targeting, metric: str) -> Curve:
    curve, z = found.curve, normal_quantile(_LEVEL)
    points = tuple(
        Point(share, _PER * gain, Interval(_PER * (gain - z * error), _PER * (gain + z * error), _LEVEL))
        for share, gain, error in zip(
            curve.shares.tolist(), curve.gains.tolist(), curve.standard_errors.tolist(), strict=True
        )
    )
    return Curve(
        title="What treating the first of them gains",
        subtitle=f"{metric} caused per 1,000 customers, by the share treated, with pointwise 95 % intervals",
        x_axis="share treated",
        y_axis=f"{metric} per 1,000 customers",
        series=(
            Series("By uplift", points),
            Series("At random", (Point(0.0, 0.0), Point(1.0, points[-1].y))),
        ),
        x_format=PERCENT,
        y_format=Format(decimals=1),
        note="" if not isinstance(found.model, NotEstimable) else found.model.detail,
    )


def _orders(found: Targeting, written: Format) -> IntervalChart:
    return IntervalChart(
        title="Is the order better than others?",
        subtitle="Qini coefficient per 1,000 customers, 95 % intervals",
        rows=(
            IntervalRow("By uplift", found.qini, emphasis=True),
            IntervalRow("By response", found.response_qini),
            IntervalRow("Uplift over response", found.over_response),
        ),
        format=written,
        reference=Reference(0.0, "random order"),
    )


def _methods() -> Section:
    return Section(
        "How these numbers were made",
        (
            Methods(
                (
                    Method(
                        figure="Uplift",
                        how=(
                            "Doubly robust scores, cross-fitted, regressed on the features by a ridge whose penalty "
                            "generalised cross-validation chose. Every customer is judged by a model of others."
                        ),
                        formula="μ₁ − μ₀ + (T − e)/(e(1 − e)) · (Y − μ_T)",
                        source="Kennedy 2023, algorithm 1",
                    ),
                    Method(
                        figure="Qini coefficient",
                        how="The area between the curve and the line of a random order, from the draws alone.",
                        formula="mean of Γ·(½ − rank)",
                        source="Yadlowsky, Fleming, Shah, Brunskill, Wager 2025",
                    ),
                )
            ),
        ),
    )
