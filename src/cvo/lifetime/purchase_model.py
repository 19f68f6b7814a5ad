"""What every buy-till-you-die model in continuous time shares: fitting, and the questions it answers."""

from typing import ClassVar, Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime.blocks import FloatArray, over_blocks, rowwise
from cvo.lifetime.histories import Histories, checked, condensed, histories
from cvo.lifetime.likelihood import Fit, Maximum, Score, maximise

Parameter = float | FloatArray
"""One value for everybody, or one per customer (from segments or covariates)."""

FEWEST_REPEATERS = 10
"""Four parameters mean nothing when fewer customers ever came back."""

_COARSE_ROWS = 20_000


class Terms(msgspec.Struct, frozen=True, eq=False):
    """Log-likelihood of rows and its derivatives by the logarithm of each parameter, in order."""

    value: FloatArray
    gradient: tuple[FloatArray | float, ...]

    def totals(self, weight: FloatArray) -> FloatArray:
        """Return weighted sums: the log-likelihood, then its gradient."""
        whole = float(weight.sum())
        return np.array(
            [
                float((weight * column).sum()) if isinstance(column, np.ndarray) else whole * column
                for column in (self.value, *self.gradient)
            ]
        )


class Simulated(msgspec.Struct, frozen=True, eq=False):
    """Simulated customers: what is seen of them, and whether they are still customers at T."""

    frequency: FloatArray
    recency: FloatArray
    T: FloatArray
    alive: NDArray[np.bool_]


class PurchaseModel(msgspec.Struct, frozen=True, eq=False):
    """Customers who buy at their own rate λ ~ Gamma(r, α) until they silently leave.

    All times are in one unit, that of `recency` and `T`. Parameters may be arrays with one value per
    customer; predictions then broadcast. A model adds the two parts of its likelihood and what it expects.
    """

    r: Parameter
    alpha: Parameter

    timed: ClassVar[tuple[str, ...]]
    """The parameters that carry the unit of time."""
    start: ClassVar[tuple[float, ...]]
    """Where fitting starts, with the mean T as the unit of time."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the parameters in the paper's order."""
        return cls.__struct_fields__

    @classmethod
    def of(cls, values: FloatArray) -> Self:
        """Make the model from its parameters in the paper's order."""
        return cls(*(float(value) for value in values))

    @property
    def values(self) -> tuple[float, ...]:
        """The parameters in the paper's order."""
        return tuple(getattr(self, name) for name in self.names())

    @classmethod
    def fit(cls, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Fit[Self] | NotEstimable:
        """Fit by maximum likelihood on one row per customer.

        Raises `InvalidInput` for impossible rows; with fewer than ten repeat customers returns
        `NotEstimable`.
        """
        return cls.fit_histories(histories(frequency, recency, T))

    @classmethod
    def fit_histories(cls, rows: Histories) -> Fit[Self] | NotEstimable:
        """Fit checked histories; see `fit`."""
        refusal = too_thin(rows)
        if refusal is not None:
            return refusal
        unit = float((rows.T * rows.weight).sum() / rows.weight.sum())
        data = condensed(rows.scaled(unit))
        thin = data.take(slice(0, None, max(1, len(data) // _COARSE_ROWS)))
        best = maximise(
            cls.score_of(data),
            np.log(np.array(cls.start)),
            coarse=cls.score_of(thin) if len(thin) < len(data) else None,
            coarse_share=float(thin.weight.sum() / data.weight.sum()),
        )
        return cls._in_unit(best, rows, unit)

    @classmethod
    def _in_unit(cls, best: Maximum, rows: Histories, unit: float) -> Fit[Self]:
        scale = np.array([unit if name in cls.timed else 1.0 for name in cls.names()])
        # The density of every purchase time shrinks by the unit it is measured in.
        jacobian = float((rows.weight * rows.frequency).sum() * np.log(unit))
        return Fit(
            model=cls.of(np.exp(best.theta) * scale),
            log_likelihood=best.log_likelihood - jacobian,
            customers=rows.customers,
            covariance=tuple(tuple(float(cell) for cell in row) for row in best.covariance),
            at_bound=tuple(name for name, at in zip(cls.names(), best.at_bound, strict=True) if at),
        )

    @classmethod
    def score_of(cls, data: Histories) -> Score:
        """Return the log-likelihood of `data` and its gradient as a function of log parameters."""
        counts, position = np.unique(data.frequency, return_inverse=True)
        per_count = np.bincount(position.reshape(-1), weights=data.weight).astype(np.float64)

        def score(theta: FloatArray) -> tuple[float, FloatArray]:
            model = cls.of(np.exp(theta))
            sums = over_blocks(
                lambda x, t_x, age, weight: model.timing_terms(x, t_x, age).totals(weight),
                (*data.columns, data.weight),
            )
            total = model.counts_terms(counts).totals(per_count) + np.sum(sums, axis=0)
            return float(total[0]), total[1:]

        return score

    def counts_terms(self, frequency: FloatArray) -> Terms:
        """Return the part of the log-likelihood that depends on frequency alone."""
        raise NotImplementedError

    def timing_terms(self, frequency: FloatArray, recency: FloatArray, T: FloatArray) -> Terms:
        """Return the part of the log-likelihood that depends on times."""
        raise NotImplementedError

    def log_likelihood(self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return the log-likelihood of each customer."""
        x, t_x, age = checked(frequency, recency, T)
        return self.counts_terms(x).value + self.timing_terms(x, t_x, age).value

    def log_odds_gone(self, frequency: FloatArray, recency: FloatArray, T: FloatArray) -> FloatArray:
        """Return the logarithm of P(left by T) / P(still a customer at T)."""
        raise NotImplementedError

    def purchases_if_alive(self, horizon: FloatArray, frequency: FloatArray, T: FloatArray) -> FloatArray:
        """Return the expected purchases in (T, T + horizon] of a customer who has not left by T."""
        raise NotImplementedError

    def probability_alive(self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return the probability that each customer has not left by T."""
        return rowwise(self._alive, *checked(frequency, recency, T), *self.values)

    def expected_purchases(
        self, horizon: ArrayLike, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> FloatArray:
        """Return the expected number of purchases in (T, T + horizon] of each customer."""
        ahead = np.asarray(horizon, dtype=np.float64)
        if not (np.isfinite(ahead) & (ahead >= 0)).all():
            raise InvalidInput("a horizon must be a finite time of at least 0")
        return rowwise(self._expected, ahead, *checked(frequency, recency, T), *self.values)

    def expected_repeats(self, age: ArrayLike) -> FloatArray:
        """Return the expected number of repeat purchases of a new customer in (0, age]."""
        zero = np.zeros(np.shape(age))
        return self.expected_purchases(age, zero, zero, zero)

    def simulate(self, T: ArrayLike, rng: np.random.Generator) -> Simulated:
        """Draw customers from the model, each observed for T after the first purchase."""
        raise NotImplementedError

    def sample_purchases(
        self,
        horizons: ArrayLike,
        frequency: ArrayLike,
        recency: ArrayLike,
        T: ArrayLike,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Draw one future for each customer: purchases up to each of the rising horizons, shape (horizons,
        customers)."""
        raise NotImplementedError

    def _alive(self, x: FloatArray, t_x: FloatArray, age: FloatArray, *values: FloatArray) -> FloatArray:
        from scipy.special import expit

        return np.asarray(expit(-type(self)(*values).log_odds_gone(x, t_x, age)))

    def _expected(
        self, ahead: FloatArray, x: FloatArray, t_x: FloatArray, age: FloatArray, *values: FloatArray
    ) -> FloatArray:
        alive = self._alive(x, t_x, age, *values)
        return alive * type(self)(*values).purchases_if_alive(ahead, x, age)


def too_thin(rows: Histories) -> NotEstimable | None:
    """Say why a model can't be fitted to these histories, or return nothing."""
    repeaters = round(float(rows.weight[rows.frequency > 0].sum()))
    if repeaters < FEWEST_REPEATERS:
        return NotEstimable(
            "too_few_repeat_customers",
            f"{repeaters} of {rows.customers} customers bought again; {FEWEST_REPEATERS} are needed: "
            "observe longer, or take the parameters of a similar group",
        )
    return None
