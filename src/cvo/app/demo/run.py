"""The demo's steps: a trial of 64,000 customers, read, learned from, decided on and evaluated.

One half of the customers, picked by hash, teaches; for the other half the learned policy decides before the
trial's outcomes of that half are read, and those outcomes then judge it.
"""

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from statistics import NormalDist

import msgspec
import numpy as np

from cvo.app.apply import apply
from cvo.app.company import Company
from cvo.app.decide import rehearse
from cvo.app.demo import trial as source
from cvo.app.demo.calibration import Calibration, calibrations
from cvo.app.evaluate import FloatArray, PolicyFigures, Trial, evaluate, read_trial
from cvo.app.ingest import Ingested, ingest
from cvo.app.learn import Learned, learn
from cvo.app.state import running_catalogue
from cvo.app.value import Value, value
from cvo.core.clock import FixedClock, parse_rfc3339
from cvo.core.errors import Conflict
from cvo.core.evidence import Estimate, Interval
from cvo.core.ids import PersonId
from cvo.core.random import keyed_uniform
from cvo.decisions.decision import NOTHING, Decision
from cvo.events.message import user
from cvo.valuation.models import Models
from cvo.valuation.score import Valuer

NOW = parse_rfc3339("2008-02-01T08:00:00Z")
"""When the demo takes place: after every window of the trial has closed."""
OWNER = "owner"
NAMES = {"mens": "mens", "womens": "womens", NOTHING: "nobody"}

Progress = Callable[[str, int, int], None]
"""Told the step, how much of it has just been done, and how much it is in all."""


class Demo(msgspec.Struct, frozen=True):
    """All figures of the demo.

    `policies` and `calibrations` are on the judging half, `incrementality` is κ by action as the learning
    half taught it, and `value` is on the whole trial.
    """

    seed: int
    policies: dict[str, PolicyFigures]
    best_single: str
    evaluated_customers: int
    learning_customers: int
    ingested: Ingested
    learned: Learned
    incrementality: dict[str, Estimate]
    calibrations: list[Calibration]
    value: Value
    decisions: list[Decision]
    assumptions: dict[str, str]


def run(folder: Path, seed: int, progress: Progress = lambda _step, _done, _total: None) -> Demo:
    """Make the demo's company in `folder` and go through all steps; a second run adds nothing.

    Raises `Conflict` if the folder holds a company made with another seed.
    """
    _make(folder, seed)
    with Company.open(folder, clock=FixedClock(NOW)) as company:
        apply(company, OWNER, approve=True)
        rows = source.customers()
        learning = [row for row in rows if _teaches(seed, row[0])]
        judging = [row for row in rows if not _teaches(seed, row[0])]
        taken = _ingest(company, "Reading what was known before", rows, source.traits_of, progress)
        taken = _sum(taken, _ingest(company, "Reading the trial, one half", learning, source.trial, progress))
        progress("Learning", 0, 1)
        learned = learn(company, OWNER, _people(company, learning))
        kappa = _incrementality(company, learned.models, len(learning))
        progress("Learning", 1, 1)
        decisions = rehearse(
            company,
            [customer_id for customer_id, _ in judging],
            "newsletter",
            lambda done: progress("Deciding for the other half", done, len(judging)),
        )
        taken = _sum(taken, _ingest(company, "Reading how it went there", judging, source.trial, progress))
        progress("Evaluating", 0, 1)
        figures = _evaluate(company, learning, judging, decisions, seed)
        predictions = calibrations(company, decisions, _people(company, judging))
        worth = value(company)
        progress("Evaluating", 1, 1)
    return Demo(
        seed=seed,
        policies=figures[0],
        best_single=figures[1],
        evaluated_customers=len(judging),
        learning_customers=len(learning),
        ingested=taken,
        learned=learned,
        incrementality=kappa,
        calibrations=predictions,
        value=worth,
        decisions=decisions,
        assumptions={
            **source.ASSUMPTIONS,
            **{name: f"{each.value:g} — {each.because}" for name, each in worth.assumptions.by_name.items()},
            "contact cost": "0.10 USD an e-mail; the trial does not say.",
        },
    )


Rows = list[tuple[str, source.Customer]]


def _make(folder: Path, seed: int) -> None:
    """Write the company's files, unless they are there already."""
    made_with = f'seed = "demo-{seed}"'
    config = folder / "company.toml"
    if config.exists():
        if made_with not in config.read_text(encoding="utf-8").splitlines():
            raise Conflict(f"{folder} was not made by this demo with --seed {seed}; name another --company")
        return
    (folder / "catalogue").mkdir(parents=True, exist_ok=True)
    files = resources.files(__package__)
    catalogue = (files / "catalogue.yaml").read_text(encoding="utf-8")
    (folder / "catalogue" / "newsletter.yaml").write_text(catalogue, encoding="utf-8")
    settings = (files / "company.toml").read_text(encoding="utf-8")
    # The settings come last: a folder with them has everything.
    config.write_text(settings.replace("# seed", made_with), encoding="utf-8")


def _teaches(seed: int, customer_id: str) -> bool:
    return keyed_uniform(f"demo-{seed}", "half", customer_id) < 0.5


def _people(company: Company, rows: Rows) -> Callable[[PersonId], bool]:
    """Pick customers by internal id; nobody in the trial has more than one id."""
    chosen = {user(customer_id).person_id(company.config.seed) for customer_id, _ in rows}
    return lambda person_id: person_id in chosen


def _ingest(
    company: Company, step: str, rows: Rows, messages: source.Messages, progress: Progress
) -> Ingested:
    every = [message for row in rows for message in messages(*row)]
    return ingest(company, every, lambda done: progress(step, done, len(every)))


def _sum(first: Ingested, second: Ingested) -> Ingested:
    refused = {
        reason: first.refused.get(reason, 0) + second.refused.get(reason, 0)
        for reason in sorted(first.refused.keys() | second.refused.keys())
    }
    return Ingested(first.accepted + second.accepted, first.duplicates + second.duplicates, refused)


def _evaluate(
    company: Company, learning: Rows, judging: Rows, decisions: list[Decision], seed: int
) -> tuple[dict[str, PolicyFigures], str]:
    lessons = read_trial(company, _people(company, learning))
    best_single = max(("mens", "womens"), key=lessons.arm_mean)
    trial = read_trial(company, _people(company, judging))
    targets = {name: trial.constant(option) for option, name in NAMES.items()}
    targets["random"] = np.full(len(trial.options), 1.0 / len(trial.options))
    targets["learned"] = _learned(trial, decisions)
    return evaluate(trial, targets, best_single, "nobody", f"demo-{seed}"), best_single


def _incrementality(company: Company, models: Models, customers: int) -> dict[str, Estimate]:
    """Return the posterior of κ by action, learned from so many customers, with its central 95 %."""
    valuer = Valuer(running_catalogue(company.store), models, company.config.currency)
    kappa, z = valuer.kappa, NormalDist().inv_cdf(0.975)
    return {
        action: Estimate(
            value=float(mean),
            standard_error=float(sd),
            interval=Interval(float(mean - z * sd), float(mean + z * sd)),
            grade=grade,
            unit="of the margin attributed",
            sample_size=customers,
        )
        for action, mean, sd, grade in zip(valuer.actions, kappa.mean, kappa.sd, kappa.grade, strict=True)
    }


def _learned(trial: Trial, decisions: list[Decision]) -> FloatArray:
    """Return the probabilities that the policy logged for each customer of the trial, over its options."""
    by_person = {decision.person_id: decision.slots[0] for decision in decisions}
    result = np.zeros((len(trial.person_ids), len(trial.options)))
    for row, person_id in enumerate(trial.person_ids):
        slot = by_person[person_id]
        for option, propensity in zip(slot.options, slot.propensities, strict=True):
            result[row, trial.options.index(option)] = propensity
    return result
