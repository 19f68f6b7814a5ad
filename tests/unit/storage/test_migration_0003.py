"""A company whose events were keyed by their time, and whose arms did not say at which rate they were drawn."""

import pytest

import cvo
from cvo.app.company import Company
from cvo.app.replay import replay
from cvo.storage.check import check
from tests.data.earlier import put_back
from tests.data.server import make_company

_VISIT = {"type": "track", "userId": "ann", "event": "Visit", "messageId": "1"}
_LINK = {"type": "alias", "userId": "ann", "previousId": "a", "messageId": "2"}


@pytest.fixture
def old(tmp_path):
    """A company with data, as version 0002 of the schema left it."""
    folder = tmp_path / "company"
    make_company(folder)
    with cvo.open(folder) as company:
        company.ingest([_VISIT, _LINK])
        company.decide("ann", "home")
    put_back(folder / "data" / "cvo.sqlite3", "0002")
    return folder


def test_facts_are_kept_and_repeats_still_known(old):
    with Company.open(old) as company:
        assert check(company.store) == []
        before = company.store.counts()
        assert before["events"] > 1
        logged = next(company.store.decisions())
        assert replay(company, logged.decision_id).identical
    with cvo.open(old) as company:
        assert company.ingest([_VISIT, _LINK]).duplicates == 2
        assert company.ingest([{**_VISIT, "messageId": "3"}]).accepted == 1
    with Company.open(old, write=False) as company:
        assert company.store.counts()["events"] == before["events"] + 1


def test_arms_drawn_before_have_no_rate_and_later_ones_have(old):
    with cvo.open(old) as company:
        company.ingest([{**_VISIT, "userId": "bob"}])
    with Company.open(old, write=False) as company:
        rates = sorted((each.control_rate is None, each.control_rate) for each in company.store.assigned())
        assert rates == [(False, company.config.decisions.control_rate), (True, None)]
