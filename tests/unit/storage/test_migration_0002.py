"""A company that was made before keys and repeats were kept."""

import pytest

import cvo
from cvo.app.company import Company
from cvo.app.keys import keys_of, new_key
from cvo.app.live import Ask, Live
from cvo.app.replay import replay
from cvo.core.errors import Conflict
from cvo.events.message import user
from cvo.storage.check import check
from tests.data.earlier import put_back
from tests.data.server import make_company


@pytest.fixture
def old(tmp_path):
    """A company with data, as version 0001 of the schema left it: without the tables that 0002 adds."""
    folder = tmp_path / "company"
    make_company(folder)
    with cvo.open(folder) as company:
        company.ingest([{"type": "track", "userId": "ann", "event": "Visit", "messageId": "1"}])
        company.decide("ann", "home")
    put_back(folder / "data" / "cvo.sqlite3", "0001")
    return folder


def test_it_is_migrated_on_opening_and_keeps_its_data(old):
    with pytest.raises(Conflict, match="earlier cvo"):
        Company.open(old, write=False)
    with Company.open(old) as company:
        assert check(company.store) == []
        counts = company.store.counts()
        assert (counts["persons"], counts["decisions"]) == (1, 1)
        logged = next(company.store.decisions())
        assert replay(company, logged.decision_id).identical
        new_key(company)
        assert len(keys_of(company).all()) == 1
        job = Ask(user("ann"), "home", idempotency_key="k")
        first, again = Live(company).process([job, job])
        assert first == again
    with Company.open(old, write=False) as company:
        assert check(company.store) == []
