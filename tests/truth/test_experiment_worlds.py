"""Experiments against worlds whose truth is known: how often each estimator covers, and who is misled by looking.

The short form judges a fixed seed by a bound that a sound interval passes with room; the long one asks for
93–97 % over 2,000 worlds.
"""

import numpy as np
import pytest

from cvo.core.evidence import Estimate
from cvo.experiments import (
    Design,
    Looks,
    MixtureTest,
    adjusted_effect,
    customers_needed,
    effect,
    interaction,
    quantile_effect,
    relative_effect,
    stratified_effect,
)
from cvo.experiments.uplift import effect_scores, qini, targeting, trial
from cvo.inference import cluster_moments, look_level

WORLDS = [
    pytest.param(200, 179, 199, id="short"),
    # 93–97 % of 2,000.
    pytest.param(2_000, 1_860, 1_940, id="long", marks=pytest.mark.slow),
]
CUSTOMERS = 2_000
LIFT = 1.1


def shop(random):
    """Customers whose habit shows before and after; treatment raises every order by a tenth, orders by none."""
    got = random.random(CUSTOMERS) < 0.5
    region = random.integers(0, 3, CUSTOMERS)
    habit = random.gamma(2.0, 1.0, CUSTOMERS) * (1.0 + region)
    orders = 1 + random.poisson(2.0, CUSTOMERS)
    before = habit * random.gamma(3.0, 1.0, CUSTOMERS)
    lift = np.where(got, LIFT, 1.0)
    who = np.repeat(np.arange(CUSTOMERS), orders)
    order_values = (lift * habit)[who] * random.gamma(2.0, 0.5, len(who))
    spend = np.bincount(who, order_values, CUSTOMERS)
    return got, region, before, orders.astype(float), spend, who, order_values


# E habit = 2·2 = 4, orders 3 a customer of mean value habit: spend 12 untreated.
SPEND, PER_ORDER = 12.0, 4.0


@pytest.fixture(scope="module")
def upper_decile():
    """The 90 % quantile of an order's value, untreated and treated, in a world that stands for all."""
    random = np.random.default_rng(1)
    region = random.integers(0, 3, 4_000_000)
    values = random.gamma(2.0, 1.0, len(region)) * (1.0 + region) * random.gamma(2.0, 0.5, len(region))
    return (LIFT - 1) * float(np.quantile(values, 0.9))


@pytest.mark.parametrize(("worlds", "fewest", "most"), WORLDS)
def test_every_estimator_covers(told, worlds, fewest, most, upper_decile):
    random = np.random.default_rng(40)
    truths = {
        "mean": (LIFT - 1) * SPEND,
        "ratio": (LIFT - 1) * PER_ORDER,
        "relative": LIFT - 1,
        "CUPED": (LIFT - 1) * SPEND,
        "post-stratified": (LIFT - 1) * SPEND,
        "quantile of orders, by customer": upper_decile,
    }
    covered, errors = dict.fromkeys(truths, 0), dict.fromkeys(truths, 0.0)
    for _ in range(worlds):
        got, region, before, orders, spend, who, values = shop(random)
        arms = (got, ~got)
        plain = [cluster_moments(spend[arm]) for arm in arms]
        strata = [{str(r): cluster_moments(spend[arm & (region == r)]) for r in range(3)} for arm in arms]
        found = {
            "mean": effect(*plain, unit="EUR"),
            "ratio": effect(*(cluster_moments(spend[arm], orders[arm]) for arm in arms), unit="EUR"),
            "relative": relative_effect(*plain),
            "CUPED": adjusted_effect(*(cluster_moments(spend[arm], before[arm]) for arm in arms), unit="EUR"),
            "post-stratified": stratified_effect(*strata, unit="EUR"),
            "quantile of orders, by customer": quantile_effect(
                *(values[arm[who]] for arm in arms), 0.9,
                treated_clusters=who[got[who]], control_clusters=who[~got[who]], unit="EUR",
            ),
        }  # fmt: skip
        for name, estimate in found.items():
            assert isinstance(estimate, Estimate), estimate
            covered[name] += not estimate.interval.excludes(truths[name])
            errors[name] += estimate.standard_error
    for name, count in covered.items():
        told(f"effect by {name}: intervals that cover", count, at_least=fewest, at_most=most, of=worlds)
    assert errors["CUPED"] < 0.9 * errors["mean"]
    assert errors["CUPED"] < errors["post-stratified"] < errors["mean"]


def looks(random, count=20, a_look=250):
    """A world without any effect: the difference of two arms and its standard error at each look."""
    arms = np.where(
        random.random((2, count, a_look)) < 0.3, random.exponential(10.0, (2, count, a_look)), 0.0
    )
    cumulated = [[cluster_moments(arm[: look + 1].ravel()) for look in range(count)] for arm in arms]
    return [effect(treated, control, unit="EUR") for treated, control in zip(*cumulated, strict=True)]


@pytest.mark.parametrize(
    ("worlds", "most"),
    [pytest.param(300, 24, id="short"), pytest.param(2_000, 131, id="long", marks=pytest.mark.slow)],
)
def test_twenty_looks_at_nothing_mislead_a_fixed_test_and_not_the_mixture(told, worlds, most):
    random = np.random.default_rng(41)
    misled = dict.fromkeys(("a fixed test", "the mixture test", "the mixture interval", "weekly levels"), 0)
    test = MixtureTest(scale=0.5)
    for _ in range(worlds):
        seen = looks(random)
        widened = [test.looked_at(each) for each in seen]
        misled["a fixed test"] += any(each.interval.excludes(0.0) for each in seen)
        misled["the mixture test"] += min(test.p(each) for each in seen) < 0.05
        misled["the mixture interval"] += any(each.interval.excludes(0.0) for each in widened)
        misled["weekly levels"] += any(
            abs(each.value) > each.standard_error * _z(look) for look, each in enumerate(seen, 1)
        )
    assert misled["the mixture test"] == misled["the mixture interval"]
    for name in ("the mixture test", "weekly levels"):
        told(f"A/A worlds misled in 20 looks by {name}", misled[name], at_most=most, of=worlds)
    # 24.8 % by Armitage, McPherson and Rowe: the trap is real in these worlds.
    told(
        "A/A worlds misled in 20 looks by a fixed test",
        misled["a fixed test"],
        at_least=0.2 * worlds,
        of=worlds,
    )


def _z(look):
    from cvo.inference.clustered import normal_quantile

    return normal_quantile(look_level(look))


@pytest.mark.parametrize(
    ("worlds", "most"),
    [pytest.param(200, 18, id="short"), pytest.param(2_000, 131, id="long", marks=pytest.mark.slow)],
)
def test_the_mixture_keeps_its_promise_after_every_customer(told, worlds, most):
    random = np.random.default_rng(42)
    counts = np.arange(1, 10_001)
    test = MixtureTest(scale=0.2)
    ever = 0
    for _ in range(worlds):
        treated, control = random.exponential(1.0, (2, 10_000))
        sums, squares = np.cumsum([treated, control], axis=1), np.cumsum([treated**2, control**2], axis=1)
        variances = (squares - sums**2 / counts)[:, 99:] / (counts[99:] - 1)
        errors = np.sqrt(variances.sum(axis=0) / counts[99:])
        limits = np.sqrt((1 + (test.scale / errors) ** 2) / (test.scale / errors) ** 2
                         * (np.log(1 + (test.scale / errors) ** 2) - 2 * np.log(0.05)))  # fmt: skip
        assert limits[-1] == pytest.approx(test.limit(float(errors[-1])))
        ever += bool((np.abs((sums[0] - sums[1])[99:] / counts[99:]) > limits * errors).any())
    told(
        "worlds that a mixture interval, looked at after every customer, ever misleads",
        ever,
        at_most=most,
        of=worlds,
    )


@pytest.mark.parametrize("timetable", list(Looks))
def test_experiments_of_the_planned_size_find_the_planned_effect(told, timetable):
    """Eight looks; of 2,000 experiments 80 % ± 2.5 % have to find what they were planned for."""
    design = Design(standard_deviation=1.0, timetable=timetable, looks=8)
    customers = customers_needed(design, 0.1)
    random = np.random.default_rng(43)
    information = np.arange(1, 9) / 8
    steps = random.normal(0.0, np.sqrt(1 / 8), (2_000, 8)) + 0.1 / design.standard_error(customers) / 8
    z = np.cumsum(steps, axis=1) / np.sqrt(information)
    if timetable is Looks.ONCE:
        found = np.abs(z[:, -1]) > 1.96
    elif timetable is Looks.WEEKLY:
        found = (np.abs(z) > [_z(look) for look in range(1, 9)]).any(axis=1)
    else:
        # As the report judges: τ is the smallest effect worth having.
        error = design.standard_error(customers) / np.sqrt(information)
        found = (np.abs(z) > [MixtureTest(scale=0.1).limit(each) for each in error]).any(axis=1)
    told(
        f"experiments judged {timetable} that find the planned effect",
        found.mean(),
        at_least=0.775,
        at_most=0.825,
    )


@pytest.mark.parametrize(("worlds", "fewest", "most"), WORLDS)
def test_qini_intervals_cover(told, worlds, fewest, most):
    """A fixed order by a noisy guess of uplift: its area is known in closed form, whatever the outcomes."""
    random = np.random.default_rng(44)
    covered = 0
    for _ in range(worlds):
        x = random.normal(size=1_500)
        got = (random.random(1_500) < 0.4).astype(int)
        y = random.exponential(1.0, 1_500) + got * (0.3 + 0.5 * x)
        priority = x + random.normal(size=1_500)
        gamma = effect_scores(trial(x[:, None], got, y, chance=0.4))
        # Cov(uplift, rank) of a normal: .5·corr/(2√π), corr = 1/√2.
        covered += not qini(priority, gamma, unit="EUR").interval.excludes(
            0.5 / np.sqrt(2) / (2 * np.sqrt(np.pi))
        )
    told("Qini coefficient: intervals that cover", covered, at_least=fewest, at_most=most, of=worlds)


@pytest.mark.parametrize(
    ("worlds", "most"),
    [pytest.param(100, 8, id="short"), pytest.param(2_000, 100, id="long", marks=pytest.mark.slow)],
)
def test_where_everybody_is_helped_alike_uplift_is_seldom_claimed(told, worlds, most):
    """The lower end of a 95 % interval is above 0 by chance in one world of forty."""
    random = np.random.default_rng(45)
    claimed = 0
    for number in range(worlds):
        x = random.normal(size=(2_000, 3))
        got = (random.random(2_000) < 0.5).astype(int)
        y = x[:, 0] + random.exponential(1.0, 2_000) + 0.5 * got
        found = targeting(trial(x, got, y, chance=0.5), seed=str(number), unit="EUR")
        claimed += found.qini.interval.low > 0
    told(
        "worlds of equal uplift in which a model to target by is handed out", claimed, at_most=most, of=worlds
    )


@pytest.mark.parametrize(
    ("worlds", "most"),
    [pytest.param(400, 34, id="short"), pytest.param(2_000, 131, id="long", marks=pytest.mark.slow)],
)
def test_experiments_that_leave_each_other_alone_seldom_seem_to_interact(told, worlds, most):
    random = np.random.default_rng(46)
    found = 0
    for _ in range(worlds):
        first, second = random.integers(0, 2, 1_500), random.integers(0, 3, 1_500)
        y = random.exponential(1.0, 1_500) + 0.2 * first - 0.1 * second
        found += interaction(first, second, y).effects_p < 0.05
    told("pairs of independent experiments called interacting at 5 %", found, at_most=most, of=worlds)
