"""An arm is a function of seed, experiment and customer, and of nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.experiments import Traffic, assigned
from cvo.inference import sample_ratio_p


@given(
    st.lists(st.text(max_size=8), max_size=20, unique=True),
    st.floats(0.01, 0.99),
    st.floats(0.05, 0.5),
    st.floats(0.5, 1.0),
)
def test_an_arm_is_sticky_whatever_the_batch_and_however_traffic_grows(names, share, small, large):
    shares = {"control": share, "treated": 1 - share}

    def arms(who, end):
        return assigned(who, experiment="x", shares=shares, seed="s", traffic=Traffic(end=end))

    together = arms(names, small)
    assert [arms([name], small)[0] for name in names] == together
    grown = arms(names, large)
    assert all(later == now for now, later in zip(together, grown, strict=True) if now is not None)


# Thousands of hashes an example: how long they take says nothing.
@settings(deadline=None)
@given(st.integers(0, 10**6), st.lists(st.floats(0.05, 1.0), min_size=2, max_size=5), st.integers(1, 4))
def test_whatever_the_seed_arms_fall_by_their_shares_in_every_layer(seed, weights, layers):
    shares = {f"arm-{i}": weight / sum(weights) for i, weight in enumerate(weights)}
    names = [f"customer-{number}" for number in range(2_000)]
    for layer in range(layers):
        traffic = Traffic(layer=f"layer-{layer}")
        arms = assigned(names, experiment=f"x-{layer}", shares=shares, seed=str(seed), traffic=traffic)
        # One of 10⁸ sound splits is that uneven; Hypothesis draws some hundreds.
        assert sample_ratio_p([arms.count(arm) for arm in shares], list(shares.values())) > 1e-8
