import msgspec
import numpy as np
import pytest

from cvo.app.decide import decide
from cvo.app.ingest import ingest
from cvo.app.learn import learn, longest_window
from cvo.app.state import recorded as changes
from cvo.app.state import running_catalogue, running_models
from cvo.core.clock import DAY, HOUR, Instant
from cvo.core.errors import Conflict
from cvo.storage.unit_of_work import Change
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.encoder import NO_FEATURES
from cvo.valuation.models import decode, encode, untrained
from tests.data.company import NOW
from tests.data.folder import ONE_MAIL, OWNER, message, ordered, recorded, running, track

HALF = {"offer": 0.5, "": 0.5}


def trial(count, at, seed=0, rate=0.5, lift=0.3):
    """A trial of `offer` against nothing, in which a customer orders for 20."""
    rng = np.random.default_rng(seed)
    for n in range(count):
        who, got = f"c{seed}-{n}", rng.random() < 0.5
        yield message(
            "identify", who, Instant(at - DAY), f"t{who}", traits={"age": int(rng.integers(18, 80))}
        )
        yield recorded(who, Instant(at + n), "offer" if got else None, HALF)
        if rng.random() < rate + lift * got:
            yield ordered(who, Instant(at + 3 * DAY), 20)


@pytest.fixture
def company(tmp_path):
    with running(tmp_path, Instant(NOW + 14 * DAY)) as opened:
        yield opened


def test_the_same_log_gives_the_same_models_however_it_came_in(tmp_path):
    facts = list(trial(600, NOW))
    versions = []
    for number, order in enumerate((facts, facts[::-1], [*facts[300:], *facts, *facts[:50]])):
        with running(tmp_path / str(number), Instant(NOW + 15 * DAY)) as company:
            ingest(company, order)
            learned = learn(company, OWNER)
            versions.append(learned.models.version)
            assert encode(running_models(company.store, running_catalogue(company.store))) == encode(
                learned.models
            )
    assert len(set(versions)) == 1


def test_learning_again_from_the_same_changes_nothing(company):
    ingest(company, trial(300, NOW))
    first = learn(company, OWNER)
    again = learn(company, OWNER)
    assert again.models.version == first.models.version
    assert len(changes(company.store, "models")) == 1
    assert decode(company.store.kept(first.models.version)) == first.models


def test_only_windows_that_have_closed_teach(company):
    ingest(company, trial(300, NOW))
    company.clock.at = Instant(NOW + 14 * DAY - 1)
    assert learn(company, OWNER).deliveries == 0
    company.clock.at = Instant(NOW + 14 * DAY + 149)
    some = learn(company, OWNER)
    company.clock.at = Instant(NOW + 15 * DAY)
    everything = learn(company, OWNER)
    assert 50 < some.deliveries < 100 < everything.deliveries
    assert some.models.effects[0].standard_error > 1.2 * everything.models.effects[0].standard_error
    assert everything.responses > 60


def test_an_order_after_the_window_teaches_nothing(company):
    ingest(company, [recorded("c", NOW, "offer", HALF), ordered("c", Instant(NOW + 14 * DAY), 20)])
    company.clock.at = Instant(NOW + 30 * DAY)
    learned = learn(company, OWNER)
    assert (learned.deliveries, learned.responses) == (1, 0)


def test_what_happened_after_a_decision_is_not_in_the_features_it_is_learned_with(tmp_path):
    """Age is only told after the decision, and only by those who ordered: a leak would make it all of p."""
    with running(tmp_path, Instant(NOW + 20 * DAY)) as company:
        rng = np.random.default_rng(0)
        for n in range(400):
            facts = [recorded(f"c{n}", NOW, "offer", HALF)]
            if rng.random() < 0.5:
                late = Instant(NOW + HOUR)
                facts += [
                    message("identify", f"c{n}", late, f"t{n}", traits={"age": 60}),
                    ordered(f"c{n}", late, 20),
                ]
            ingest(company, facts)
        models = learn(company, OWNER).models
    position = models.encoder.names.index("age")
    assert models.response.mean.read()[0, position] == pytest.approx(0.0, abs=1e-12)
    assert not models.encoder.transform({"age": [60, 20]}, 2)[:, position].any()


def test_only_the_customers_picked_teach(company):
    ingest(company, trial(300, NOW))
    company.clock.at = Instant(NOW + 15 * DAY)
    everybody = learn(company, OWNER)
    half = learn(company, OWNER, lambda person_id: person_id[0] < 128)
    assert 0.3 < half.deliveries / everybody.deliveries < 0.7


def test_what_a_mail_caused_moves_its_incrementality_and_only_by_the_causal_join(company):
    ingest(company, trial(1_500, NOW))
    company.clock.at = Instant(NOW + 15 * DAY)
    (effect,) = learn(company, OWNER).models.effects
    # An order brings a margin of 10; a mail causes 0.3 of one and is followed by 0.8.
    assert effect.action == "offer"
    assert abs(effect.caused - 3.0) < 4 * effect.standard_error
    assert effect.predicted == pytest.approx(8.0, rel=0.1)


def test_what_is_caused_and_what_is_predicted_are_in_the_same_money_where_service_costs(company):
    facts = list(trial(1_500, NOW))
    got = [fact["userId"] for fact in facts if fact.get("properties", {}).get("action") == "offer"]
    facts += [track(who, Instant(NOW + DAY), f"call-{who}", "Call", service_cost=4) for who in got]
    ingest(company, facts)
    company.clock.at = Instant(NOW + 15 * DAY)
    (effect,) = learn(company, OWNER).models.effects
    assert abs(effect.caused - (3.0 - 4.0)) < 4 * effect.standard_error
    assert effect.predicted == pytest.approx(0.8 * (10.0 - 4.0), rel=0.1)


def test_where_everybody_brings_the_same_there_is_nothing_to_weigh_it_by(company):
    facts = []
    for n in range(400):
        facts += [
            recorded(f"c{n}", NOW, "offer" if n % 2 else None, HALF),
            ordered(f"c{n}", Instant(NOW + DAY), 20),
        ]
    ingest(company, facts)
    company.clock.at = Instant(NOW + 15 * DAY)
    learned = learn(company, OWNER)
    assert (learned.deliveries, learned.responses, learned.models.effects) == (200, 200, [])


def test_a_response_counts_as_the_catalogue_says(tmp_path):
    text = ONE_MAIL.replace("response: order", "response: clicked")
    with running(tmp_path, Instant(NOW + 20 * DAY), text) as company:
        ingest(
            company,
            [
                recorded("a", NOW, "offer", HALF),
                track("a", Instant(NOW + DAY), "m1", "Action Clicked", action="offer"),
                recorded("b", NOW, "offer", HALF),
                ordered("b", Instant(NOW + DAY), 20),
            ],
        )
        learned = learn(company, OWNER)
        assert (learned.deliveries, learned.responses) == (2, 1)


def test_the_longest_window_is_the_one_actions_are_compared_in(company):
    assert longest_window(running_catalogue(company.store)) == 14


def test_models_of_another_version_are_left_aside_until_they_are_learned_anew(company, caplog):
    ingest(company, trial(300, NOW))
    learned = learn(company, OWNER).models
    fields = msgspec.msgpack.decode(encode(learned))
    del fields["response"]["type"]
    earlier = msgspec.msgpack.encode(fields)
    with pytest.raises(Conflict, match="`cvo learn` makes them anew"):
        decode(earlier)
    with company.store.unit_of_work() as work:
        work.keep("earlier", earlier)
        work.record_change(Change("z" * 32, Instant(NOW), OWNER, "models", b"earlier"))
    catalogue = running_catalogue(company.store)
    with caplog.at_level("WARNING"):
        models = running_models(company.store, catalogue)
    assert models == untrained(catalogue, assumptions_of(catalogue), NO_FEATURES, Instant(0))
    assert "`cvo learn`" in caplog.text
    assert decide(company, "somebody", "newsletter").pins.models == models.version
