"""A page of the kind the demo writes, with figures made up for the tests; nothing in it was measured."""

from cvo.core.evidence import Estimate, Grade, Interval, NotEstimable
from cvo.reports import (
    PERCENT,
    Assumption,
    Assumptions,
    Bar,
    Column,
    Curve,
    Distribution,
    Figure,
    Figures,
    Format,
    Histogram,
    IntervalChart,
    IntervalRow,
    Method,
    Methods,
    Page,
    Point,
    Reference,
    Section,
    Series,
    Table,
    money_format,
)

USD = money_format("USD")
USD_CHANGE = money_format("USD", signed=True)


def estimate(value, error, *, grade=Grade.MEASURED, effective=None, size=32_013):
    return Estimate(
        value=value,
        standard_error=error,
        interval=Interval(value - 1.96 * error, value + 1.96 * error),
        grade=grade,
        unit="USD margin per 1,000 customers",
        sample_size=size,
        effective_sample_size=effective,
    )


POLICIES = {
    "Learned policy": (estimate(481, 58, effective=11_204), estimate(219, 66), estimate(14, 41)),
    "Mens e-mail for all": (estimate(467, 71, effective=10_655), estimate(205, 84), None),
    "Womens e-mail for all": (estimate(329, 66, effective=10_702), estimate(67, 80), estimate(-138, 96)),
    "Random third": (estimate(352, 37), estimate(90, 44), estimate(-115, 58)),
    "Nothing for anybody": (estimate(262, 45, effective=10_656), None, estimate(-205, 84)),
}


def sample_page() -> Page:
    return Page(
        kicker="Sample figures, made up for the tests",
        title="Sending the men’s e-mail pays; choosing per customer is not yet proven",
        lead="Each policy is judged on customers it has never seen, against a trial that drew its e-mails at "
        "random. Every figure carries its interval, and says where it comes from.",
        facts=(
            ("Customers in the trial", "64,000"),
            ("Evaluated", "32,013"),
            ("Arms", "Mens, Womens, nothing; one third each"),
            ("Seed", "0"),
        ),
        sections=(_result(), _actions(), _model(), _choices(), _assumptions(), _methods()),
        footer="Sample page. Data of the trial this imitates: Kevin Hillstrom, MineThatData E-Mail Analytics "
        "and Data Mining Challenge, 2008.",
    )


def _result():
    learned, to_nobody, to_best = POLICIES["Learned policy"]
    per_thousand = "Margin per 1,000 customers, 95 % intervals"
    cards = Figures(
        (
            Figure(
                label="Caused by the learned policy, per 1,000 customers",
                estimate=to_nobody,
                format=USD_CHANGE,
                note="Against sending nothing.",
                emphasis=True,
            ),
            Figure(
                label="More than the best single e-mail",
                estimate=to_best,
                format=USD_CHANGE,
                note="The interval holds zero: no proof that choosing beats one e-mail for all.",
            ),
            Figure(label="Margin with the learned policy, per 1,000 customers", estimate=learned, format=USD),
        )
    )
    values = IntervalChart(
        title="What each policy would have earned",
        subtitle=per_thousand,
        rows=tuple(
            IntervalRow(name, figures[0], emphasis=name == "Learned policy")
            for name, figures in POLICIES.items()
        ),
        format=USD,
        reference=Reference(262.0, "nothing sent"),
        note="The constant policies are plain means of their arm; the learned one is doubly robust.",
    )
    table = Table(
        title="The same in figures, with differences",
        columns=(
            Column("Policy"),
            Column("Margin per 1,000", USD),
            Column("Effective sample", Format()),
            Column("Against nothing", USD_CHANGE),
            Column("Against best single", USD_CHANGE),
        ),
        rows=tuple(
            (name, value, value.effective_sample_size or "", to_nobody or "itself", to_best or "itself")
            for name, (value, to_nobody, to_best) in POLICIES.items()
        ),
    )
    return Section(
        "The men’s e-mail earns $205 more per 1,000 customers than silence", (cards, values, table)
    )


def _actions():
    too_few = NotEstimable("few_buyers", "38 buyers in the arm, 100 needed")
    margins = IntervalChart(
        title="Margin caused by action",
        subtitle="Per 1,000 customers against nothing sent",
        rows=(
            IntervalRow("Mens e-mail", estimate(205, 84)),
            IntervalRow("Womens e-mail", estimate(67, 80)),
            IntervalRow("Mens e-mail, all shops", estimate(160, 70, grade=Grade.POOLED)),
            IntervalRow("Catalogue", estimate(120, 60, grade=Grade.OBSERVATIONAL)),
            IntervalRow("Call from an agent", estimate(0, 90, grade=Grade.ASSUMED)),
            IntervalRow("Gift with the first order", too_few),
        ),
        format=USD_CHANGE,
        reference=Reference(0.0, "nothing sent"),
        half=True,
    )
    incrementality = IntervalChart(
        title="Incrementality κ",
        subtitle="Share of attributed margin that the action caused",
        rows=(
            IntervalRow("Mens e-mail", estimate(0.54, 0.11)),
            IntervalRow("Womens e-mail", estimate(0.33, 0.16)),
        ),
        format=Format(decimals=2),
        reference=Reference(1.0, "all of it"),
        half=True,
    )
    return Section("Both e-mails cause visits; only one clearly causes margin", (margins, incrementality))


def _model():
    deciles = (0.062, 0.081, 0.095, 0.109, 0.122, 0.139, 0.158, 0.184, 0.221, 0.302)
    actual = (0.058, 0.084, 0.091, 0.113, 0.124, 0.131, 0.164, 0.181, 0.229, 0.289)
    points = tuple(
        Point(x, y, Interval(y - 0.012 - y / 30, y + 0.012 + y / 30))
        for x, y in zip(deciles, actual, strict=True)
    )
    others = tuple(
        Point(p.x * 0.83, p.y * 0.8, Interval(p.y * 0.8 - 0.014, p.y * 0.8 + 0.014)) for p in points
    )
    calibration = Curve(
        title="Predicted visits come true",
        subtitle="Visit rate by decile of prediction, customers the model has not seen, 95 % intervals",
        x_axis="Predicted",
        y_axis="Actual",
        series=(Series("Mens e-mail", points), Series("Womens e-mail", others)),
        x_format=PERCENT,
        y_format=PERCENT,
        diagonal="perfectly calibrated",
    )
    return Section("The response model can be trusted", (calibration,))


def _choices():
    chosen = Distribution(
        title="What was chosen",
        subtitle="Customers by the option drawn",
        bars=(Bar("Mens e-mail", 21_344, emphasis=True), Bar("Womens e-mail", 7_410), Bar("Nothing", 3_259)),
        half=True,
    )
    propensities = Histogram(
        title="How sure the policy was",
        subtitle="Customers by propensity of the option drawn",
        edges=tuple(i / 10 for i in range(11)),
        counts=(210, 640, 1_480, 2_890, 4_310, 5_020, 5_660, 5_204, 4_411, 2_188),
        format=Format(decimals=1),
        reference=Reference(1 / 3, "random"),
        half=True,
    )
    return Section("What the learned policy did", (chosen, propensities))


def _assumptions():
    items = (
        Assumption(
            name="Cost of a contact",
            value="$0.10 per e-mail",
            why="The trial does not say what an e-mail cost.",
            where="catalogue/actions.yaml: cost",
        ),
        Assumption(
            name="Margin rate",
            value="40 % of spend",
            why="The trial records spend, not margin.",
            where="catalogue/actions.yaml: margin_rate",
        ),
        Assumption(
            name="Customer ids and times",
            value="Row numbers, and one fixed date for all",
            why="The file carries neither.",
        ),
    )
    return Section("What is taken for granted", (Assumptions(items),))


def _methods():
    items = (
        Method(
            figure="Margin of a constant policy",
            how="The mean margin of the customers whom the trial had drawn into that arm.",
            formula="V = Σ w·Y / Σ w,  w = 1[A = a] / (1/3)",
            source="Self-normalised importance sampling; Swaminathan and Joachims 2015.",
        ),
        Method(
            figure="Margin of the learned policy",
            how="A prediction for every customer, corrected by what happened to those "
            "whom the trial treated alike.",
            formula="φ = Σ_a π(a)·q̂(a) + π(A)/P(A)·(Y − q̂(A))",
            source="Doubly robust estimation; Dudík, Langford and Li 2011.",
        ),
    )
    return Section("How each number was made", (Methods(items),))
