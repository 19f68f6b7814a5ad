"""What the company of a scenario knows and may do: its settings and catalogue, as files like any other's.

Nothing hidden gets in: no appeal, no effect. Prices, margins and costs are what a company knows of itself.
"""

from pathlib import Path
from typing import Any

import msgspec
import yaml

from cvo.app.config import FILE
from cvo.core.errors import Conflict
from cvo.simulate import Scenario
from cvo.simulate.scenario import Action, Channel

OWNER = "owner"
_CATALOGUE = "simulated.yaml"


def make_company(folder: Path, scenario: Scenario, seed: str, control_rate: float) -> None:
    """Write settings and catalogue; raises `Conflict` where there is a company already."""
    settings = folder / FILE
    if settings.exists():
        raise Conflict(
            f"{folder} holds a company already; a simulation makes its own: name another --company"
        )
    (folder / "catalogue").mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(catalogue_of(scenario), sort_keys=False, allow_unicode=True)
    (folder / "catalogue" / _CATALOGUE).write_text(text, encoding="utf-8")
    lines = {
        "name": f"{scenario.name.capitalize()}, simulated",
        "currency": scenario.currency,
        "seed": seed,
        "owners": [OWNER],
    }
    written = "".join(f"{key} = {msgspec.json.encode(value).decode()}\n" for key, value in lines.items())
    settings.write_text(f"{written}\n[decisions]\ncontrol_rate = {control_rate}\n", encoding="utf-8")


def margin_rate(scenario: Scenario) -> float:
    """Return the share of revenue that is margin, over products as popular as they are on average."""
    weights = [product.price * product.popularity for product in scenario.products]
    rates = [product.margin_rate for product in scenario.products]
    return round(sum(w * r for w, r in zip(weights, rates, strict=True)) / sum(weights), 4)


def window_days(scenario: Scenario) -> int:
    """Return the outcome window: long enough to hold an order brought forward and the day it was planned for."""
    return round(scenario.planning_weeks * 7)


def catalogue_of(scenario: Scenario) -> dict[str, Any]:
    """Return the catalogue of a scenario as its YAML file maps it."""
    rate = margin_rate(scenario)
    usual = sum(p.price * p.popularity for p in scenario.products) / sum(
        p.popularity for p in scenario.products
    )
    return {
        "teams": {
            team: {"name": _title(team)} for team in dict.fromkeys(action.team for action in scenario.actions)
        },
        "channels": {c.name: {"consent": "none" if c.inbound else "opt-out"} for c in scenario.channels},
        "placements": {c.name: {"channel": c.name} for c in scenario.channels},
        "actions": {action.name: _action(action, scenario) for action in scenario.actions},
        "limits": {
            "same action": {"per": "action", "at_most": 1, "days": window_days(scenario)},
            **{
                f"weekly {c.name}": {"per": "channel", "of": c.name, "at_most": 2, "days": 7}
                for c in scenario.channels
                if not c.inbound
            },
        },
        "traits": {t.name: {"type": "string" if t.levels else "number"} for t in scenario.traits},
        "features": {
            **{
                t.name: {"value": f"customer.{t.name}", "kind": "category" if t.levels else "number"}
                for t in scenario.traits
            },
            "channel": {"value": "channel", "kind": "category"},
            "orders_90_days": {"value": "orders(90)", "kind": "number"},
            "days_since_order": {"value": 'days_since("order")', "kind": "number"},
            "contacts_30_days": {"value": 'contacts("any", 30)', "kind": "number"},
        },
        "assumptions": {
            "margin_rate": {
                "value": rate,
                "because": "Mean margin of the products; orders of single ones bring more or less.",
            },
            "margin_per_response": {
                "value": round(usual * rate, 2),
                "because": "Margin of a usual order, until responses have been seen.",
            },
        },
    }


def _action(action: Action, scenario: Scenario) -> dict[str, Any]:
    attributes: dict[str, Any] = {"discount": action.discount}
    if action.product is not None:
        attributes["product"] = action.product
    return {
        "name": _title(action.name),
        "team": action.team,
        "stage": action.stage,
        "status": "live",
        "contact_cost": _contact_cost([c for c in scenario.channels if c.name in action.channels]),
        "response": "accepted",
        "window_days": window_days(scenario),
        "attributes": attributes,
        "eligible": _eligible(action, scenario),
        "creatives": {
            f"{action.name}-{channel}": {
                "placement": channel,
                "parts": {"headline": {"content": _title(action.name)}},
            }
            for channel in action.channels
        },
    }


def _eligible(action: Action, scenario: Scenario) -> list[str]:
    """Return who may get it, where that can be told from orders; under a contract it can't."""
    if scenario.contract is not None:
        return []
    if action.stage == "acquire":
        return ["orders() == 0"]
    if action.stage == "win back":
        return [f'days_since("order") >= {round(14 * scenario.silence_weeks)}']
    return []


def _contact_cost(channels: list[Channel]) -> float:
    """Return the cost of a contact, over channels as often used as they meet customers."""
    touches = sum(channel.touches_per_week for channel in channels)
    return round(sum(c.contact_cost * c.touches_per_week for c in channels) / touches, 4)


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
