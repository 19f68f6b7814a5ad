import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.learning import alarms, mass_shift, new_watch, stability, watched


def test_the_index_is_the_textbook_sum():
    shift = stability([4000, 3000, 3000], [3000, 3000, 4000])
    assert shift.index == pytest.approx(0.1 * np.log(4 / 3) * 2, rel=1e-3)
    assert not shift.drifted
    assert stability([500, 500], [300, 700]).drifted


def test_chance_alone_rarely_raises_the_index_above_its_level():
    rng = np.random.default_rng(1)
    chances = rng.dirichlet(np.full(10, 5.0))
    shifts = [stability(rng.multinomial(3000, chances), rng.multinomial(200, chances)) for _ in range(1000)]
    above = np.mean([shift.index > shift.by_chance for shift in shifts])
    assert 0.001 <= above <= 0.025


def test_too_small_a_sample_is_no_estimate():
    answer = stability([50, 60], [20, 30])
    assert isinstance(answer, NotEstimable)
    assert "50 values" in answer.detail


def stream(seed, n, change_at, factor):
    rng = np.random.default_rng(seed)
    actions, predicted = rng.integers(3, size=n), rng.uniform(0.02, 0.3, size=n)
    odds = predicted / (1 - predicted) * np.where((actions == 1) & (np.arange(n) >= change_at), factor, 1.0)
    return actions, predicted, (rng.random(n) < odds / (1 + odds)).astype(float), np.arange(n) * 1.0


@pytest.mark.parametrize(("factor", "word"), [(2.0, "more"), (0.5, "less")])
def test_an_alarm_names_the_action_the_way_and_the_time(factor, word):
    watch = watched(new_watch(3), *stream(1, 12_000, 6000, factor))
    (alarm,) = alarms(watch)
    assert (alarm.action, alarm.responds) == (1, word)
    assert 5500 <= alarm.since <= 7000


def test_a_calibrated_model_is_left_alone_and_splits_do_not_matter():
    rows = stream(2, 20_000, 10**9, 1.0)
    whole = watched(new_watch(3), *rows)
    assert alarms(whole) == []
    half = watched(new_watch(3), *(part[:7000] for part in rows))
    assert watched(half, *(part[7000:] for part in rows)) == whole


def test_false_alarms_come_no_sooner_than_promised():
    rng = np.random.default_rng(3)
    early = 0
    for _ in range(200):
        p = rng.uniform(0.05, 0.3, size=500)
        watch = watched(
            new_watch(1), np.zeros(500, dtype=int), p, (rng.random(500) < p).astype(float), np.arange(500)
        )
        early += bool(alarms(watch, one_in=5000))
    assert early <= 200 * 500 / 5000 * 2 + 12  # both ways, and three standard deviations


def test_impossible_predictions_are_refused():
    with pytest.raises(InvalidInput, match="strictly between"):
        watched(new_watch(1), [0], [1.0], [1.0], [0.0])
    with pytest.raises(InvalidInput, match="above 1"):
        new_watch(1, odds_ratio=1.0)
    with pytest.raises(InvalidInput, match="at least two bins"):
        stability([100], [100])


def test_a_share_that_collapses_or_runs_away_is_told_from_chance():
    rng = np.random.default_rng(4)
    before = rng.beta(4, 6, size=500)
    assert mass_shift(before, before / 10).drifted
    assert mass_shift(before, 1 - before / 10).drifted
    assert not mass_shift(before, rng.beta(5, 5, size=500)).drifted
    assert mass_shift(np.zeros(200), np.full(200, 0.2)).drifted
    assert not mass_shift(np.zeros(200), np.zeros(200)).drifted
    assert not mass_shift(np.ones(200), np.ones(200)).drifted
    beyond = [
        abs(found.distance) > found.by_chance
        for found in (
            mass_shift(rng.beta(1, 9, size=150), rng.beta(1, 9, size=150), chance=0.05) for _ in range(1000)
        )
    ]
    assert 0.035 <= np.mean(beyond) <= 0.065


def test_too_few_customers_or_no_probabilities_are_no_share():
    answer = mass_shift([0.5] * 99, [0.1] * 200)
    assert isinstance(answer, NotEstimable)
    assert "99 customers" in answer.detail
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        mass_shift([0.5] * 100, [1.5] * 100)
