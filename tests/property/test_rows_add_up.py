"""Whatever is bought by whom, the parts of the headline add up to it, and accounts to the log."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.core.clock import DAY, Instant
from cvo.core.evidence import Estimate
from cvo.inference import GuardRails
from cvo.ledger.account import accounts
from cvo.ledger.cap import capped
from cvo.ledger.caused import cells
from cvo.ledger.contrast import contrasts
from cvo.ledger.margin import margins
from cvo.ledger.programme import programme_effect
from cvo.ledger.reconcile import Reconciled, reconcile
from cvo.ledger.rows import DIMENSIONS
from tests.data.log import START, decided, order, person, refund, tables

ANYBODY = GuardRails(min_buyers=1)


def log(seed, customers=400):
    """Treated customers who are offered a or b, some of it withheld, control customers left alone, and orders."""
    rng = np.random.default_rng(seed)
    arms = {}
    for who in range(customers):
        arms[person(who)] = "control" if who % 2 else "treated"
        for day in (0.5, 16.5):
            chosen = ["a", "b", ""][rng.integers(3)] if who % 2 == 0 else ""
            kept = chosen if rng.random() < 0.5 else ""
            options = {"a": 1 / 6, "b": 1 / 6, "": 2 / 3} if who % 2 == 0 else {"": 1.0}
            chance = 1 / 3 if who % 2 == 0 else 1.0
            yield decided(
                who,
                day,
                options,
                kept,
                chosen=chosen,
                propensity=chance,
                stage="grow" if chosen == "a" else "serve",
            )
            if rng.random() < 0.7:
                yield order(who, day + 1, int(rng.integers(1, 90_000)), f"{who}-{day}")
                if rng.random() < 0.3:
                    yield refund(who, day + 2, int(rng.integers(1, 500)), f"{who}-{day}")


def customers_of(made, money, count=400):
    people = pl.DataFrame(
        {
            "person_id": [person(n) for n in range(count)],
            "arm": ["control" if n % 2 else "treated" for n in range(count)],
        },
        schema={"person_id": pl.Binary, "arm": pl.String},
    )
    account = accounts(made.decisions, money)
    return people.join(account, on="person_id", how="left", maintain_order="left").with_columns(
        pl.col("orders", "margin_minor", "value_minor").fill_null(0)
    )


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    by=st.lists(st.sampled_from(DIMENSIONS), min_size=1, max_size=3, unique=True),
    cap=st.sampled_from([1_000.0, 20_000.0, 10.0**9]),
)
def test_rows_cap_and_rest_are_the_headline(seed, by, cap):
    made = tables(*log(seed))
    money = margins(made.orders, made.refunds, 0.4)
    everybody = customers_of(made, money)
    held = capped(everybody, cap)
    headline = programme_effect(held, 0.5, START, Instant(START + 42 * DAY), "EUR")
    assert isinstance(headline, Estimate)
    compared = contrasts(made.decisions, money, {"a": 14, "b": 14}, Instant(START + 42 * DAY))
    found = reconcile(headline, held, everybody, cells(compared, by, "EUR", ANYBODY), "EUR")
    assert isinstance(found, Reconciled)
    parts = [each.value.value for each in found.rows if isinstance(each.value, Estimate)]
    assert len(parts) + len(found.in_rest) == len(found.rows)
    assert any(parts)
    taken = 0.0 if found.cap is None else found.cap.value
    assert sum(parts) + taken + found.rest.value == pytest.approx(found.headline.value, abs=1e-6)
    assert (found.cap is None) is (cap == 10.0**9)
    # The error of the rest is less than if its parts shared no customer, and never nothing.
    assert found.rest.standard_error > 0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_accounts_add_up_to_the_log_to_the_cent(seed):
    events = list(log(seed, customers=30))
    made = tables(*events)
    account = accounts(made.decisions, margins(made.orders, made.refunds, 0.4))
    assert account["revenue_minor"].sum() == sum(getattr(e.body, "revenue_minor", 0) for e in events)
    assert account["refunds_minor"].sum() == sum(getattr(e.body, "amount_minor", 0) for e in events)
    value = account["margin_minor"].sum() - account["contact_cost_minor"].sum()
    assert account["value_minor"].sum() == pytest.approx(value)
