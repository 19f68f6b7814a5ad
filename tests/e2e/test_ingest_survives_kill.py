"""A process killed in the middle of ingesting, then run again: as if nothing had happened."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cvo.core.clock import DAY, HOUR, Instant, format_rfc3339
from cvo.profiles.profile import encode
from cvo.storage.check import check
from cvo.storage.store import Store
from cvo.storage.unit_of_work import Settings

START = 20_000 * DAY
SETTINGS = Settings("salt", 0.2)

DRIVER = """
import json, sys
from pathlib import Path
from cvo.core.clock import Instant
from cvo.events.intake import Intake
from cvo.storage.store import Store
from cvo.storage.unit_of_work import Settings

database, file = map(Path, sys.argv[1:])
intake = Intake(salt="salt", currency="EUR")
lines = file.read_text().splitlines()
with Store.open(database, Settings("salt", 0.2)) as store:
    for start in range(0, len(lines), 50):
        batch = [json.loads(line) for line in lines[start : start + 50]]
        with store.unit_of_work() as work:
            work.accept(intake.read_all(batch, Instant(20_100 * 86_400_000_000 + start)))
        print(start, flush=True)
"""


def _messages(count: int):
    for i in range(count):
        at = format_rfc3339(Instant(START + (i * 7919 % count) * HOUR // 4))
        common = {"messageId": str(i), "timestamp": at}
        who = i * 31 % 170
        match i % 5:
            case 0:
                yield {**common, "type": "track", "anonymousId": f"a{who}", "event": "Visit"}
            case 1:
                yield {
                    **common,
                    "type": "identify",
                    "userId": f"u{who}",
                    "anonymousId": f"a{who}",
                    "traits": {"n": i},
                }
            case 2:
                properties = {"order_id": str(i), "revenue": i % 40}
                yield {
                    **common,
                    "type": "track",
                    "userId": f"u{who}",
                    "event": "Order Completed",
                    "properties": properties,
                }
            case 3:
                yield {**common, "type": "track", "userId": f"u{who}", "event": "Search"}
            case _:
                yield {**common, "type": "track", "event": "nobody"}


def _ingest(database: Path, file: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", DRIVER, str(database), str(file)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _state(database: Path):
    with Store.open_to_read(database, SETTINGS) as store:
        assert check(store) == []
        people = {
            tuple(store.external_ids(each.person_id)): (
                encode(each.profile),
                each.version,
                each.arm,
                each.assigned_at,
            )
            for each in store.persons()
        }
        return people, store.counts(), [letter.letter_id for letter in store.dead_letters()]


def _killed_and_repeated(folder: Path, count: int, kills: int) -> None:
    file = folder / "events.jsonl"
    file.write_text("".join(json.dumps(message) + "\n" for message in _messages(count)))
    undisturbed = _ingest(folder / "one.db", file)
    batches = len(undisturbed.communicate()[0].splitlines())
    assert undisturbed.returncode == 0
    disturbed = folder / "other.db"
    for kill in range(kills):
        process = _ingest(disturbed, file)
        # Killed after some batches, at a moment that differs within a batch.
        for _ in range(1 + (kill + 1) * (batches - 2) // (kills + 1)):
            assert process.stdout is not None
            process.stdout.readline()
        time.sleep(kill * 0.0007)
        process.kill()
        process.communicate()
        assert process.returncode == -9
    last = _ingest(disturbed, file)
    last.communicate()
    assert last.returncode == 0
    assert _state(disturbed) == _state(folder / "one.db")


def test_killed_twice_and_run_again_is_as_undisturbed(tmp_path):
    _killed_and_repeated(tmp_path, count=2_000, kills=2)


@pytest.mark.slow
def test_killed_twenty_times_and_run_again_is_as_undisturbed(tmp_path):
    _killed_and_repeated(tmp_path, count=10_000, kills=20)
