import msgspec
import numpy as np
import pytest

from cvo.core.evidence import Grade
from cvo.valuation.models import MeasuredEffect
from cvo.valuation.score import Valuer
from tests.data.company import policy


def test_without_a_measured_effect_kappa_is_the_assumption_of_every_action():
    valuer = policy().valuer
    assert len(valuer.kappa.mean) == len(valuer.actions)
    assert np.ptp(valuer.kappa.mean) == 0
    assert set(valuer.kappa.grade) == {Grade.ASSUMED}


def test_a_measured_effect_moves_kappa_of_its_action_and_lends_to_the_others():
    rules = policy()
    effect = MeasuredEffect("accessory", caused=0.9, standard_error=0.01, predicted=1.0)
    models = msgspec.structs.replace(rules.models, effects=[effect])
    valuer = Valuer(rules.catalogue, models, rules.settings.currency)
    at = valuer.actions.index("accessory")
    assert valuer.kappa.mean[at] == pytest.approx(0.9, abs=0.01)
    assert valuer.kappa.grade[at] is Grade.MEASURED
    assert {grade for position, grade in enumerate(valuer.kappa.grade) if position != at} == {Grade.POOLED}
    scores = valuer.score(
        np.zeros((1, len(models.encoder.names))), np.ones((1, len(valuer.actions)), dtype=bool)
    )
    np.testing.assert_array_equal(scores.incrementality[0], valuer.kappa.mean)
