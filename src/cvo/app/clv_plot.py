"""The pictures of a fit: hold-out by week, calibration by tenths, and the frequency/recency matrices."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cvo.app.clv_fit import Fitted
from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime import PurchaseModel, Window, deciles, weekly_repeats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACTUAL, _EXPECTED, _MUTED = "#1a1a2e", "#d1495b", "#8d99ae"
_SUFFIXES = (".png", ".svg", ".pdf")


def plot(fitted: Fitted, path: Path) -> None:
    """Draw the fit of a purchase model to a PNG, SVG or PDF file.

    Raises `InvalidInput` for other files, for models without a purchase process in time, and without
    Matplotlib.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise InvalidInput(f"{path} must end in one of {', '.join(_SUFFIXES)}")
    if fitted.window is None or fitted.expected is None:
        raise InvalidInput("pictures are drawn for bg-nbd, mbg-nbd, pareto-nbd and auto")
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise InvalidInput("pictures need Matplotlib: pip install 'cvo[plot]'") from None
    figure = Figure(figsize=(13, 9), layout="constrained")
    axes = figure.subplots(2, 2)
    _by_week(axes[0, 0], fitted, fitted.window)
    _calibration(axes[0, 1], fitted, fitted.window)
    _matrices(figure, axes[1], fitted)
    figure.suptitle(_title(fitted), x=0.01, ha="left", fontsize=13, fontweight="bold")
    with rc_context({"svg.hashsalt": "cvo"}):
        figure.savefig(path, dpi=150, metadata=_undated(path))


def _undated(path: Path) -> dict[str, Any]:
    """Return metadata without a time, so that the same fit gives the same bytes."""
    return (
        {}
        if path.suffix.lower() == ".png"
        else {"Date" if path.suffix.lower() == ".svg" else "CreationDate": None}
    )


def _title(fitted: Fitted) -> str:
    result = fitted.result
    text = f"{result.model} on {result.customers:,} customers until {result.until}"
    if isinstance(result.holdout, NotEstimable):
        return text
    held = result.holdout
    return (
        f"{text}\n{held.aggregate_error:+.1%} in total over the next {held.days} days, "
        f"mean absolute error {held.mae:.3f} (same as before: {held.naive.mae:.3f})"
    )


def _by_week(axes: "Axes", fitted: Fitted, window: Window) -> None:
    weeks = weekly_repeats(
        fitted.fit.model,
        fitted.table,
        fitted.purchases,
        until=window.origin,
        end=fitted.result.last_day,
        unit=window.unit,
    )
    axes.plot(weeks["week"], weeks["actual"], color=_ACTUAL, label="actual")
    axes.plot(weeks["week"], weeks["expected"], color=_EXPECTED, label="expected", linestyle="--")
    if fitted.result.last_day > window.origin:
        cut = window.origin + timedelta(days=1)
        axes.axvline(cut, color=_MUTED, linewidth=1)  # type: ignore[arg-type]  # Matplotlib converts dates itself
        axes.annotate(
            " hold-out",
            (cut, 1),
            xycoords=("data", "axes fraction"),
            va="top",
            color=_MUTED,
        )
    axes.set(title="Repeat purchases by week", ylabel="purchases", ylim=(0, None))
    axes.legend(frameon=False)
    axes.tick_params(axis="x", rotation=30)
    _plain(axes)


def _calibration(axes: "Axes", fitted: Fitted, window: Window) -> None:
    axes.set_title("Purchases in the hold-out by tenth of customers")
    if isinstance(fitted.result.holdout, NotEstimable) or fitted.expected is None:
        axes.text(
            0.5, 0.5, "no transactions after the cut-off", ha="center", color=_MUTED, transform=axes.transAxes
        )
        axes.set_axis_off()
        return
    tenths = deciles(window.bought, fitted.expected)
    places = np.arange(1, len(tenths) + 1)
    axes.bar(places, [tenth.actual for tenth in tenths], color=_MUTED, label="actual")
    axes.plot(places, [tenth.predicted for tenth in tenths], "o", color=_EXPECTED, label="expected")
    axes.set(
        xlabel="tenth of customers, lowest expectation first", ylabel="purchases per customer", xticks=places
    )
    axes.legend(frameon=False)
    _plain(axes)


def _matrices(figure: Any, axes: Any, fitted: Fitted) -> None:
    model = fitted.fit.model
    if not isinstance(model, PurchaseModel) or fitted.window is None:
        return
    unit = fitted.window.unit
    age = float(np.max(fitted.table["T"].to_numpy()))
    most = max(5, int(np.quantile(fitted.table["frequency"].to_numpy(), 0.995)))
    x, t_x = np.meshgrid(np.arange(most + 1), np.linspace(0, age, 101))
    # Who never bought again has recency 0 by definition.
    t_known = np.where(x == 0, 0.0, t_x)
    values = (
        (f"Expected purchases in the next {unit}", model.expected_purchases(1.0, x, t_known, age), None),
        ("Probability of being alive", model.probability_alive(x, t_known, age), 1.0),
    )
    for place, (title, value, top) in zip(axes, values, strict=True):
        image = place.imshow(
            value,
            origin="lower",
            aspect="auto",
            extent=(-0.5, most + 0.5, 0, age),
            cmap="magma",
            vmin=0,
            vmax=top,
        )
        place.set(title=title, xlabel="frequency", ylabel=f"recency ({unit}s from first to last purchase)")
        figure.colorbar(image, ax=place)


def _plain(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
