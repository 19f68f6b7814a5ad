"""A company to serve: 200 actions of three conditions each, and as many customers as asked for.

Made once under `.benchmarks/`, and copied for every run, for a run changes it.
"""

import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cvo
from benchmarks.harness import ROOT
from cvo.app.company import Company
from cvo.app.keys import new_key
from cvo.core.clock import DAY, FixedClock, Instant, format_rfc3339
from cvo.profiles.profile import LAYOUT
from cvo.storage.migrations import HEAD

ACTIONS = 200
SEED = 20_260_131
_FOLDER = ROOT / ".benchmarks"
_CITIES = ("Bonn", "Rome", "Oslo", "Wien", "Lyon", "Graz", "Bern", "Ulm", "Kiel", "Mainz")
_TEAMS = 10
_STAGES = ("acquire", "onboard", "grow", "retain", "serve")


def catalogue() -> str:
    """Return a catalogue whose actions each have three conditions of their own; about one in five qualifies."""
    actions = "\n".join(_action(number) for number in range(ACTIONS))
    teams = ", ".join(f"t{n}: {{name: Team {n}}}" for n in range(_TEAMS))
    return f"""
teams: {{{teams}}}
channels: {{web: {{consent: none}}}}
placements: {{home: {{channel: web, slots: 1}}}}
actions:
{actions}
traits: {{age: {{type: number}}, city: {{type: string}}, tier: {{type: string}}}}
features:
  age: {{value: customer.age, kind: number}}
  city: {{value: customer.city, kind: category}}
  tier: {{value: customer.tier, kind: category}}
  orders-90-days: {{value: orders(90), kind: number}}
  days-since-order: {{value: 'days_since("order")', kind: number}}
  visits-30-days: {{value: 'activities("any", 30)', kind: number}}
assumptions:
  margin_rate: {{value: 0.4, because: benchmark}}
"""


def _action(number: int) -> str:
    youngest, orders = 18 + number % 47, number % 3
    return (
        f"  a{number:03}: {{team: t{number % _TEAMS}, stage: {_STAGES[number % 5]}, status: live, "
        f"name: Action {number}, contact_cost: 0.05, value: {5 + number % 40}, "
        f'eligible: ["customer.age >= {youngest}"], applicable: ["orders(90) >= {orders}"], '
        f"suitable: ['context.device != \"d{number % 4}\"'], creatives: {{c{number:03}: {{placement: home}}}}}}"
    )


def messages(customers: int, now: Instant) -> Iterator[dict[str, Any]]:
    """Yield a customer's traits, an order and a visit for each."""
    draw = random.Random(SEED)
    for number in range(customers):
        who = {"userId": f"c{number}"}
        at = Instant(now - int(draw.uniform(1, 200) * DAY))
        traits = {
            "age": draw.randint(16, 90),
            "city": draw.choice(_CITIES),
            "tier": draw.choice(("basic", "plus", "gold")),
        }
        common = {**who, "timestamp": format_rfc3339(at)}
        yield {**common, "type": "identify", "messageId": f"i{number}", "traits": traits}
        order = {"order_id": str(number), "revenue": draw.randint(5, 200)}
        later = format_rfc3339(Instant(at + DAY // 2))
        yield {
            **who,
            "type": "track",
            "event": "Order Completed",
            "messageId": f"o{number}",
            "timestamp": later,
            "properties": order,
        }
        yield {**who, "type": "track", "event": "Visit", "messageId": f"v{number}", "timestamp": later}


def company(customers: int) -> Path:
    """Return the folder of the company, made on first use."""
    # A company made by an earlier layout would first have to be brought up to date, person by person.
    folder = _FOLDER / f"served-{customers}-{HEAD}-{LAYOUT}"
    if (folder / "finished").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    now = Instant(time.time_ns() // 1_000)
    with cvo.init(folder, "Served", "EUR", seed="benchmark", clock=FixedClock(now)) as made:
        (folder / "catalogue" / "catalogue.yaml").write_text(catalogue())
        made.apply(approve=True)
        made.ingest(messages(customers, now))
        made.learn()
    (folder / "finished").touch()
    return folder


def copy(customers: int, folder: Path) -> str:
    """Copy the company to a folder, and return a key for it."""
    shutil.copytree(company(customers), folder)
    with Company.open(folder) as opened:
        return new_key(opened)
