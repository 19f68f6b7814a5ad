import msgspec
import numpy as np
import polars as pl
import pytest

from cvo.core.clock import DAY, Instant
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.inference.clustered import normal_estimate
from cvo.ledger.clv_change import clv_changes
from cvo.ledger.contrast import contrasts
from cvo.ledger.margin import margins
from cvo.ledger.surrogate import NO_COHORT, brought, learn_index, read, validated
from tests.data.log import START, decided, order, person, tables

HALF = {"a": 0.5, "": 0.5}


def told(value, error):
    return normal_estimate(
        value, error, level=0.95, unit="EUR a customer", grade=Grade.MEASURED, sample_size=100
    )


def test_a_cohort_refuses_an_index_that_says_more_than_came_and_several_are_held_together():
    assert validated({}) is NO_COHORT
    assert validated({"a": told(1.9, 1.0)}) is None
    refused = validated({"a": told(2.0, 1.0)})
    assert refused.reason == "surrogate refused"
    assert refused.detail.endswith("EUR a customer: a +2.00 ± 1.00")
    # One of three is further off than 1.96 by chance more often than one alone.
    assert validated({"a": told(2.0, 1.0), "b": told(0, 1), "c": told(0, 1)}) is None


def log(customers=1_200, seed=1):
    """Regular buyers of 20.00 before and after; a coin of one half on day 400 that changes nothing."""
    rng = np.random.default_rng(seed)
    for who in range(customers):
        gap, day, number = rng.uniform(15, 120), rng.uniform(0, 100), 0
        while day < 450:
            yield order(who, day, 2_000, f"o{number}")
            day, number = day + gap * rng.uniform(0.8, 1.2), number + 1
        got = rng.random() < 0.5
        yield decided(who, 400, HALF, "a" if got else "", chosen="a", propensity=1.0)


@pytest.fixture(scope="module")
def learned():
    made = tables(*log())
    money, as_of = margins(made.orders, made.refunds, 0.5), Instant(START + 445 * DAY)
    (contrast,) = contrasts(made.decisions, money, {"a": 14}, as_of)
    return learn_index(made.decisions, money, 62, as_of, "EUR"), contrast, money, as_of, made


def test_what_the_index_foretells_is_what_comes_on_average(learned):
    index, contrast, money, _, _ = learned
    rows = contrast.rows.select("person_id", (pl.col("at") - 104 * DAY).alias("at"))
    came = brought(rows, money, 14, 104)["margin"].to_numpy() / 100
    foretold = index.of(rows, 14)
    assert foretold.mean() == pytest.approx(came.mean(), rel=0.05)
    assert np.corrcoef(foretold, came)[0, 1] > 0.7


def test_what_comes_after_the_state_was_read_moves_nothing_but_the_models(learned):
    index, contrast, money, _, _ = learned
    later = money.with_columns(pl.lit(START + 443 * DAY).alias("at")).head(500)
    more = pl.concat([money, later]).sort("person_id", "at", maintain_order=True)
    again = msgspec.structs.replace(index, margin=more)
    assert (again.of(contrast.rows, 14) == index.of(contrast.rows, 14)).all()


def test_what_the_cohorts_leave_open_is_part_of_the_error(learned):
    index, contrast, _, as_of, _ = learned
    sure, unsure = (read(index, contrast, 14, as_of, {"b": told(0.5, error)}) for error in (0.0, 1.2))
    assert sure.change.value == unsure.change.value
    assert sure.change.grade is Grade.POOLED
    assert sure.horizon_days == 90
    assert unsure.change.standard_error == pytest.approx(np.hypot(sure.change.standard_error, 1.2))
    assert not unsure.change.interval.excludes(0.0)


def test_few_states_teach_no_index(learned):
    _, _, money, as_of, made = learned
    few = money.filter(pl.col("person_id").is_in([person(n) for n in range(5)]))
    refused = learn_index(made.decisions, few, 62, as_of, "EUR")
    assert isinstance(refused, NotEstimable)
    assert refused.reason == "too few buyers"


def test_without_a_cohort_of_the_stage_with_a_closed_horizon_there_is_no_surrogate(learned):
    _, contrast, money, as_of, made = learned
    (found,) = clv_changes(
        [contrast],
        money,
        decisions=made.decisions,
        window_days={"a": 14},
        horizons_days=(28, 90),
        as_of=Instant(as_of - 10 * DAY),
        currency="EUR",
    )
    assert (found.surrogate, found.change.reason) == (NO_COHORT, "open horizon")
    (short,) = clv_changes(
        [contrast],
        money,
        decisions=made.decisions,
        window_days={"a": 14},
        horizons_days=(28, 90),
        as_of=as_of,
        currency="EUR",
    )
    assert isinstance(short.change, Estimate)
    assert (short.change_days, short.surrogate.reason) == (28, "measured")
