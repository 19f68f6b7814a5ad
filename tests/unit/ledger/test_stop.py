import numpy as np
import pytest

from cvo.core.evidence import Estimate, Grade, Interval, NotEstimable
from cvo.ledger.caused import Caused
from cvo.ledger.stop import actions_to_stop

THIN = NotEstimable("too few buyers", "3 in got it; every arm needs 100")


def row(name, value, error=100.0, deliveries=1_000):
    estimate = (
        THIN
        if value is None
        else Estimate(
            value=value,
            standard_error=error,
            interval=Interval(value - 1.96 * error, value + 1.96 * error),
            grade=Grade.MEASURED,
            unit="EUR",
            sample_size=900,
        )
    )
    return Caused(
        by="action",
        name=name,
        units=900,
        compared=900,
        deliveries=deliveries,
        spend=10.0,
        revenue=estimate,
        margin=estimate,
        value=estimate,
    )


STAGES = {"a": "grow", "b": "grow", "c": "serve", "d": "grow", "e": "grow"}


def unasked(_half):
    raise AssertionError("nothing is to stop, so nothing is to be done instead")


def test_it_names_what_loses_money_and_the_best_of_its_stage_instead():
    rows = [
        row("a", -900),
        row("b", 800),
        row("c", -1_200),
        row("d", 2_000, deliveries=10_000),
        row("e", -90),
    ]
    first, second = actions_to_stop(rows, STAGES, lambda _: rows)
    assert (first.action, first.instead) == ("c", None)
    assert first.saved.value == 1_200
    # More a delivery, not more in all.
    assert (second.action, second.instead) == ("a", "b")
    assert second.instead_per_delivery.value == pytest.approx(0.8)
    assert second.per_delivery.value == pytest.approx(-0.9)
    assert second.per_delivery.unit == "EUR a delivery"


def test_what_is_merely_unproven_or_not_estimable_is_not_stopped():
    assert actions_to_stop([row("a", -90), row("b", 50), row("c", None)], STAGES, unasked) == []


def test_a_higher_bar_stops_more():
    rows = [row("a", 900), row("b", 3_000)]
    assert actions_to_stop(rows, STAGES, lambda _: rows) == []
    (stop,) = actions_to_stop(rows, STAGES, lambda _: rows, worthwhile=2.0)
    assert (stop.action, stop.instead) == ("a", "b")


def test_of_many_actions_without_effect_few_are_stopped():
    rng = np.random.default_rng(0)
    worlds, any_stopped = 300, 0
    for _ in range(worlds):
        rows = [row(f"a{n}", value) for n, value in enumerate(rng.normal(0, 100, 40))]
        any_stopped += bool(actions_to_stop(rows, {}, lambda _: []))
    # With no real effect every claim is false: one in ten worlds may make any, half of them downwards.
    assert any_stopped / worlds < 0.1
    naive = np.mean([(rng.normal(0, 1, 40) < -1.96).any() for _ in range(worlds)])
    assert naive > 0.5


def test_a_winner_is_estimated_on_customers_who_had_no_say_in_its_being_chosen():
    """Of thirty actions equally good the best looks better than it is to those who chose it, and not to the others."""
    rng = np.random.default_rng(1)
    names = [f"b{n}" for n in range(30)]
    told, flattered = [], []
    for _ in range(200):
        halves = [
            [row(name, value) for name, value in zip(names, rng.normal(500, 100, 30), strict=True)]
            for _ in "ab"
        ]
        (stop,) = actions_to_stop([row("a", -900), *halves[0]], {}, lambda half, of=halves: of[half])
        told.append(stop.instead_per_delivery.value)
        flattered.append(max(each.value.value for each in halves[0]) / 1_000)
    assert np.mean(told) == pytest.approx(0.5, abs=0.03)
    assert np.mean(flattered) > 0.65


def test_what_the_other_half_cannot_tell_has_its_reason():
    rows = [row("a", -900), row("b", 800)]
    (stop,) = actions_to_stop(rows, STAGES, lambda half: [rows[1]] if half == 0 else [row("b", None)])
    assert (stop.instead, stop.instead_per_delivery) == ("b", THIN)
    (stop,) = actions_to_stop(rows, STAGES, lambda half: [rows[1]] if half == 0 else [])
    assert stop.instead_per_delivery.reason == "no deliveries"
