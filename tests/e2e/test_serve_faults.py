"""What goes wrong around a server: no room, a stop while busy, a second server, a damaged file."""

import http.client
import json
import os
import resource
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

from cvo.app.company import Company
from cvo.events.event import Order
from cvo.storage.check import check
from tests.data.server import make_company, serving


def _order(number: int) -> dict:
    return {
        "userId": f"c{number % 50}",
        "messageId": str(number),
        "event": "Order Completed",
        "properties": {"order_id": str(number), "revenue": 1, "note": "x" * 500},
    }


def _cvo(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cvo", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


def _orders(folder) -> int:
    with Company.open(folder, write=False) as company:
        assert check(company.store) == []
        return len(list(company.store.events([Order])))


def test_a_full_disk_is_said_and_nothing_is_half_written_and_room_is_used_again(tmp_path):
    folder = tmp_path / "company"
    key = make_company(folder)
    with serving(folder, key) as server:
        assert server.post("/v1/track", _order(0))[0] == 200
        before, unlimited = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        database = folder / "data" / "cvo.sqlite3"
        largest = max(each.stat().st_size for each in database.parent.iterdir())
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (largest + 100_000, unlimited))
        taken = 1
        while (answer := server.post("/v1/track", _order(taken)))[0] == 200:
            taken += 1
            assert taken < 2_000, "the disk was never full"
        status, problem = answer
        assert status == 503
        assert problem["type"] == "urn:cvo:problem:storage-full"
        assert "make room" in problem["detail"]
        assert server.post("/v1/decisions", {"customerId": "c1", "placement": "home"})[0] == 503
        # What is there can still be looked at, and still counts what was acknowledged.
        assert server.get("/v1/customers/c1")[0] == 200
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (before, unlimited))
        for number in range(taken, taken + 20):
            assert server.post("/v1/track", _order(number)) == (200, {"success": True})
        assert server.post("/v1/decisions", {"customerId": "c1", "placement": "home"})[0] == 200
        assert server.stop() == 0
    assert _orders(folder) == taken + 20


def test_told_to_stop_it_answers_what_was_asked_and_exits_with_zero(tmp_path):
    folder = tmp_path / "company"
    key = make_company(folder)
    acknowledged: list[int] = []
    with serving(folder, key) as server:
        stopping = threading.Event()

        def send(start: int) -> None:
            with closing(
                http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=20)
            ) as connection:
                talk(connection, start)

        def talk(connection: http.client.HTTPConnection, start: int) -> None:
            headers = {"Authorization": f"Bearer {key}"}
            for number in range(start, start + 10_000):
                try:
                    connection.request("POST", "/v1/track", json.dumps(_order(number)), headers)
                    answer = connection.getresponse()
                    answer.read()
                except (http.client.HTTPException, OSError):
                    # Only a server that was told to stop may leave a request without an answer.
                    assert stopping.is_set()
                    return
                if answer.status == 200:
                    acknowledged.append(number)
                else:
                    assert answer.status == 503
                    return

        with ThreadPoolExecutor(8) as pool:
            sending = [pool.submit(send, 10_000 * client) for client in range(8)]
            time.sleep(0.4)
            stopping.set()
            assert server.stop() == 0
            for each in sending:
                each.result(timeout=20)
    assert len(acknowledged) > 20
    assert _orders(folder) >= len(acknowledged)


def test_a_second_server_is_refused_with_the_address_of_the_first(tmp_path):
    folder = tmp_path / "company"
    key = make_company(folder)
    with serving(folder, key) as server:
        second = _cvo("serve", "--company", folder, "--port", 0)
        assert second.returncode == 4
        assert server.address in second.stderr
        assert server.get("/readyz")[0] == 200


def test_a_damaged_file_is_refused_and_doctor_says_what_to_do(tmp_path):
    folder, copy = tmp_path / "company", tmp_path / "backup"
    key = make_company(folder)
    with serving(folder, key) as server:
        for number in range(60):
            assert server.post("/v1/track", _order(number))[0] == 200
        assert _cvo("backup", copy, "--company", folder).returncode == 0
        assert server.stop() == 0
    database = folder / "data" / "cvo.sqlite3"
    content = bytearray(database.read_bytes())
    content[4096 * 3 :] = b"\xa5" * (len(content) - 4096 * 3)
    database.write_bytes(content)
    doctor = _cvo("doctor", "--company", folder)
    assert doctor.returncode in {1, 5}
    assert "cvo restore" in doctor.stdout + doctor.stderr
    started = _cvo("serve", "--company", folder, "--port", 0)
    assert started.returncode == 5, started.stderr
    assert "Traceback" not in started.stderr
    restored = _cvo("restore", copy, "--company", folder, "--replace")
    assert restored.returncode == 0, restored.stderr
    assert _orders(folder) == 60
    with serving(folder, key) as server:
        assert server.post("/v1/decisions", {"customerId": "c1", "placement": "home"})[0] == 200


def test_a_backup_taken_under_load_is_whole_and_replays(tmp_path):
    folder, copy = tmp_path / "company", tmp_path / "backup"
    key = make_company(folder)
    with serving(folder, key) as server:
        over = threading.Event()

        def work() -> int:
            number = 0
            while not over.is_set():
                assert server.post("/v1/track", _order(number))[0] == 200
                who = {"customerId": f"c{number % 50}", "placement": "home"}
                assert server.post("/v1/decisions", who)[0] == 200
                number += 1
            return number

        with ThreadPoolExecutor(1) as pool:
            working = pool.submit(work)
            time.sleep(0.3)
            taken = _cvo("backup", copy, "--company", folder, "--json")
            assert taken.returncode == 0, taken.stderr
            over.set()
            done = working.result(timeout=30)
    with Company.open(copy, write=False) as company:
        decided = [each.decision_id for each in company.store.decisions()]
    assert 0 < _orders(copy) <= done
    assert _cvo("replay", decided[-1], "--company", copy).returncode == 0
    assert _cvo("restore", copy, "--company", folder).returncode == 4
