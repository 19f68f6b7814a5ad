"""A simulated company by way of a server: the same world, over HTTP, when its time has come."""

import json
import subprocess
import sys
from contextlib import ExitStack

import pytest

from cvo.app.company import Company
from cvo.app.records import records
from cvo.app.simulate import simulate
from cvo.app.simulate.messages import START, customer_id
from cvo.app.simulate.served import WEEK_A_MINUTE, ServedDoors
from cvo.core.clock import DAY, Instant
from cvo.core.errors import Unavailable
from cvo.decisions.decision import Purpose, Request
from tests.data.server import make_company, serving


def test_it_lives_through_its_weeks_over_http_and_is_held_against_its_truth(tmp_path):
    folder = tmp_path / "live"
    arguments = [
        "--customers",
        "40",
        "--weeks",
        "2",
        "--company",
        str(folder),
        "--realtime",
        "--speed",
        "1e9",
    ]
    command = [sys.executable, "-m", "cvo", "simulate", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Served at http://127.0.0.1:" in done.stderr
    found = json.loads(done.stdout)
    at_once = simulate(tmp_path / "at once", "retail", 40, 2)
    # Contacts change who comes back; what was known before, and who visits first, is the same.
    assert found["decisions"]["made"] == pytest.approx(at_once.decisions, rel=0.2)
    assert found["messages"]["duplicates"] <= found["messages"]["accepted"]
    assert set(found["truth"]) == {"as_counted", "own_margins", "best"}
    with Company.open(folder, write=False) as company:
        made = [records(company.store)(each.body) for each in company.store.decisions(Purpose.LIVE)]
        assert len(made) == found["decisions"]["made"]
        assert list(company.store.dead_letters()) == []
    assert {each.at >= START for each in made} == {True}


def test_requests_wait_for_their_time(tmp_path):
    key = make_company(tmp_path / "shop")
    clock, slept = [0.0], []

    def sleep(seconds):
        slept.append(seconds)
        clock[0] += seconds

    with ExitStack() as stack:
        server = stack.enter_context(serving(tmp_path / "shop", key, "--simulated-time"))
        doors = ServedDoors(server.address, key, now=lambda: clock[0], sleep=sleep)
        stack.callback(doors.close)
        later = Request(placement="home", at=Instant(START + 7 * DAY))
        made = doors.decide([(customer_id(1), Request(placement="home", at=START)), (customer_id(2), later)])
        assert len({each.decision_id for each in made}) == 2
        assert slept == [pytest.approx(60.0)], "a week is a minute"
        assert WEEK_A_MINUTE == 7 * DAY / 1e6 / 60
        sent = {
            "type": "track",
            "event": "Visit",
            "userId": "u",
            "messageId": "m",
            "timestamp": "2026-01-12T00:00:00Z",
        }
        taken = doors.take_in([sent, sent], Instant(START + 14 * DAY))
        assert (taken.accepted, taken.duplicates) == (1, 1)
        assert sum(slept) == pytest.approx(120.0)
        with pytest.raises(Unavailable, match="says 422"):
            doors.decide([(customer_id(1), Request(placement="nowhere", at=later.at))])
        server.stop()
        with pytest.raises(Unavailable, match="does not answer"):
            doors.decide([(customer_id(1), later)])
