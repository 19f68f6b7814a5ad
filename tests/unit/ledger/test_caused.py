import numpy as np
import polars as pl
import pytest

from cvo.core.clock import DAY, Instant
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.ledger.causal import outcomes, triggers
from cvo.ledger.caused import caused_by_action, caused_by_stage
from cvo.ledger.margin import margins
from tests.data.log import START, decided, order, tables

THIRDS = {"a": 1 / 3, "b": 1 / 3, "": 1 / 3}


def scored(log):
    made = tables(*log)
    money = margins(made.orders, made.refunds, 0.5)
    return outcomes(triggers(made.decisions, 14, Instant(START + 60 * DAY)), money, 14)


def trial(seed=0, count=3_000, options=THIRDS, **given):
    """A trial in which a customer buys for 10 with probability .3, plus .2 after a, plus .1 after b."""
    rng = np.random.default_rng(seed)
    names, chances = list(options), list(options.values())
    for who in range(count):
        got = names[rng.choice(len(names), p=chances)]
        yield decided(who, rng.integers(0, 14), options, got, **given)
        if rng.random() < 0.3 + {"a": 0.2, "b": 0.1, "": 0.0}[got]:
            yield order(who, 15, int(rng.integers(500, 1_500)))


def test_in_a_trial_of_equal_probabilities_it_is_the_difference_of_arm_means():
    rows = scored(trial())
    means = dict(rows.group_by("delivered").agg(pl.col("margin_minor").mean()).iter_rows())
    for caused in caused_by_action(rows, "EUR"):
        got = rows.filter(pl.col("delivered") == caused.name)
        rest = rows.filter(pl.col("delivered") == "")
        plain = (means[caused.name] - means[""]) / 100
        assert caused.deliveries == got.height
        assert caused.compared == rest.height
        assert isinstance(caused.margin, Estimate)
        assert caused.margin.value == pytest.approx(got.height * plain, rel=1e-12)
        assert caused.revenue.value == pytest.approx(2 * caused.margin.value, rel=1e-3)
        assert caused.margin.grade is Grade.MEASURED
        # The error of a difference of two independent means, times the number of deliveries.
        error = (
            np.sqrt(got["margin_minor"].var() / got.height + rest["margin_minor"].var() / rest.height) / 100
        )
        assert caused.margin.standard_error == pytest.approx(got.height * error, rel=2e-3)
        assert caused.spend == pytest.approx(0.10 * got.height)
        assert caused.value.value == pytest.approx(caused.margin.value - caused.spend)
        assert caused.value.standard_error == caused.margin.standard_error


def test_a_stage_is_the_sum_of_its_actions_and_knows_that_they_share_a_comparison():
    rows = scored(trial())
    (stage,) = caused_by_stage(rows, "EUR")
    actions = caused_by_action(rows, "EUR")
    assert (stage.by, stage.name) == ("stage", "grow")
    assert stage.margin.value == pytest.approx(sum(each.margin.value for each in actions), rel=1e-12)
    assert stage.spend == pytest.approx(sum(each.spend for each in actions))
    assert stage.deliveries == sum(each.deliveries for each in actions)
    apart = np.sqrt(sum(each.margin.standard_error**2 for each in actions))
    assert stage.margin.standard_error > 1.1 * apart


def test_under_a_hundred_buyers_on_either_side_there_is_a_reason_and_no_number():
    rows = scored(trial(count=500))
    for caused in (*caused_by_action(rows, "EUR"), *caused_by_stage(rows, "EUR")):
        for figure in (caused.revenue, caused.margin, caused.value):
            assert isinstance(figure, NotEstimable)
            assert figure.reason == "too few buyers"
            assert "every arm needs 100" in figure.detail
    short = next(each for each in caused_by_action(rows, "EUR") if each.name == "a")
    bought = rows.filter((pl.col("delivered") == "") & (pl.col("revenue_minor") > 0)).height
    assert f"{bought} in could have got a, got nothing" in short.margin.detail


def test_without_anybody_who_got_nothing_nothing_is_called_caused():
    rows = scored(trial(options={"a": 0.5, "b": 0.5}))
    assert all(isinstance(each.margin, NotEstimable) for each in caused_by_action(rows, "EUR"))


def test_customers_who_could_not_have_got_nothing_are_not_compared_with_those_who_could():
    comparable = list(trial())
    # Big spenders who always get one of the two actions: with them, a would look worth far more.
    certain = [
        each
        for who in range(10_000, 11_000)
        for each in (decided(who, 1, {"a": 0.5, "b": 0.5}, "ab"[who % 2]), order(who, 2, 100_000))
    ]
    alone, together = scored(comparable), scored([*comparable, *certain])
    for one, other in zip(caused_by_action(alone, "EUR"), caused_by_action(together, "EUR"), strict=True):
        assert other.deliveries == one.deliveries
        assert other.spend == one.spend
        assert other.margin.value == pytest.approx(one.margin.value, rel=1e-9)
        assert other.margin.standard_error == pytest.approx(one.margin.standard_error, rel=1e-2)


def test_customers_in_control_weigh_nothing_in_the_comparison_of_an_action():
    given = list(trial())
    control = [
        each
        for who in range(10_000, 11_000)
        for each in (decided(who, 1, {"a": 0.0, "b": 0.0, "": 1.0}, ""), order(who, 2, 100_000))
    ]
    alone, together = scored(given), scored([*given, *control])
    for one, other in zip(caused_by_action(alone, "EUR"), caused_by_action(together, "EUR"), strict=True):
        assert (other.deliveries, other.compared) == (one.deliveries, one.compared)
        assert other.margin.value == pytest.approx(one.margin.value, rel=1e-9)


def test_a_withheld_delivery_stands_on_the_side_of_nothing():
    withheld = [
        each
        for who in range(3_000)
        for each in (
            decided(who, 1, {"a": 0.5, "": 0.5}, "a" if who % 2 else "", chosen="a"),
            *([order(who, 2, 1_000)] if who % 4 else []),
        )
    ]
    (caused,) = caused_by_action(scored(withheld), "EUR")
    # Of those who got a everybody bought, of those from whom it was withheld every second one.
    assert caused.margin.value == pytest.approx(1_500 * 5.0 * 0.5)
