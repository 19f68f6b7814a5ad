import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.learning.joint import Evidence
from cvo.learning.pooling import pool
from cvo.learning.together import LARGEST, pool_together

GROUPS = [np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 0])]
MEAN, VARIANCE = np.array([0.5, 0.0, 1.0]), np.array([0.25, 4.0, 1e4])


def own_evidence(seed=0, actions=5, width=3):
    """Evidence on every action alone; the last has none."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(actions, 40, width)) / np.sqrt(VARIANCE)
    information = rows.transpose(0, 2, 1) @ rows
    weights = MEAN + rng.normal(size=(actions, width)) * np.sqrt(VARIANCE)
    potential = np.einsum("kij,kj->ki", information, weights)
    information[-1], potential[-1] = 0.0, 0.0
    return information, potential


def side_by_side(information):
    k, d, _ = information.shape
    whole = np.zeros((k, d, k, d))
    whole[np.arange(k), :, np.arange(k), :] = information
    return whole.reshape(k * d, k * d)


def test_with_evidence_on_every_action_alone_it_is_pooling():
    information, potential = own_evidence()
    prior = pool(information, potential, GROUPS, MEAN, VARIANCE)
    before = np.linalg.inv(prior.covariance)
    covariance = np.linalg.inv(before + information)
    target = np.einsum("kij,kj->ki", before, prior.mean) + potential
    found = pool_together(Evidence(side_by_side(information), potential), GROUPS, MEAN, VARIANCE)
    scale = np.sqrt(VARIANCE)
    close = {"rtol": 0, "atol": 1e-6}
    np.testing.assert_allclose(
        found.mean / scale, np.einsum("kij,kj->ki", covariance, target) / scale, **close
    )
    square = np.outer(scale, scale)
    np.testing.assert_allclose(found.covariance / square, covariance / square, **close)
    np.testing.assert_allclose(found.prior_mean / scale, prior.mean / scale, **close)
    np.testing.assert_allclose(found.prior_covariance / square, prior.covariance / square, **close)


def test_an_error_that_all_share_is_not_taken_for_what_they_have_in_common():
    """A hundred actions, each compared with the same few: their mean is no surer than those few allow."""
    k, own, shared = 100, 0.01, 1.0
    information = np.linalg.inv(own * np.eye(k) + shared)
    found = pool_together(
        Evidence(information, (information @ np.ones(k))[:, None]), [], np.zeros(1), np.array([1.0])
    )
    alone = np.full((k, 1, 1), 1 / (own + shared))
    prior = pool(alone, alone[:, :, 0], [], np.zeros(1), np.array([1.0]))
    too_sure = 1 / (1 / prior.covariance[:, 0, 0] + alone[:, 0, 0])
    assert found.covariance[:, 0, 0].min() > max(0.3, 2 * too_sure.max())


def test_its_own_evidence_and_what_remains_make_the_posterior():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(60, 15))
    evidence = Evidence(rows.T @ rows, (rows.T @ rng.normal(size=60)).reshape(5, 3))
    found = pool_together(evidence, GROUPS, np.zeros(3), np.ones(3))
    assert np.linalg.eigvalsh(found.prior_covariance).min() > 0
    gained = np.linalg.inv(found.covariance) - np.linalg.inv(found.prior_covariance)
    assert np.linalg.eigvalsh(gained).min() > -1e-9
    assert 0 < found.fitted < 15


def test_without_evidence_it_is_what_was_assumed():
    found = pool_together(Evidence(np.zeros((6, 6)), np.zeros((2, 3))), [], MEAN, VARIANCE)
    for mean, covariance in ((found.mean, found.covariance), (found.prior_mean, found.prior_covariance)):
        np.testing.assert_allclose(mean, [MEAN, MEAN])
        np.testing.assert_allclose(covariance, [np.diag(VARIANCE)] * 2)
    assert found.fitted == 0


@pytest.mark.parametrize(
    ("evidence", "groups", "variance", "message"),
    [
        (Evidence(np.zeros((5, 5)), np.zeros((2, 3))), [], VARIANCE, "must be"),
        (Evidence(np.zeros((6, 6)), np.zeros((2, 3))), [], VARIANCE * 0, "positive number"),
        (Evidence(np.zeros((6, 6)), np.zeros((2, 3))), [np.array([0])], VARIANCE, "a level"),
    ],
)
def test_what_does_not_fit_is_refused(evidence, groups, variance, message):
    with pytest.raises(InvalidInput, match=message):
        pool_together(evidence, groups, MEAN, variance)


def test_more_weights_than_fit_are_refused():
    k = LARGEST // 3 + 1
    with pytest.raises(InvalidInput, match="at most"):
        pool_together(Evidence(np.zeros((3 * k, 3 * k)), np.zeros((k, 3))), [], MEAN, VARIANCE)
