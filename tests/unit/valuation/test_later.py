import numpy as np
import pytest

from cvo.core.evidence import Grade
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.later import MeasuredLater, later_by_channel
from tests.data.company import catalogue

BOTH = {"web": 0.5, "email": 0.5}


def later(*measured, given=None, usual_margin=20.0):
    known = given or catalogue()
    return later_by_channel(known, assumptions_of(known), measured, usual_margin)


def assumed(**numbers):
    lines = "".join(f"\n  {name}: {{{text}, because: tests}}" for name, text in numbers.items())
    return catalogue(
        **{"margin_rate: {value: 0.4, because: tests}": f"margin_rate: {{value: 0.4, because: tests}}{lines}"}
    )


def test_before_any_comparison_assumptions_stand_in_by_their_means_alone():
    found = later()["email"]
    assert found.clv_change.tolist() == [0.0] * 4
    assert found.patience == pytest.approx(20 * 0.0025)
    assert found.variance.tolist() == [0.0] * 4
    assert set(found.grades) == {Grade.ASSUMED}


def test_a_noisy_comparison_moves_nothing_much_and_a_precise_one_decides():
    ids = catalogue().action_ids
    noisy = later(MeasuredLater({"upgrade": 1.0}, BOTH, 50.0, 500.0))["web"]
    assert abs(noisy.clv_change[ids.index("upgrade")]) < 0.01
    assert noisy.grades[ids.index("upgrade")] is Grade.POOLED
    precise = later(MeasuredLater({"upgrade": 1.0}, BOTH, 1.5, 0.01))["web"]
    upgrade = ids.index("upgrade")
    assert precise.mean[upgrade] == pytest.approx(1.5, abs=0.05)
    assert precise.grades[upgrade] is Grade.MEASURED
    assert 0 < precise.variance[upgrade] < 0.02**2 * 20**2


def test_what_all_actions_lose_afterwards_is_the_price_of_patience():
    looks = [MeasuredLater({action: 1.0}, {"email": 1.0}, -0.3, 0.05) for action in catalogue().action_ids]
    found = later(*looks)
    # Four actions with the same loss leave little to be their own: it is what they have in common, contacts.
    assert found["email"].patience > 0.1
    assert 0.05 < found["web"].patience < found["email"].patience < 0.3
    np.testing.assert_allclose(found["email"].mean, -0.3, atol=0.03)


def test_contacts_compared_whatever_they_offered_are_looks_at_patience():
    mix = dict.fromkeys(catalogue().action_ids, 0.25)
    found = later(MeasuredLater(mix, {"email": 1.0}, -0.17, 0.001))["email"]
    # Half of the surprise: the average of four actions was taken to be as far off 0 as the price of a contact.
    assert found.patience == pytest.approx(0.05 + 0.12 * 0.5, abs=0.001)
    np.testing.assert_allclose(found.mean, -0.17, atol=0.001)


def test_it_is_the_posterior_of_the_normal_model():
    """Two looks at once, by the formula for Gaussian conditioning written out."""
    looks = [
        MeasuredLater({"upgrade": 1.0}, {"web": 1.0}, 0.8, 0.3),
        MeasuredLater({"accessory": 1.0}, BOTH, -0.4, 0.5),
    ]
    ids = catalogue().action_ids
    own, price = (0.02 * 20) ** 2, (0.01 * 20) ** 2
    prior = np.diag([own] * 4 + [price] * 2)
    prior[4, 5] = prior[5, 4] = price / 2
    mean = np.array([0.0] * 4 + [0.0025 * 20] * 2)
    channels = list(catalogue().channels)
    a = np.zeros((2, 6))
    a[0, ids.index("upgrade")], a[0, 4 + channels.index("web")] = 1, -1
    a[1, ids.index("accessory")], a[1, 4:] = 1, -0.5
    gain = prior @ a.T @ np.linalg.inv(a @ prior @ a.T + np.diag([0.09, 0.25]))
    expected = mean + gain @ (np.array([0.8, -0.4]) - a @ mean)
    found = later(*looks)
    np.testing.assert_allclose(found["web"].clv_change, expected[:4])
    assert found["web"].patience == pytest.approx(expected[4 + channels.index("web")])
    assert found["email"].patience == pytest.approx(expected[4 + channels.index("email")])
    np.testing.assert_allclose(
        [found["web"].mean[ids.index("upgrade")]],
        [expected[ids.index("upgrade")] - expected[4 + channels.index("web")]],
    )


def test_a_discount_is_not_assumed_to_bring_anything_later_unless_it_was_measured():
    given = assumed(clv_change="value: 0.05, standard_deviation: 0.02")
    with_discount = given.actions["upgrade"]
    import msgspec

    given = msgspec.structs.replace(
        given,
        actions={
            **given.actions,
            "upgrade": msgspec.structs.replace(with_discount, attributes={"discount": 0.2}),
        },
    )
    upgrade, accessory = (given.action_ids.index(name) for name in ("upgrade", "accessory"))
    found = later(given=given)["web"]
    assert found.clv_change[upgrade] == 0.0
    assert found.clv_change[accessory] == pytest.approx(1.0)
    seen = later(MeasuredLater({"upgrade": 1.0}, BOTH, 0.7, 0.01), given=given)["web"]
    assert seen.clv_change[upgrade] > 0.5
    read = later(MeasuredLater({"upgrade": 1.0}, BOTH, 0.7, 0.01, Grade.POOLED), given=given)["web"]
    assert read.clv_change[upgrade] == 0.0
    # Nor by the back door of contacts that cost less: an order brought forward says nothing of patience.
    assert read.patience == found.patience
    assert read.mean[upgrade] == found.mean[upgrade]
    worse = later(MeasuredLater({"upgrade": 1.0}, BOTH, -0.7, 0.01, Grade.POOLED), given=given)["web"]
    assert worse.mean[upgrade] < found.mean[upgrade]


def test_what_the_catalogue_no_longer_has_still_teaches_patience():
    found = later(MeasuredLater({"gone": 1.0}, {"email": 1.0, "pigeon": 0.0}, -0.2, 0.01))["email"]
    assert found.patience == pytest.approx(0.2, abs=0.01)


def test_what_a_surrogate_says_is_pooled_however_precise():
    ids = catalogue().action_ids
    upgrade = ids.index("upgrade")
    read = MeasuredLater({"upgrade": 1.0}, BOTH, 1.5, 0.01, Grade.POOLED)
    found = later(read)["web"]
    assert found.mean[upgrade] == pytest.approx(1.5, abs=0.05)
    assert found.grades[upgrade] is Grade.POOLED
    assert found.variance[upgrade] > 0
