"""Whatever happens, no rule of the company is ever broken, and every decision can be made again."""

import pytest

from tests.property.rulebook import CATALOGUE, play, played

SEEN = {
    *("consent", "applicable", "conversation", "quiet hours", "contact limit", "rest", "capacity", "bundle"),
    *CATALOGUE.actions,
    *CATALOGUE.resources,
}
"""Every tier refused something, every action was chosen and every resource was used up: what is checked happens."""


def test_no_rule_of_the_company_is_ever_broken():
    # More people than one at a time are judged: the table and the function share the work.
    seen = [play(seed, people=280, steps=14) for seed in (2, 5, 7)]
    assert set().union(*seen) >= SEEN


@pytest.mark.slow
def test_in_a_million_requests_no_rule_of_the_company_is_ever_broken():
    assert max(played(1_000_000)) >= 1_000_000
