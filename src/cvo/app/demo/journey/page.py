"""The demo's page: what households brought and will bring, where growth came from, and what campaigns looked like."""

from pathlib import Path

import numpy as np

from cvo.app.demo.journey.company import MARGIN_RATE
from cvo.app.demo.journey.data import SOURCE
from cvo.app.demo.journey.run import END, MIDDLE, Journey
from cvo.app.demo.journey.seen import rehearsal, seen
from cvo.app.value.page.realised import realised
from cvo.core.evidence import NotEstimable
from cvo.core.money import minor_unit
from cvo.ledger.growth import Split
from cvo.reports import (
    COUNT,
    PERCENT,
    Assumption,
    Assumptions,
    Block,
    Column,
    Curve,
    Format,
    Histogram,
    Method,
    Methods,
    Page,
    Point,
    Section,
    Series,
    Table,
    money_format,
    render,
)

NAME = "report.html"
_YEAR = "expected_365d_minor"


def write_report(journey: Journey, folder: Path) -> Path:
    """Write the demo's page into a folder as one HTML file and return its path; an older one is replaced."""
    file, draft = folder / NAME, folder / f".{NAME}"
    draft.write_text(render(page(journey)), encoding="utf-8")
    return draft.replace(file)


def page(journey: Journey) -> Page:
    """Return the page on the demo's figures; the same figures give the same page."""
    bank = journey.bank
    return Page(
        kicker="Customer value optimisation · a grocer’s year",
        title=_title(journey),
        lead=_lead(journey),
        facts=(
            ("Households", COUNT.text(journey.households)),
            ("Baskets", COUNT.text(int(bank.rows["orders"].sum()))),
            ("Campaigns", COUNT.text(len(journey.campaigns.rows))),
            ("Drawn by lot", "Nothing"),
            ("Seed", str(journey.seed)),
        ),
        sections=(
            _lifetime(journey),
            realised(journey.value, bank),
            _growth(journey),
            seen(journey),
            *rehearsal(journey),
            _assumptions(),
            _methods(),
        ),
        footer=SOURCE,
    )


def _title(journey: Journey) -> str:
    top = _top_share(journey)
    if top is None:
        return "What a grocer’s households brought, and what can’t be said of its campaigns"
    return (
        f"A tenth of the households are expected to bring {PERCENT.text(top)} of next year’s margin; "
        "what the campaigns caused nobody can say"
    )


def _lead(journey: Journey) -> str:
    picked = journey.campaigns.picked
    why = (
        ""
        if isinstance(picked, NotEstimable)
        else f" Before a campaign began, households picked for it spent {picked:.1f} times what the others did."
    )
    return (
        "Orders, campaigns and redeemed coupons went through the same doors as any company’s. Campaigns were not "
        f"drawn by lot, so every figure about them is observational, and none is called caused.{why}"
    )


def _top_share(journey: Journey) -> float | None:
    if _YEAR not in journey.bank.rows.columns:
        return None
    expected = np.sort(journey.bank.rows[_YEAR].fill_null(0).to_numpy())[::-1]
    total = float(expected.sum())
    return float(expected[: max(1, round(len(expected) / 10))].sum()) / total if total > 0 else None


def _lifetime(journey: Journey) -> Section:
    found = journey.predicted_again
    if isinstance(found.fit, NotEstimable):
        return Section("What households will bring", (f"Not estimable: {found.fit.detail}.",))
    rows, unit = journey.bank.rows, float(minor_unit(journey.bank.currency))
    expected = rows[_YEAR].drop_nulls().to_numpy() * unit
    money = money_format(journey.bank.currency)
    edges = np.histogram_bin_edges(expected, bins=20, range=(0.0, float(np.quantile(expected, 0.99))))
    counts, _ = np.histogram(np.minimum(expected, edges[-1]), edges)
    blocks: list[Block] = [
        f"Model: {found.model}, chosen by backtest. Assumed beside it: margin is "
        f"{PERCENT.text(MARGIN_RATE)} of sales.",
        Histogram(
            title=f"The best tenth are worth {_times_usual(expected):.1f} times the usual household",
            subtitle="Households by expected discounted margin in the next 365 days",
            edges=tuple(edges.tolist()),
            counts=tuple(counts.tolist()),
            format=money,
            note="The last bar holds everybody above.",
            half=True,
        ),
        Curve(
            title="Who will bring it",
            subtitle="Share of expected margin against share of households, least first",
            x_axis="Share of households",
            y_axis="Share of expected margin",
            x_format=PERCENT,
            y_format=PERCENT,
            series=(Series("expected", _concentration(expected)),),
            diagonal="everybody alike",
            half=True,
        ),
    ]
    return Section("What households will bring", tuple(blocks))


def _concentration(expected: "np.typing.NDArray[np.float64]") -> tuple[Point, ...]:
    """Return the Lorenz curve."""
    rising = np.sort(expected)
    shares = np.concatenate([[0.0], np.cumsum(rising) / rising.sum()])
    places = np.linspace(0, len(rising), 21).round().astype(np.int64)
    return tuple(Point(float(at / len(rising)), float(shares[at])) for at in places)


def _times_usual(expected: "np.typing.NDArray[np.float64]") -> float:
    best = np.sort(expected)[::-1][: max(1, round(len(expected) / 10))]
    return float(best.mean() / np.median(expected))


def _growth(journey: Journey) -> Section:
    found, money = journey.growth, money_format(journey.bank.currency, signed=True)
    plain, cents = money_format(journey.bank.currency), money_format(journey.bank.currency, decimals=2)
    rows = []
    for name, each in (("Until midsummer", found.before), ("Since", found.after)):
        per_order = each.margin / each.orders if each.orders else 0.0
        per_customer = each.orders / each.customers if each.customers else 0.0
        rows.append((name, each.customers, per_customer, per_order, each.margin))
    one = Format(decimals=1)
    blocks: list[Block] = [
        Table(
            title=f"Two halves of 26 weeks, divided at {MIDDLE:%d %B %Y}, until {END:%d %B %Y}",
            columns=(
                Column(""),
                Column("Households that bought", COUNT),
                Column("Orders each", one),
                Column("Margin an order", cents),
                Column("Margin", plain),
            ),
            rows=tuple(rows),
        )
    ]
    if isinstance(found.split, Split):
        split = found.split
        blocks.append(
            Table(
                title="Where the change came from",
                columns=(Column(""), Column("Margin", money)),
                rows=(
                    ("More or fewer households", split.customers),
                    ("More or fewer orders each", split.orders_per_customer),
                    ("More or less value an order", split.value_per_order),
                    ("Together", split.total),
                ),
                note="The parts sum to the change. None is called caused: nobody was left alone by lot.",
            )
        )
    else:
        blocks.append(f"The change can’t be split: {found.split.detail}.")
    return Section("Where growth came from", tuple(blocks))


def _assumptions() -> Section:
    where = "catalogue/campaigns.yaml: assumptions.margin_rate"
    return Section(
        "What is taken for granted",
        (
            Assumptions(
                (
                    Assumption(
                        name="Margin rate",
                        value=PERCENT.text(MARGIN_RATE),
                        why="The data has sales, not margin.",
                        where=where,
                    ),
                    Assumption(
                        name="Contact cost",
                        value="0",
                        why="The data does not say what a mailing cost.",
                        where="catalogue/campaigns.yaml: actions.*.contact_cost",
                    ),
                    Assumption(
                        name="Times",
                        value="As given, in UTC; contacts on the campaign’s first day, redemptions at noon",
                        why="The data names no time zone, and of campaigns and redemptions the day alone.",
                    ),
                    Assumption(
                        name="Discounts",
                        value="The retailer’s own",
                        why="Manufacturers pay their coupons back, so that sales already hold them.",
                    ),
                )
            ),
        ),
    )


def _methods() -> Section:
    return Section(
        "How each number was made",
        (
            Methods(
                (
                    Method(
                        figure="Expected margin",
                        how="A buy-till-you-die model chosen by backtest on the households’ own orders, times a "
                        "Gamma-Gamma model of what an order is worth, discounted at 10 % a year. Predictions made at "
                        "midsummer saw nothing of the second half, and are held against it above.",
                        source="Schmittlein, Morrison, Colombo 1987; Fader, Hardie, Lee 2005.",
                    ),
                    Method(
                        figure="Growth",
                        how="The additive log-mean Divisia split of margin into households × orders × value.",
                        source="Ang 2004, eq. 8.",
                    ),
                    Method(
                        figure="Campaigns",
                        how="Households that got one against all others: spending in its days less that in as many "
                        "days before, a mean over households with a normal interval. Picking alone can make all of it.",
                    ),
                )
            ),
        ),
    )
