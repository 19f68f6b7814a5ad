import numpy as np
import polars as pl
import pytest

from cvo.core.clock import DAY, Instant
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.ledger.caused import caused_by_action, caused_by_stage
from cvo.ledger.contrast import contrasts, half_of
from cvo.ledger.margin import margins
from cvo.ledger.tables import tabulate
from tests.data.log import START, decided, order, tables

THIRDS = {"a": 1 / 3, "b": 1 / 3, "": 1 / 3}


def scored(log):
    made = tables(*log)
    money = margins(made.orders, made.refunds, 0.5)
    return contrasts(made.decisions, money, {"a": 14, "b": 14}, Instant(START + 60 * DAY))


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
    compared = scored(trial())
    for contrast, caused in zip(compared, caused_by_action(compared, "EUR"), strict=True):
        assert contrast.by == "draw"
        got = contrast.rows.filter(pl.col("got") == 1)
        rest = contrast.rows.filter(pl.col("odds") > 0)
        plain = (got["margin_minor"].mean() - rest["margin_minor"].mean()) / 100
        assert caused.units == caused.deliveries == got.height
        assert caused.compared == rest.height
        assert isinstance(caused.margin, Estimate)
        assert caused.margin.value == pytest.approx(got.height * plain, rel=1e-12)
        assert caused.brought_per_unit.value == pytest.approx(plain, rel=1e-12)
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


def test_a_bundle_is_compared_as_one_and_costs_what_all_of_it_costs():
    """Every customer is drawn a bundle of a and b; a coin withholds it from half."""

    def slots(second=True):
        rng = np.random.default_rng(7)
        for who in range(1_000):
            got = bool(rng.random() < 0.5)
            yield decided(who, 1, {"a": 0.4, "": 0.6}, "a" if got else "", chosen="a", propensity=0.8)
            if second:
                certain = {"b": float(got), "": float(not got)}
                yield decided(who, 1, certain, "b" if got else "", chosen="b", propensity=1.0, cost_minor=25)
            if rng.random() < (0.6 if got else 0.3):
                yield order(who, 5, 1_000)

    def told(log):
        made = sorted(log, key=lambda each: (each.person_id, each.at, getattr(each.body, "action", "z")))
        read = tabulate(made, "EUR")
        money = margins(read.orders, read.refunds, 0.5)
        found = contrasts(read.decisions, money, {"a": 14, "b": 14}, Instant(START + 60 * DAY))
        return {each.name: each for each in caused_by_action(found, "EUR")}

    both, alone = told(slots()), told(slots(second=False))
    assert both["a"].margin == alone["a"].margin
    assert both["a"].deliveries == alone["a"].deliveries > 400
    assert alone["a"].spend == pytest.approx(0.10 * alone["a"].deliveries)
    assert both["a"].spend == pytest.approx(0.35 * both["a"].deliveries)
    assert isinstance(both["b"].margin, NotEstimable)


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
    bought = rows[0].rows.filter((pl.col("odds") > 0) & (pl.col("revenue_minor") > 0)).height
    assert f"{bought} in got nothing instead" in short.margin.detail


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


def page_views(count=3_000, withheld=0.5, views=8):
    """Customers who see a page often; a is chosen half the time, and its coin holds for the whole window."""
    rng = np.random.default_rng(1)
    for who in range(count):
        coin, seen = rng.random() < withheld, False
        for view in range(views):
            chosen = rng.random() < 0.5
            # Once the coin has fallen its side is a fact: delivered for sure, or not at all.
            kept = (1 - withheld) if not seen else float(not coin)
            options = {"a": 0.5 * kept, "": 1 - 0.5 * kept}
            got = "a" if chosen and not coin else ""
            yield decided(
                who,
                view + 0.1,
                options,
                got,
                chosen="a" if chosen else "",
                propensity=0.5,
                decision_id=f"{who}-{view}",
            )
            seen |= chosen
        if rng.random() < (0.5 if seen and not coin else 0.3):
            yield order(who, views + 0.5, 1_000)


def test_by_coin_those_who_never_got_it_in_the_window_are_the_comparison_however_often_it_was_chosen():
    (contrast,) = scored(page_views())
    assert contrast.by == "coin"
    (caused,) = caused_by_action([contrast], "EUR")
    # A tenth of a customer more buys for 5 of margin: a fifth of 5 where the action was ever chosen.
    assert not caused.brought_per_unit.interval.excludes(0.2 * 5.0)
    assert caused.brought_per_unit.standard_error < 0.1
    # Every contact of the window is paid for, not the first alone.
    assert caused.deliveries > 3 * caused.units
    assert caused.spend == pytest.approx(0.10 * caused.deliveries)


def test_a_decision_elsewhere_does_not_take_the_window_of_an_action():
    with_banner = [
        *page_views(),
        *(decided(who, 0, {"": 1.0}, "", decision_id=f"banner-{who}") for who in range(3_000)),
    ]
    alone, together = (
        caused_by_action(scored(page_views()), "EUR"),
        caused_by_action(scored(with_banner), "EUR"),
    )
    assert together == alone


def test_coins_that_fell_unevenly_are_refused():
    log = [
        each
        for who in range(2_000)
        for each in (
            decided(who, 1, {"a": 0.5, "": 0.5}, "a" if who % 10 else "", chosen="a", propensity=1.0),
            order(who, 2, 1_000),
        )
    ]
    (caused,) = caused_by_action(scored(log), "EUR")
    assert caused.margin.reason == "sample ratio"


def test_one_enormous_weight_is_not_a_hundred_buyers():
    log = list(trial(count=4_000, options={"a": 0.5, "": 0.5}))
    log += [decided(9_999, 1, {"a": 1 - 1e-6, "": 1e-6}, ""), order(9_999, 2, 100)]
    (caused,) = caused_by_action(scored(log), "EUR")
    assert caused.margin.reason == "too few buyers"


def test_a_thin_action_is_left_out_of_its_stage_and_named():
    log = [*trial(options={"a": 0.5, "": 0.5}), *trial(seed=1, count=60, options={"b": 0.5, "": 0.5})]
    (stage,) = caused_by_stage(scored(log), "EUR")
    assert isinstance(stage.margin, Estimate)
    assert stage.left_out == ["b"]
    assert stage.margin == caused_by_action(scored(log), "EUR")[0].margin


def test_several_slots_without_a_coin_are_not_compared():
    slots = [decided(who, 0.25, THIRDS, got, decision_id="slots") for who in range(50) for got in ("a", "b")]
    doubled = [*trial(), *slots]
    assert all(each.margin.reason == "several slots" for each in caused_by_action(scored(doubled), "EUR"))


def test_a_withheld_delivery_stands_on_the_side_of_nothing():
    withheld = [
        each
        for who in range(3_000)
        for each in (
            decided(who, 1, {"a": 0.5, "": 0.5}, "a" if who % 2 else "", chosen="a", propensity=1.0),
            *([order(who, 2, 1_000)] if who % 4 else []),
        )
    ]
    (caused,) = caused_by_action(scored(withheld), "EUR")
    # Of those who got a everybody bought, of those from whom it was withheld every second one.
    assert caused.margin.value == pytest.approx(1_500 * 5.0 * 0.5)


def test_halves_share_no_customer_and_leave_none_out():
    compared = scored(trial(count=400))
    halves = [half_of(compared, "seed", half) for half in (0, 1)]
    people = [set(pl.concat([each.rows["person_id"] for each in some]).to_list()) for some in halves]
    assert not people[0] & people[1]
    assert min(len(each) for each in people) > 150
    for whole, one, other in zip(compared, *halves, strict=True):
        assert one.rows.height + other.rows.height == whole.rows.height
    assert half_of([], "seed", 0) == []
