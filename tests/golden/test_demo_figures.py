"""The demo on the real trial: its figures against what was published, and against themselves a second time.

Kevin Hillstrom, MineThatData E-Mail Analytics And Data Mining Challenge, 2008: 64,000 customers in three arms.
"""

import numpy as np
import polars as pl
import pytest

from cvo.app.company import Company
from cvo.app.demo import run as demo
from cvo.app.learn import longest_window
from cvo.app.replay import replay
from cvo.app.state import Pinned, running_catalogue
from cvo.core.clock import DAY, FixedClock
from cvo.core.errors import Conflict
from cvo.core.evidence import Estimate
from cvo.core.random import keyed_uniform
from cvo.decisions.decision import Purpose, encode
from cvo.events.event import Delivery
from cvo.ledger.causal import outcomes, triggers
from cvo.ledger.margin import margins
from cvo.ledger.tables import tabulate

PUBLISHED = {"mens": (21_307, 1.4226), "womens": (21_387, 1.0772), "": (21_306, 0.6528)}
CONSTANT = ("mens", "womens", "nobody")
MARGIN_RATE, CONTACT_COST = 0.40, 0.10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(folder):
    return demo.run(folder, 0)


@pytest.fixture
def company(folder, first):
    with Company.open(folder, write=False, clock=FixedClock(demo.NOW)) as opened:
        yield opened


@pytest.fixture(scope="module")
def tables(folder, first):
    with Company.open(folder, write=False, clock=FixedClock(demo.NOW)) as opened:
        return tabulate(opened.store.events(), opened.config.currency)


def test_everybody_came_in_once_and_nothing_was_refused(first, company):
    assert first.ingested.refused == {}
    assert first.evaluated_customers + first.learning_customers == 64_000
    assert 31_500 < first.evaluated_customers < 32_500
    counts = company.store.counts()
    assert (counts["persons"], counts["dead_letters"], counts["links"]) == (64_000, 0, 0)
    assert counts["decisions"] == first.evaluated_customers
    assert counts["events"] == first.ingested.accepted


def test_arms_and_their_spend_are_the_published_ones(tables):
    money = margins(tables.orders, tables.refunds, MARGIN_RATE)
    scored = outcomes(triggers(tables.decisions, 14, demo.NOW), money, 14)
    arms = scored.group_by("delivered").agg(pl.len(), pl.col("revenue_minor").sum() / 100 / pl.len())
    assert {name for name, _, _ in arms.iter_rows()} == set(PUBLISHED)
    for name, count, spend in arms.iter_rows():
        assert count == PUBLISHED[name][0]
        assert spend == pytest.approx(PUBLISHED[name][1], abs=5e-5)


def test_caused_value_is_the_difference_of_published_arms(first):
    for caused in first.value.actions:
        deliveries, spend = PUBLISHED[caused.name]
        assert caused.deliveries == deliveries
        assert caused.compared == PUBLISHED[""][0]
        assert isinstance(caused.revenue, Estimate)
        assert caused.revenue.value / deliveries == pytest.approx(spend - PUBLISHED[""][1], abs=1e-4)
        assert caused.margin.value == pytest.approx(MARGIN_RATE * caused.revenue.value, rel=2e-3)
        assert caused.spend == pytest.approx(CONTACT_COST * deliveries)
    (stage,) = first.value.stages
    assert stage.margin.value == pytest.approx(sum(each.margin.value for each in first.value.actions))


def test_constant_policies_are_worth_their_plain_arm_means(first):
    for name in CONSTANT:
        figures = first.policies[name]
        assert isinstance(figures.snips, Estimate)
        assert isinstance(figures.estimate, Estimate)
        assert abs(figures.snips.value - figures.arm_mean) < 1e-9 * max(1.0, abs(figures.arm_mean))
        assert abs(figures.estimate.value - figures.arm_mean) < 0.1 * figures.estimate.standard_error
    random = first.policies["random"].estimate
    mean = np.mean([first.policies[name].arm_mean for name in CONSTANT])
    assert abs(random.value - mean) < 0.1 * random.standard_error
    assert first.policies["learned"].arm_mean is None


def test_arm_means_of_the_judging_half_are_those_of_the_file(first):
    rows = [(key, row) for key, row in demo.source.customers() if not demo._teaches(0, key)]
    assert len(rows) == first.evaluated_customers
    names = {"Mens E-Mail": "mens", "Womens E-Mail": "womens", "No E-Mail": "nobody"}
    for segment, name in names.items():
        cost = 0.0 if name == "nobody" else CONTACT_COST
        # Margins are in whole cents per order.
        net = [round(MARGIN_RATE * row.spend, 2) - cost for _, row in rows if row.segment == segment]
        assert first.policies[name].arm_mean == pytest.approx(1_000 * np.mean(net), abs=0.02)


def test_differences_are_those_of_the_estimates_with_a_tighter_interval(first):
    nobody = first.policies["nobody"].estimate
    best = first.policies[first.best_single].estimate
    for figures in first.policies.values():
        gap = figures.difference_to_nobody
        assert gap.value == pytest.approx(figures.estimate.value - nobody.value, abs=1e-6)
        assert figures.difference_to_best_single.value == pytest.approx(
            figures.estimate.value - best.value, abs=1e-6
        )
        apart = np.hypot(figures.estimate.standard_error, nobody.standard_error)
        assert gap.standard_error < 1.001 * apart
        assert figures.estimate.effective_sample_size > 1_000


def test_nothing_of_the_judging_half_was_known_when_it_was_decided_for(first, company):
    """Profiles at the decision hold traits alone: the trial's mail, visit and order came later."""
    for decision in first.decisions[::4_000]:
        profile = company.store.profile_at(decision.person_id, decision.pins.person_version)
        assert (profile.events, profile.tallies) == (1, {})
        assert not any(candidate.refusal for candidate in decision.candidates)


def test_decisions_are_rehearsals_with_exact_propensities(first):
    slots = [decision.slots[0] for decision in first.decisions]
    assert {decision.purpose for decision in first.decisions} == {Purpose.REHEARSAL}
    assert {slot.delivery for slot in slots} <= {Delivery.REHEARSED, Delivery.NOTHING}
    assert {tuple(slot.options) for slot in slots} == {("mens", "womens", "")}
    chances = np.array([slot.propensities for slot in slots])
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, atol=1e-12)
    assert chances.min() >= 0.02 / 3 * (1 - 1e-12)  # the floor
    treated = [
        slot for decision, slot in zip(first.decisions, slots, strict=True) if decision.arm == "treated"
    ]
    chances = np.array([slot.propensities for slot in treated])
    chosen = np.array([slot.options.index(slot.chosen) for slot in treated])
    for option in range(3):
        expected = chances[:, option]
        gap = (chosen == option).mean() - expected.mean()
        assert abs(gap) < 4 * np.sqrt((expected * (1 - expected)).sum()) / len(treated)
    control = 1 - len(treated) / len(slots)
    assert control == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / len(slots)))


def test_sampled_decisions_replay_identically(first, company):
    pinned = Pinned(company.store)
    sample = [each for each in first.decisions if keyed_uniform("sample", each.decision_id) < 0.007]
    assert len(sample) > 180
    for decision in sample:
        outcome = replay(company, decision.decision_id, pinned)
        assert outcome.identical, outcome.differences


def test_the_window_of_the_trial_has_closed(company):
    assert longest_window(running_catalogue(company.store)) == 14
    assert all(each.at + 14 * DAY <= demo.NOW for each in company.store.events())


def test_a_second_run_adds_nothing_and_says_the_same(folder, first, tables):
    with Company.open(folder, write=False) as company:
        before = company.store.counts(), company.store.changes()
    second = demo.run(folder, 0)
    with Company.open(folder, write=False) as company:
        assert (company.store.counts(), company.store.changes()) == before
    assert second.ingested.accepted == 0
    assert second.ingested.duplicates == first.ingested.accepted
    assert second.policies == first.policies
    assert second.value == first.value
    assert second.learned.models.version == first.learned.models.version
    assert [encode(each) for each in second.decisions] == [encode(each) for each in first.decisions]
    with pytest.raises(Conflict, match="was not made by this demo with --seed 1; name another --company"):
        demo.run(folder, 1)
