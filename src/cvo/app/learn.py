"""Learn: the log so far becomes a snapshot of models, used from the next decision on."""

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cvo.actions.catalogue import Catalogue
from cvo.app.company import DATA, Company
from cvo.app.draws import halves, read_draws
from cvo.app.history import Customers, everybody
from cvo.app.later import measured_later
from cvo.app.reading import features_of, read
from cvo.app.reading_kept import KEPT, keep_reading, kept_reading
from cvo.app.rollout.record import known_catalogue
from cvo.app.state import MODELS_CHANGE, recorded, running_catalogue
from cvo.core.clock import DAY, Instant
from cvo.core.evidence import Estimate
from cvo.core.money import minor_unit
from cvo.inference import GuardRails
from cvo.ledger.attributed import responses_to_deliveries
from cvo.ledger.caused import caused_by_action
from cvo.ledger.contrast import Contrast, contrasts
from cvo.ledger.draws import draws
from cvo.ledger.margin import margins
from cvo.ledger.tables import Tables
from cvo.storage.unit_of_work import Change
from cvo.valuation import models as model_snapshots
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.fit import Deliveries, Effect, fit
from cvo.valuation.models import Models

ENOUGH_TO_LEARN = GuardRails(min_buyers=20)
"""What a model may learn from: it weighs an effect by its standard error, so it can use what no report should show."""

LEAST_KEPT = 1e-6
"""Of what is older than twenty half-lives this much is kept: weights stay numbers."""

FloatArray = NDArray[np.float64]


class Learned(msgspec.Struct, frozen=True):
    """What learning made, and what it rested on."""

    models: Models
    deliveries: int
    responses: int


def learn(company: Company, author: str, customers: Customers = everybody) -> Learned:
    """Learn from the windows closed by now, of some or all customers; decide with the result from now on."""
    catalogue = known_catalogue(company.store, running_catalogue(company.store), company.settings)
    learned = learned_from(company, catalogue, customers, keep=True)
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


def windows_of(catalogue: Catalogue) -> dict[str, int]:
    """Return the days of every action's outcome window."""
    return {key: action.window_days for key, action in catalogue.actions.items()}


def resolved_deliveries(
    tables: Tables, money: pl.DataFrame, catalogue: Catalogue, as_of: Instant
) -> pl.DataFrame:
    """Return the deliveries whose windows closed by a time, by the attributed join: whether each got its response."""
    return responses_to_deliveries(
        tables.decisions,
        tables.responses,
        money,
        response_of={key: action.response for key, action in catalogue.actions.items()},
        window_days=windows_of(catalogue),
        as_of=as_of,
    )


def learned_from(
    company: Company, catalogue: Catalogue, customers: Customers, *, keep: bool = False
) -> Learned:
    """Return what the windows closed by now teach, of some or all customers, without deciding with it.

    The log is gone on with from where it was read when something was learned before; `keep` has the next time go on
    from here. Nothing in the result tells from where it was read.
    """
    as_of, currency = company.clock.now(), company.config.currency
    place = company.folder / DATA / KEPT
    everything = read(company.store, catalogue, currency, kept_reading(place))
    if keep:
        keep_reading(place, everything)
    reading = everything.of(customers)
    tables = reading.tables
    rate = assumptions_of(catalogue)["margin_rate"].value
    money = margins(tables.orders, tables.refunds, rate, tables.costs)
    windows = windows_of(catalogue)
    resolved = resolved_deliveries(tables, money, catalogue, as_of).sort("at", "person_id")
    drawn = draws(tables.decisions, money, windows, as_of)
    half_life = company.config.learning.half_life_days
    deliveries = _deliveries(resolved, reading.moments, currency, _kept(resolved, as_of, half_life))
    compared = contrasts(tables.decisions, money, windows, as_of)
    effects = [
        Effect(each.action, brought.value, brought.standard_error, _deliveries_of(each, resolved))
        for each, caused in zip(compared, caused_by_action(compared, currency, ENOUGH_TO_LEARN), strict=True)
        # Where everybody brought the same to the cent, the data has no scale to weigh it by.
        if isinstance(brought := caused.brought_per_unit, Estimate) and brought.standard_error > 0
    ]
    asked = drawn.select("person_id", "at").join(
        # By customer and time: the causal side knows no decision.
        reading.moments.unique(["person_id", "at"], keep="first", maintain_order=True),
        on=["person_id", "at"],
        how="left",
        maintain_order="left",
    )
    lots = read_draws(
        drawn,
        features_of(asked),
        _kept(drawn, as_of, half_life),
        catalogue,
        currency,
        days=longest_window(catalogue),
    )
    models = fit(catalogue, deliveries, effects, as_of, currency, draws=lots)
    later = measured_later(
        compared, tables.decisions, money, catalogue, as_of=as_of, currency=currency, rails=ENOUGH_TO_LEARN
    )
    models = msgspec.structs.replace(models, later=later)
    return Learned(models, len(deliveries.actions), int(deliveries.responded.sum()))


def _deliveries_of(contrast: Contrast, resolved: pl.DataFrame) -> NDArray[np.bool_]:
    """Tell which resolved deliveries are those whose effect the contrast measures."""
    units = contrast.rows.filter(pl.col("got") > 0).select("person_id", "at", pl.lit(True).alias("unit"))
    mine = resolved.select("person_id", "at", "delivered").join(
        units.unique(), on=["person_id", "at"], how="left", maintain_order="left"
    )
    return (mine["unit"].fill_null(False) & (mine["delivered"] == contrast.action)).to_numpy()


def _kept(rows: pl.DataFrame, as_of: Instant, half_life_days: float) -> FloatArray:
    """Return what is kept of each row at `as_of`: half after every half-life, all where there is none."""
    if not half_life_days:
        return np.ones(rows.height)
    age = (as_of - rows["at"].to_numpy()) / (half_life_days * DAY)
    kept: FloatArray = np.maximum(0.5**age, LEAST_KEPT)
    return kept


def _deliveries(
    resolved: pl.DataFrame, moments: pl.DataFrame, currency: str, weight: FloatArray
) -> Deliveries:
    key = ["person_id", "decision_id", "delivered"]
    shown = moments.drop("at").unique(key, keep="last", maintain_order=True)
    mine = resolved.select(key).join(shown, on=key, how="left", maintain_order="left")
    # What an answer costs to serve is no small print: a service that costs what it brings is worth nothing.
    brought = (resolved["margin_minor"] - resolved["service_cost_minor"]).to_numpy().astype(np.float64)
    return Deliveries(
        values=features_of(mine),
        actions=resolved["delivered"].to_list(),
        responded=resolved["responded"].to_numpy(),
        margin=brought * minor_unit(currency),
        half=halves(resolved),
        weight=weight,
        creatives=mine["creative"].to_list(),
    )
