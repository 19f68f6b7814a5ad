import pytest

from cvo.core.errors import InvalidInput
from cvo.experiments import Traffic, assigned
from cvo.inference import sample_ratio_p

NAMES = [f"customer-{number}" for number in range(20_000)]
HALVES = {"control": 0.5, "treated": 0.5}


def test_arms_fall_by_their_shares():
    shares = {"control": 0.2, "a": 0.3, "b": 0.5}
    arms = assigned(NAMES, experiment="x", shares=shares, seed="s")
    assert sample_ratio_p([arms.count(arm) for arm in shares], list(shares.values())) > 0.001


def test_experiments_of_two_layers_are_independent():
    first = assigned(NAMES, experiment="x", shares=HALVES, seed="s", traffic=Traffic(layer="page"))
    second = assigned(NAMES, experiment="y", shares=HALVES, seed="s", traffic=Traffic(layer="mail"))
    pairs = [first[i] + second[i] for i in range(len(NAMES))]
    assert sample_ratio_p([pairs.count(a + b) for a in HALVES for b in HALVES], [1, 1, 1, 1]) > 0.001


def test_experiments_of_one_layer_share_no_customer():
    parts = [Traffic(end=0.3), Traffic(start=0.3, end=0.8)]
    assert not parts[0].overlaps(parts[1])
    arms = [
        assigned(NAMES, experiment=f"x{i}", shares=HALVES, seed="s", traffic=t) for i, t in enumerate(parts)
    ]
    assert not any(a and b for a, b in zip(*arms, strict=True))
    for found, share in zip(arms, (0.3, 0.5), strict=True):
        inside = sum(arm is not None for arm in found)
        assert sample_ratio_p([inside, len(NAMES) - inside], [share, 1 - share]) > 0.001


@pytest.mark.parametrize("shares", [{"a": 1.0}, {"a": 0.5, "b": 0.4}, {"a": 1.2, "b": -0.2}])
def test_shares_that_do_not_divide_everybody_are_refused(shares):
    with pytest.raises(InvalidInput, match="sum to 1"):
        assigned(["ann"], experiment="x", shares=shares, seed="s")


def test_traffic_outside_the_layer_is_refused():
    with pytest.raises(InvalidInput, match="start < end"):
        Traffic(start=0.5, end=0.5)
