import msgspec
import numpy as np
import pytest

from cvo.actions.read import parse_catalogue
from cvo.core.clock import Instant
from cvo.learning import ResponseModel, SharedModel
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.attributes import attribute_rows, fit_attributes
from cvo.valuation.encoder import NO_FEATURES, WIDEST, fit_encoder
from cvo.valuation.fit import Deliveries, fit
from cvo.valuation.models import decode, encode, untrained
from cvo.valuation.score import Valuer
from tests.data.company import TEXT

NOW = Instant(0)
LOUD = """{u-home: {placement: home, parts: {headline: {content: Hi, attributes: {tone: loud}}}},
      u-mail: {placement: newsletter, parts: {headline: {content: Yo, attributes: {tone: loud}}}}}"""
GIVEN = TEXT.replace(
    "creatives: {u-home: {placement: home}, u-mail: {placement: newsletter}}", f"creatives: {LOUD}"
)
GIVEN = GIVEN.replace("name: Accessory,", "name: Accessory, attributes: {price: 30, gift: true},")
GIVEN = GIVEN.replace("name: Winter,", "name: Winter, attributes: {price: 10},")


def rows(text=GIVEN, actions=None, fitted=GIVEN):
    catalogue = parse_catalogue(text)
    encoder = fit_attributes(parse_catalogue(fitted))
    table = attribute_rows(encoder, catalogue, actions or catalogue.action_ids)
    return {
        action: dict(zip(encoder.names[1:], row, strict=True))
        for action, row in zip(actions or catalogue.action_ids, table, strict=True)
    }


def test_team_stage_channels_and_declared_attributes_are_columns():
    found = rows()
    assert found["upgrade"]["team=sales"] == found["accessory"]["team=sales"] == 1
    assert found["callback"]["stage=serve"] == 1
    assert found["accessory"]["attribute gift=true"] == 1
    assert found["accessory"]["attribute price"] == -found["winter"]["attribute price"] == 1
    assert found["upgrade"]["attribute price"] == 0, "what is not said is the prior"
    assert (found["upgrade"]["channel email=true"], found["callback"]["channel email=true"]) == (1, 0)
    assert found["upgrade"]["headline tone=loud"] == 1


def test_parts_that_differ_between_creatives_are_not_the_action_s():
    both = GIVEN.replace("tone: loud", "tone: calm", 1)
    assert rows(both, fitted=GIVEN)["upgrade"]["headline tone=loud"] == 0
    assert not [name for name in rows(both, fitted=both)["upgrade"] if name.startswith("headline")]


def test_a_value_met_later_is_in_no_column():
    new = GIVEN.replace("stage: serve", "stage: collect")
    assert sum(value for name, value in rows(new)["callback"].items() if name.startswith("stage")) == 0


def wide(count=3_000, seed=0):
    """A catalogue with more features than an action's own model takes, and deliveries that a team's kind explains."""
    names = [f"x{n}" for n in range(WIDEST + 6)]
    text = GIVEN.replace(
        "traits: {age: {type: number}, city: {type: string}}", "traits: {age: {type: number}}"
    )
    features = ", ".join(f"{name}: {{value: customer.age, kind: number}}" for name in names)
    text = (
        text[: text.index("features:")] + f"features: {{{features}}}\n" + text[text.index("assumptions:") :]
    )
    catalogue = parse_catalogue(text)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, len(names)))
    actions = rng.choice(["accessory", "callback"], count)
    rate = np.where(actions == "accessory", 0.3, 0.05)
    deliveries = Deliveries(
        values={name: x[:, n].tolist() for n, name in enumerate(names)},
        actions=actions.tolist(),
        responded=rng.random(count) < rate,
        margin=np.full(count, 10.0),
        half=np.arange(count) % 2,
        weight=np.ones(count),
        creatives=[""] * count,
    )
    return catalogue, deliveries, x


def test_beyond_so_many_columns_actions_share_a_model():
    catalogue, deliveries, x = wide()
    models = fit(catalogue, deliveries, [], NOW, "EUR")
    assert isinstance(models.response, SharedModel)
    assert decode(encode(models)) == models
    valuer = Valuer(catalogue, models, "EUR")
    design = models.encoder.transform({f"x{n}": x[:, n].tolist() for n in range(x.shape[1])}, len(x))
    found = valuer.score(design, np.ones((len(x), 4), dtype=bool)).response_probability.mean(axis=0)
    by_name = dict(zip(valuer.actions, found, strict=True))
    assert by_name["accessory"] == pytest.approx(0.3, abs=0.03)
    assert by_name["callback"] == pytest.approx(0.05, abs=0.02)
    # Never delivered, of the accessory's team and stage: it starts from what those are worth.
    assert by_name["upgrade"] > 2 * by_name["callback"]


def test_an_untrained_shared_model_assumes_what_an_own_one_does():
    catalogue, deliveries, _ = wide()
    encoder = fit_encoder(dict.fromkeys(deliveries.values, "number"), deliveries.values)
    models = untrained(catalogue, assumptions_of(catalogue), encoder, NOW)
    found = Valuer(catalogue, models, "EUR").attributed(encoder.transform({}, 1))[0] / [5, 40, 30, 9]
    narrow = untrained(catalogue, assumptions_of(catalogue), NO_FEATURES, NOW)
    assert isinstance(narrow.response, ResponseModel)
    own = Valuer(catalogue, narrow, "EUR").attributed(np.ones((1, 1)))[0] / [5, 40, 30, 9]
    np.testing.assert_allclose(found, own, rtol=0.25)


def test_models_of_a_wide_company_outlive_a_change_of_its_catalogue():
    catalogue, deliveries, x = wide()
    models = fit(catalogue, deliveries, [], NOW, "EUR")
    less = msgspec.structs.replace(
        catalogue, actions={key: each for key, each in catalogue.actions.items() if key != "accessory"}
    )
    extra = msgspec.structs.replace(
        less, actions={**less.actions, "zest": msgspec.structs.replace(less.actions["upgrade"], name="Zest")}
    )
    design = models.encoder.transform({f"x{n}": x[:5, n].tolist() for n in range(x.shape[1])}, 5)
    before, after = (Valuer(each, models, "EUR") for each in (catalogue, extra))
    scores = [
        made.score(design, np.ones((5, 4), dtype=bool)).response_probability for made in (before, after)
    ]
    assert after.actions == ("callback", "upgrade", "winter", "zest")
    np.testing.assert_allclose(scores[0][:, before.actions.index("callback")], scores[1][:, 0], rtol=1e-12)
    np.testing.assert_allclose(scores[1][:, 1], scores[1][:, 3], rtol=0.2)
