"""A small company that tests share: a catalogue with what decisions can run into, and a policy on it."""

from cvo.actions.catalogue import Catalogue
from cvo.actions.read import parse_catalogue
from cvo.actions.settings import Settings
from cvo.core.clock import parse_rfc3339
from cvo.decisions.policy import Policy
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.encoder import fit_encoder
from cvo.valuation.models import untrained

NOW = parse_rfc3339("2026-03-02T10:00:00Z")

TEXT = """
teams: {sales: {name: Sales}, care: {name: Care}}
channels: {web: {consent: none}, email: {consent: opt-out}}
placements:
  home: {channel: web, slots: 2}
  newsletter: {channel: email}
actions:
  upgrade:
    {team: sales, stage: grow, status: live, name: Upgrade, contact_cost: 0.10, value: 30,
     eligible: ["customer.age >= 18"],
     creatives: {u-home: {placement: home}, u-mail: {placement: newsletter}}}
  accessory:
    {team: sales, stage: grow, status: live, name: Accessory, contact_cost: 0.05, value: 5,
     creatives: {a-home: {placement: home}, a-mail: {placement: newsletter}}}
  callback:
    {team: care, stage: serve, status: live, name: Call back, contact_cost: 2, value: 40,
     suitable: ['context.device != "kiosk"'], creatives: {c-home: {placement: home}}}
  winter:
    {team: sales, stage: retain, status: paused, name: Winter, contact_cost: 0, value: 9,
     creatives: {w-home: {placement: home}}}
limits:
  weekly-mail: {per: channel, of: email, at_most: 1, days: 7}
traits: {age: {type: number}, city: {type: string}}
features:
  age: {value: customer.age, kind: number}
  city: {value: customer.city, kind: category}
assumptions:
  margin_rate: {value: 0.4, because: tests}
"""


def catalogue(**replaced: str) -> Catalogue:
    """Return the catalogue, with pieces of its text replaced."""
    text = TEXT
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    return parse_catalogue(text)


def policy(given: Catalogue | None = None, **settings: float) -> Policy:
    """Return an untrained policy on a catalogue."""
    chosen = given or catalogue()
    kinds = {name: feature.kind for name, feature in chosen.features.items()}
    encoder = fit_encoder(kinds, {"age": [20, 40, 60], "city": ["Bonn", "Rome", None]})
    models = untrained(chosen, assumptions_of(chosen), encoder, NOW)
    return Policy(chosen, models, Settings(currency="EUR", seed="test", **settings))
