import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Grade
from cvo.learning import KappaAssumption, aged, incrementality


def test_without_draws_it_is_the_assumption():
    kappa = incrementality([], [], [], [], count=2, assumption=KappaAssumption(mean=0.4, sd=0.3))
    np.testing.assert_allclose(kappa.mean, 0.4)
    np.testing.assert_allclose(kappa.sd, 0.3)
    assert kappa.grade == (Grade.ASSUMED, Grade.ASSUMED)


def test_an_action_with_many_draws_speaks_for_itself_and_may_be_negative_or_above_one():
    kappa = incrementality([0, 1], [-0.5, 1.5], [0.01, 0.01], [1.0, 1.0], count=2)
    np.testing.assert_allclose(kappa.mean, [-0.5, 1.5], atol=0.01)
    assert kappa.grade == (Grade.MEASURED, Grade.MEASURED)


def test_a_thin_action_borrows_from_its_team_and_says_so():
    team = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    caused = [0.2, 0.21, 0.19, 0.8, 0.81, 0.79]
    kappa = incrementality([0, 1, 2, 4, 5, 6], caused, [0.02] * 6, [1.0] * 6, count=8, groups=[team])
    assert kappa.mean[3] == pytest.approx(0.2, abs=0.15)
    assert kappa.mean[7] == pytest.approx(0.8, abs=0.15)
    assert kappa.grade[3] is Grade.POOLED
    assert kappa.sd[3] > 3 * kappa.sd[0]


def test_cells_of_one_action_add_up():
    split = incrementality([0, 0], [0.3, 0.9], [0.1, 0.2], [1.0, 2.0], count=1)
    precision = (1 / 0.1) ** 2 + (2 / 0.2) ** 2
    ratio = (1 * 0.3 / 0.1**2 + 2 * 0.9 / 0.2**2) / precision
    whole = incrementality([0], [ratio * np.sqrt(precision)], [1.0], [np.sqrt(precision)], count=1)
    np.testing.assert_allclose([split.mean, split.sd], [whole.mean, whole.sd])


def test_knowledge_ages():
    np.testing.assert_allclose(aged(np.array([0.3]), 365.25, drift_per_year=0.4), [0.5])
    np.testing.assert_allclose(aged(np.array([0.3]), 0.0, drift_per_year=0.4), [0.3])


def test_a_cell_without_an_error_is_refused():
    with pytest.raises(InvalidInput, match="must be positive"):
        incrementality([0], [1.0], [0.0], [1.0], count=1)
