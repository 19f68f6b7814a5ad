"""Lists of many effects: which of them to believe when some will look good by chance."""

from collections.abc import Sequence
from math import erfc, sqrt

import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, NotEstimable


def two_sided_p(estimate: Estimate, *, null: float = 0.0) -> float:
    """Return the p-value of the normal test that the truth is `null`."""
    gap = abs(estimate.value - null)
    if estimate.standard_error == 0:
        return 0.0 if gap else 1.0
    return erfc(gap / estimate.standard_error / sqrt(2))


def discoveries(
    estimates: Sequence[Estimate | NotEstimable], *, rate: float = 0.1, null: float = 0.0
) -> npt.NDArray[np.bool_]:
    """Tell for each estimate whether it differs from `null`, with an expected share `rate` of false claims.

    Benjamini & Hochberg 1995, eq. 1; valid for independent and for positively dependent estimates. What could
    not be estimated is no test and no discovery. Raises `InvalidInput` for a `rate` outside (0, 1).
    """
    if not 0 < rate < 1:
        raise InvalidInput(f"the false discovery rate is {rate}; give a number between 0 and 1, such as 0.1")
    from scipy.stats import false_discovery_control  # two thirds of a second to import

    found = np.zeros(len(estimates), dtype=np.bool_)
    tested = [i for i, estimate in enumerate(estimates) if isinstance(estimate, Estimate)]
    if tested:
        p = [two_sided_p(e, null=null) for e in estimates if isinstance(e, Estimate)]
        found[tested] = false_discovery_control(p, method="bh") <= rate
    return found
