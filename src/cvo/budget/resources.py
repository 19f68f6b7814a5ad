"""What an allocation problem consists of, checked once: values, uses, capacities."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.core.errors import InvalidInput

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Values = NDArray[np.float32]


class Problem(msgspec.Struct, frozen=True, eq=False):
    """Customers who can each get one action at most, and resources that do not reach for all.

    `values` (n, k) in money, −∞ where an action is refused; `use` (k, r) is what doing an action once takes of each
    resource; `capacity` (r,) is what there is of it; `keys` (n,) are numbers of the customers, all different: they
    break ties, so that the order of rows breaks none.
    """

    values: Values
    use: FloatArray
    capacity: FloatArray
    keys: IntArray

    @property
    def charged(self) -> FloatArray:
        """Return `use` as shares of the capacities (k, r); 0 for a resource of which there is nothing."""
        some = self.capacity > 0
        return np.where(some, self.use / np.where(some, self.capacity, 1.0), 0.0)


def problem(values: Any, use: Any, capacity: Any, keys: Any) -> Problem:
    """Check and keep an allocation problem; values may be of any float type and are read as 32-bit floats.

    An action that needs a resource of which there is nothing is refused to everybody. Raises `InvalidInput` when shapes
    do not agree, a value is NaN or +∞, a use or capacity negative or infinite, or two keys are the same.
    """
    values = np.ascontiguousarray(values, dtype=np.float32)
    use = np.ascontiguousarray(use, dtype=np.float64)
    capacity = np.ascontiguousarray(capacity, dtype=np.float64)
    keys = np.ascontiguousarray(keys, dtype=np.int64)
    if values.ndim != 2 or use.shape != (values.shape[1], capacity.size) or capacity.ndim != 1:
        raise InvalidInput(
            f"values, use and capacity have shapes {values.shape}, {use.shape} and {capacity.shape}; "
            "they must be (customers, actions), (actions, resources) and (resources,)"
        )
    if not values.size or np.max(values) == np.inf or np.isnan(np.max(values)):
        raise InvalidInput("values must be finite, or −∞ where an action is refused, and there must be some")
    for name, array in (("use", use), ("capacity", capacity)):
        if not (np.isfinite(array).all() and (array >= 0).all()):
            raise InvalidInput(f"{name} must be finite and not negative")
    if keys.shape != values.shape[:1] or np.unique(keys).size != keys.size:
        raise InvalidInput("keys must be one number a customer, all different")
    impossible = (use[:, capacity == 0] > 0).any(axis=1)
    if impossible.any():
        values = values.copy()
        values[:, impossible] = -np.inf
    return Problem(values, use, capacity, keys)
