from cvo.api.metrics import Metrics
from cvo.app.drift import DriftAlarm, Watched
from cvo.core.clock import SECOND, Instant


def alarm(name: str) -> DriftAlarm:
    return DriftAlarm(what=Watched.FEATURE, name=name, since=Instant(1_700_000_000 * SECOND), said="it moved")


def test_what_drifts_is_among_the_figures_while_it_does_and_is_told_once():
    metrics = Metrics()
    assert b"cvo_drift_since_seconds{" not in metrics.text()
    assert metrics.drifted([alarm("age")]) == [alarm("age")]
    assert b'cvo_drift_since_seconds{name="age",what="feature"} 1.7e+09' in metrics.text()
    assert metrics.drifted([alarm("age"), alarm("city")]) == [alarm("city")]
    assert metrics.drifted([]) == []
    assert b"cvo_drift_since_seconds{" not in metrics.text()
