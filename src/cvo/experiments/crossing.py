"""How often a test that is looked at several times rejects, and when: exact, by numerical integration.

Armitage, McPherson, Rowe 1969, "Repeated significance tests on accumulating data", JRSS A 132, eq. 2.1: the
density of the running sum among trials not yet stopped is carried from look to look.
"""

from math import erf, sqrt

import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.inference.clustered import FloatArray, finite_vector

_NODES = 301


def crossing_probabilities(
    limits: npt.ArrayLike, information: npt.ArrayLike, drift: float = 0.0
) -> FloatArray:
    """Return (k,) probabilities that |z| exceeds its limit at or before each of k looks.

    `limits` are in standard errors; `information` rises to 1 at the last look, as the number of customers does;
    `drift` is the effect over the standard error of the last look. Raises `InvalidInput` for anything else.

    >>> crossing_probabilities([1.96] * 5, [0.2, 0.4, 0.6, 0.8, 1.0]).round(3).tolist()
    [0.05, 0.083, 0.107, 0.126, 0.142]
    """
    bounds, times = finite_vector(limits, "limits"), finite_vector(information, "information")
    if bounds.shape != times.shape or not len(times) or (np.diff(times, prepend=0.0) <= 0).any():
        raise InvalidInput("limits and information need one value a look, information rising from above 0")
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    stays = np.empty(len(times))
    at, density = np.zeros(1), np.ones(1)
    before = 0.0
    for look, (bound, time) in enumerate(zip(bounds, times, strict=True)):
        step = time - before
        reach = bound * sqrt(time)
        here = reach * nodes
        distance = (here[:, None] - at[None, :] - drift * step) / sqrt(step)
        arrived = np.exp(-0.5 * distance**2) @ density / sqrt(2 * np.pi * step)
        if look == 0:
            # A look of its own is known in closed form, which keeps one-look tests exact.
            low, high = (-reach - drift * time) / sqrt(2 * time), (reach - drift * time) / sqrt(2 * time)
            stays[0] = 0.5 * (erf(high) - erf(low))
        else:
            stays[look] = reach * float(weights @ arrived)
        at, density, before = here, reach * weights * arrived, time
    return np.clip(1.0 - stays, 0.0, 1.0)
