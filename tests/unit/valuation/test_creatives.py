import msgspec
import numpy as np
import pytest

from cvo.actions.read import parse_catalogue
from cvo.learning import fold
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.creatives import CreativeScorer, untrained_creatives
from cvo.valuation.encoder import NO_FEATURES, fit_encoder
from cvo.valuation.fit import Deliveries, fit
from cvo.valuation.models import decode, encode
from tests.data.company import NOW

SIZE = 10
PARTS = ("headline", "image", "body")


def catalogue(size=SIZE, *, extra=""):
    """An action with every combination of parts, whose headlines are warm or cool."""
    creatives = []
    for n in range(size ** len(PARTS)):
        digits = [n // size**place % size for place in range(len(PARTS))]
        parts = ", ".join(
            f"{part}: {{content: {part} {digit}, attributes: {{tone: {'warm' if digit % 2 else 'cool'}}}}}"
            for part, digit in zip(PARTS, digits, strict=True)
        )
        creatives.append(f"c{n:04}: {{placement: home, parts: {{{parts}}}}}")
    return parse_catalogue(
        "teams: {t: {name: T}}\nchannels: {web: {consent: none}}\nplacements: {home: {channel: web}}\n"
        "actions:\n  offer: {team: t, stage: grow, status: live, name: O, contact_cost: 0, value: 10, "
        f"creatives: {{{', '.join(creatives)}{extra}}}}}\n"
        "traits: {age: {type: number}}\nfeatures: {age: {value: customer.age, kind: number}}\n"
        "assumptions: {margin_rate: {value: 1, because: t}}\n"
    )


def deliveries(count, size=SIZE, seed=0):
    """Creatives shown evenly; the old like warm headlines, the young cool ones; every image has a worth of its own."""
    rng = np.random.default_rng(seed)
    age = rng.choice([20.0, 60.0], count)
    shown = rng.integers(size ** len(PARTS), size=count)
    rate = 1 / (1 + np.exp(-truth(age, shown, size)))
    responded = rng.random(count) < rate
    return Deliveries(
        values={"age": age.tolist()},
        actions=["offer"] * count,
        responded=responded,
        margin=10.0 * responded,
        half=np.arange(count) % 2,
        weight=np.ones(count),
        creatives=[f"c{n:04}" for n in shown],
    )


def truth(age, shown, size=SIZE):
    warm = np.where(shown % size % 2, 1.0, -1.0)
    image = np.linspace(-0.6, 0.6, size)[shown // size % size]
    return -1.5 + 0.8 * warm * np.where(age == 60, 1.0, -1.0) + image


def learned(count=8_000, size=SIZE):
    given = catalogue(size)
    return given, fit(given, deliveries(count, size), [], NOW, "EUR")


def compared(given, models, ages=(20.0, 60.0)):
    keys = sorted(given.actions["offer"].creatives)
    scorer = CreativeScorer(given, models.creatives, [("offer", key) for key in keys])
    return scorer(models.encoder.transform({"age": list(ages)}, len(ages)))


def test_a_thousand_creatives_are_learned_from_what_their_parts_say_to_whom():
    given, models = learned()
    mean, variance = compared(given, models)
    assert models.creatives.weights.actions == SIZE**3
    assert models.creatives.weights.attributes.shape[1] < 50, "parts, not combinations"
    for row, age in enumerate((20.0, 60.0)):
        wanted = truth(np.array(age), np.arange(SIZE**3))
        assert np.corrcoef(mean[row], wanted)[0, 1] > 0.9
        # Eight shown each on average: no creative alone could be told from another.
        assert wanted[mean[row].argmax()] > np.quantile(wanted, 0.95)
    assert (variance > 0).all()


def test_what_is_compared_is_the_difference_from_the_average_of_those_to_choose_from():
    given, models = learned(2_000, 3)
    mean, _ = compared(given, models)
    levels = models.creatives.weights.intercepts.read().mean()
    np.testing.assert_allclose(mean.mean(axis=1), levels, atol=1e-12)


def test_a_new_creative_of_known_parts_is_compared_at_once():
    part = "headline: {content: headline 1, attributes: {tone: warm}}, image: {content: image 9}"
    _, models = learned()
    wider = catalogue(extra=f", new: {{placement: home, parts: {{{part}}}}}")
    mean, variance = compared(wider, models)
    young, old = mean[:, -1]
    assert old - young > 0.8
    assert (variance[:, -1] > np.median(variance[:, :-1], axis=1)).all()


def test_without_a_choice_there_is_no_model():
    given = catalogue(1)
    rate = assumptions_of(given)["response_probability"]
    assert untrained_creatives(given, rate, NO_FEATURES) is None
    assert fit(given, deliveries(50, 1), [], NOW, "EUR").creatives is None


def test_deliveries_that_do_not_say_what_was_shown_teach_nothing_about_creatives():
    given = catalogue(3)
    silent = msgspec.structs.replace(deliveries(200, 3), creatives=[""] * 200)
    models = fit(given, silent, [], NOW, "EUR")
    assert models.creatives.weights.weight.read().sum() == 0
    assert models.response.weight.read().sum() == 200


def test_a_snapshot_with_creatives_survives_being_kept():
    _, models = learned(500, 3)
    assert decode(encode(models)) == models


def test_the_same_bits_alone_and_together():
    given, models = learned(2_000, 3)
    together = compared(given, models, [20.0, 33.0, 60.0])
    for row, age in enumerate([20.0, 33.0, 60.0]):
        alone = compared(given, models, [age])
        assert alone[0][0].tobytes() == together[0][row].tobytes()
        assert alone[1][0].tobytes() == together[1][row].tobytes()


def test_beyond_so_many_columns_creatives_are_compared_for_all_alike():
    given = catalogue(2)
    values = {f"x{n}": [0.0, 1.0] for n in range(80)}
    encoder = fit_encoder(dict.fromkeys(values, "number"), values)
    model = untrained_creatives(given, assumptions_of(given)["response_probability"], encoder)
    assert model.weights.features == 1
    assert fold(model.weights, np.ones((1, 1)), [0], [1.0]).weight.read()[0] == pytest.approx(1.0)
