"""The page's part on campaigns: observational on every figure; and the made-up half-year, apart from all of it."""

from collections.abc import Iterator

from cvo.app.demo.journey.run import Journey
from cvo.core.evidence import Estimate, NotEstimable
from cvo.reports import (
    COUNT,
    PERCENT,
    Block,
    Column,
    IntervalChart,
    IntervalRow,
    Reference,
    Section,
    Table,
    money_format,
)


def seen(journey: Journey) -> Section:
    """Show every campaign: who got it, who redeemed, and how spending moved beside others'."""
    currency = journey.bank.currency
    signed, money = money_format(currency, decimals=2, signed=True), money_format(currency, decimals=2)
    found = journey.campaigns.rows
    rows = tuple(
        (
            f"{each.key[-2:]} ({each.type[-1]})",
            f"{each.start:%d\N{NO-BREAK SPACE}%b}\N{EN DASH}{each.end:%d\N{NO-BREAK SPACE}%b}",
            each.households,
            _short(each.redeemed),
            _short(each.before),
            _short(each.others_before),
        )
        for each in found
    )
    blocks: list[Block] = [_picked(journey)]
    drawn = tuple(
        IntervalRow(f"{each.key[-2:]} ({each.type[-1]})", each.moved)
        for each in found
        if isinstance(each.moved, Estimate)
    )
    if drawn:
        blocks.append(
            IntervalChart(
                title="How spending moved, beside households that were not picked",
                subtitle=f"{currency} a household and week, 95 % intervals: an association, not an effect",
                rows=drawn,
                format=signed,
                reference=Reference(0.0, "as the others"),
            )
        )
    blocks.append(
        Table(
            title="All campaigns",
            columns=(
                Column("Campaign (type)"),
                Column("Days"),
                Column("Households", COUNT),
                Column("Redeemed", PERCENT),
                Column("Spent before, a week", money),
                Column("Others before", money),
            ),
            rows=rows,
            note="Redeemed: the share of households that used at least one of its coupons. Campaigns that began "
            "before the data or go on after it are seen in part. Fewer than 30 households, or 14 days, are not judged.",
        )
    )
    return Section("What was seen of the campaigns", tuple(blocks))


def _short(found: Estimate | NotEstimable) -> Estimate | str:
    return found.reason if isinstance(found, NotEstimable) else found


def _picked(journey: Journey) -> str:
    picked = journey.campaigns.picked
    if isinstance(picked, NotEstimable):
        return f"Nobody drew lots for these campaigns, and {picked.detail}."
    return (
        f"Households were picked because they buy: they spent {picked:.1f} times what the others did before the first "
        "coupon was sent. However spending moved, that difference could have moved it. To know what a campaign "
        "causes, leave some of those it is meant for alone by lot."
    )


def _against(reported: Estimate, truth: float) -> str:
    if reported.interval.excludes(truth):
        return "an interval that misses the truth"
    if not reported.interval.excludes(0.0):
        return "an interval that holds the truth and zero: so few customers can’t tell the two apart"
    return "an interval that holds the truth"


def rehearsal(journey: Journey) -> Iterator[Section]:
    """Show the made-up half-year, if there was one."""
    found = journey.rehearsed
    if found is None:
        return
    done, habits = found.simulated, found.habits
    money = money_format(done.currency, decimals=2, signed=True)
    reported = done.value.programme
    said = (
        f"could not be estimated ({reported.detail})"
        if isinstance(reported, NotEstimable)
        else f"is measured as {money.estimate(reported)}, {_against(reported, done.truth.as_counted)}"
    )
    usual = money_format(done.currency, decimals=2).text(habits.usual_basket)
    yield Section(
        "A made-up half-year with decisions drawn by lot",
        (
            f"{COUNT.text(done.customers)} made-up customers buy like these households: {usual} an order, "
            f"{habits.orders_per_week:.2f} orders a week, as different from each other as they are. How they take "
            "offers is the scenario “retail”, and made up. "
            f"Over {done.weeks} weeks cvo made {COUNT.text(done.decisions)} decisions for them, left "
            f"{COUNT.text(done.control)} alone and learned once a week.",
            f"What it caused per customer there {said}; the truth of that world is "
            f"{money.text(done.truth.as_counted)}. That shows the loop on customers like these, and nothing of what "
            "the grocer’s own offers would bring.",
        ),
    )
