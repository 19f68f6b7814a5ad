"""Levers: which scores a team may move, for how long, and by how much at most."""

import numpy as np
import pytest

from cvo.actions.levers import Levers
from cvo.core.clock import DAY, Instant, parse_rfc3339
from cvo.core.errors import CatalogueError
from tests.data.company import NOW, catalogue

BOUND = {"sales: {name: Sales}": "sales: {name: Sales, lever_bound: 3}"}
MARCH = "starts_at: 2026-03-01T00:00:00Z, ends_at: 2026-04-01T00:00:00Z"
APRIL = "starts_at: 2026-04-01T00:00:00Z, ends_at: 2026-05-01T00:00:00Z"


def levers(*entries):
    text = "levers:\n" + "".join(
        f"  l{number}: {{team: sales, because: tests, {entry}}}\n" for number, entry in enumerate(entries)
    )
    return catalogue(**BOUND, **{"limits:": text + "limits:"})


@pytest.mark.parametrize(
    ("scope", "moved"),
    [
        ("per: action, of: upgrade", {"upgrade"}),
        ("per: stage, of: grow", {"upgrade", "accessory"}),
        ("per: team", {"upgrade", "accessory", "winter"}),
        ("per: channel, of: web", {"upgrade", "accessory", "winter"}),
        ("per: channel, of: email", set()),
        ("per: stage, of: serve", set()),
    ],
)
def test_a_lever_moves_its_team_s_own_actions_and_no_others(scope, moved):
    given = levers(f"{scope}, amount: 1.5, {MARCH}")
    found = Levers(given, "web")
    expected = [[1.5 if action in moved else 0.0 for action in given.action_ids]]
    np.testing.assert_array_equal(found.at([NOW]), expected)
    assert bool(found) is bool(moved)


def test_it_is_in_force_from_its_start_to_before_its_end_and_adds_up_with_others():
    given = levers(f"per: action, of: upgrade, amount: 2, {MARCH}", f"per: team, amount: -1, {MARCH}")
    begins, ends = parse_rfc3339("2026-03-01T00:00:00Z"), parse_rfc3339("2026-04-01T00:00:00Z")
    moments = [Instant(begins - 1), begins, Instant(ends - 1), ends, Instant(ends + DAY)]
    column = given.action_ids.index("upgrade")
    assert Levers(given, "web").at(moments)[:, column].tolist() == [0.0, 1.0, 1.0, 0.0, 0.0]


def test_a_team_may_pull_as_much_again_when_the_first_is_over():
    assert len(levers(f"per: team, amount: 3, {MARCH}", f"per: team, amount: -3, {APRIL}").levers) == 2


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (f"per: team, amount: 3.01, {MARCH}", "add up to 3.01 at .*lever_bound is 3"),
        (f"per: team, amount: -3.01, {MARCH}", "add up to 3.01"),
        (f"per: action, of: callback, amount: 1, {MARCH}", "callback is an action of care"),
        (f"per: action, of: nothing, amount: 1, {MARCH}", "of 'nothing' is not in the catalogue"),
        (f"per: stage, amount: 1, {MARCH}", "say of which stage in `of`, or write per: team"),
        (f"per: team, of: care, amount: 1, {MARCH}", "moves its own actions; of is 'care'"),
        (f"per: team, amount: 0, {MARCH}", "amount is 0; it has to be an amount of money other than 0"),
        (f"per: team, amount: .nan, {MARCH}", "amount is NaN"),
        ("per: team, amount: 1, starts_at: 2026-03-01T00:00:00Z", "missing required field `ends_at`"),
        (
            "per: team, amount: 1, starts_at: 2026-03-01T00:00:00Z, ends_at: 2026-03-01T00:00:00Z",
            "ends at .*before it starts",
        ),
    ],
)
def test_what_can_t_be_right_is_refused(entry, said):
    with pytest.raises(CatalogueError, match=f"levers.l0.*{said}"):
        levers(entry)


def test_together_they_stay_below_the_bound_whichever_starts_first():
    late = "starts_at: 2026-03-20T00:00:00Z, ends_at: 2026-05-01T00:00:00Z"
    for first, second in ((MARCH, late), (late, MARCH)):
        with pytest.raises(CatalogueError, match=r"levers of sales add up to 4 at 2026-03-20"):
            levers(f"per: team, amount: 2, {first}", f"per: action, of: upgrade, amount: 2, {second}")


def test_without_a_bound_there_is_no_lever_and_without_a_reason_neither():
    lever = f"levers: {{push: {{team: care, per: team, amount: 0.01, because: tests, {MARCH}}}}}\nlimits:"
    with pytest.raises(CatalogueError, match=r"lever_bound is 0"):
        catalogue(**{"limits:": lever})
    with pytest.raises(CatalogueError, match=r"because is empty"):
        catalogue(**BOUND, **{"limits:": lever.replace("team: care", "team: sales").replace("tests", "' '")})
    with pytest.raises(CatalogueError, match=r"teams.sales.lever_bound is -1"):
        catalogue(**{"sales: {name: Sales}": "sales: {name: Sales, lever_bound: -1}"})
