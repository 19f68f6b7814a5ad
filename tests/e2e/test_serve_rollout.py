"""A rollout under a running server, in simulated time: its lessons judge, and it follows what they say."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cvo.app.company import Company
from cvo.app.ingest import ingest
from cvo.app.keys import new_key
from cvo.app.live import Ask, Live
from cvo.app.rollout.record import latest
from cvo.app.rollout.start import start
from cvo.app.what_if import read_candidate
from cvo.core.clock import DAY, HOUR, Instant, format_rfc3339, parse_rfc3339
from cvo.events.event import Delivery
from cvo.events.message import user
from tests.data.folder import ONE_MAIL, OWNER, ordered, running
from tests.data.pages import shell_environment
from tests.data.server import serving

NOW = parse_rfc3339("2026-01-05T09:00:00Z")
CUSTOMERS = [f"c{n}" for n in range(700)]
NOBODY = ONE_MAIL.replace("window_days: 14,", 'window_days: 14, eligible: ["customer.age > 200"],')


def bought(got, random):
    return np.flatnonzero(random.random(len(got)) < 0.1 + 0.6 * np.array(got))


def company_with_a_past(folder, tmp_path, *, bad):
    """Make a company whose customers were decided for a fortnight ago, and start a rollout in it."""
    random = np.random.default_rng(1)
    with running(folder, NOW, withheld_rate=0.0, control_rate=0.0) as company:
        made = Live(company).process([Ask(user(each), "newsletter") for each in CUSTOMERS])
        got = [each.slots[0].delivery is Delivery.DELIVERED for each in made]
        ingest(company, [ordered(CUSTOMERS[n], Instant(NOW + DAY), 40.0) for n in bought(got, random)])
        company.clock.at = Instant(NOW + 15 * DAY)
        proposed = tmp_path / "proposed"
        proposed.mkdir()
        (proposed / "all.yaml").write_text(NOBODY if bad else ONE_MAIL.replace("0.10", "0.11"))
        candidate = read_candidate(company, catalogue=proposed)
        start(company, candidate, OWNER, delta=3.0, steps=(0.3, 1.0))
        return new_key(company)


def rollout_status(folder):
    command = [sys.executable, "-m", "cvo", "rollout", "status", "--company", str(folder), "--json"]
    done = subprocess.run(command, env=shell_environment(), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(("bad", "verdict"), [(True, "stopped"), (False, "promoted")])
def test_the_server_judges_a_rollout_and_follows_the_verdict(tmp_path, bad, verdict):
    folder, random = tmp_path / "shop", np.random.default_rng(2)
    key = company_with_a_past(folder, tmp_path, bad=bad)
    with serving(folder, key, "--simulated-time", "--learn-every", str(14 * 86_400)) as server:
        at = Instant(NOW + 15 * DAY + HOUR)
        now = format_rfc3339(at)

        def decide(customer):
            asked = {"customerId": customer, "placement": "newsletter"}
            status, answer = server.post("/v1/decisions", asked, X_Simulated_Now=now)
            assert status == 200, answer
            return bool(answer["items"])

        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(decide, CUSTOMERS))
        orders = [ordered(CUSTOMERS[n], Instant(at + DAY), 40.0) for n in bought(got, random)]
        later = format_rfc3339(Instant(at + 15 * DAY))
        for first in range(0, len(orders), 100):
            status, answer = server.post(
                "/v1/batch", {"batch": orders[first : first + 100]}, X_Simulated_Now=later
            )
            assert status == 200, answer
        until = time.monotonic() + 240
        while (found := rollout_status(folder))["verdict"] == "running" and time.monotonic() < until:
            time.sleep(0.5)
        assert found["verdict"] == verdict, found
        assert found["scored"] == len(CUSTOMERS)

        asked = {"customerId": "new", "placement": "newsletter"}
        made = [
            server.post("/v1/decisions", {**asked, "customerId": f"n{n}"}, X_Simulated_Now=later)[1]
            for n in range(20)
        ]
        # Whoever is asked for next gets what the verdict says.
        records = [server.get(f"/v1/decisions/{each['decisionId']}") for each in made]
        assert all(status == 200 for status, _ in records), records[0]
        versions = {record["pins"]["catalogue"] for _, record in records}
        assert any(each["items"] for each in made)
    with Company.open(folder, write=False) as company:
        run = latest(company.store)
        assert versions == {run.before_catalogue if bad else run.catalogue}
