import msgspec
import numpy as np
import pytest

from cvo.simulate import Kind, at_random, load_scenario, make_world, observe, run


def seen_and_true(world, weeks):
    """Return per kind: distinct reports, duplicates, delays in hours, and how many there were to report."""
    found = {kind: [0, 0, [], 0] for kind in Kind}
    for _, step in run(world, at_random, weeks):
        contacts, orders = step.contacts, step.orders
        true = {
            Kind.IMPRESSION: contacts.seen.sum(),
            Kind.CLICK: contacts.clicked.sum(),
            Kind.ACCEPTANCE: contacts.accepted.sum(),
            Kind.COMPLAINT: contacts.complained.sum(),
            Kind.ORDER: len(orders.customer),
            Kind.REFUND: orders.refunded.sum(),
            Kind.DEPARTURE: len(step.departed),
        }
        for kind, reports in observe(world, step).items():
            entry = found[kind]
            distinct = len(np.unique(reports.row))
            entry[0] += distinct
            entry[1] += len(reports.row) - distinct
            entry[2] += ((reports.reported_at_days - reports.at_days) * 24).tolist()
            entry[3] += true[kind]
    return found


def test_reports_are_lost_doubled_and_late_as_told():
    scenario = load_scenario("retail")
    touchy = msgspec.structs.replace(scenario.reaction, complaint_rate=0.5)
    scenario = msgspec.structs.replace(scenario, reaction=touchy)
    found = seen_and_true(make_world(scenario, 4_000, seed=2), weeks=12)
    for kind, (distinct, twice, late, true) in found.items():
        if kind is Kind.DEPARTURE:
            assert distinct == 0
            continue
        lost = scenario.observation.dropped_rate.get(kind.value, 0.0)
        assert true > 20
        assert abs(distinct - (1 - lost) * true) <= 4 * np.sqrt(true * lost)
        assert abs(twice - 0.02 * distinct) <= 4 * np.sqrt(0.02 * distinct)
        assert min(late) >= 0
    assert np.mean(found[Kind.ORDER][2]) == pytest.approx(2 + 0.02 * 2, rel=0.1)


def test_departures_show_only_under_a_contract():
    distinct, _, _, true = seen_and_true(make_world(load_scenario("subscription"), 2_000, seed=2), 8)[
        Kind.DEPARTURE
    ]
    assert distinct == true > 50


def test_what_follows_comes_after_what_it_follows():
    world = make_world(load_scenario("retail"), 3_000, seed=2)
    patient = msgspec.structs.replace(world.scenario.observation, dropped_rate={}, duplicated_rate=0.0)
    world = msgspec.structs.replace(
        world, scenario=msgspec.structs.replace(world.scenario, observation=patient)
    )
    for _, step in run(world, at_random, weeks=4):
        told = observe(world, step)
        at = {kind: dict(zip(r.row.tolist(), r.at_days.tolist(), strict=True)) for kind, r in told.items()}
        assert all(at[Kind.CLICK][row] > at[Kind.IMPRESSION][row] for row in at[Kind.CLICK])
        assert all(at[Kind.ACCEPTANCE][row] > at[Kind.CLICK][row] for row in at[Kind.ACCEPTANCE])
        assert all(at[Kind.REFUND][row] > at[Kind.ORDER][row] for row in at[Kind.REFUND])
        assert max(at[Kind.ACCEPTANCE].values(), default=0) < step.orders.at_days.min()
