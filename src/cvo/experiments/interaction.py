"""Do two experiments that run at once disturb each other? Two checks: of who got what, and of what it did."""

import msgspec
import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.inference import ClusterMoments, cluster_moments


class Interaction(msgspec.Struct, frozen=True, kw_only=True):
    """Two p-values over the customers of both experiments."""

    independence_p: float
    """That the arms of one fell the same in every arm of the other: below .001 assignment is broken."""
    effects_p: float
    """That the effects of one are the same in every arm of the other."""
    customers: int


def interaction(
    first_arms: npt.ArrayLike, second_arms: npt.ArrayLike, outcomes: npt.ArrayLike
) -> Interaction | NotEstimable:
    """Check two experiments against each other, from one row a customer that is in both.

    The effects are tested against a model in which they add up: weighted least squares on the means of all
    pairs of arms, and Wald's χ² of what is left over, (a − 1)(b − 1) degrees of freedom. `NotEstimable` when a
    pair of arms has fewer than 30 customers or never varies.
    """
    first, second = np.asarray(first_arms), np.asarray(second_arms)
    y = np.asarray(outcomes, dtype=np.float64)
    if not first.shape == second.shape == y.shape or y.ndim != 1:
        raise InvalidInput(
            f"{first.shape} and {second.shape} arms for {y.shape} outcomes; give one of each a customer"
        )
    names = [np.unique(arms, return_inverse=True) for arms in (first, second)]
    (rows, row), (columns, column) = names
    if min(len(rows), len(columns)) < 2:
        return NotEstimable("one arm", "each of both experiments needs two arms among these customers")
    cells = [
        [cluster_moments(y[(row == i) & (column == j)]) for j in range(len(columns))]
        for i in range(len(rows))
    ]
    counts = np.array([[cell.clusters for cell in line] for line in cells], dtype=np.float64)
    thin = np.argwhere(counts < 30)
    if len(thin):
        i, j = thin[0]
        detail = (
            f"{counts[i, j]:.0f} customers are in {rows[i]} and {columns[j]}; 30 are needed in every pair"
        )
        return NotEstimable("thin pair", detail)
    if any(cell.squares_yy == 0 for line in cells for cell in line):
        return NotEstimable("constant metric", "the outcome never varies in a pair of arms")
    from scipy.special import chdtrc  # a third of a second to import

    freedom = (len(rows) - 1) * (len(columns) - 1)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    return Interaction(
        independence_p=float(chdtrc(freedom, ((counts - expected) ** 2 / expected).sum())),
        effects_p=float(chdtrc(freedom, _left_over(cells))),
        customers=len(y),
    )


def _left_over(cells: list[list[ClusterMoments]]) -> float:
    """Return Σ (mean − additive fit)²/variance over pairs of arms."""
    means = np.array([cell.mean_y for line in cells for cell in line])
    errors = np.array([cell.standard_error for line in cells for cell in line])
    rows, columns = np.indices((len(cells), len(cells[0]))).reshape(2, -1)
    design = np.column_stack([np.eye(len(cells))[rows], np.eye(len(cells[0]))[columns][:, 1:]])
    fitted, *_ = np.linalg.lstsq(design / errors[:, None], means / errors, rcond=None)
    return float((((means - design @ fitted) / errors) ** 2).sum())
