import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Grade, NotEstimable
from cvo.inference import discoveries, two_sided_p
from cvo.inference.clustered import normal_estimate


def effect(z):
    return normal_estimate(z, 1.0, level=0.95, unit="EUR", grade=Grade.MEASURED, sample_size=100)


def test_p_value_of_a_two_sided_normal_test():
    assert two_sided_p(effect(1.959963984540054)) == pytest.approx(0.05)
    assert two_sided_p(effect(-1.959963984540054)) == pytest.approx(0.05)
    assert two_sided_p(effect(3.0), null=3.0) == 1.0


def test_without_spread_the_value_decides():
    exact = normal_estimate(2.0, 0.0, level=0.95, unit="EUR", grade=Grade.MEASURED, sample_size=9)
    assert two_sided_p(exact) == 0.0
    assert two_sided_p(exact, null=2.0) == 1.0


def test_a_step_up_rescues_what_a_single_threshold_would_not():
    # p = .010, .019, .028, .50 at rate .05: the third is below 3/4 · .05, so all three stand.
    estimates = [effect(z) for z in (2.5758, 2.3455, 2.1973, 0.6745)]
    assert discoveries(estimates, rate=0.05).tolist() == [True, True, True, False]


def test_what_cannot_be_estimated_is_neither_a_test_nor_a_discovery():
    missing = NotEstimable("too few buyers", "3 in control")
    assert discoveries([missing, effect(5.0), missing]).tolist() == [False, True, False]
    assert discoveries([missing]).tolist() == [False]
    assert discoveries([]).tolist() == []


def test_null_effects_are_claimed_at_most_at_the_rate():
    random = np.random.default_rng(11)
    worlds = [[effect(z) for z in random.normal(size=20)] for _ in range(400)]
    claimed = sum(discoveries(world, rate=0.1).any() for world in worlds)
    # With nothing true every claim is false, so the share of worlds with one is the rate: .1 ± 3 sd.
    assert claimed <= 58


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_rate_is_a_rate(rate):
    with pytest.raises(InvalidInput):
        discoveries([effect(1.0)], rate=rate)
