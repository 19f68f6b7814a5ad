"""What the page takes for granted, and how each number was made."""

from cvo.app.value.bank import Bank
from cvo.app.value.report import Value
from cvo.core.evidence import NotEstimable
from cvo.reports import Assumption, Assumptions, Method, Methods, Section

_IN_WORDS = {
    "margin_rate": "Margin rate",
    "margin_per_response": "Margin of a response",
    "incrementality": "Incrementality before any measurement",
    "response_probability": "Response probability before any response",
    "clv_change": "ΔCLV before any comparison",
    "patience": "Price of one more contact before any comparison",
}


def assumptions(report: Value, bank: Bank) -> Section:
    """List everything stated and not measured, with why and where to change it."""
    open_still = [each.action for each in bank.clv_changes if isinstance(each.change, NotEstimable)]
    # For whom the assumption still stands in.
    more = {"clv_change": f" Not measured yet: {', '.join(open_still)}." if open_still else ""}
    stated = [
        Assumption(
            name=_IN_WORDS.get(name, name),
            value=f"{each.value:g}" + (f" ± {each.standard_deviation:g}" if each.standard_deviation else ""),
            why=each.because + more.get(name, ""),
            where=f"the catalogue: assumptions.{name}",
        )
        for name, each in report.assumptions.by_name.items()
    ]
    stated.append(
        Assumption(
            name="Contact cost",
            value="as the catalogue has it",
            why="What a contact costs is stated for each action.",
            where="the catalogue: actions.*.contact_cost",
        )
    )
    return Section("What is taken for granted", (Assumptions(tuple(stated)),))


def methods(report: Value) -> Section:
    """Say of each kind of number how it was made and who published the method."""
    cap = report.headline.cap if report.headline is not None else None
    capped = (
        "nothing is capped" if isinstance(cap, NotEstimable) or cap is None else "capped alike in both arms"
    )
    return Section(
        "How each number was made",
        (
            Methods(
                (
                    Method(
                        figure="Headline",
                        how="Mean value of customers by the arm first given, treated less control, "
                        "over full weeks since the "
                        f"first decision, intention to treat; {capped}. Customers are independent. The interval "
                        "widens with every weekly look, so that looking every week keeps the promise "
                        "of looking once.",
                        formula="ȳ(treated) − ȳ(control), level 1 − 0.05/(k(k+1)) after k weeks",
                    ),
                    Method(
                        figure="By action",
                        how="First choice of the action in its window: customers who got it less "
                        "those from whom a coin of known "
                        "probability kept it; where nothing is withheld, against those who by the draw got nothing.",
                        formula="Σ got · (ȳ(got) − Σ odds·y / Σ odds)",
                        source="Johnson, Lewis, Nubbemeyer 2017; Hirano, Imbens, Ridder 2003",
                    ),
                    Method(
                        figure="Carry-over and interaction",
                        how="Headline less all rows. Its variance sums, customer by customer, what each adds to the "
                        "headline less what they add to the rows, so that nobody counts twice.",
                        source="Hampel 1974 (influence)",
                    ),
                    Method(
                        figure="What stands out, what to stop",
                        how="False discoveries are held to one in ten of all that is claimed.",
                        source="Benjamini, Hochberg 1995",
                    ),
                    Method(
                        figure="ΔCLV",
                        how="What those brought after the action's window who got it, less those from whom chance kept "
                        "it, over the longest horizon that has closed, discounted. Pooled where it is read from a "
                        "surrogate index that cohorts with a closed horizon validated, with what they leave open as "
                        "further error.",
                        source="Athey, Chetty, Imbens, Kang 2019",
                    ),
                    Method(
                        figure="Growth",
                        how="Log-mean Divisia index over customers × orders per customer × value per "
                        "order: no residual.",
                        formula="Δx = L(V₁, V₀) · ln(x₁/x₀), L(a, b) = (a − b)/(ln a − ln b)",
                        source="Ang 2004; Ang, Liu 2007",
                    ),
                )
            ),
        ),
    )
