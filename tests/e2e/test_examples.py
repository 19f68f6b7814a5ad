"""Examples do what they say, in a short form."""

import subprocess
import sys
from pathlib import Path

from tests.data.pages import shell_environment

ROOT = Path(__file__).parents[2]


def test_the_bookshop_lives_through_its_weeks_and_has_its_page(tmp_path):
    example, folder = ROOT / "examples" / "value_page.py", tmp_path / "bookshop"
    done = subprocess.run(
        [sys.executable, str(example), str(folder), "--customers", "400", "--weeks", "2"],
        env=shell_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(folder / "value.html")
    page = (folder / "value.html").read_text(encoding="utf-8")
    for part in (
        "What the whole programme caused",
        "grow · reading_tip",
        "The value bank",
        "How each number was made",
    ):
        assert part in page
