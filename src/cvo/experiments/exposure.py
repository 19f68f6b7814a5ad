"""Exposure: did as many of every arm come to where the treatment could be met?"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.inference import sample_ratio_p


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """How many of each arm were exposed, and the p-value that exposure fell like the assignment.

    Below .001 the treatment itself decides who is exposed, or exposure is logged differently by arm: then only all
    who were assigned can be compared, not those exposed.
    """

    exposed: dict[str, int]
    assigned: dict[str, int]
    p: float


def exposure(
    arms: Sequence[str], exposed: npt.ArrayLike, shares: Mapping[str, float]
) -> Exposure | NotEstimable:
    """Check n assigned customers, `exposed` (n,) true or false; `NotEstimable` where nobody was exposed.

    (Fabijan et al. 2019, KDD, §5.3, on triggered sample-ratio mismatch.)

    >>> exposure(["control", "treated"] * 500, [True, True, False, False] * 250, {"control": 0.5, "treated": 0.5}).p
    1.0
    """
    met = np.asarray(exposed, dtype=bool)
    if met.shape != (len(arms),) or set(arms) - set(shares):
        raise InvalidInput("give every customer's arm, out of the shares', and whether they were exposed")
    names = np.asarray(arms, dtype=str)
    counts = {arm: int((met & (names == arm)).sum()) for arm in shares}
    if not sum(counts.values()):
        return NotEstimable("nobody exposed", f"none of {len(arms)} customers was exposed")
    assigned = {arm: int((names == arm).sum()) for arm in shares}
    return Exposure(
        exposed=counts, assigned=assigned, p=sample_ratio_p(list(counts.values()), list(shares.values()))
    )
