"""Compiled loops over rows × actions.

A row's result has the same bits alone and in any batch: every sum runs in order.
"""

from typing import Any

import numpy as np

from cvo.core.compiled import compiled
from cvo.decisions.batch.tables import LARGEST_LOGIT, LARGEST_SD, PER_LOGIT, PER_SD

# Without types: the loops are compiled for whichever of arrays they meet.
_compiled: Any = compiled

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SCALE = 2.0**-53
_TAIL = 1.0 / 64.0
"""The share of numbers on either side that the table of quantiles leaves to a formula."""
_NEVER_WINS = 4.5
"""A score is left out of a draw by noise when so many sds above its mean are below as many under another's: 4e-6."""


@_compiled
def products(x, weights, out):  # type: ignore[no-untyped-def]
    """Set `out` (n, k) to x·weights; four rows at a time, each sum in the order of features."""
    n, d = x.shape
    whole = n - n % 4
    for i in range(0, whole, 4):
        a, b, c, e = out[i], out[i + 1], out[i + 2], out[i + 3]
        a[:] = 0.0
        b[:] = 0.0
        c[:] = 0.0
        e[:] = 0.0
        for f in range(d):
            w = weights[f]
            p, q, r, s = x[i, f], x[i + 1, f], x[i + 2, f], x[i + 3, f]
            for j in range(weights.shape[1]):
                a[j] += p * w[j]
                b[j] += q * w[j]
                c[j] += r * w[j]
                e[j] += s * w[j]
    for i in range(whole, n):
        out[i] = 0.0
        for f in range(d):
            for j in range(weights.shape[1]):
                out[i, j] += x[i, f] * weights[f, j]


@_compiled
def money(  # type: ignore[no-untyped-def]  # noqa: PLR0917  compiled functions take no names
    logits, spread, scale, table, worth, worth_variance, cost, mean, sd
):
    """Set mean and sd (n, k) of worth × response probability − cost; logits' variance is spread (n,) × scale (k,).

    `worth` and its variance (k,) are of one response.
    """
    root = np.sqrt(scale)
    for i in range(logits.shape[0]):
        wide = np.sqrt(spread[i])
        for j in range(logits.shape[1]):
            m = min(max(float(logits[i, j]), -LARGEST_LOGIT), LARGEST_LOGIT)
            s = min(wide * root[j], LARGEST_SD)
            row = int(s * PER_SD + 0.5)
            column = int((m + LARGEST_LOGIT) * PER_LOGIT + 0.5)
            t = table[row, column]
            u = m - (column * (1.0 / PER_LOGIT) - LARGEST_LOGIT)
            at = row * (1.0 / PER_SD)
            w = 0.5 * (s - at) * (s + at)
            # Taylor's series in u and w, where two derivatives in the mean make one in half the variance.
            second = 0.5 * u * u + w
            third = u * (u * u * (1.0 / 6.0) + w)
            fourth = u * u * (u * u * (1.0 / 24.0) + 0.5 * w) + 0.5 * w * w
            p = t[0] + u * t[1] + second * t[2] + third * t[3] + fourth * t[4]
            slope = t[1] + u * t[2] + second * t[3] + third * t[4] + fourth * t[5]
            # σ² is σ less its derivative. The variance of a product: Goodman 1960, JASA 55:708, eq. 2.
            v = max(p - slope - p * p, 0.0)
            mean[i, j] = worth[j] * p - cost[j]
            sd[i, j] = np.sqrt(v * (worth_variance[j] + worth[j] * worth[j]) + worth_variance[j] * p * p)


@_compiled
def hashed(key, salt):  # type: ignore[no-untyped-def]
    """Return 64 bits that depend on key and salt alone (splitmix64; Steele, Lea and Flood 2014)."""
    z = np.uint64(key) + np.uint64(salt) * _GOLDEN + _GOLDEN
    for _ in range(2):
        z = (z ^ (z >> np.uint64(30))) * _FIRST
        z = (z ^ (z >> np.uint64(27))) * _SECOND
        z = (z ^ (z >> np.uint64(31))) + _GOLDEN
    return z


@_compiled
def uniforms(keys, salt, out):  # type: ignore[no-untyped-def]
    """Set a number uniform on [0, 1) for every key."""
    for i in range(keys.size):
        out[i] = float(hashed(keys[i], salt) >> np.uint64(11)) * _SCALE


@_compiled
def drawn_by_noise(  # type: ignore[no-untyped-def]  # noqa: PLR0917  compiled functions take no names
    keys, salt, mean, sd, among, half, floor, table, chosen
):
    """Set each row's choice (−1 for none): the largest noisy score, if a second draw of it is above zero."""
    n, k = mean.shape
    for i in range(n):
        sure, options = -np.inf, 0
        for j in range(k):
            if among[i, j]:
                options += 1
                sure = max(sure, mean[i, j] - _NEVER_WINS * sd[i, j])
        best, which = -np.inf, -1
        for j in range(k):
            if among[i, j] and mean[i, j] + _NEVER_WINS * sd[i, j] >= sure:
                noise = _normal(keys[i], salt + np.uint64(j), table)
                score = mean[i, j] + sd[i, j] * (abs(noise) if half else noise)
                if score > best:
                    best, which = score, j
        if which >= 0 and mean[i, which] + sd[i, which] * _normal(keys[i], salt + np.uint64(k), table) <= 0.0:
            which = -1
        if floor > 0.0 and _uniform(keys[i], salt + np.uint64(k + 1)) < floor:
            which = _spread(among[i], options, _uniform(keys[i], salt + np.uint64(k + 2)))
        chosen[i] = which


@_compiled
def _spread(among, options, uniform):  # type: ignore[no-untyped-def]
    """Return one of the options by an even draw, nothing (−1) being one of them."""
    wanted = int(uniform * (options + 1))
    for j in range(among.size):
        if among[j]:
            if wanted == 0:
                return j
            wanted -= 1
    return -1


@_compiled
def _uniform(key, salt):  # type: ignore[no-untyped-def]
    return float(hashed(key, salt) >> np.uint64(11)) * _SCALE


@_compiled
def _normal(key, salt, table):  # type: ignore[no-untyped-def]
    """Return a standard normal number: its distribution turned around, from a table but for the tails."""
    u = _uniform(key, salt)
    if _TAIL < u < 1.0 - _TAIL:
        at = u * (table.size - 1)
        i = int(at)
        return table[i] + (at - i) * (table[i + 1] - table[i])
    # Hastings's approximation (Abramowitz and Stegun 1964, 26.2.23), off by less than 5e-4.
    t = np.sqrt(-2.0 * np.log(max(min(u, 1.0 - u), _SCALE)))
    z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (
        1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    )
    return z if u > 0.5 else -z


@_compiled
def settled(chosen, use, open_actions, left):  # type: ignore[no-untyped-def]
    """Take what choices use from what is `left`, up to the first after which an open action no longer fits.

    Returns how many that were. All fit: each was drawn among actions for which there was enough, and still is.
    """
    most = np.zeros(left.size)
    for j in range(open_actions.size):
        if open_actions[j]:
            most = np.maximum(most, use[j])
    for i in range(chosen.size):
        out = False
        if chosen[i] >= 0:
            for r in range(left.size):
                left[r] -= use[chosen[i], r]
                out |= left[r] < most[r]
        if out:
            return i + 1
    return chosen.size
