"""What the demo's page takes for granted, and how each of its numbers was made."""

from cvo.app.demo.report import findings
from cvo.app.demo.run import Demo
from cvo.app.demo.trial import ASSUMPTIONS as FIXED
from cvo.reports import Assumption, Assumptions, Method, Methods, Section, money_format

_CATALOGUE = "catalogue/newsletter.yaml"
_IN_WORDS = {
    "margin_rate": "Margin rate",
    "incrementality": "Incrementality before any measurement",
    "response_probability": "Response probability before any response",
    "clv_change": "ΔCLV before any comparison",
    "patience": "Price of one more contact before any comparison",
}


def assumptions(demo: Demo) -> Section:
    """List everything stated, not measured, with its value, why, and where to change it."""
    cost = money_format(findings.currency(demo), decimals=2).text(findings.contact_cost(demo))
    stated = [
        Assumption(
            name=_IN_WORDS.get(name, name),
            value=_with_deviation(each.value, each.standard_deviation),
            why=each.because,
            where=f"{_CATALOGUE}: assumptions.{name}",
        )
        for name, each in demo.value.assumptions.by_name.items()
    ]
    contact = Assumption(
        name="Contact cost",
        value=f"{cost} an e-mail",
        why="The trial does not say what an e-mail cost.",
        where=f"{_CATALOGUE}: actions.*.contact_cost",
    )
    ids = Assumption(name="Customer ids", value="Row numbers", why=FIXED["customer ids"])
    times = ", ".join(f"{name} {value}" for name, value in FIXED.items() if name != "customer ids")
    dates = Assumption(
        name="Dates",
        value="The same for every customer",
        why=f"The file has none: {times}. Only that outcomes fall inside the window bears on an estimate.",
    )
    return Section("What is taken for granted", (Assumptions((contact, *stated, ids, dates)),))


def _with_deviation(value: float, deviation: float) -> str:
    return f"{value:g} ± {deviation:g}" if deviation else f"{value:g}"


def methods(demo: Demo) -> Section:
    """Say of each kind of number how it was computed and who published the method."""
    return Section("How each number was made", (Methods(tuple(_methods(demo))),))


def _methods(demo: Demo) -> list[Method]:
    return [
        Method(
            figure="Value of a policy",
            how="A prediction for every customer and option, averaged with the policy’s probabilities and "
            "corrected by what happened to those to whom the trial did what the policy might have done. "
            "Predictions are cross-fitted ridge regressions on the judging half; as the trial’s probabilities "
            "are known, the estimate is unbiased however poor they are.",
            formula="V = mean of Σ_a π(a|x)·q̂(x,a) + π(A|x)/P(A)·(Y − q̂(x,A))",
            source="Doubly robust policy evaluation: Dudík, Langford and Li 2011 (arXiv 1103.4601), eq. 1.",
        ),
        Method(
            figure="Self-normalised weights, plain mean",
            how="Outcomes weighted by how much likelier the policy picks what the trial did, over the sum of "
            "the weights. For a policy that always picks one option this is the mean of that arm.",
            formula="V = Σ w·Y / Σ w,  w = π(A|x)/P(A)",
            source="Swaminathan and Joachims 2015, The Self-Normalized Estimator for Counterfactual Learning.",
        ),
        Method(
            figure="Difference between two policies",
            how="The mean of the customers’ differences between both doubly robust terms, so what two "
            "policies share cancels. The better single e-mail was picked on the teaching half.",
            formula="Δ = mean of (φ_1 − φ_2)",
        ),
        Method(
            figure="95 % intervals",
            how="Value ± 1.96 standard errors, with the customer as the independent unit. Each "
            "interval holds on its own; several together miss more often.",
            formula="se² = Σ_i (u_i − ū)² / (n·(n − 1)),  u_i: all of customer i",
            source="Clustered by customer, linearised: Cochran 1977, Sampling Techniques, ch. 6.",
        ),
        Method(
            figure="Caused by an e-mail",
            how="The mean of those who got it, less the mean of those who got none, weighted by the odds "
            "with which they could have got it, times the deliveries. Fewer than 100 buyers on either side "
            "give a reason, not a number. All margin of a customer in the window counts, whatever it is "
            "attributed to.",
            formula="n_a·(Ȳ_a − Σ r·Y / Σ r),  r = P(a)/P(∅) of those who got nothing",
            source="Hirano, Imbens and Ridder 2003, with known probabilities.",
        ),
        Method(
            figure="Incrementality κ",
            how="How much of the margin that the response model attributes to a delivery was caused: a "
            "normal prior from the catalogue, updated by the measured comparison and pooled over team and "
            "stage. It may be negative or above 1.",
            formula="caused_a ~ N(κ_a·mean(p·m), se_a²),  κ_a ~ N(μ, σ²)",
            source="Partial pooling: Gelman and Hill 2007, ch. 12.",
        ),
        Method(
            figure="Predicted visits",
            how="A Bayesian logistic regression of visits on what was known before, one an action, taught by "
            f"{demo.learned.deliveries:,} deliveries with {demo.learned.responses:,} visits. Intervals of "
            "actual rates are Wilson’s; p is the test of Hosmer and Lemeshow on ten bins an e-mail.",
            formula="χ² = Σ n·(rate − p̄)² / (p̄·(1 − p̄)),  10 degrees of freedom",
            source="Hosmer and Lemeshow 1980; Wilson 1927.",
        ),
        Method(
            figure="What the policy picks",
            how="Thompson sampling: the action whose score, drawn with its uncertainty, is the largest; and it "
            "is sent only if a second, independent draw of its score is above zero. These probabilities are "
            "integrated exactly, mixed with a small even share for every option (decisions.floor in "
            "company.toml), and the draw is made from them.",
            formula="P(a) = Φ(μ_a/s_a)·∫ φ_a ∏_{b≠a} Φ_b,  P(nothing) = 1 − Σ_a P(a)",
            source="Thompson 1933; score: κ·p·m less contact cost.",
        ),
    ]
