"""The probability that each of k uncertain scores is the largest."""

import numpy as np

from cvo.core.errors import InvalidInput
from cvo.learning.arrays import FloatArray

_REACH = 7.5
"""Standard deviations beyond which a normal has less than 1e-13 of its mass."""
_NODES_PER_PANEL = 32
_PANEL_WIDTH = 8.0
"""Panel width in units of the sd of the narrowest score that is still undecided there."""
_TOLERANCE = 1e-10
_REFINEMENTS = 5
_NEGLIGIBLE = 1e-14
_ROOT_HALF = 0.7071067811865476
_DENSITY = 0.3989422804014327

_GL_NODES, _GL_WEIGHTS = np.polynomial.legendre.leggauss(_NODES_PER_PANEL)


def normal_cdf(z: FloatArray) -> FloatArray:
    """Return the standard normal distribution function, elementwise."""
    # Imported late: scipy.special takes a tenth of a second, and `import cvo` has little of that.
    from scipy.special import ndtr

    return np.asarray(ndtr(z))


def winning(mean: FloatArray, sd: FloatArray, *, half: bool = False) -> FloatArray:
    """Return P(score a is the largest), (…, k), for independent normal scores of `mean` and `sd` (…, k).

    With `half`, scores are mean + sd·|z|. Scores that are certain (sd 0) and equal share their win evenly.
    P(a) = ∫ φ_a ∏_{b≠a} Φ_b is summed with Gauss–Legendre nodes on one grid for all a, with panels as wide as
    the narrowest score undecided there allows, halved until the sum over a is 1 within 1e-10. A row has the
    same bits alone and in any batch. Raises `InvalidInput` for NaN, infinite means or negative sd.

    >>> winning(np.array([1.0, 0.0]), np.array([1.0, 1.0])).round(4)
    array([0.7602, 0.2398])
    """
    mean, sd = check_scores(mean, sd)
    if mean.shape[-1] < 2:
        return np.ones(mean.shape)
    if mean.shape[-1] == 2 and not half:
        return _of_two(mean, sd)
    rows = mean.reshape(-1, mean.shape[-1])
    result = np.empty(rows.shape)
    with np.errstate(over="ignore", under="ignore"):  # far from the grid a density is 0, as it should be
        for i, (row_mean, row_sd) in enumerate(zip(rows, sd.reshape(rows.shape), strict=True)):
            result[i] = _of_many(row_mean, row_sd, half)
    return result.reshape(mean.shape)


def positive(mean: FloatArray, sd: FloatArray) -> FloatArray:
    """Return P(score > 0), elementwise; a certain score of exactly 0 counts a half.

    >>> positive(np.array([0.0, 2.0]), np.array([1.0, 0.0]))
    array([0.5, 1. ])
    """
    certain = sd == 0
    with np.errstate(over="ignore"):  # an infinite quotient is a probability of 0 or 1
        return np.where(certain, (np.sign(mean) + 1.0) / 2.0, normal_cdf(mean / np.where(certain, 1.0, sd)))


def check_scores(mean: FloatArray, sd: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return both as float arrays of one shape (…, k); raises `InvalidInput` when they can't be scores."""
    # C order makes every later sum along a row the same alone and in a batch.
    mean, sd = (np.asarray(values, dtype=np.float64, order="C") for values in (mean, sd))
    if mean.shape != sd.shape or mean.ndim == 0:
        raise InvalidInput(f"mean has shape {mean.shape} and sd {sd.shape}; both must be (…, k)")
    if not (np.isfinite(mean).all() and np.isfinite(sd).all() and (sd >= 0).all()):
        raise InvalidInput("a score's mean must be finite and its sd finite and not negative")
    return mean, sd


def _of_two(mean: FloatArray, sd: FloatArray) -> FloatArray:
    difference = np.subtract(mean[..., 0], mean[..., 1])
    first = positive(difference, np.hypot(sd[..., 0], sd[..., 1]))
    return np.stack([first, 1.0 - first], axis=-1)


def _of_many(mean: FloatArray, sd: FloatArray, half: bool) -> FloatArray:
    centre = mean.max()
    mean = mean - centre
    # A spread that floating point cannot see beside the mean is none.
    certain = sd <= 1e-14 * -mean
    result = np.zeros(len(mean))
    below = 0.0 if half else -_REACH
    low = (mean + np.where(certain, 0.0, below * sd)).max()
    contenders = np.flatnonzero(~certain & (mean + _REACH * sd > low))
    mu, s = mean[contenders], sd[contenders]
    floor = mean[certain].max(initial=-np.inf)
    if floor == low:
        tied = np.flatnonzero(certain & (mean == floor))
        result[tied] = np.prod(_cdf((floor - mu) / s, half)) / len(tied)
    already = result.sum()
    for refinement in range(_REFINEMENTS if len(contenders) else 0):
        result[contenders] = _integrate(mu, s, low, half, _PANEL_WIDTH * 0.5**refinement)
        if abs(already + result[contenders].sum() - 1.0) < _TOLERANCE:
            break
    return np.asarray(result / result.sum())


def _cdf(z: FloatArray, half: bool) -> FloatArray:
    if not half:
        return normal_cdf(z)
    from scipy.special import erf

    return np.asarray(erf(np.maximum(z, 0.0) * _ROOT_HALF))


def _integrate(mu: FloatArray, s: FloatArray, low: float, half: bool, panel_width: float) -> FloatArray:
    edges = _panels(mu, s, low, panel_width)
    largest_below = _cdf((edges[:, None] - mu) / s, half).prod(axis=1)
    needed = (largest_below[1:] > _NEGLIGIBLE) & (largest_below[:-1] < 1.0 - _NEGLIGIBLE)
    left, width = edges[:-1][needed], np.diff(edges)[needed]
    nodes = (left[:, None] + width[:, None] * (0.5 + 0.5 * _GL_NODES)).ravel()
    weights = (0.5 * width[:, None] * _GL_WEIGHTS).ravel()
    z = (nodes[:, None] - mu) / s
    below = _cdf(z, half)
    density = np.exp(-0.5 * z * z)
    density *= (_DENSITY * (2.0 if half else 1.0)) / s
    # Every contender reaches the grid, so `below` is never 0 and the quotient leaves one factor out.
    mass = below.prod(axis=1) * weights
    return np.asarray((density / below * mass[:, None]).sum(axis=0))


def _panels(mu: FloatArray, s: FloatArray, low: float, panel_width: float) -> FloatArray:
    """Return panel edges from `low` up: each panel is as wide as the narrowest score reaching it allows.

    A score that reaches x lies within 15 of its own sd above `low`, so widths grow geometrically and even
    scales from 1e-9 to 1e9 need a few dozen panels.
    """
    order = np.argsort(s)
    widths, tops = s[order].tolist(), np.maximum.accumulate((mu + _REACH * s)[order]).tolist()
    edges, narrowest = [low], 0
    while narrowest < len(widths):
        if tops[narrowest] <= edges[-1]:
            narrowest += 1
            continue
        edges.append(edges[-1] + panel_width * widths[narrowest])
    return np.asarray(edges)
