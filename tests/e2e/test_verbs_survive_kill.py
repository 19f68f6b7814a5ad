"""A process killed while it ingests, learns or decides, then run again: as if nothing had happened."""

import json
import subprocess
import sys
import time
from pathlib import Path

from cvo.app.company import Company
from cvo.core.clock import DAY, Instant
from cvo.profiles.profile import encode
from cvo.storage.check import check
from tests.data.company import NOW
from tests.data.folder import make, message, ordered, recorded, track

DRIVER = """
import sys
from pathlib import Path
from cvo.app.apply import apply
from cvo.app.company import Company
from cvo.app.decide import rehearse
from cvo.app.ingest import ingest, read_messages
from cvo.app.learn import learn
from cvo.core.clock import FixedClock, Instant

folder, now = Path(sys.argv[1]), Instant(int(sys.argv[2]))
def tell(_count):
    print("step", flush=True)
with Company.open(folder, clock=FixedClock(now)) as company:
    apply(company, "ann", approve=True)
    ingest(company, read_messages(folder / "facts.ndjson"), tell)
    learn(company, "ann")
    tell(0)
    rehearse(company, [f"c{n}" for n in range(4_500)], "newsletter", tell)
"""
AT = Instant(NOW + 30 * DAY)


def facts(count=1_300):
    for n in range(count):
        who = f"c{n}"
        yield message(
            "identify", who, NOW, f"t{n}", traits={"age": 18 + n % 60}, anonymousId=f"a{n % 50}-{n // 50}"
        )
        yield recorded(who, Instant(NOW + n), ["offer", None][n % 2], {"offer": 0.5, "": 0.5})
        if n % 3:
            yield ordered(who, Instant(NOW + DAY), n % 90)
        else:
            yield {**track(who, NOW, f"v{n}", "Visit"), "userId": None, "anonymousId": f"a{n % 50}-{n // 50}"}
        if n % 100 == 0:
            yield {"type": "track", "event": "nobody"}


def company_in(folder: Path) -> Path:
    make(folder)
    lines = "".join(json.dumps(fact) + "\n" for fact in facts())
    (folder / "facts.ndjson").write_text(lines, encoding="utf-8")
    return folder


def start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", DRIVER, str(folder), str(AT)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finished(folder: Path) -> int:
    process = start(folder)
    steps = process.communicate(timeout=120)[0].splitlines()
    assert process.returncode == 0
    return len(steps)


def state(folder: Path):
    with Company.open(folder, write=False) as company:
        assert check(company.store) == []
        people = {
            tuple(company.store.external_ids(each.person_id)): (encode(each.profile), each.version, each.arm)
            for each in company.store.persons()
        }
        changes = [(each.change_id, each.kind, each.body) for each in company.store.changes()]
        return people, company.store.counts(), list(company.store.decisions()), changes


def test_killed_in_every_step_and_run_again_it_is_as_undisturbed(tmp_path):
    undisturbed = company_in(tmp_path / "undisturbed")
    steps = finished(undisturbed)
    assert steps > 5
    disturbed = company_in(tmp_path / "disturbed")
    for number, heard in enumerate((1, steps - 2)):
        process = start(disturbed)
        assert process.stdout is not None
        for _ in range(heard):
            assert process.stdout.readline() == "step\n"
        time.sleep(number * 0.003)
        process.kill()
        process.communicate()
        assert process.returncode == -9
    finished(disturbed)
    assert state(disturbed) == state(undisturbed)
    counts = state(disturbed)[1]
    assert (counts["decisions"], counts["dead_letters"]) == (4_500, 1)
