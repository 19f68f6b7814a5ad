import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime import RefundModel


def test_a_customers_own_record_counts_with_its_length():
    rng = np.random.default_rng(0)
    bought = rng.integers(1, 30, 20_000)
    own = rng.gamma(2.0, 0.05, 20_000)
    refunds = rng.poisson(bought * own)
    model = RefundModel.fit(bought, refunds, bought * 50.0, refunds * 25.0)
    assert model.rate == pytest.approx(0.1, rel=0.03)
    assert model.purchases_of_trust == pytest.approx(20.0, rel=0.15)
    assert model.size == pytest.approx(0.5)
    share = model.share_returned([0, 10, 1000], [0, 5, 500])
    assert share[0] == pytest.approx(model.rate * 0.5)
    assert share[0] < share[1] < share[2]
    assert share[2] == pytest.approx(0.25, rel=0.05)


def test_customers_who_do_not_differ_share_one_rate():
    model = RefundModel.fit([10, 10, 10, 10], [1, 1, 1, 1], [100.0] * 4, [10.0] * 4)
    assert np.isinf(model.purchases_of_trust)
    assert model.share_returned([1, 50], [1, 0]).tolist() == [0.1, 0.1]


def test_no_refunds_and_nothing_but_refunds():
    assert RefundModel.fit([3], [0], [30.0], [0.0]).share_returned([3], [0]).tolist() == [0.0]
    assert RefundModel.fit([1, 1], [40, 2], [10.0, 10.0], [400.0, 20.0]).share_returned(
        [1], [40]
    ).tolist() == [1.0]
    assert isinstance(RefundModel.fit([0], [2], [0.0], [20.0]), NotEstimable)


def test_negative_refunds_are_refused():
    with pytest.raises(InvalidInput, match="keep refunds positive"):
        RefundModel.fit([1], [1], [10.0], [-5.0])
