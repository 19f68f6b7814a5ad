"""Expected purchases until a geometric dropout, without the singularities of the textbook form."""

import numpy as np

from cvo.lifetime.blocks import FloatArray

_SERIES_UP_TO = 0.9
_PRECISION = 1e-15
_NUDGE = 1e-5


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
    near_one = z > _SERIES_UP_TO
    rest = np.exp(delta * log_rest)
    value = whole * _relative_loss(delta, log_rest) - rest * _series(
        first, delta, whole, np.where(near_one, 0.0, z)
    )
    if near_one.any():
        columns = np.broadcast_arrays(delta, first, whole, z, log_rest)
        value[near_one] = _by_hypergeometric(*(column[near_one] for column in columns))
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


def _by_hypergeometric(
    delta: FloatArray, first: FloatArray, whole: FloatArray, z: FloatArray, log_rest: FloatArray
) -> FloatArray:
    """Return the same near z = 1, where the series is slow, from SciPy's ₂F₁.

    Close to δ = 0 the value lies on the line through two neighbours, exact to the square of their distance.
    """
    from scipy.special import hyp2f1

    close = np.abs(delta) < _NUDGE

    def at(nudge: float) -> FloatArray:
        shifted = np.where(close, nudge, delta)
        bottom = np.where(np.abs(whole) < 1e-9, 1e-9, whole)
        inner = hyp2f1(first, shifted, bottom, z)
        return np.asarray(bottom * -(np.expm1(shifted * log_rest) * inner + (inner - 1.0)) / shifted)

    above = np.where(close, (_NUDGE + delta) / (2 * _NUDGE), 1.0)
    return np.asarray(above * at(_NUDGE) + (1 - above) * at(-_NUDGE))
