"""What pdstools itself reads out of our files is what our own log says."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
from pdstools.decision_analyzer.DecisionAnalyzer import DecisionAnalyzer
from pdstools.decision_analyzer.stage_grouping import NBAD_PIPELINE
from pdstools.ih.IH import IH
from pdstools.impactanalyzer.ImpactAnalyzer import ImpactAnalyzer

from cvo.actions.conditions import TIERS
from cvo.app.apply import apply
from cvo.app.company import Company
from cvo.app.export import ACTIONS, EXPLANATIONS, HISTORY, PROGRAMME, export_pdstools
from cvo.app.ingest import ingest
from cvo.app.value import Question, value
from cvo.connectors.pdstools import files
from cvo.connectors.pdstools.explanations import STAGES
from cvo.core.clock import DAY, FixedClock, Instant
from cvo.core.errors import InvalidInput
from cvo.decisions.decision import Arm
from cvo.events.event import Delivery
from tests.data.company import NOW
from tests.data.folder import ONE_MAIL, OWNER, decide_for, make, message, ordered, recorded, running, track

TWO_ACTIONS = (
    ONE_MAIL.replace(
        "traits:",
        """  adults:
    {team: care, stage: retain, status: live, name: Adults, contact_cost: 0.10, value: 20, response: order,
     window_days: 14, eligible: ["customer.age >= 18"], creatives: {letter: {placement: newsletter}}}
traits:""",
    )
    .replace("consent: none", "consent: opt-out")
    .replace("{sales: {name: Sales}}", "{sales: {name: Sales}, care: {name: Care}}")
)
CUSTOMERS = 600


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return the folder of an export, what it said, and the decisions in it."""
    folder = tmp_path_factory.mktemp("pdstools")
    with running(folder / "company", NOW, TWO_ACTIONS, control_rate=0.2, withheld_rate=0.3) as company:
        rng, names = np.random.default_rng(1), [f"c{n}" for n in range(CUSTOMERS)]
        ages = (
            message("identify", who, NOW, f"age-{who}", traits={"age": n % 40}) for n, who in enumerate(names)
        )
        ingest(company, ages)
        made = decide_for(company, names)
        facts = []
        for decision in made:
            slot, later = decision.slots[0], Instant(NOW + DAY)
            if slot.delivery is Delivery.DELIVERED and rng.random() < 0.4:
                facts.append(
                    track(
                        decision.customer,
                        later,
                        f"k{decision.customer}",
                        "Action Clicked",
                        action=slot.chosen,
                    )
                )
            if rng.random() < 0.5:
                facts.append(ordered(decision.customer, later, 20.0))
        facts.append(track("walked-in", NOW, "p", "Action Presented", action="offer", placement="newsletter"))
        assert not ingest(company, facts).refused
        company.clock = FixedClock(Instant(NOW + 30 * DAY))
        found = export_pdstools(company, folder / "out", Question())
        report = value(company)
    return folder / "out", found, made, facts, report


def test_every_tier_of_rules_has_a_stage_in_the_pipeline():
    assert set(STAGES) >= set(TIERS)
    assert {stage.group for stage in STAGES.values()} <= set(NBAD_PIPELINE)
    orders = [stage.order for stage in STAGES.values()]
    assert orders == sorted(orders)


def test_interaction_history_counts_what_was_delivered_and_answered(exported):
    folder, found, made, facts, _ = exported
    history = IH.from_ds_export(folder / HISTORY)
    delivered = [decision for decision in made if decision.slots[0].delivery is Delivery.DELIVERED]
    clicks = [fact for fact in facts if fact.get("event") == "Action Clicked"]
    outcomes = dict(history.aggregates.summary_outcomes().collect().iter_rows())
    assert outcomes == {"Impression": len(delivered) + 1, "Clicked": len(clicks)}
    assert found.rows[HISTORY] == sum(outcomes.values())
    rates = history.aggregates.summary_success_rates(by=["Name", "Direction"]).collect()
    assert set(rates["Direction"]) == {"Outbound"}
    by_action = Counter(decision.slots[0].chosen for decision in delivered) + Counter(offer=1)
    clicked = Counter(fact["properties"]["action"] for fact in clicks)
    for row in rates.iter_rows(named=True):
        assert row["Positives_Engagement"] == clicked[row["Name"]] > 0
        assert row["SuccessRate_Engagement"] == pytest.approx(clicked[row["Name"]] / by_action[row["Name"]])


def test_history_carries_the_response_probability_and_the_policys_apart(exported):
    folder, _, made, _, _ = exported
    rows = pl.read_parquet(folder / HISTORY).filter(pl.col("pyOutcome") == "Impression")
    ours = {decision.decision_id: decision for decision in made}
    for row in rows.iter_rows(named=True):
        if row["pySubjectID"] == "walked-in":
            assert row["pyPropensity"] is row["cvoPropensity"] is None
            continue
        decision = ours[row["pxInteractionID"]]
        terms = decision.scored.terms()[row["pyName"]]
        assert row["pyPropensity"] == terms.response_probability
        assert row["cvoPropensity"] == decision.slots[0].propensity


def test_the_decision_analyzer_shows_where_each_action_fell_out(exported):
    folder, found, made, _, _ = exported
    analyzer = DecisionAnalyzer.from_decision_analyzer(folder / EXPLANATIONS, level="Stage")
    assert (analyzer.extract_type, analyzer.validation_error) == ("decision_analyzer", None)
    assert analyzer.overview_stats["Decisions"] == analyzer.overview_stats["Customers"] == CUSTOMERS
    assert found.rows[EXPLANATIONS] == 2 * CUSTOMERS
    _, _, filtered = analyzer.aggregates.get_funnel_data("Action")
    seen = {
        (row["Stage"], row["Action"]): row["action_occurrences"] for row in filtered.iter_rows(named=True)
    }
    ours: Counter[tuple[str, str]] = Counter()
    for decision in made:
        slot = decision.slots[0]
        for action in ("offer", "adults"):
            if action in decision.refused:
                ours["eligible", action] += 1
            elif decision.arm is Arm.CONTROL:
                ours["not in control", action] += 1
            elif slot.chosen != action:
                ours["worth it" if decision.scored.terms()[action].score <= 0 else "chosen", action] += 1
            elif slot.delivery is Delivery.WITHHELD:
                ours["delivered", action] += 1
    assert {stage for stage, _ in ours} >= {"eligible", "not in control", "chosen", "delivered"}
    assert seen == ours
    stopped = analyzer.decision_data.filter(pl.col("Stage") == "eligible").collect()
    assert set(stopped["Component Name"]) == {"customer.age >= 18"}


def test_the_impact_analyzer_holds_our_own_comparisons_and_none_that_was_not_made(exported):
    folder, found, _, _, report = exported
    actions = ImpactAnalyzer.from_vbd(folder / ACTIONS)
    groups = actions.summarize_control_groups(by="Name").collect()
    assert set(groups["ControlGroup"]) == {"NBA", "Withheld"}
    assert {row["Name"] for row in groups.iter_rows(named=True)} == {"offer", "adults"}
    assert actions.summarize_experiments().collect()["CTR_Lift"].null_count() == 5
    programme = ImpactAnalyzer.from_vbd(folder / PROGRAMME).summarize_control_groups().collect()
    arms = {row["ControlGroup"]: row for row in programme.iter_rows(named=True)}
    for ours, theirs in (("treated", "NBA"), ("control", "ControlGroup")):
        size = report.headline.arms[ours]
        assert (arms[theirs]["Impressions"], arms[theirs]["Accepts"]) == (size.customers, size.buyers)
    assert found.left_out == {}


def test_a_trial_by_lot_is_left_out_with_the_reason(tmp_path):
    with running(tmp_path / "company", NOW) as company:
        half = {"offer": 0.5, "": 0.5}
        ingest(company, [recorded(f"c{n}", NOW, "offer" if n % 2 else None, half) for n in range(20)])
        company.clock = FixedClock(Instant(NOW + 30 * DAY))
        found = export_pdstools(company, tmp_path / "out", Question())
    assert found.rows == {HISTORY: 10, EXPLANATIONS: 0, ACTIONS: 0, PROGRAMME: 0}
    assert set(found.left_out) == {"offer", "programme"}
    assert "withheld" in found.left_out["offer"]
    assert pl.read_parquet(tmp_path / "out" / HISTORY)["pyPropensity"].null_count() == 10


def test_counts_that_would_need_weights_are_left_out_with_the_reason(tmp_path):
    """Two shares in control, two chances of being withheld: half of the customers under each."""
    folder, text = (
        tmp_path / "company",
        TWO_ACTIONS.replace('["customer.age >= 18"]', '["customer.age >= 99"]'),
    )
    for number, (control, withheld) in enumerate(((0.2, 0.3), (0.5, 0.6))):
        make(folder, text, control_rate=control, withheld_rate=withheld)
        with Company.open(folder, clock=FixedClock(Instant(NOW + number * DAY))) as company:
            apply(company, OWNER, approve=True)
            decide_for(company, [f"{'ab'[number]}{n}" for n in range(600)])
            company.clock = FixedClock(Instant(NOW + 30 * DAY))
            found = export_pdstools(company, tmp_path / "out", Question())
        if number == 0:
            assert found.left_out == {}
            assert found.rows[PROGRAMME] == 4
    assert (found.rows[ACTIONS], found.rows[PROGRAMME]) == (0, 0)
    assert "different chances" in found.left_out["offer"]
    assert "share of customers in control was changed" in found.left_out["programme"]


def test_a_period_and_channels_are_kept_to(tmp_path):
    with running(tmp_path / "company", NOW, TWO_ACTIONS) as company:
        decide_for(company, ["early"])
        company.clock = FixedClock(Instant(NOW + 5 * DAY))
        decide_for(company, ["late"])
        late = Question(since=Instant(NOW + DAY))
        export_pdstools(company, tmp_path / "out", late, inbound=["email"])
        with pytest.raises(InvalidInput, match=r"no channel 'sms'.*email"):
            export_pdstools(company, tmp_path / "out", late, inbound=["sms"])
    rows = pl.read_parquet(tmp_path / "out" / EXPLANATIONS)
    assert set(rows["Primary_pySubjectID"]) == {"late"}
    assert set(rows["Primary_ContainerPayload_Direction"]) == {"Inbound"}


def test_files_are_written_batch_by_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_ROWS", 10)
    asked = []

    def rows():
        for number in range(35):
            asked.append(number)
            yield (number, str(number))

    schema = pl.Schema({"n": pl.Int64(), "s": pl.String()})
    assert files.write_rows(tmp_path / "f.parquet", rows(), schema) == 35
    assert pl.read_parquet(tmp_path / "f.parquet")["n"].to_list() == asked == list(range(35))
    assert [file.name for file in tmp_path.iterdir()] == ["f.parquet"]
