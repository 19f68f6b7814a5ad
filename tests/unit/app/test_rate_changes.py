"""A company that changes how many customers it leaves alone."""

from cvo.app.company import Company
from cvo.app.ingest import ingest
from cvo.app.value.programme import facts_of
from cvo.app.value.question import Question
from cvo.core.clock import FixedClock
from tests.data.company import NOW
from tests.data.folder import running, track


def rates(folder, setting: float, first: int) -> dict[float, int]:
    """Set the rate, meet ten more customers, and count those compared by the rate they were assigned with."""
    file = folder / "company.toml"
    kept = [line for line in file.read_text().splitlines() if not line.startswith("control_rate")]
    file.write_text("\n".join(kept).replace("[decisions]", f"[decisions]\ncontrol_rate = {setting}"))
    with Company.open(folder, clock=FixedClock(NOW)) as company:
        ingest(company, [track(f"c{number}", NOW, "1", "Visit") for number in range(first, first + 10)])
        found = facts_of(company, Question()).persons["control_rate"].value_counts()
    return dict(sorted(found.iter_rows()))


def test_customers_are_compared_by_the_rate_they_were_assigned_with(tmp_path):
    with running(tmp_path, NOW, control_rate=0.0) as company:
        folder = company.folder
    assert rates(folder, 0.0, first=0) == {0.0: 10}
    # Once somebody is left alone, those met before are compared with nobody.
    assert rates(folder, 0.5, first=10) == {0.5: 10}
    assert rates(folder, 0.1, first=20) == {0.1: 10, 0.5: 10}
