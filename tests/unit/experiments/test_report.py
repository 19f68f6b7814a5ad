import msgspec
import numpy as np
import polars as pl
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.experiments import Conclusion, Guardrail, Kind, Looks, Metric, Registration, report

PROMISE = Registration(
    name="new-page",
    goal=Metric(column="spend", before="spend_before", unit="EUR"),
    minimum_effect=1.0,
    horizon_days=28,
    guardrails=(Guardrail(metric=Metric(column="refunds"), tolerance=0.5, higher_is_better=False),),
    assumptions={"spend": "paid by the horizon's end"},
)


def customers(effect=2.0, refunds=0.0, seed=0, control=0.5):
    random = np.random.default_rng(seed)
    arm = np.where(random.random(4_000) < control, "control", "treated")
    before = random.gamma(2.0, 10.0, 4_000)
    got = arm == "treated"
    return pl.DataFrame(
        {
            "arm": arm,
            "spend_before": before,
            "spend": before + random.normal(0, 5, 4_000) + effect * got,
            "orders": 1 + random.poisson(1.0, 4_000),
            "refunds": random.exponential(1.0, 4_000) + refunds * got,
            "region": random.choice(["north", "south"], 4_000),
        }
    )


def test_a_promise_is_named_by_its_content():
    assert PROMISE.version == msgspec.json.decode(msgspec.json.encode(PROMISE), type=Registration).version
    assert PROMISE.version != msgspec.structs.replace(PROMISE, minimum_effect=2.0).version


def test_a_better_arm_whose_guardrails_hold_is_adopted():
    found = report(PROMISE, customers())
    assert found.version == PROMISE.version
    assert found.conclusions == {"treated": Conclusion.ADOPT}
    assert found.goal[0].adjusted_by == "spend_before"
    assert found.guardrails[0].holds is True
    assert not found.goal[0].effect.interval.excludes(2.0)


@pytest.mark.parametrize(
    ("change", "conclusion"),
    [
        ({"effect": 0.0}, Conclusion.UNDECIDED),
        ({"effect": -2.0}, Conclusion.REJECT),
        ({"refunds": 2.0}, Conclusion.REJECT),
        ({"refunds": 0.5}, Conclusion.UNDECIDED),
        ({"control": 0.4}, Conclusion.REFUSED),
    ],
)
def test_the_registered_rule_decides(change, conclusion):
    assert report(PROMISE, customers(**change)).conclusions["treated"] is conclusion


def test_lower_can_be_better():
    lower = msgspec.structs.replace(PROMISE, higher_is_better=False)
    assert report(lower, customers(effect=-2.0)).conclusions["treated"] is Conclusion.ADOPT


def test_before_its_end_an_experiment_judged_once_decides_nothing():
    early = report(PROMISE, customers(), ended=False, exploratory=(PROMISE.goal,))
    assert early.conclusions["treated"] is Conclusion.TOO_EARLY
    # Nor does it show what could be decided by: an interval for one look holds for one look.
    for each in (*early.goal, *early.guardrails, *early.exploratory):
        assert each.effect.reason == "too early"
        assert each.effect == each.relative
        assert each.holds is None
    assert f"{customers().height:,}" in early.goal[0].effect.detail
    weekly = msgspec.structs.replace(PROMISE, timetable=Looks.WEEKLY)
    assert report(weekly, customers(), ended=False).conclusions["treated"] is Conclusion.ADOPT


def test_looking_more_often_widens_intervals():
    widths = []
    for timetable, look in ((Looks.ONCE, 1), (Looks.WEEKLY, 1), (Looks.WEEKLY, 5), (Looks.ALWAYS, 1)):
        promise = msgspec.structs.replace(PROMISE, timetable=timetable)
        interval = report(promise, customers(), look=look).goal[0].effect.interval
        widths.append(interval.high - interval.low)
    assert widths[0] < widths[1] < widths[2]
    assert widths[3] > widths[0]


def test_what_was_not_registered_is_exploratory_and_settles_nothing():
    others = [
        Metric(column="spend", kind=Kind.RATIO, per="orders"),
        Metric(column="spend", kind=Kind.QUANTILE, quantile=0.9),
        Metric(column="spend", strata="region"),
    ]
    found = report(PROMISE, customers(effect=0.0), exploratory=others)
    assert [each.metric for each in found.exploratory] == [
        "spend per orders",
        "0.9 quantile of spend",
        "spend",
    ]
    assert all(each.exploratory and not isinstance(each.effect, NotEstimable) for each in found.exploratory)
    assert not any(each.exploratory for each in [*found.goal, *found.guardrails])


def test_a_goal_that_hardly_anybody_reached_is_refused():
    rare = customers().with_columns(
        spend=pl.when(pl.int_range(pl.len()) % 100 == 0).then(50.0).otherwise(0.0)
    )
    found = report(PROMISE, rare)
    assert found.goal[0].effect.reason == "too few buyers"
    assert found.conclusions["treated"] is Conclusion.REFUSED


def test_a_cap_keeps_one_giant_from_deciding():
    giant = customers(effect=0.0).with_columns(
        spend=pl.when(pl.int_range(pl.len()) == 5).then(1e6).otherwise("spend")
    )
    metrics = [Metric(column="spend"), Metric(column="spend", cap=200.0)]
    free, capped = report(PROMISE, giant, exploratory=metrics).exploratory
    assert capped.metric == "spend up to 200"
    assert capped.effect.standard_error < 0.01 * free.effect.standard_error


def test_arms_share_alpha():
    two = msgspec.structs.replace(PROMISE, shares={"control": 0.5, "treated": 0.25, "other": 0.25})
    assert report(two, customers()).level == 0.975


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (customers().drop("refunds"), "no column refunds"),
        (customers().with_columns(arm=pl.lit("elsewhere")), "'elsewhere' was not registered"),
        (customers().drop("arm"), "no column arm"),
        (customers().with_columns(spend=pl.lit("much")), "no numbers"),
    ],
)
def test_tables_that_do_not_fit_are_refused(frame, said):
    with pytest.raises(InvalidInput, match=said):
        report(PROMISE, frame)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "a b"}, "no name"),
        ({"shares": {"a": 0.5, "b": 0.5}}, "named control"),
        ({"minimum_effect": 0.0}, "minimum_effect"),
    ],
)
def test_promises_that_cannot_be_kept_are_refused(change, said):
    with pytest.raises(InvalidInput, match=said):
        msgspec.structs.replace(PROMISE, **change)


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ({"column": "spend", "kind": Kind.RATIO}, "denominator"),
        ({"column": "spend", "per": "orders"}, "denominator"),
        ({"column": "spend", "before": "a", "strata": "b"}, "one of both"),
        ({"column": ""}, "needs the column"),
    ],
)
def test_metrics_that_mean_nothing_are_refused(metric, said):
    with pytest.raises(InvalidInput, match=said):
        Metric(**metric)
