"""Evaluate: what policies would have earned on a log of randomised decisions, before a customer sees them."""

from collections.abc import Mapping

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cvo.app.company import Company
from cvo.app.history import Customers, moments
from cvo.app.learn import longest_window
from cvo.app.off_policy import PER, per, predicted
from cvo.app.state import running_catalogue
from cvo.core.evidence import Estimate, NotEstimable
from cvo.core.ids import PersonId
from cvo.core.money import minor_unit
from cvo.decisions.decision import NOTHING
from cvo.inference import (
    doubly_robust,
    logged_data,
    policy_difference,
    policy_value,
    snips,
)
from cvo.ledger.causal import outcomes, triggers
from cvo.ledger.margin import margins
from cvo.ledger.tables import tabulate
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.encoder import fit_encoder
from cvo.valuation.features import FeatureReader

FloatArray = NDArray[np.float64]


class Trial(msgspec.Struct, frozen=True, eq=False):
    """n logged decisions of known probability with what followed, one a customer.

    `options` names the columns of every probability array, nothing last; `net` is margin less contact cost,
    in major units, in the catalogue's longest window; `design` is (n, d) features from before the decision.
    """

    options: list[str]
    person_ids: list[PersonId]
    actions: NDArray[np.int64]
    probabilities: FloatArray
    net: FloatArray
    design: FloatArray
    currency: str

    def arm_mean(self, option: str) -> float:
        """Return the plain mean per customer of those who got an option."""
        return float(self.net[self.actions == self.options.index(option)].mean())

    def constant(self, option: str) -> FloatArray:
        """Return the (k,) probabilities of the policy that always picks one option."""
        return np.array([float(each == option) for each in self.options])


class PolicyFigures(msgspec.Struct, frozen=True):
    """A policy's margin after the cost of contacts and service per 1,000 customers; differences are on the same rows.

    `estimate` is doubly robust, `snips` self-normalised; `arm_mean` is the plain mean of those who got the
    option, where the policy always picks the same.
    """

    estimate: Estimate | NotEstimable
    snips: Estimate | NotEstimable
    difference_to_nobody: Estimate | NotEstimable
    difference_to_best_single: Estimate | NotEstimable
    arm_mean: float | None = None


def read_trial(company: Company, customers: Customers) -> Trial:
    """Return the randomised decisions of some customers with their outcomes, by the causal join."""
    catalogue, currency = running_catalogue(company.store), company.config.currency
    facts = [event for event in company.store.events() if customers(event.person_id)]
    tables = tabulate(facts, currency)
    rate = assumptions_of(catalogue)["margin_rate"].value
    money = margins(tables.orders, tables.refunds, rate, tables.costs)
    days = longest_window(catalogue)
    scored = outcomes(triggers(tables.decisions, days, company.clock.now()), money, days)
    options = [*catalogue.action_ids, NOTHING]
    situations = {(m.person_id, m.situation.at): m.situation for m in moments(facts)}
    reader = FeatureReader(catalogue, currency)
    keys = zip(scored["person_id"].to_list(), scored["at"].to_list(), strict=True)
    values = reader.values([situations[key] for key in keys])
    spent = pl.when(pl.col("delivered") != NOTHING).then(pl.col("contact_cost_minor")).otherwise(0)
    brought = pl.col("margin_minor") - pl.col("service_cost_minor")
    net = scored.select((brought - spent).alias("net"))["net"].to_numpy()
    return Trial(
        options=options,
        person_ids=[PersonId(person_id) for person_id in scored["person_id"].to_list()],
        actions=np.array([options.index(got) for got in scored["delivered"].to_list()], dtype=np.int64),
        probabilities=_probabilities(scored, options),
        net=net.astype(np.float64) * minor_unit(currency),
        design=fit_encoder(reader.kinds, values).transform(values, scored.height),
        currency=currency,
    )


def evaluate(
    trial: Trial, targets: Mapping[str, FloatArray], best_single: str, nobody: str, seed: str
) -> dict[str, PolicyFigures]:
    """Evaluate policies, given by their (n, k) or (k,) probabilities over the trial's options.

    `best_single` and `nobody` name the two that all are compared with. Raises `InvalidInput` where a target
    is not a probability; a policy that the log cannot support gets the reason in place of figures.
    """
    if not len(trial.net):
        nothing = NotEstimable("no decisions", "the log holds no decision whose window has closed")
        return {name: PolicyFigures(nothing, nothing, nothing, nothing) for name in targets}
    rows = np.arange(len(trial.net))
    logged = logged_data(
        trial.actions,
        trial.net,
        trial.probabilities[rows, trial.actions],
        action_count=len(trial.options),
        clusters=np.array([person_id.hex() for person_id in trial.person_ids]),
        logging_probabilities=trial.probabilities,
    )
    expected = predicted(
        trial.design,
        trial.actions,
        trial.net,
        customers=[person_id.hex() for person_id in trial.person_ids],
        options=len(trial.options),
        seed=seed,
    )
    robust = {name: doubly_robust(logged, target, expected) for name, target in targets.items()}
    unit = f"{trial.currency} per {PER:,} customers"
    return {
        name: PolicyFigures(
            estimate=per(policy_value(robust[name], unit=unit)),
            snips=per(policy_value(snips(logged, target), unit=unit)),
            difference_to_nobody=per(policy_difference(robust[name], robust[nobody], unit=unit)),
            difference_to_best_single=per(policy_difference(robust[name], robust[best_single], unit=unit)),
            arm_mean=_arm_mean(trial, target),
        )
        for name, target in targets.items()
    }


def _arm_mean(trial: Trial, target: FloatArray) -> float | None:
    """Return the plain mean of those who got the one option that a constant policy picks."""
    for number, option in enumerate(trial.options):
        if np.array_equal(target, trial.constant(option)):
            return PER * trial.arm_mean(option) if (trial.actions == number).any() else None
    return None


def _probabilities(scored: pl.DataFrame, options: list[str]) -> FloatArray:
    result = np.zeros((scored.height, len(options)))
    column = {option: number for number, option in enumerate(options)}
    for row, (names, chances) in enumerate(scored.select("options", "probabilities").iter_rows()):
        for name, chance in zip(names, chances, strict=True):
            result[row, column[name]] = chance
    return result
