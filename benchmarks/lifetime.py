"""Lifetime models on a million customers against lifetimes 0.11.3: same figures, sooner, in less memory."""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.harness import Peer, Row, command, environment, equal, faster, interleaved, timed
from cvo.lifetime import BgNbd, Economics, Fit, GammaGamma, Histories, histories, lifetime_value

CUSTOMERS = 1_000_000
ROUNDS = 3
LIFETIMES = (("lifetimes==0.11.3", "numpy<2", "pandas<2.2", "scipy<1.12"),)
PYMC = (("pymc-marketing",),)
PYMC_CUSTOMERS = 20_000
MONTHS, MONTHLY_DISCOUNT, WEEKS_A_MONTH = 12, 0.01, 4.345
HORIZON_WEEKS = 39.0


class Population(msgspec.Struct, frozen=True, eq=False):
    """Customers of the CDNOW parameters, with times that are no round numbers: nothing can be merged."""

    rows: Histories
    monetary_value: np.ndarray

    def save(self, path: Path, customers: int = CUSTOMERS) -> None:
        names = ("frequency", "recency", "T")
        columns = dict(zip(names, (c[:customers] for c in self.rows.columns), strict=True))
        np.savez(path, **columns, monetary_value=self.monetary_value[:customers])


def population(customers: int = CUSTOMERS, seed: int = 0) -> Population:
    rng = np.random.default_rng(seed)
    seen = BgNbd(0.243, 4.414, 0.793, 2.426).simulate(rng.uniform(27, 39, customers), rng)
    value = GammaGamma(6.25, 3.74, 15.44).simulate(seen.frequency, rng)
    return Population(histories(seen.frequency, seen.recency, seen.T), value)


def fitted(people: Population) -> tuple[Fit[BgNbd], Fit[GammaGamma]]:
    purchases = BgNbd.fit(*people.rows.columns)
    spend = GammaGamma.fit(people.rows.frequency, people.monetary_value)
    if not isinstance(purchases, Fit) or not isinstance(spend, Fit):
        raise SystemExit("the simulated customers can't be fitted")
    return purchases, spend


def value_of_a_year(people: Population, model: BgNbd, spend: GammaGamma) -> np.ndarray:
    """Do what lifetimes does: twelve months of 4.345 weeks, discounted from their ends."""
    days = 7 * WEEKS_A_MONTH
    yearly = (1 + MONTHLY_DISCOUNT) ** (365.25 / days) - 1
    value = spend.expected_value(people.rows.frequency, people.monetary_value)
    return lifetime_value(
        model,
        value,
        people.rows,
        horizons_days=(MONTHS * days,),
        step_days=days,
        economics=Economics(annual_discount_rate=yearly),
    )


def rows() -> list[Row]:
    """Fit, predict and value a million customers, alternating with lifetimes 0.11.3 in its own environment."""
    people = population()
    script = Path(__file__).parent / "peers" / "lifetimes_models.py"
    with tempfile.TemporaryDirectory() as folder:
        handed_over = Path(folder) / "customers.npz"
        people.save(handed_over)
        with Peer(environment("lifetimes", *LIFETIMES), script) as peer:
            peer.call("load", path=str(handed_over))
            found = [*compare_fits(people, peer), *compare_predictions(people, peer)]
            theirs = peer.call("peak_mib")["value"]
    return [*found, memory(theirs), beside_pymc(people)]


def compare_fits(people: Population, peer: Peer) -> list[Row]:
    ours, spend = fitted(people)
    theirs = peer.call("fit", model="bg-nbd")["value"]
    their_spend = peer.call("fit_spend")["value"]
    columns = people.rows.columns
    at_ours = float(ours.model.log_likelihood(*columns).sum())
    at_theirs = float(BgNbd(*(theirs[name] for name in ours.parameters)).log_likelihood(*columns).sum())
    purchases = interleaved(
        lambda: timed(lambda: BgNbd.fit(*columns)),
        lambda: peer.call("fit", model="bg-nbd")["seconds"],
        rounds=ROUNDS,
    )
    values = interleaved(
        lambda: timed(lambda: GammaGamma.fit(people.rows.frequency, people.monetary_value)),
        lambda: peer.call("fit_spend")["seconds"],
        rounds=ROUNDS,
    )
    return [
        faster("BG/NBD fit with standard errors", *purchases, at_least=15.0),
        equal("BG/NBD log-likelihood reached", at_ours, at_theirs, within=1e-6, unit="log-likelihood"),
        faster("Gamma-Gamma fit with standard errors", *values, at_least=20.0),
        equal("Gamma-Gamma p", spend.model.values[0], their_spend["p"], within=1e-3, unit="parameter"),
    ]


def compare_predictions(people: Population, peer: Peer) -> list[Row]:
    parameters = peer.call("fit", model="bg-nbd")["value"]
    spend_parameters = peer.call("fit_spend")["value"]
    model = BgNbd(*(parameters[name] for name in ("r", "alpha", "a", "b")))
    spend = GammaGamma(*(spend_parameters[name] for name in ("p", "q", "v")))
    columns = people.rows.columns

    def predict() -> None:
        model.expected_purchases(HORIZON_WEEKS, *columns)
        model.probability_alive(*columns)

    asked = {"model": "bg-nbd", "horizon": HORIZON_WEEKS}
    expected, alive = peer.call("purchases_and_alive", **asked)["value"]
    value = peer.call("lifetime_value", periods=MONTHS, discount_rate=MONTHLY_DISCOUNT)["value"]
    predictions = interleaved(
        lambda: timed(predict),
        lambda: peer.call("purchases_and_alive", **asked)["seconds"],
        rounds=ROUNDS,
    )
    values = interleaved(
        lambda: timed(lambda: value_of_a_year(people, model, spend)),
        lambda: peer.call("lifetime_value", periods=MONTHS, discount_rate=MONTHLY_DISCOUNT)["seconds"],
        rounds=ROUNDS,
    )
    ours = float(model.expected_purchases(HORIZON_WEEKS, *columns).sum())
    ours_alive = float(model.probability_alive(*columns).sum())
    ours_value = float(value_of_a_year(people, model, spend).sum())
    return [
        faster("expected purchases and P(alive)", *predictions, at_least=3.0),
        equal("expected purchases in 39 weeks", ours, expected, within=1e-6, unit="purchases"),
        equal("customers alive", ours_alive, alive, within=1e-6, unit="customers"),
        faster("lifetime value over 12 months", *values, at_least=9.0),
        equal("lifetime value in all", ours_value, value, within=1e-6, unit="money"),
    ]


def memory(theirs: float) -> Row:
    """Measure the peak of a fresh process that makes the customers, fits, predicts and values them."""
    ran = subprocess.run(
        [sys.executable, "-c", "from benchmarks.lifetime import peak; print(peak())"],
        check=True,
        capture_output=True,
        text=True,
    )
    ours = float(ran.stdout)
    return Row(
        what="peak memory for all of it, at most 1,024",
        ours=ours,
        peer=theirs,
        ratio=theirs / ours,
        unit="MiB",
        at_least=None,
        ok=ours <= 1024,
    )


def peak() -> float:
    people = population()
    purchases, spend = fitted(people)
    purchases.model.expected_purchases(HORIZON_WEEKS, *people.rows.columns)
    purchases.model.probability_alive(*people.rows.columns)
    value_of_a_year(people, purchases.model, spend.model)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def beside_pymc(people: Population) -> Row:
    """Show pymc-marketing's MAP fit of some of the customers beside ours; nothing is asked of the ratio."""
    few = people.rows.take(slice(PYMC_CUSTOMERS))
    script = Path(__file__).parent / "peers" / "pymc_marketing_models.py"
    with tempfile.TemporaryDirectory() as folder:
        handed_over = Path(folder) / "customers.npz"
        people.save(handed_over, PYMC_CUSTOMERS)
        with Peer(environment("pymc-marketing", *PYMC), script, str(handed_over)) as peer:
            seconds = interleaved(
                lambda: timed(lambda: BgNbd.fit(*few.columns)), lambda: peer.call("fit")["seconds"], rounds=1
            )
    return faster(f"BG/NBD fit of {PYMC_CUSTOMERS:,} beside pymc-marketing's MAP", *seconds, at_least=0.0)


if __name__ == "__main__":
    command(rows)()
