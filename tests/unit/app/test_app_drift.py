import pytest

from cvo.app.drift import Drift, Watched, drift
from cvo.app.drift.report import WEEKS
from cvo.core.clock import DAY, Instant
from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from tests.data.drifting import CHANGED, MONDAY, lived
from tests.data.folder import running

WEEK = 7 * DAY


@pytest.mark.parametrize(
    ("change", "what", "name"),
    [
        ("age", Watched.FEATURE, "age"),
        ("offer", Watched.RESPONSES, "offer"),
        ("rule", Watched.PROPENSITY, "offer"),
    ],
)
def test_an_alarm_names_what_moved_and_since_when(tmp_path, change, what, name):
    with lived(tmp_path / "shop", 1, weekly=400, change=change) as company:
        found = drift(company)
    assert isinstance(found, Drift)
    alarm = next(each for each in found.alarms if each.what is what)
    assert alarm.name == name
    assert abs(alarm.since - CHANGED) <= WEEK
    others = {each.name for each in found.alarms if each.what is what} - {name}
    # Where one action collapses the other gets its share.
    assert others <= {"tips"}


def test_weeks_alike_raise_no_alarm(tmp_path):
    with lived(tmp_path / "shop", 2) as company:
        found = drift(company)
        assert found.alarms == []
        assert found.until == MONDAY + 9 * WEEK
        assert found.current_from == found.until - WEEKS * WEEK
        assert found.reference_from == MONDAY
        assert set(found.features) == {"age", "city"}
        assert set(found.propensities) == {"offer", "tips"}
        assert found.deliveries > 500
        with pytest.raises(InvalidInput, match="0 weeks"):
            drift(company, weeks=0)
        company.clock.at = Instant(company.clock.at + 5 * WEEK)
        assert isinstance(drift(company), NotEstimable)


def test_a_company_without_a_past_has_no_drift(tmp_path):
    with running(tmp_path / "new", MONDAY) as company:
        found = drift(company)
    assert isinstance(found, NotEstimable)
    assert "two full weeks" in found.detail
