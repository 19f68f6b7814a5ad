"""What customers brought, whoever caused it, and what is expected of them."""

from collections.abc import Sequence

from cvo.app.value.bank import Bank
from cvo.app.value.report import Value
from cvo.core.clock import to_datetime
from cvo.core.evidence import NotEstimable
from cvo.core.money import minor_unit
from cvo.ledger.clv_change import ClvChange
from cvo.ledger.growth import Causes
from cvo.ledger.surrogate import Surrogate
from cvo.ledger.tables import DISCOUNT
from cvo.reports import COUNT, PERCENT, Block, Cell, Column, Format, Section, Table, money_format

_LINES = {
    "revenue": "Revenue",
    "refunds": "of it refunded",
    "margin": "Margin",
    "contact_cost": "Cost of contacts",
    "service_cost": "Cost of service",
    "value": "Value: margin less both costs",
}


def incentive_in_words(kind: str) -> str:
    """Say what was given and where it is counted already.

    >>> incentive_in_words("voucher")
    'Given: voucher, margin is less it already'
    """
    where = "revenue" if kind == DISCOUNT else "margin"
    return f"Given: {kind}, {where} is less it already"


def realised(report: Value, bank: Bank) -> Section:
    """Show the bank: brought to date, expected to come, and how past expectations came out."""
    cents, money = money_format(bank.currency, decimals=2), money_format(bank.currency)
    blocks: list[Block] = [
        Table(
            title=f"Brought to date by {COUNT.text(bank.customers)} customers",
            columns=(Column(""), Column("Amount", cents)),
            rows=tuple(
                (words, float(amount.amount))
                for words, amount in (
                    *((words, bank.realised[name]) for name, words in _LINES.items()),
                    *((incentive_in_words(kind), amount) for kind, amount in bank.incentives.items()),
                )
            ),
            note="From the log, to the cent, whoever caused it."
            + (
                f" {COUNT.text(report.realised.unvalued)} in other currencies left out."
                if report.realised.unvalued
                else ""
            ),
        )
    ]
    if isinstance(bank.expected, NotEstimable):
        blocks.append(f"What is expected to come is not known: {bank.expected.detail.replace('`', '')}.")
    else:
        blocks.append(
            Table(
                title="Expected to come",
                columns=(
                    Column("Within days", COUNT),
                    Column("Customers", COUNT),
                    Column("Discounted margin", money),
                ),
                rows=tuple(
                    (each.days, each.customers, float(each.expected.amount)) for each in bank.expected
                ),
                note="Sums of the latest predictions; none of it is caused by anything.",
            )
        )
    if bank.scores:
        blocks.append(_scores(bank))
    blocks += _changes(bank)
    return Section("The value bank", tuple(blocks))


def _scores(bank: Bank) -> Table:
    money, unit = money_format(bank.currency), minor_unit(bank.currency)
    return Table(
        title="Past predictions whose time has come",
        columns=(
            Column("Made on"),
            Column("Days", COUNT),
            Column("Customers", COUNT),
            Column("Expected", money),
            Column("Came", money),
            Column("Between P10 and P90", PERCENT),
        ),
        rows=tuple(
            (
                f"{to_datetime(each.made_at):%d %B %Y}",
                each.days,
                each.customers,
                each.expected_minor * unit,
                each.came_minor * unit,
                each.within_range_rate,
            )
            for each in bank.scores
        ),
        note="Eighty per cent of customers should come out between P10 and P90.",
    )


def _changes(bank: Bank) -> list[Block]:
    small = money_format(bank.currency, decimals=2, signed=True)
    told = [each for each in bank.clv_changes if not isinstance(each.window, NotEstimable)]
    if not told:
        return []
    after = Table(
        title="ΔCLV: what actions change after their windows, a customer",
        columns=(
            Column("Action"),
            Column("Days after", COUNT),
            Column("ΔCLV", small),
            *_sources(small),
        ),
        rows=tuple(_change(each) for each in told),
        note="From experiments alone: an order brought forward shows as a gain in the window and a loss after it. "
        "Where no horizon has closed ΔCLV is pooled: foretold from customers' states four weeks after the window, "
        "as far as cohorts of the stage whose horizon has closed show that this holds. Else it is assumed.",
    )
    return [_inside(told, small), after]


def _sources(money: Format) -> tuple[Column, ...]:
    return (Column("Survival", money), Column("Rate", money), Column("Margin", money))


def _inside(told: Sequence[ClvChange], money: Format) -> Table:
    known = [(each, each.window) for each in told if isinstance(each.window, Causes)]
    return Table(
        title="What actions change inside their windows, a customer",
        columns=(Column("Action"), Column("Days", COUNT), Column("Margin in all", money), *_sources(money)),
        rows=tuple(
            (
                each.action,
                each.window_days,
                window.total,
                window.customers,
                window.orders_per_customer,
                window.value_per_order,
            )
            for each, window in known
        ),
        note="Before contact cost. Survival: who buys at all; rate: how often; margin: of an order. A discount "
        "given to those who would have ordered anyway is a loss of margin an order.",
    )


def _change(each: ClvChange) -> tuple[Cell, ...]:
    after = each.afterwards
    if isinstance(each.surrogate, Surrogate):
        return (each.action, each.change_days, each.surrogate.change, "by a surrogate", "", "")
    if isinstance(after, NotEstimable):
        return (each.action, "", after.reason, "", "", "")
    parts = (after.customers, after.orders_per_customer, after.value_per_order)
    return (each.action, each.horizon_days, after.total, *parts)
