"""Learn: the log so far becomes a snapshot of models, used from the next decision on."""

import msgspec
import numpy as np
import polars as pl

from cvo.actions.catalogue import Catalogue
from cvo.app.company import Company
from cvo.app.history import Customers, Moment, everybody, moments
from cvo.app.state import MODELS_CHANGE, recorded, running_catalogue
from cvo.core.evidence import Estimate
from cvo.core.money import minor_unit
from cvo.events.event import Delivery
from cvo.inference import GuardRails
from cvo.ledger.attributed import responses_to_deliveries
from cvo.ledger.causal import outcomes, triggers
from cvo.ledger.caused import caused_by_action
from cvo.ledger.margin import margins
from cvo.ledger.tables import tabulate
from cvo.storage.unit_of_work import Change
from cvo.valuation import models as model_snapshots
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.features import FeatureReader
from cvo.valuation.fit import Deliveries, Effect, fit
from cvo.valuation.models import Models

ENOUGH_TO_LEARN = GuardRails(min_buyers=20)
"""What a model may learn from: it weighs an effect by its standard error, so it can use what no report should show."""


class Learned(msgspec.Struct, frozen=True):
    """What learning made, and what it rested on."""

    models: Models
    deliveries: int
    responses: int


def learn(company: Company, author: str, customers: Customers = everybody) -> Learned:
    """Learn from the windows closed by now, of some or all customers; decide with the result from now on."""
    catalogue = running_catalogue(company.store)
    learned = learned_from(company, catalogue, customers)
    decide_with(company, learned.models, author)
    return learned


def decide_with(company: Company, models: Models, author: str) -> None:
    """Record that models are decided with from now on; those that are already change nothing."""
    version = models.version
    known = recorded(company.store, MODELS_CHANGE)
    if not known or known[-1].body.decode() != version:
        change_id = f"{MODELS_CHANGE}-{len(known) + 1:06}"
        with company.store.unit_of_work() as work:
            work.keep(version, model_snapshots.encode(models))
            work.record_change(
                Change(change_id, company.clock.now(), author, MODELS_CHANGE, version.encode())
            )


def longest_window(catalogue: Catalogue) -> int:
    """Return the days of the longest outcome window: the one in which actions are compared."""
    return max((action.window_days for action in catalogue.actions.values()), default=1)


def learned_from(company: Company, catalogue: Catalogue, customers: Customers) -> Learned:
    """Return what the windows closed by now teach, of some or all customers, without deciding with it."""
    as_of, currency = company.clock.now(), company.config.currency
    facts = [event for event in company.store.events() if customers(event.person_id)]
    tables = tabulate(facts, currency)
    money = margins(tables.orders, tables.refunds, assumptions_of(catalogue)["margin_rate"].value)
    resolved = responses_to_deliveries(
        tables.decisions,
        tables.responses,
        money,
        response_of={key: action.response for key, action in catalogue.actions.items()},
        window_days={key: action.window_days for key, action in catalogue.actions.items()},
        as_of=as_of,
    ).sort("at", "person_id")
    shown = {
        _key(moment): moment for moment in moments(facts) if moment.decided.delivery is Delivery.DELIVERED
    }
    deliveries = _deliveries(resolved, shown, FeatureReader(catalogue, currency), currency)
    days = longest_window(catalogue)
    scored = outcomes(triggers(tables.decisions, days, as_of), money, days)
    effects = [
        Effect(
            caused.name,
            caused.margin.value / caused.deliveries,
            caused.margin.standard_error / caused.deliveries,
        )
        for caused in caused_by_action(scored, currency, ENOUGH_TO_LEARN)
        # Where everybody brought the same to the cent, the data has no scale to weigh it by.
        if isinstance(caused.margin, Estimate)
        and caused.margin.standard_error > 0
        and caused.name in catalogue.actions
    ]
    models = fit(catalogue, deliveries, effects, as_of, currency)
    return Learned(models, len(deliveries.actions), int(deliveries.responded.sum()))


def _key(moment: Moment) -> tuple[bytes, str]:
    return moment.person_id, moment.decided.decision_id


def _deliveries(
    resolved: pl.DataFrame, shown: dict[tuple[bytes, str], Moment], reader: FeatureReader, currency: str
) -> Deliveries:
    keys = zip(resolved["person_id"].to_list(), resolved["decision_id"].to_list(), strict=True)
    return Deliveries(
        values=reader.values([shown[key].situation for key in keys]),
        actions=resolved["delivered"].to_list(),
        responded=resolved["responded"].to_numpy(),
        margin=resolved["margin_minor"].to_numpy().astype(np.float64) * minor_unit(currency),
    )
