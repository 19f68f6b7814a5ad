import msgspec
import numpy as np
import pytest

from cvo.actions.read import parse_catalogue
from cvo.core.evidence import Grade
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.encoder import WIDEST
from cvo.valuation.fit import Deliveries, fit
from cvo.valuation.fit_uplift import Draws, fit_uplift
from cvo.valuation.models import decode, encode
from cvo.valuation.score import Valuer
from tests.data.company import NOW, TEXT, catalogue

AGES = np.array([20.0, 60.0])
ACTIONS = ["accessory", "callback", "upgrade", "winter"]
UP = ACTIONS.index("upgrade")


def trial(count=6_000, *, young=4.0, old=-2.0, seed=0, response=0.3):
    """A trial of `upgrade`: what it causes depends on age, who responds to it does not."""
    rng = np.random.default_rng(seed)
    age = rng.choice(AGES, count)
    got = rng.random(count) < 0.4
    caused = np.where(age == AGES[0], young, old)
    margin = 10 + age / 10 + got * caused + rng.normal(0, 5, count)
    values = {"age": age.tolist(), "city": [None] * count}
    half, weight = rng.integers(2, size=count), np.ones(count)
    responded = rng.random(count) < response
    seen = np.flatnonzero(got)
    deliveries = Deliveries(
        values={name: [each[row] for row in seen] for name, each in values.items()},
        actions=["upgrade"] * len(seen),
        responded=responded[seen],
        margin=np.full(len(seen), 10.0),
        half=half[seen],
        weight=weight[seen],
        creatives=[""] * len(seen),
    )
    chances = np.zeros((count, 5))
    chances[:, UP], chances[:, -1] = 0.4, 0.6
    delivered = np.where(got, UP, 4)
    draws = Draws(values, ACTIONS, delivered, chances, margin, half, weight)
    return deliveries, draws


def learned(deliveries, draws):
    return fit(catalogue(), deliveries, [], NOW, "EUR", draws=draws)


def scored(models, ages=AGES):
    design = models.encoder.transform({"age": list(ages), "city": [None] * len(ages)}, len(ages))
    made = Valuer(catalogue(), models, "EUR")
    return made, made.score(design, np.ones((len(ages), 4), dtype=bool))


def test_what_is_caused_is_found_for_each_customer_though_all_respond_alike():
    deliveries, draws = trial()
    made, found = scored(learned(deliveries, draws))
    assert found.uplift[0, UP] == pytest.approx(4.0, abs=0.5)
    assert found.uplift[1, UP] == pytest.approx(-2.0, abs=0.5)
    assert np.abs(found.uplift[:, UP] - [4.0, -2.0]).max() < 3 * found.sd[:, UP].max()
    assert made.grades[UP] is Grade.MEASURED
    one_kappa = scored(learned(deliveries, None))[1].uplift[:, UP]
    assert one_kappa[0] == pytest.approx(one_kappa[1], rel=0.2)


def test_a_score_is_the_product_of_what_is_shown_of_it():
    _, found = scored(learned(*trial()), [20.0, 33.0, 60.0])
    product = found.response_probability * found.margin_per_response * found.incrementality
    np.testing.assert_allclose(product, found.uplift, rtol=1e-12)
    np.testing.assert_allclose(found.mean, found.uplift - found.cost)


def test_without_a_draw_uplift_is_kappa_times_p_times_m_to_the_bit():
    deliveries, draws = trial()
    never = np.zeros_like(draws.probabilities)
    never[:, -1] = 1.0
    nobody = msgspec.structs.replace(draws, delivered=np.full(len(draws.margin), 4), probabilities=never)
    with_rows, without = learned(deliveries, nobody), learned(deliveries, None)
    assert with_rows.uplift is None
    assert encode(with_rows) == encode(without)
    np.testing.assert_array_equal(scored(with_rows)[1].mean, scored(without)[1].mean)


def test_an_action_without_draws_borrows_from_those_that_had_some_and_says_so():
    deliveries, draws = trial()
    made, found = scored(learned(deliveries, draws))
    accessory = ACTIONS.index("accessory")
    assert made.grades[accessory] in {Grade.OBSERVATIONAL, Grade.ASSUMED}
    assert found.sd[0, accessory] > found.sd[0, UP]


def test_a_customer_s_own_outcome_is_no_evidence_of_what_an_action_causes():
    """Few responders, nothing caused: a p·m that remembers its own rows would find the responders' margin caused."""
    worths = []
    for seed in range(12):
        deliveries, draws = trial(1_500, young=0.0, old=0.0, seed=seed, response=0.04)
        got = draws.delivered == UP
        # Who responds has brought more, whoever got what.
        lucky = np.random.default_rng(seed).random(len(got)) < 0.04
        margin = draws.margin + 30 * lucky
        draws = msgspec.structs.replace(draws, margin=margin)
        deliveries = msgspec.structs.replace(deliveries, responded=lucky[got], margin=margin[got])
        worths.append(scored(learned(deliveries, draws))[1].uplift[:, UP].mean())
    assert abs(np.mean(worths)) < 3 * np.std(worths) / np.sqrt(len(worths)) + 0.1


def test_scores_are_the_same_bits_alone_and_together_and_after_being_kept():
    models = learned(*trial())
    assert decode(encode(models)) == models
    assert encode(learned(*trial())) == encode(models)
    ages = [20.0, 31.0, 60.0, 1e9]
    _, together = scored(models, ages)
    for row, age in enumerate(ages):
        _, alone = scored(models, [age])
        assert alone.mean[0].tobytes() == together.mean[row].tobytes()
        assert alone.sd[0].tobytes() == together.sd[row].tobytes()


def test_two_actions_drawn_together_are_told_apart():
    rng = np.random.default_rng(3)
    count, chances = 8_000, np.tile([0.45, 0.0, 0.45, 0.0, 0.10], (8_000, 1))
    delivered = rng.choice(5, count, p=chances[0])
    caused = np.array([3.0, 0.0, 1.0, 0.0, 0.0])
    margin = 5 + caused[delivered] + rng.normal(0, 3, count)
    deliveries, draws = trial(count)
    draws = msgspec.structs.replace(draws, delivered=delivered, probabilities=chances, margin=margin)
    _, found = scored(learned(deliveries, draws))
    assert found.uplift[:, 0] == pytest.approx([3.0, 3.0], abs=0.5)
    assert found.uplift[:, UP] == pytest.approx([1.0, 1.0], abs=0.5)


def test_with_very_many_columns_an_action_departs_by_one_number():
    given = catalogue()
    deliveries, draws = trial()
    models = learned(deliveries, draws)
    wide = msgspec.structs.replace(
        models.encoder,
        numbers=["age"] * (WIDEST + 1),
        scaler=msgspec.structs.replace(
            models.encoder.scaler,
            **{
                name: type(stored).of(np.tile(stored.read(), WIDEST + 1))
                for name, stored in msgspec.structs.asdict(models.encoder.scaler).items()
            },
        ),
    )
    kappa = assumptions_of(given)["incrementality"]
    uplift = fit_uplift(given, wide, draws, np.full((len(draws.margin), 4), 3.0), kappa)
    assert uplift.weights.features == 2


def test_what_weighs_less_teaches_less():
    deliveries, draws = trial()
    faint = msgspec.structs.replace(draws, weight=draws.weight * 0.01)
    _, found = scored(learned(deliveries, faint))
    _, full = scored(learned(deliveries, draws))
    assert found.sd[0, UP] > 2 * full.sd[0, UP]


def test_a_snapshot_is_read_as_it_was_pooled_and_pooled_anew_for_another_catalogue(monkeypatch):
    deliveries, draws = trial(1_000)
    models = fit(catalogue(), deliveries, [], NOW, "EUR", draws=draws)
    design = models.encoder.transform({"age": [20, 60], "city": [None] * 2}, 2)
    moved = parse_catalogue(TEXT.replace("team: care, stage: serve", "team: sales, stage: serve"))
    wanted = np.ones((2, 4), dtype=bool)
    other = Valuer(moved, models, "EUR").score(design, wanted)
    callback = catalogue().action_ids.index("callback")

    def never(*_arguments):
        raise AssertionError("pooled again")

    monkeypatch.setattr("cvo.valuation.score.pooled", never)
    monkeypatch.setattr("cvo.valuation.uplift.pooled", never)
    same = Valuer(catalogue(), models, "EUR").score(design, wanted)
    assert (other.response_probability[:, callback] > same.response_probability[:, callback]).all()
