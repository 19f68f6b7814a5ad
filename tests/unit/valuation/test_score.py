import msgspec
import numpy as np
import pytest

from cvo.actions.read import parse_catalogue
from cvo.actions.situation import Situation
from cvo.core.clock import Instant
from cvo.core.errors import CatalogueError
from cvo.core.evidence import Grade
from cvo.profiles.profile import EMPTY
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.encoder import NO_FEATURES
from cvo.valuation.features import FeatureReader
from cvo.valuation.fit import Deliveries, Effect, fit
from cvo.valuation.models import decode, encode, untrained
from cvo.valuation.score import Valuer
from tests.data.company import NOW, TEXT, catalogue

CITIES = ["Bonn", "Rome"]


def deliveries(count=400, actions=("accessory", "upgrade"), rate=0.3, worth=10.0, seed=0):
    rng = np.random.default_rng(seed)
    responded = rng.random(count) < rate
    return Deliveries(
        values={"age": rng.integers(20, 60, count).tolist(), "city": rng.choice(CITIES, count).tolist()},
        actions=rng.choice(actions, count).tolist(),
        responded=responded,
        margin=np.where(responded, rng.gamma(4, worth / 4, count), 0.0),
        half=np.arange(count) % 2,
        weight=np.ones(count),
        creatives=[""] * count,
    )


def effect(action, caused, standard_error, seen):
    """An effect measured on all the deliveries."""
    return Effect(action, caused, standard_error, np.ones(len(seen.actions), dtype=bool))


def valuer(given, models):
    return Valuer(given, models, "EUR")


def everywhere(made, design):
    """Score every action for every row."""
    return made.score(design, np.ones((len(design), len(made.actions)), dtype=bool))


def scores(given, models, age=40, city="Bonn"):
    made = valuer(given, models)
    return everywhere(made, models.encoder.transform({"age": [age], "city": [city]}, 1)), made.actions


def fresh(given):
    return untrained(given, assumptions_of(given), NO_FEATURES, Instant(0))


def test_untrained_scores_are_the_assumptions_term_by_term():
    given = catalogue()
    found = everywhere(valuer(given, fresh(given)), np.ones((1, 1)))
    by_name = dict(zip(given.action_ids, range(4), strict=True))
    up = by_name["upgrade"]
    assert found.margin_per_response[up] == 30
    assert found.incrementality[0, up] == 0.5
    assert found.uplift[0, up] == pytest.approx(0.5 * found.response_probability[0, up] * 30)
    np.testing.assert_allclose(found.mean, found.uplift - found.cost)
    assert found.cost.tolist() == [0.05, 2.0, 0.10, 0.0]
    assert set(found.grades) == {Grade.ASSUMED}


def test_an_action_without_any_value_has_no_score():
    given = catalogue(**{"value: 5,": ""})
    found = everywhere(valuer(given, fresh(given)), np.ones((1, 1)))
    assert np.isnan(found.mean[0, 0])
    assert np.isfinite(found.mean[0, 1:]).all()


def test_what_was_seen_replaces_the_stated_value_and_pools_into_the_unstated():
    given = catalogue(**{"value: 9,": ""})
    models = fit(given, deliveries(), [], NOW, "EUR")
    found, actions = scores(given, models)
    margin = dict(zip(actions, found.margin_per_response, strict=True))
    assert margin["upgrade"] == pytest.approx(10, rel=0.15)
    assert margin["callback"] == 40
    assert margin["winter"] == pytest.approx(10, rel=0.3)
    assert dict(zip(actions, found.grades, strict=True))["upgrade"] is Grade.ASSUMED  # κ still is


def test_response_probabilities_follow_what_was_seen():
    given = catalogue()
    found, actions = scores(given, fit(given, deliveries(count=2_000), [], NOW, "EUR"))
    assert found.response_probability[0, actions.index("upgrade")] == pytest.approx(0.3, abs=0.06)


def test_a_measured_effect_moves_its_action_s_incrementality_and_its_grade():
    given = catalogue()
    seen = deliveries(count=2_000)
    without = fit(given, seen, [], NOW, "EUR")
    # p·m is about 3 a delivery: 0.6 of it was caused.
    measured = fit(given, seen, [effect("upgrade", 1.8, 0.05, seen)], NOW, "EUR")
    column = given.action_ids.index("upgrade")
    before, after = (scores(given, models)[0] for models in (without, measured))
    assert before.incrementality[0, column] == pytest.approx(0.5)
    assert after.incrementality[0, column] == pytest.approx(1.8 / measured.effects[0].predicted, rel=0.03)
    assert after.grades[column] is Grade.OBSERVATIONAL
    other = given.action_ids.index("accessory")
    assert after.incrementality[0, other] != before.incrementality[0, other]
    assert valuer(given, measured).kappa.grade[other] is Grade.POOLED


def test_a_new_action_is_scored_by_what_its_team_and_stage_have_taught():
    given = catalogue()
    models = fit(given, deliveries(count=3_000, rate=0.5), [], NOW, "EUR")
    new = (
        "  fresh:\n    {team: %s, stage: %s, status: live, name: F, contact_cost: 0, value: 9,\n"
        "     creatives: {f-home: {placement: home}}}\n"
    )
    found = {}
    for team, stage in (("sales", "grow"), ("care", "collect")):
        wider = parse_catalogue(TEXT.replace("  winter:", new % (team, stage) + "  winter:"))
        result, actions = scores(wider, models)
        column = actions.index("fresh")
        found[team] = result.response_probability[0, column]
        # The others are scored as if the new one were not there.
        old, names = scores(given, models)
        for name in names:
            assert result.mean[0, actions.index(name)] == pytest.approx(
                old.mean[0, names.index(name)], rel=0.05
            )
    assumed = assumptions_of(given)["response_probability"].value
    assert found["sales"] > found["care"] > assumed
    assert found["sales"] > 0.25


def test_an_action_that_the_catalogue_leaves_out_is_not_scored_and_spoils_no_other():
    whole, seen = catalogue(), deliveries(count=3_000)
    effects = [effect("upgrade", 1.8, 0.05, seen), effect("accessory", 1.0, 0.05, seen)]
    models = fit(whole, seen, effects, NOW, "EUR")
    less = msgspec.structs.replace(
        whole, actions={key: action for key, action in whole.actions.items() if key != "accessory"}
    )
    after, actions = scores(less, models)
    before, names = scores(whole, models)
    assert actions == ("callback", "upgrade", "winter")
    assert after.mean.shape == (1, 3)
    assert np.isfinite(after.mean).all()
    for terms in ("mean", "response_probability"):
        assert getattr(after, terms)[0, actions.index("upgrade")] == pytest.approx(
            getattr(before, terms)[0, names.index("upgrade")], rel=0.05
        )


def test_a_feature_taken_out_of_the_catalogue_counts_as_missing():
    whole = catalogue()
    models = fit(whole, deliveries(), [], NOW, "EUR")
    less = msgspec.structs.replace(whole, features={"age": whole.features["age"]})
    here = [Situation(EMPTY, NOW, "home", "web")]
    found, unknown = (
        everywhere(made, made.design(here)) for made in (valuer(less, models), valuer(whole, models))
    )
    np.testing.assert_array_equal(found.mean, unknown.mean)


def test_the_order_in_which_customers_are_scored_changes_no_bit():
    given, seen = catalogue(), deliveries()
    models = fit(given, seen, [effect("upgrade", 1.8, 0.5, seen)], NOW, "EUR")
    made = valuer(given, models)
    ages, cities = [20, None, 33, 59, 1e200], ["Bonn", "Oslo", None, "Rome", "Rome"]
    together = everywhere(made, models.encoder.transform({"age": ages, "city": cities}, 5))
    assert np.isfinite(together.mean).all()
    for row in range(5):
        alone = everywhere(made, models.encoder.transform({"age": [ages[row]], "city": [cities[row]]}, 1))
        assert alone.mean.tobytes() == together.mean[row].tobytes()
        assert alone.sd.tobytes() == together.sd[row].tobytes()


def test_only_wanted_scores_are_made_and_they_are_the_same_ones():
    given = catalogue()
    models = fit(given, deliveries(), [], NOW, "EUR")
    made = valuer(given, models)
    design = models.encoder.transform({"age": [20, 50, 60], "city": ["Rome", None, "Bonn"]}, 3)
    wanted = np.random.default_rng(0).random((3, 4)) < 0.5
    some, every = made.score(design, wanted), everywhere(made, design)
    np.testing.assert_array_equal(some.mean, np.where(wanted, every.mean, np.nan))
    np.testing.assert_array_equal(some.sd, np.where(wanted, every.sd, np.nan))


def test_a_snapshot_survives_being_kept_and_is_named_by_its_content():
    given, seen = catalogue(), deliveries()
    models = fit(given, seen, [effect("upgrade", 1.8, 0.5, seen)], NOW, "EUR")
    kept = decode(encode(models))
    assert (kept, kept.version) == (models, models.version)
    again = fit(given, seen, [effect("upgrade", 1.8, 0.5, seen)], NOW, "EUR")
    assert encode(again) == encode(models)
    assert fit(given, deliveries(seed=1), [], NOW, "EUR").version != models.version


def test_nothing_delivered_teaches_nothing():
    given = catalogue()
    nothing = deliveries(count=0)
    models = fit(given, nothing, [], NOW, "EUR")
    assert models.margins is None
    assert models.effects == []
    found, _ = scores(given, models)
    unknown = everywhere(valuer(given, fresh(given)), np.ones((1, 1)))
    np.testing.assert_allclose(found.mean, unknown.mean, rtol=1e-12)


def test_a_window_that_lost_money_counts_as_a_response_worth_nothing():
    given = catalogue()
    seen = deliveries()
    lost = msgspec.structs.replace(seen, margin=-seen.margin)
    assert fit(given, lost, [], NOW, "EUR").margins is None


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("customer.agee", "number", "features.age is to be a number: .*agee"),
        ("customer.city", "number", "features.age is to be a number"),
        ("customer.age + 1", "number", "has to be one fact"),
        ("customer.age", "category", "features.age is to be a category"),
        ("orders(1000)", "number", "days is 1000"),
    ],
)
def test_a_feature_that_is_no_fact_of_its_kind_is_named(value, kind, message):
    given = catalogue(**{"{value: customer.age, kind: number}": f"{{value: {value}, kind: {kind}}}"})
    with pytest.raises(CatalogueError, match=f"(?s){message}"):
        FeatureReader(given, "EUR")


def test_features_are_answered_in_the_order_of_situations():
    reader = FeatureReader(catalogue(), "EUR")
    here = Situation(EMPTY, NOW, "home", "web")
    assert reader.values([here, here]) == {"age": [None, None], "city": [None, None]}
    assert reader.kinds == {"age": "number", "city": "category"}
