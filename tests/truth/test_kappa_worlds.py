"""κ in worlds whose truth is known: coverage, and the trap of joining outcomes by decision id."""

import numpy as np
import pytest

from cvo.learning import KappaAssumption, incrementality

TRUE_KAPPA = 0.55


def world(rng, decisions=4000, withheld_rate=0.2, response_rate=0.4, margin=10.0):
    """One action: who buys at all, who was delivered, and what each customer spends in the window."""
    buys_when_shown = rng.random(decisions) < response_rate
    buys_anyway = buys_when_shown & (rng.random(decisions) > TRUE_KAPPA)
    delivered = rng.random(decisions) > withheld_rate
    spends = np.where(delivered, buys_when_shown, buys_anyway) * margin
    return delivered, spends, response_rate * margin


def difference(delivered, spends):
    shown, held = spends[delivered], spends[~delivered]
    error = np.sqrt(shown.var(ddof=1) / len(shown) + held.var(ddof=1) / len(held))
    return shown.mean() - held.mean(), max(error, 1e-9)


def test_kappa_from_outcomes_joined_by_decision_id_is_one_by_construction(told):
    rng = np.random.default_rng(1)
    delivered, spends, predicted = world(rng, decisions=200_000)
    # What was not delivered leaves no decision id in any outcome, so this join sees it spend nothing.
    joined_by_decision = np.where(delivered, spends, 0.0)
    wrong = incrementality(
        [0], *([x] for x in difference(delivered, joined_by_decision)), [predicted], count=1
    )
    right = incrementality([0], *([x] for x in difference(delivered, spends)), [predicted], count=1)
    told("κ joined by decision id, which is the trap (truth .55)", wrong.mean[0], at_least=0.98, at_most=1.02)
    told(
        "κ by the causal join (truth .55)",
        right.mean[0],
        at_least=TRUE_KAPPA - 0.04,
        at_most=TRUE_KAPPA + 0.04,
    )


def coverage(worlds):
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(worlds):
        kappas = 0.5 + 0.2 * rng.normal(size=12)
        errors = np.exp(rng.normal(size=12)) * 0.2
        caused = kappas * 2.0 + errors * rng.normal(size=12)
        result = incrementality(
            np.arange(12), caused, errors, np.full(12, 2.0), count=12, assumption=KappaAssumption()
        )
        inside += int((np.abs(result.mean - kappas) < 1.96 * result.sd).sum())
    return inside / (12 * worlds)


def test_intervals_of_pooled_kappa_hold_what_they_promise(told):
    told("pooled κ: intervals that cover", coverage(100), at_least=0.93, at_most=0.97, of=1)


@pytest.mark.slow
def test_intervals_of_pooled_kappa_hold_what_they_promise_in_two_thousand_worlds(told):
    told("pooled κ: intervals that cover, 2,000 worlds", coverage(2000), at_least=0.93, at_most=0.97, of=1)
