"""How much to explore, from the log of a simulated company."""

import numpy as np
import pytest

from cvo.app.company import Company
from cvo.app.simulate import simulate
from cvo.app.tune import chosen, tune
from cvo.app.what_if import read_candidate, what_if
from cvo.cli.tune import as_data
from cvo.core.clock import FixedClock, parse_rfc3339
from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, NotEstimable
from cvo.inference import GuardRails
from tests.data.folder import running

LATER = parse_rfc3339("2027-01-01T00:00:00Z")
FEW = GuardRails(min_effective_sample_size=20, max_mean_weight_gap=1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("tune") / "company"
    simulate(made, "retail", 200, 8, seed="tune")
    return made


@pytest.fixture
def company(folder):
    with Company.open(folder, write=False, clock=FixedClock(LATER)) as opened:
        yield opened


def test_settings_are_compared_with_what_runs_and_nothing_is_changed(company, tmp_path):
    before = company.settings
    found = tune(company, explorations=(0.5, 0.25), rails=FEW)
    assert company.settings == before
    tried = [(each.exploration, each.optimistic) for each in found.settings]
    assert tried == [(0.25, False), (0.5, False), (0.5, True), (0.25, True)]
    assert [each.runs for each in found.settings] == [True, False, False, False]
    assert found.settings[0].difference.value == 0
    assert len({each.entropy for each in found.settings}) == 4
    assert found.proposed in found.settings
    assert isinstance(found.worth, Estimate)
    assert as_data(found)["proposed"]["exploration"] == found.proposed.exploration

    file = tmp_path / "policy.toml"
    file.write_text("[decisions]\nexploration = 0.5\noptimistic = true\n")
    alone = what_if(company, read_candidate(company, policy=file), rails=FEW)
    assert found.settings[2].difference == alone.difference


def test_a_log_that_supports_no_setting_gets_no_proposal(company):
    found = tune(company, explorations=(0.3,), rails=GuardRails(min_effective_sample_size=10**6))
    assert found.proposed is None
    assert isinstance(found.worth, NotEstimable)


def test_impossible_settings_are_named(company):
    with pytest.raises(InvalidInput, match="exploration is 200"):
        tune(company, explorations=(200.0,))
    with pytest.raises(InvalidInput, match="no exploration to try"):
        tune(company, explorations=())
    with pytest.raises(InvalidInput, match=r"floor is 1\.5"):
        tune(company, floors=(1.5,))


def test_a_company_without_a_past_can_not_tune(tmp_path):
    with running(tmp_path / "new", LATER) as company:
        assert isinstance(tune(company), NotEstimable)


def test_exploration_is_given_up_only_where_it_costs():
    random = np.random.default_rng(1)
    customers = np.arange(2_000).astype(str)
    noise = random.normal(size=(3, 2_000))
    entropy = np.array([0.1, 0.5, 1.0])
    free = noise * 0.01 + np.array([[0.0], [0.0], [-1e-5]])
    assert chosen(free, entropy, customers) == 2
    costly = noise * 0.01 + np.array([[0.0], [-1e-5], [-1.0]])
    assert chosen(costly, entropy, customers) == 1
