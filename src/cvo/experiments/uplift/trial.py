"""What uplift is learned from: a randomised trial of one treatment, as arrays."""

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.inference.clustered import FloatArray, IntArray, finite_vector


class Trial(msgspec.Struct, frozen=True, eq=False):
    """A row a customer: `features` (n, p), `treated` (n,) 0 or 1, `outcomes` (n,), `chance` (n,) of being treated.

    Made by `trial`, which checks all of it.
    """

    features: FloatArray
    treated: IntArray
    outcomes: FloatArray
    chance: FloatArray

    def take(self, rows: npt.NDArray[Any]) -> "Trial":
        """Return the trial of some rows, by index or mask."""
        return Trial(self.features[rows], self.treated[rows], self.outcomes[rows], self.chance[rows])

    def __len__(self) -> int:
        return len(self.outcomes)


def trial(
    features: npt.ArrayLike, treated: npt.ArrayLike, outcomes: npt.ArrayLike, *, chance: npt.ArrayLike
) -> Trial:
    """Check and gather a trial; `chance` is the probability of treatment, one number or one a row.

    Only draws of known probability make an effect measured: a chance that was itself estimated from who got
    treated makes it observational, however good the model. Raises `InvalidInput` for shapes that do not fit,
    values that are not finite, or chances outside (0, 1).
    """
    x = np.asarray(features, dtype=np.float64)
    y = finite_vector(outcomes, "outcomes")
    t = np.asarray(treated)
    if x.ndim != 2 or not len(x) == len(t) == len(y):
        raise InvalidInput(
            f"features {x.shape}, treated {t.shape} and outcomes {y.shape}: give one row a customer"
        )
    if not np.isfinite(x).all():
        raise InvalidInput("a feature is NaN or infinite; encode gaps first")
    if not np.isin(t, (0, 1)).all():
        raise InvalidInput("treated has to be 0 or 1 in every row")
    e = np.broadcast_to(np.asarray(chance, dtype=np.float64), y.shape)
    if not ((e > 0) & (e < 1)).all():
        raise InvalidInput("the chance of treatment has to be above 0 and below 1 in every row")
    return Trial(x, t.astype(np.int64), y, np.array(e))
