"""The page for the finance department, of a made-up bookshop whose truth is known: a quarter, five actions, one page.

Tips sell books, the club keeps readers, the guide saves calls, the voucher hurries orders that would have come anyway,
and the catalogue by post does nothing. The page is to say so; nobody told cvo.

    python examples/value_page.py bookshop      # makes the company in ./bookshop, and bookshop/value.html
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import cvo
from cvo.app.clv import value_customers
from cvo.app.value.page import write_page
from cvo.core.clock import DAY, FixedClock, Instant, format_rfc3339, parse_rfc3339

SETTINGS = """
name = "A made-up bookshop"
currency = "EUR"
seed = "value-page"
owners = ["ann"]
[decisions]
# Far more than a real shop would leave alone: there are few customers here.
control_rate = 0.2
withheld_rate = 0.3
"""
CATALOGUE = """
teams: {books: {name: Books}, service: {name: Service}}
channels: {email: {consent: opt-out}, post: {consent: none}}
placements: {monday: {channel: email}}
actions:
  reading_tip: {team: books, stage: grow, status: live, name: A reading tip, contact_cost: 0.05, value: 10,
    window_days: 7, creatives: {tip-mail: {placement: monday}}}
  voucher: {team: books, stage: grow, status: live, name: A voucher, contact_cost: 0.05, value: 10,
    window_days: 7, creatives: {voucher-mail: {placement: monday}}}
  catalogue: {team: books, stage: grow, status: live, name: The catalogue by post, contact_cost: 0.40, value: 10,
    window_days: 7, creatives: {catalogue-letter: {placement: monday}}}
  readers_club: {team: books, stage: retain, status: live, name: The readers' club, contact_cost: 0.05, value: 10,
    window_days: 7, creatives: {club-mail: {placement: monday}}}
  guide: {team: service, stage: serve, status: live, name: A guide to e-books, contact_cost: 0.05, value: 10,
    window_days: 7, creatives: {guide-mail: {placement: monday}}}
traits: {country: {type: string}}
features: {country: {value: customer.country, kind: category}}
assumptions:
  margin_rate: {value: 0.35, because: What the bookshop's accounts say.}
  response_probability: {value: 0.2, standard_deviation: 1, because: One contact in five is followed by an order.}
"""
START = parse_rfc3339("2026-01-05T08:00:00Z")
BEFORE, CALL_COST = 26, 6.0


class Readers:
    """What customers would do: who orders and calls in a week, given what reached them."""

    def __init__(self, count: int) -> None:
        self.luck = np.random.default_rng(11)
        self.names = [f"reader-{number}" for number in range(count)]
        self.rate = self.luck.gamma(2.0, 0.05, count)
        self.club, self.hurried = np.zeros(count), np.zeros(count)

    def week(self, begin: Instant, got: np.ndarray) -> Iterator[dict[str, Any]]:
        """Return the orders and calls of one week."""
        self.club += 0.02 * (got == "readers_club") * (self.club < 0.06)
        chance = (self.rate + self.club + 0.12 * (got == "reading_tip")) * (1 - self.hurried)
        hurries = (got == "voucher") & (self.luck.random(len(chance)) < 0.15)
        orders = (self.luck.random(len(chance)) < chance) | hurries
        # Who was hurried has what they wanted for weeks.
        self.hurried = np.where(hurries, 1.0, 0.75 * self.hurried)
        calls = self.luck.random(len(chance)) < np.where(got == "guide", 0.02, 0.1)
        for reader in np.flatnonzero(orders):
            price = float(self.luck.lognormal(3.2, 0.5))
            given = 0.1 * price if got[reader] == "voucher" else 0.0
            paid = {"revenue": round(price - given, 2), "discount": round(given, 2)}
            yield self._said(reader, begin, "Order Completed", **paid)
        for reader in np.flatnonzero(calls):
            yield self._said(reader, begin, "Call Ended", service_cost=CALL_COST)

    def _said(self, reader: int, begin: Instant, event: str, **properties: float) -> dict[str, Any]:
        at = Instant(begin + int(self.luck.uniform(0.1, 6.9) * DAY))
        name = f"{event[0]}-{self.names[reader]}-{begin // DAY}"
        return {
            "type": "track", "event": event, "userId": self.names[reader], "messageId": name,
            "timestamp": format_rfc3339(at), "properties": {"order_id": name, **properties},
        }  # fmt: skip


def main() -> None:
    """Make the company, live through the quarter, write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--customers", type=int, default=3_000)
    parser.add_argument("--weeks", type=int, default=14)
    asked = parser.parse_args()
    (asked.folder / "catalogue").mkdir(parents=True)
    (asked.folder / "company.toml").write_text(SETTINGS)
    (asked.folder / "catalogue" / "shop.yaml").write_text(CATALOGUE)
    readers, clock, sent = Readers(asked.customers), FixedClock(START), asked.folder / "sent.parquet"
    nothing = np.full(asked.customers, "")
    with cvo.open(asked.folder, clock=clock) as company:
        company.apply(approve=True)
        company.ingest(
            {
                "type": "identify",
                "userId": name,
                "messageId": name,
                "traits": {"country": "NL" if n % 3 else "BE"},
            }
            for n, name in enumerate(readers.names)
        )
        for week in range(BEFORE, 0, -1):
            company.ingest(readers.week(Instant(START - 7 * week * DAY), nothing))
        value_customers(company)
        for week in range(asked.weeks):
            clock.at = Instant(START + 7 * week * DAY)
            company.run("monday", out=sent)
            rows = pl.read_parquet(sent).filter(pl.col("delivery") == "delivered")
            got = dict(rows.select("customer", "action").iter_rows())
            begin, clock.at = clock.at, Instant(clock.at + 7 * DAY)
            company.ingest(readers.week(begin, np.array([got.get(name) or "" for name in readers.names])))
        page = write_page(company.value(), company.bank(), company.config.name, asked.folder / "value.html")
        print(page)


if __name__ == "__main__":
    main()
