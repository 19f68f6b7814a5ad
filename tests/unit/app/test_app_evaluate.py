import numpy as np
import pytest

from cvo.app.decide import decide
from cvo.app.evaluate import evaluate, read_trial
from cvo.app.history import everybody
from cvo.app.ingest import ingest
from cvo.app.learn import learn
from cvo.app.value import value
from cvo.core.clock import DAY, Instant
from cvo.core.errors import CatalogueError, InvalidInput
from cvo.core.evidence import Estimate, NotEstimable
from tests.data.company import NOW
from tests.data.folder import OWNER, message, ordered, recorded, running

OPTIONS = {"offer": 0.25, "": 0.75}
NO_ACTIONS = """
channels: {email: {}}
placements: {newsletter: {channel: email}}
assumptions: {margin_rate: {value: 0.5, because: tests}}
"""


def facts(count=4_000, seed=0, options=OPTIONS):
    """The young buy for 20.00 after an offer and not without; the old buy anyway, and then for half."""
    rng = np.random.default_rng(seed)
    for n in range(count):
        who, young, got = f"c{n}", rng.random() < 0.5, rng.random() < options.get("offer", 0.0)
        age = int(rng.integers(18, 40) if young else rng.integers(40, 80))
        yield message("identify", who, Instant(NOW - DAY), f"t{n}", traits={"age": age})
        yield recorded(who, NOW, "offer" if got else None, options)
        if rng.random() < (0.6 * got if young else 0.4):
            yield ordered(who, Instant(NOW + DAY), 20 if young else 10)


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    with running(tmp_path_factory.mktemp("company"), Instant(NOW + 20 * DAY)) as opened:
        ingest(opened, facts())
        yield opened


@pytest.fixture(scope="module")
def trial(company):
    return read_trial(company, everybody)


def figures(trial, targets):
    both = {"offer": trial.constant("offer"), "nobody": trial.constant("")}
    return evaluate(trial, {**both, **targets}, "offer", "nobody", "test")


def test_a_trial_is_read_with_what_was_known_before_and_what_followed(trial):
    assert trial.options == ["offer", ""]
    assert trial.design.shape == (4_000, 2)
    assert set(np.unique(trial.net).round(2)) == {-0.1, 0.0, 4.9, 5.0, 9.9}
    np.testing.assert_array_equal(trial.probabilities, np.tile([0.25, 0.75], (4_000, 1)))
    assert (trial.actions == 0).mean() == pytest.approx(0.25, abs=0.03)


def test_a_policy_by_age_beats_both_that_treat_all_alike_and_its_truth_is_covered(trial):
    young = trial.design[:, 1] < np.median(trial.design[:, 1])
    target = np.column_stack([young, ~young]).astype(float)
    found = figures(trial, {"by age": target})
    # Per 1,000: the young bring 10·.6 − .10 with an offer, the old 5·.4 without one or 5·.4 − .10 with it.
    truth = {"by age": 500 * 5.9 + 500 * 2.0, "offer": 500 * 5.9 + 500 * 1.9, "nobody": 500 * 2.0}
    for name, expected in truth.items():
        for estimate in (found[name].estimate, found[name].snips):
            assert abs(estimate.value - expected) < 4 * estimate.standard_error
            assert estimate.unit == "EUR per 1,000 customers"
    gap = found["by age"].difference_to_best_single
    assert abs(gap.value - 50) < 4 * gap.standard_error
    assert gap.standard_error < 0.6 * found["offer"].estimate.standard_error
    assert found["by age"].difference_to_nobody.interval.low > 0
    assert found["by age"].arm_mean is None
    assert found["nobody"].difference_to_nobody.value == 0


def test_constant_policies_show_their_plain_arm_mean(trial):
    found = figures(trial, {})
    for name, option in (("offer", "offer"), ("nobody", "")):
        assert found[name].arm_mean == pytest.approx(1_000 * trial.arm_mean(option))
        assert found[name].snips.value == pytest.approx(found[name].arm_mean, rel=1e-12)


def test_the_same_seed_gives_the_same_figures(trial):
    assert figures(trial, {}) == figures(trial, {})


def test_what_is_no_probability_is_refused(trial):
    with pytest.raises(InvalidInput):
        figures(trial, {"wild": np.array([0.9, 0.9])})


def test_what_the_log_never_tried_is_not_estimated(tmp_path):
    with running(tmp_path, Instant(NOW + 20 * DAY)) as company:
        ingest(company, facts(1_500, options={"": 1.0}))
        found = figures(read_trial(company, everybody), {})
    assert isinstance(found["nobody"].estimate, Estimate)
    for figure in (found["offer"].estimate, found["offer"].snips, found["offer"].difference_to_nobody):
        assert isinstance(figure, NotEstimable)
        assert figure.reason == "unlogged options"
    assert found["offer"].arm_mean is None


def test_an_empty_log_gives_a_reason_for_everything(tmp_path):
    with running(tmp_path, NOW) as company:
        found = figures(read_trial(company, everybody), {})
        assert found["offer"].estimate.reason == "no decisions"
        assert value(company).actions == []
        assert learn(company, OWNER).deliveries == 0


def test_a_company_without_actions_does_nothing_and_says_so(tmp_path):
    with running(tmp_path, NOW, NO_ACTIONS) as company:
        (slot,) = decide(company, "c", "newsletter").slots
        assert (slot.options, slot.propensities, slot.chosen) == ([""], [1.0], "")
        assert learn(company, OWNER).deliveries == 0
        (slot,) = decide(company, "d", "newsletter").slots
        assert slot.delivery_probabilities == [1.0]
        assert value(company).actions == []


def test_without_a_margin_rate_value_says_what_to_add(tmp_path):
    text = NO_ACTIONS.replace("assumptions: {margin_rate: {value: 0.5, because: tests}}\n", "")
    with (
        running(tmp_path, NOW, text) as company,
        pytest.raises(CatalogueError, match=r"add assumptions.margin_rate"),
    ):
        value(company)
