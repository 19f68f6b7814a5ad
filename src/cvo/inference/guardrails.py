"""Guard rails: the typed refusals of a log, or of a split, that cannot support an estimate."""

from collections.abc import Mapping

import msgspec
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.inference.clustered import IntArray, finite_vector, totals_by_code


class GuardRails(msgspec.Struct, frozen=True, kw_only=True):
    """When to refuse; every threshold is a choice and can be changed.

    At an effective sample size of 1,000 the mean weight has a standard deviation of at most
    1/√1000 = 0.032, so 0.1 away from 1 is more than three of them: a wrong propensity, not chance.
    """

    max_unlogged_rate: float = 0.01
    """Largest share of the target's probability on options the log never shows."""
    min_effective_sample_size: float = 1_000.0
    """In independent units."""
    max_mean_weight_gap: float = 0.1
    """Largest distance of the mean weight from 1."""
    min_sample_ratio_p: float = 0.001
    """Smallest p-value of the sample-ratio test."""
    min_rewarded: int = 10
    """Fewest rows of positive weight with a reward that is not zero: with none, every interval is a point."""
    min_buyers: int = 100
    """Fewest buyers in an arm."""


DEFAULT_GUARD_RAILS = GuardRails()


class WeightDiagnostics(msgspec.Struct, frozen=True, kw_only=True):
    """How far importance weights stretch a log: the figures behind a refusal."""

    mean: float
    largest: float
    effective_sample_size: float
    unlogged_rate: float
    rewarded: int
    """Rows of positive weight whose reward is not zero."""

    def refusal(self, rails: GuardRails = DEFAULT_GUARD_RAILS) -> NotEstimable | None:
        """Return why the log cannot support the target, or None when it can.

        Support comes first: where it is missing the effective sample size can even rise.
        """
        refused = unlogged_refusal(self.unlogged_rate, rails)
        if refused is not None:
            return refused
        if self.effective_sample_size < rails.min_effective_sample_size:
            return NotEstimable(
                "effective sample size",
                f"the weights leave {self.effective_sample_size:,.1f} effective units (largest weight "
                f"{self.largest:,.1f}); at least {rails.min_effective_sample_size:,.0f} are needed",
            )
        if abs(self.mean - 1) > rails.max_mean_weight_gap:
            return NotEstimable(
                "mean weight",
                f"the mean weight is {self.mean:.3f} and should be 1 within {rails.max_mean_weight_gap}: "
                "propensities are wrong, or too much of the target rests on the model",
            )
        if self.rewarded < rails.min_rewarded:
            return NotEstimable(
                "too few rewards",
                f"{self.rewarded} rows that the target would have reached earned anything; at least "
                f"{rails.min_rewarded} are needed",
            )
        return None


def unlogged_refusal(rate: float, rails: GuardRails = DEFAULT_GUARD_RAILS) -> NotEstimable | None:
    """Return a refusal when more of the target than allowed rests on options the log never shows."""
    if rate <= rails.max_unlogged_rate:
        return None
    return NotEstimable(
        "unlogged options",
        f"{rate:.2%} of the target's probability is on options the log never shows; "
        f"at most {rails.max_unlogged_rate:.2%} is allowed",
    )


def effective_sample_size(weights: npt.ArrayLike, codes: IntArray | None = None, clusters: int = 0) -> float:
    """Return Kish's (Σw)²/Σw² over clusters' total weights; 0 when all weights are 0.

    `codes` number the clusters of the rows from 0 to `clusters` − 1; without them rows are independent.
    Source: Kish 1965, "Survey sampling", §11.7.

    >>> effective_sample_size([1.0, 1.0, 2.0])
    2.6666666666666665
    """
    rows = finite_vector(weights, "weights")
    totals = rows if codes is None else totals_by_code(rows, codes, clusters)
    squares = float(totals @ totals)
    return float(totals.sum()) ** 2 / squares if squares > 0 else 0.0


def sample_ratio_p(counts: npt.ArrayLike, shares: npt.ArrayLike) -> float:
    """Return the p-value of Pearson's χ² test that counts of units fell by the planned shares.

    `counts` and `shares` are (k,) arrays, shares positive; they are scaled to sum to 1. Count the unit of
    assignment (customers, not their decisions). Raises `InvalidInput` for anything else.
    (Fabijan et al. 2019, "Diagnosing sample ratio mismatch in online controlled experiments", KDD.)

    >>> round(sample_ratio_p([821588, 815482], [0.5, 0.5]), 8)
    1.82e-06
    """
    observed = finite_vector(counts, "counts")
    planned = finite_vector(shares, "shares")
    if len(observed) < 2 or observed.shape != planned.shape:
        raise InvalidInput(
            f"{len(observed)} counts for {len(planned)} shares; give one of each per arm, two or more"
        )
    if (planned <= 0).any() or (observed < 0).any():
        raise InvalidInput(
            "planned shares must be positive and counts not negative; leave out unplanned arms"
        )
    expected = planned / planned.sum() * observed.sum()
    if not observed.sum():
        return 1.0
    from scipy.special import chdtrc  # a third of a second to import

    return float(chdtrc(len(observed) - 1, ((observed - expected) ** 2 / expected).sum()))


def sample_ratio_refusal(
    counts: Mapping[str, int], shares: Mapping[str, float], rails: GuardRails = DEFAULT_GUARD_RAILS
) -> NotEstimable | None:
    """Return a refusal when arms (or coins) did not fall as planned: then the split itself is broken."""
    if set(counts) - set(shares):
        raise InvalidInput(f"no planned share for {sorted(set(counts) - set(shares))}; give every arm's")
    p = sample_ratio_p([counts.get(arm, 0) for arm in shares], list(shares.values()))
    if p >= rails.min_sample_ratio_p:
        return None
    total, planned = sum(counts.values()), sum(shares.values())
    found = ", ".join(
        f"{arm} {counts.get(arm, 0):,} of {share / planned * total:,.0f}" for arm, share in shares.items()
    )
    return NotEstimable(
        "sample ratio", f"{found} expected (p = {p:.1e}): units were lost or assigned unevenly"
    )


def buyers_refusal(buyers: Mapping[str, int], rails: GuardRails = DEFAULT_GUARD_RAILS) -> NotEstimable | None:
    """Return a refusal when an arm has too few buyers for a normal interval of a skewed value."""
    thin = {arm: count for arm, count in buyers.items() if count < rails.min_buyers}
    if not thin:
        return None
    found = ", ".join(f"{count:,} in {arm}" for arm, count in thin.items())
    return NotEstimable("too few buyers", f"{found}; every arm needs {rails.min_buyers:,}")
