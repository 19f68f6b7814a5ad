"""What a lever cost and an action brought, told by the log, in companies whose customers' answers are known."""

import numpy as np
import pytest

from cvo.app.apply import apply
from cvo.app.company import Company
from cvo.app.ingest import ingest
from cvo.app.what_if import displacement
from cvo.app.what_if.candidate import without_action, without_entry
from cvo.app.what_if.log import read_log
from cvo.app.what_if.reach import answers, contact_costs, snapshots
from cvo.core.clock import FixedClock, parse_rfc3339
from cvo.core.evidence import Estimate
from cvo.events.message import user
from cvo.inference import GuardRails

CATALOGUE = """
teams: {kitchen: {name: Kitchen, lever_bound: 4}, garden: {name: Garden}}
channels: {email: {consent: opt-out}}
placements: {newsletter: {channel: email}}
actions:
  picnic:
    {team: kitchen, stage: grow, status: live, name: Picnic ideas, contact_cost: 0.5, value: 10,
     creatives: {picnic-mail: {placement: newsletter}}}
  roses:
    {team: garden, stage: grow, status: live, name: Roses, contact_cost: 0.2, value: 10,
     creatives: {roses-mail: {placement: newsletter}}}
levers:
  picnic-season:
    {team: kitchen, per: action, of: picnic, amount: 4, because: Food has been bought already.,
     starts_at: 2026-03-01T00:00:00Z, ends_at: 2026-04-01T00:00:00Z}
traits: {garden: {type: bool}, visits: {type: number}}
features:
  garden: {value: customer.garden, kind: category}
  visits: {value: customer.visits, kind: number}
assumptions: {margin_rate: {value: 0.5, because: tests}}
"""
SETTINGS = 'name = "Shop"\ncurrency = "EUR"\nseed = "levers"\nowners = ["ann"]\n[decisions]\nfloor = 0.3\n'
CUSTOMERS, BASKET, MARGIN_RATE = 2_400, 40.0, 0.5
ACTIONS = ("picnic", "roses")


def lived(folder, seed):
    """Make a company with one mailing at random: picnics put customers off, roses help who has a garden."""
    random = np.random.default_rng(seed)
    (folder / "catalogue").mkdir(parents=True)
    (folder / "company.toml").write_text(SETTINGS)
    (folder / "catalogue" / "shop.yaml").write_text(CATALOGUE)
    garden, visits = random.random(CUSTOMERS) < 0.5, random.poisson(3.0, CUSTOMERS)
    lift = np.stack([np.full(CUSTOMERS, -0.1), np.where(garden, 0.25, 0.02), np.zeros(CUSTOMERS)], axis=1)
    chances = np.stack([np.full(CUSTOMERS, 0.4), np.where(garden, 0.35, 0.25)], axis=1)
    chances = np.column_stack([chances, 1 - chances.sum(axis=1)])
    got = (random.random((CUSTOMERS, 1)) > chances.cumsum(axis=1)[:, :2]).sum(axis=1)
    bought = random.random(CUSTOMERS) < 0.12 + 0.04 * visits.clip(0, 8) + lift[np.arange(CUSTOMERS), got]
    effect = {user(f"c{n}").person_id("levers"): lift[n] * BASKET * MARGIN_RATE for n in range(CUSTOMERS)}
    messages = []
    for n in range(CUSTOMERS):
        drawn = dict(zip([*ACTIONS, ""], chances[n].tolist(), strict=True))
        choice = [*ACTIONS, ""][got[n]]
        messages += [
            _message(n, "identify", "2026-03-01", traits={"garden": bool(garden[n]), "visits": int(visits[n])}),
            _message(
                n, "track", "2026-03-02", event="Decision Recorded",
                properties={
                    "decisionId": f"d{n}", "placement": "newsletter", "action": choice or None,
                    "propensity": drawn[choice], "options": drawn,
                },
            ),
        ]  # fmt: skip
        if bought[n]:
            order = {"order_id": f"o{n}", "revenue": BASKET}
            messages.append(_message(n, "track", "2026-03-05", event="Order Completed", properties=order))
    clock = FixedClock(parse_rfc3339("2026-06-01T00:00:00Z"))
    with Company.open(folder, clock=clock) as company:
        apply(company, "ann", approve=True)
        assert ingest(company, messages).refused == {}
    return Company.open(folder, clock=clock, write=False), effect


def _message(number, kind, day, **rest):
    ids = {"userId": f"c{number}", "messageId": f"{kind}-{day}-{number}"}
    return {"type": kind, "timestamp": f"{day}T10:00:00Z", **ids, **rest}


def worth(company, effect):
    """Return a function that tells what a catalogue's probabilities truly bring, per 1,000 decisions."""
    log = read_log(company, ())
    models = snapshots(company, log)
    assert log.options == [*ACTIONS, ""]
    tau = np.array([effect[case.subject.person_id] for case in log.cases])

    def of(catalogue):
        net = tau - contact_costs(catalogue, log)
        probabilities = answers(log, catalogue, company.settings, models).probabilities
        return 1_000 * float((probabilities * net).sum(axis=1).mean())

    return of


def found_and_true(folder, seed):
    """Return what is told of the lever and both actions, each with the truth."""
    company, effect = lived(folder, seed)
    with company:
        # Companies are small to be many.
        found = displacement(company, rails=GuardRails(min_effective_sample_size=500))
        running, of = company.policy().catalogue, worth(company, effect)
        told = {each.name: each for each in [*found.levers, *found.actions]}
        true = {
            "picnic-season": of(running) - of(without_entry(running, "levers", "lever", "picnic-season")),
            **{action: of(running) - of(without_action(running, action)) for action in ACTIONS},
        }
        return told, true


def test_the_log_tells_what_a_lever_cost_and_what_an_action_took(told, tmp_path):
    found, true = found_and_true(tmp_path / "c", 2)
    lever, picnic, roses = (found[name] for name in ("picnic-season", "picnic", "roses"))
    assert true["picnic-season"] < -200
    assert true["roses"] > 0
    for each in (lever, picnic, roses):
        assert isinstance(each.value, Estimate), each
        error = abs(each.value.value - true[each.name]) / each.value.standard_error
        told(f"what {each.name} brought or cost: standard errors from the truth", error, at_most=3.5)
    assert lever.value.interval.high < 0
    assert lever.stands_out
    assert lever.took.keys() <= {"roses", ""}
    assert lever.took["roses"] > 0


@pytest.mark.slow
def test_the_cost_of_a_lever_is_covered_in_forty_companies(told, tmp_path):
    pairs = [found_and_true(tmp_path / f"{seed}", seed) for seed in range(40)]
    covered = sum(
        not found["picnic-season"].value.interval.excludes(true["picnic-season"]) for found, true in pairs
    )
    told("what a lever cost: intervals that cover", covered, at_least=34, of=40)
