"""A change evaluated before exposure, in companies whose customers' answers to either choice are known."""

import numpy as np
import pytest

from cvo.app.apply import apply
from cvo.app.company import Company
from cvo.app.ingest import ingest
from cvo.app.what_if import read_candidate, what_if
from cvo.app.what_if.log import read_log
from cvo.app.what_if.reach import answers, contact_costs, snapshots
from cvo.core.clock import FixedClock, parse_rfc3339
from cvo.core.evidence import Estimate
from cvo.events.message import user
from cvo.inference import GuardRails

CATALOGUE = """
teams: {kitchen: {name: Kitchen}}
channels: {email: {consent: opt-out}}
placements: {newsletter: {channel: email}}
actions:
  picnic:
    {team: kitchen, stage: grow, status: live, name: Picnic ideas, contact_cost: 0.5, value: 10, RULE
     creatives: {picnic-mail: {placement: newsletter}}}
traits: {parent: {type: bool}, visits: {type: number}}
features:
  parent: {value: customer.parent, kind: category}
  visits: {value: customer.visits, kind: number}
assumptions: {margin_rate: {value: 0.5, because: tests}}
"""
# What runs learns by itself whom to leave alone; a high floor leaves the rule something to change.
SETTINGS = 'name = "Shop"\ncurrency = "EUR"\nseed = "what if"\nowners = ["ann"]\n[decisions]\nfloor = 0.6\n'
CUSTOMERS, BASKET, MARGIN_RATE = 2_200, 40.0, 0.5


def lived(folder, seed):
    """Make a company with one randomised mailing, which helps parents and puts the others off."""
    random = np.random.default_rng(seed)
    (folder / "catalogue").mkdir(parents=True)
    (folder / "proposed").mkdir()
    (folder / "company.toml").write_text(SETTINGS)
    (folder / "catalogue" / "shop.yaml").write_text(CATALOGUE.replace("RULE", ""))
    parents_only = CATALOGUE.replace("RULE", 'eligible: ["customer.parent == true"],')
    (folder / "proposed" / "shop.yaml").write_text(parents_only)
    parent, visits = random.random(CUSTOMERS) < 0.4, random.poisson(3.0, CUSTOMERS)
    chance = 0.2 + 0.1 * (visits / 3.0).clip(0, 2)
    got = random.random(CUSTOMERS) < chance
    lift = np.where(parent, 0.25, -0.12)
    bought = random.random(CUSTOMERS) < 0.1 + 0.05 * visits.clip(0, 8) + lift * got
    effect = {user(f"c{n}").person_id("what if"): lift[n] * BASKET * MARGIN_RATE for n in range(CUSTOMERS)}
    messages = []
    for n in range(CUSTOMERS):
        known = {"parent": bool(parent[n]), "visits": int(visits[n])}
        drawn = {"picnic": float(chance[n]), "": float(1 - chance[n])}
        choice = "picnic" if got[n] else ""
        messages += [
            _message(n, "identify", "2026-03-01", traits=known),
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


def true_difference(company, candidate, effect):
    """Return what the candidate's probabilities would cause more than those of what runs, per 1,000 decisions."""
    log = read_log(company, candidate.catalogue.actions)
    models = snapshots(company, log)
    tau = np.array([[effect[case.subject.person_id], 0.0] for case in log.cases])
    net = tau - contact_costs(candidate.running, log)
    policies = ((candidate.catalogue, candidate.settings), (candidate.running, company.config.settings))
    values = [
        (answers(log, catalogue, settings, models).probabilities * net).sum(axis=1).mean()
        for catalogue, settings in policies
    ]
    return 1_000 * (values[0] - values[1])


def found_and_true(folder, seed):
    company, effect = lived(folder, seed)
    with company:
        candidate = read_candidate(company, catalogue=folder / "proposed")
        # Companies are small to be many.
        found = what_if(company, candidate, rails=GuardRails(min_effective_sample_size=500))
        assert isinstance(found.difference, Estimate), found.difference
        return found, true_difference(company, candidate, effect)


def test_leaving_alone_whom_it_puts_off_is_worth_what_the_world_says(told, tmp_path):
    found, truth = found_and_true(tmp_path / "c", 1)
    assert truth > 300
    error = (found.difference.value - truth) / found.difference.standard_error
    told("a change evaluated on the log: standard errors from its truth", abs(error), at_most=3.5)
    segments = {part.name: part for part in found.segments if part.by == "parent"}
    assert segments["false"].stands_out
    assert segments["false"].difference.interval.low > 0
    assert segments["true"].difference.value == 0
    assert not segments["true"].stands_out


@pytest.mark.slow
def test_it_covers_in_a_hundred_companies(told, tmp_path):
    pairs = [found_and_true(tmp_path / f"{seed}", seed) for seed in range(100)]
    covered = sum(not found.difference.interval.excludes(truth) for found, truth in pairs)
    told("changes evaluated on the log: intervals that cover", covered, at_least=88, of=100)
