"""What learning reads of the log for τ: chances and outcomes, never what claims to answer a decision."""

import numpy as np
import polars as pl
import pytest

from cvo.actions.read import parse_catalogue
from cvo.app.apply import apply
from cvo.app.company import Company
from cvo.app.draws import read_draws
from cvo.app.history import moments
from cvo.app.ingest import ingest
from cvo.app.learn import learn
from cvo.app.state import running_catalogue
from cvo.core.clock import DAY, FixedClock, Instant
from cvo.core.errors import InvalidInput
from cvo.ledger.draws import draws
from cvo.ledger.margin import margins
from cvo.ledger.tables import tabulate
from cvo.valuation.features import FeatureReader
from cvo.valuation.score import Valuer
from tests.data.company import NOW
from tests.data.folder import ONE_MAIL, OWNER, make, message, ordered, recorded, running, track

HALF = {"offer": 0.5, "": 0.5}
CLICKS = ONE_MAIL.replace("response: order", "response: clicked")


def trial(count=800, *, names=None, at=NOW, seed=0, works=True):
    """A trial of the offer, which makes the young buy and keeps the old from it; clicks may name a decision."""
    rng = np.random.default_rng(seed)
    for n in range(count):
        who, got, young = f"c{seed}-{n}", rng.random() < 0.5, rng.random() < 0.5
        yield message("identify", who, Instant(at - DAY), f"t{who}", traits={"age": 20 if young else 60})
        yield recorded(who, Instant(at + n), "offer" if got else None, HALF, f"d{n}")
        if got and rng.random() < 0.5:
            named = {"decisionId": names.format(n)} if names else {}
            yield track(who, Instant(at + DAY), f"k{who}", "Action Clicked", action="offer", **named)
        if rng.random() < 0.5 + works * got * (0.3 if young else -0.3):
            yield ordered(who, Instant(at + 2 * DAY), 20)


def learned(folder, facts, day=30.0):
    with running(folder, Instant(NOW + int(day * DAY)), CLICKS) as company:
        assert not ingest(company, facts).refused
        return learn(company, OWNER), lots(company)


def lots(company):
    """Read the draws as learning does."""
    catalogue, facts = running_catalogue(company.store), list(company.store.events())
    tables = tabulate(facts, "EUR")
    found = draws(
        tables.decisions, margins(tables.orders, tables.refunds, 0.5), {"offer": 14}, company.clock.now()
    )
    situations = {(each.person_id, each.situation.at): each.situation for each in moments(facts)}
    keys = found.select("person_id", "at").rows()
    values = FeatureReader(catalogue, "EUR").values([situations[key] for key in keys])
    return read_draws(found, values, np.ones(found.height), catalogue, "EUR", days=14)


def same(one, other):
    names = [name for name in one.__struct_fields__ if name != "turns"]
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_no_decision_id_in_the_outcomes_reaches_what_is_learned_of_effects(tmp_path):
    named, drawn = learned(tmp_path / "named", trial(names="d{}"))
    blank, drawn_blank = learned(tmp_path / "blank", trial())
    assert named.models.uplift is not None
    assert blank.models.uplift == named.models.uplift
    # Ids of decisions never made take away every attributed response, and no draw moves for it.
    wrong, drawn_wrong = learned(tmp_path / "wrong", trial(names="another-{}"))
    assert (named.responses > 0, wrong.responses) == (True, 0)
    assert same(drawn, drawn_blank)
    assert same(drawn, drawn_wrong)
    assert not np.array_equal(named.models.response.mean.read(), wrong.models.response.mean.read())


def test_a_customer_for_whom_it_does_harm_is_told_from_one_for_whom_it_works(tmp_path):
    found, _ = learned(tmp_path, trial(2_000))
    with running(tmp_path / "empty", NOW, CLICKS) as company:
        valuer = Valuer(running_catalogue(company.store), found.models, "EUR")
    design = found.models.encoder.transform({"age": [20, 60]}, 2)
    young, old = valuer.score(design, np.ones((2, 1), dtype=bool)).uplift[:, 0]
    assert young == pytest.approx(3.0, abs=1.2)
    assert old == pytest.approx(-3.0, abs=1.2)


def test_an_order_that_came_late_is_learned_as_if_it_had_been_there(tmp_path):
    facts = list(trial())
    late = [fact for fact in facts if fact.get("event") == "Order Completed"][::3]
    with running(tmp_path / "late", Instant(NOW + 30 * DAY), CLICKS) as company:
        ingest(company, [fact for fact in facts if fact not in late])
        before = learn(company, OWNER)
        ingest(company, late)
        corrected = learn(company, OWNER)
    at_once, _ = learned(tmp_path / "at once", facts)
    assert before.models.uplift != corrected.models.uplift
    assert corrected.models.version == at_once.models.version


def forgetting(folder, half_life, facts):
    make(folder, CLICKS)
    with (folder / "company.toml").open("a", encoding="utf-8") as file:
        file.write(f"[learning]\nhalf_life_days = {half_life}\n")
    with Company.open(folder, clock=FixedClock(Instant(NOW + 400 * DAY))) as company:
        apply(company, OWNER, approve=True)
        ingest(company, facts)
        return learn(company, OWNER).models


def test_what_no_longer_works_is_forgotten_with_the_half_life_asked_for(tmp_path):
    facts = [*trial(1_500), *trial(1_500, at=Instant(NOW + 350 * DAY), seed=1, works=False)]

    def young_against_old(models):
        mean = models.uplift.weights.mean.read()
        rows = models.encoder.transform({"age": [20, 60]}, 2)
        young, old = rows @ mean[0, 1:]
        return young - old

    for_ever, month = (
        forgetting(tmp_path / name, days, facts) for name, days in (("ever", 0), ("month", 30))
    )
    assert young_against_old(for_ever) > 2.0, "half of the evidence says 6, half 0"
    assert abs(young_against_old(month)) < 1.5
    assert month.uplift.weights.weight.read().sum() < 0.3 * for_ever.uplift.weights.weight.read().sum()
    assert month.effects[0].standard_error > 1.5 * for_ever.effects[0].standard_error


@pytest.mark.parametrize("half_life", ["-1", "nan", "inf"])
def test_a_half_life_that_is_no_number_of_days_is_refused(tmp_path, half_life):
    make(tmp_path)
    with (tmp_path / "company.toml").open("a", encoding="utf-8") as file:
        file.write(f"[learning]\nhalf_life_days = {half_life}\n")
    with pytest.raises(InvalidInput, match=r"company.toml: .*half_life_days"):
        Company.open(tmp_path)


def test_an_action_that_the_catalogue_had_once_keeps_its_column():
    rows = pl.DataFrame(
        {
            "person_id": [b"a" * 16, b"b" * 16],
            "at": [int(NOW)] * 2,
            "delivered": ["gone", ""],
            "options": [["offer", "", "gone"]] * 2,
            "probabilities": [[0.3, 0.5, 0.2]] * 2,
            "margin_minor": [500, 0],
            "service_cost_minor": [0, 120],
            "closed": [True, False],
        }
    )
    lot = read_draws(rows, {"age": [None, None]}, np.ones(2), parse_catalogue(ONE_MAIL), "EUR", days=14)
    assert lot.actions == ["gone", "offer"]
    np.testing.assert_array_equal(lot.delivered, [0, 2])
    np.testing.assert_array_equal(lot.probabilities, [[0.2, 0.3, 0.5]] * 2)
    np.testing.assert_array_equal(lot.margin, [5.0, -1.2])
    np.testing.assert_array_equal(lot.weight, [1.0, 0.0])
