"""Choosing settings by the log: what the choice is said to bring is what it brings, not what flattered it."""

import numpy as np
import pytest

from cvo.app.tune import worth_of_choosing
from cvo.core.evidence import Estimate

SETTINGS, CUSTOMERS = 12, 600


def world(seed):
    """Scores of settings that all bring what the first one does, which runs; and how much each explores."""
    random = np.random.default_rng(seed)
    noise = random.standard_t(4, size=(SETTINGS, CUSTOMERS))
    return noise - noise[0], random.random(SETTINGS), np.arange(CUSTOMERS).astype(str)


@pytest.mark.parametrize("worlds", [60, pytest.param(600, marks=pytest.mark.slow)])
def test_being_chosen_flatters_nobody(told, worlds):
    errors, flattery = [], []
    for seed in range(worlds):
        more, entropy, customers = world(seed)
        found = worth_of_choosing(more, entropy, customers, unit="EUR", seed=str(seed))
        assert isinstance(found, Estimate)
        errors.append(found.value / found.standard_error if found.standard_error else 0.0)
        flattery.append(more.mean(axis=1).max())
    assert np.mean(flattery) > 0.05, (
        "the highest of twelve equal settings has to look good for the test to mean something"
    )
    told(
        "worlds of equal settings whose choice is said to bring something",
        (np.abs(errors) > 1.96).sum(),
        at_most=round(0.09 * worlds),
        of=worlds,
    )
