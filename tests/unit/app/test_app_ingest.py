import json

import pytest

from cvo.app.ingest import BATCH, ingest, read_messages
from cvo.core.clock import DAY, HOUR, Instant, format_rfc3339
from cvo.core.errors import NotFound
from cvo.events.message import user
from cvo.profiles.profile import encode
from tests.data.company import NOW
from tests.data.folder import message, ordered, running, track


def messages(count):
    for n in range(count):
        who = f"c{n % 500}"
        yield (
            ordered(who, Instant(NOW - (n % 300) * DAY), n % 90, str(n))
            if n % 3
            else message("identify", who, Instant(NOW - DAY), f"t{n}", traits={"age": n % 80})
        )


def people(company):
    return {each.external.value: encode(each.profile) for each in company.store.persons()}


class Stop(Exception):
    pass


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path):
    every = list(messages(2 * BATCH + 500))
    with running(tmp_path / "whole", NOW) as whole:
        assert ingest(whole, every).accepted == len(every)
        expected = people(whole), whole.store.counts()

    def stops(done):
        raise Stop

    with running(tmp_path / "cut", NOW) as cut:
        with pytest.raises(Stop):
            ingest(cut, every, stops)
        assert cut.store.counts()["events"] == BATCH
    with running(tmp_path / "cut", NOW) as cut:
        done = ingest(cut, every)
        assert (done.accepted, done.duplicates, done.refused) == (len(every) - BATCH, BATCH, {})
        assert (people(cut), cut.store.counts()) == expected
        assert ingest(cut, every).accepted == 0
        assert (people(cut), cut.store.counts()) == expected


def test_a_bad_message_is_refused_with_its_reason_and_the_rest_is_taken(tmp_path):
    file = tmp_path / "facts.ndjson"
    good = [json.dumps(ordered(f"c{n}", NOW, 10)) for n in range(3)]
    bad = [
        "not json",
        "[1, 2]",
        json.dumps(ordered("c9", NOW, float("nan"))),
        json.dumps(ordered("c9", Instant(NOW + 3 * DAY), 10)),
        json.dumps({"type": "track", "event": "Visit"}),
        json.dumps(track("c9", NOW, "m", "Action Clicked", action="nothing-like-it")),
    ]
    file.write_text("\n".join([good[0], *bad, "", good[1], good[2]]) + "\n", encoding="utf-8")
    with running(tmp_path / "co", NOW) as company:
        done = ingest(company, read_messages(file))
        assert done.accepted == 3
        assert sum(done.refused.values()) == len(bad)
        assert (
            done.refused["time_too_late"] == done.refused["unknown_action"] == done.refused["missing_id"] == 1
        )
        assert company.store.counts()["dead_letters"] == len(bad)
        assert company.store.person(user("c9")) is None
        # Sent again, they are the same letters.
        ingest(company, read_messages(file))
        assert company.store.counts()["dead_letters"] == len(bad)


def test_an_export_lands_when_it_happened(tmp_path):
    received_at = Instant(NOW - 700 * DAY)
    wrong_clock = Instant(received_at + 2 * HOUR)
    exported = {
        "type": "track",
        "userId": "c1",
        "event": "Visit",
        "originalTimestamp": format_rfc3339(Instant(wrong_clock - HOUR)),
        "sentAt": format_rfc3339(wrong_clock),
    }
    file = tmp_path / "export.ndjson"
    received = {**exported, "receivedAt": format_rfc3339(received_at)}
    file.write_text(f"{json.dumps(received)}\n{json.dumps({**exported, 'userId': 'c2'})}\n", encoding="utf-8")
    with running(tmp_path / "co", NOW) as company:
        assert ingest(company, read_messages(file)).accepted == 2
        assert company.store.person(user("c1")).profile.last_at == received_at - HOUR
        assert company.store.person(user("c2")).profile.last_at == wrong_clock - HOUR


def test_progress_is_told_what_is_durable(tmp_path):
    told = []
    with running(tmp_path, NOW) as company:

        def progress(done):
            told.append(done)
            assert company.store.counts()["events"] == sum(told)

        ingest(company, messages(BATCH + 7), progress)
    assert told == [BATCH, 7]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NotFound, match=r"there is no file .*gone.ndjson"):
        next(read_messages(tmp_path / "gone.ndjson"))
