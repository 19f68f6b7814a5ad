"""Expected purchases until a geometric dropout, without the singularities of the textbook form."""

import numpy as np

from cvo.lifetime.blocks import FloatArray

# Where the series is quick and its terms hardly cancel.
_MOST_Z, _LEAST_SPARE, _MOST_DELTA = 0.9, -10.0, 20.0
_PRECISION = 1e-15
_STEP = 0.05
# e^-45 of the density lies below double precision.
_NEGLIGIBLE = 45.0


def purchases_until_dropout(
    a: FloatArray | float,
    b: FloatArray,
    spare: FloatArray | float,
    rate: FloatArray,
    horizon: FloatArray,
) -> FloatArray:
    """Return E[(1 - exp(-λ p t)) / p], the purchases within t = `horizon`, for p ~ Beta(a, b), λ ~ Gamma(·,
    rate).

    The published form (Fader, Hardie and Lee 2005, equation 10) is (C/δ)[1 - (1-z)^R ₂F₁(R, b; C; z)] with
    C = a + b - 1, δ = a - 1, z = t/(rate + t) and R the shape of λ: it overflows for frequent buyers and is
    0/0 at a = 1. Euler's transformation (Abramowitz and Stegun 15.3.3) turns it into (C/δ)[1 - (1-z)^δ
    ₂F₁(C-R, δ; C; z)], and with the first term of the series taken out, δ cancels:

        C·(1 - (1-z)^δ)/δ - (1-z)^δ Σ_{n≥1} (C-R)_n (1+δ)_{n-1} / ((C+1)_{n-1} n!) zⁿ

    `spare` is C - R; the model hands it in because there the frequencies in b and R cancel exactly.
    """
    delta = np.asarray(a - 1.0, dtype=np.float64)
    first = np.asarray(spare, dtype=np.float64)
    whole = a + b - 1.0
    z = horizon / (rate + horizon)
    log_rest = -np.log1p(horizon / rate)
    hard = (z > _MOST_Z) | (first < _LEAST_SPARE) | (delta > _MOST_DELTA)
    if hard.all():
        return _by_quadrature(*np.broadcast_arrays(a, b, whole - first, horizon / rate))
    rest = np.exp(delta * log_rest)
    value = whole * _relative_loss(delta, log_rest) - rest * _series(
        first, delta, whole, np.where(hard, 0.0, z)
    )
    if hard.any():
        columns = np.broadcast_arrays(a, b, whole - first, horizon / rate, value)
        value[hard] = _by_quadrature(*(column[hard] for column in columns[:4]))
    return np.maximum(value, 0.0)


def _relative_loss(delta: FloatArray, log_rest: FloatArray) -> FloatArray:
    """Return (1 - e^(δ·l)) / δ, which is -l at δ = 0."""
    safe = np.where(np.abs(delta) < 1e-300, 1.0, delta)
    return np.where(np.abs(delta) < 1e-300, -log_rest, -np.expm1(delta * log_rest) / safe)


def _series(first: FloatArray, delta: FloatArray, whole: FloatArray, z: FloatArray) -> FloatArray:
    term = first * z
    total = term.copy()
    bottom = whole + 1.0
    n = 1
    # Whether the terms have died down is itself costly to ask.
    while term.size and (n % 4 > 0 or np.abs(term).max() > _PRECISION * (1.0 + np.abs(total).max())):
        term *= z
        term *= (first + n) * (delta + n) / (n + 1)
        term /= bottom
        total += term
        bottom += 1.0
        n += 1
    return np.asarray(total)


def _by_quadrature(a: FloatArray, b: FloatArray, shape: FloatArray, ratio: FloatArray) -> FloatArray:
    """Return the mean of (1 - (1 + p·ratio)^-shape) / p over p ~ Beta(a, b): nothing cancels, whatever the values.

    Trapezoids in s with logit p = ln(a/b) + k sinh s: the density dies off doubly exponentially on either side, and
    features of any scale in p are a few steps wide.
    """
    width = np.minimum(1.0, np.sqrt(1 / a + 1 / b))
    # Exponential tails, or those of a normal density where a and b are large.
    reach = float(np.arcsinh(max(10.0, _NEGLIGIBLE / (width * np.minimum(a, b)).min())))
    centre = np.log(a / b)
    weights = total = np.zeros(np.shape(ratio))
    top = -b * np.log1p(a / b) - a * np.log1p(b / a)
    for node in np.arange(-reach, reach + _STEP, _STEP):
        logit = centre + width * np.sinh(node)
        log_p, log_rest = -np.logaddexp(0.0, -logit), -np.logaddexp(0.0, logit)
        weight = np.cosh(node) * np.exp(a * log_p + b * log_rest - top)
        p = np.exp(np.maximum(log_p, -600.0))
        weights = weights + weight
        total = total - weight * np.expm1(-shape * np.log1p(p * ratio)) / p
    return np.asarray(total / weights)
