"""The page in a real browser: every chart draws, nothing is fetched, hostile text does nothing.

Without a browser the tests are skipped and say so; with CVO_BROWSER=required they fail instead.
"""

import os
import re
import runpy
import shutil
import subprocess
from html import unescape
from pathlib import Path

import msgspec
import pytest

from cvo.core.evidence import Estimate, Grade, Interval, NotEstimable
from cvo.reports import (
    Bar,
    Curve,
    Distribution,
    Histogram,
    IntervalChart,
    IntervalRow,
    Page,
    Point,
    Reference,
    Section,
    Series,
    render,
)

SAMPLE = runpy.run_path(str(Path(__file__).parents[1] / "data" / "report_page.py"))["sample_page"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MARK = "document.documentElement.dataset.taken='1'"
HOSTILE = f'</script><script>{MARK}</script><img src=x onerror="{MARK}"><svg onload="{MARK}">'


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = f"no browser found (looked for {', '.join(NAMES)})"
        if os.environ.get("CVO_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(f"{reason}; charts were not drawn")
    return found


@pytest.fixture
def opened(browser, tmp_path):
    def open_page(html, *options):
        file = tmp_path / "report.html"
        file.write_text(html, encoding="utf-8")
        command = [browser, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", *options, file.as_uri()]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=True, encoding="utf-8"
        )
        return done.stdout

    return open_page


def root_of(dom):
    return re.search(r"<html[^>]*>", dom).group()


def drawn(dom):
    """Return what stands in the place of each chart, up to its data."""
    return re.findall(r'<div class="plot"[^>]*>(.*?)<script type="application/json"', dom, re.DOTALL)


@pytest.mark.parametrize("width", [1200, 420])
def test_every_chart_is_drawn_without_an_error(opened, width):
    page = SAMPLE()
    charts = [block for section in page.sections for block in section.blocks if hasattr(block, "drawing")]
    dom = opened(render(page), "--dump-dom", f"--window-size={width},2000")
    places = drawn(dom)
    assert "data-script-error" not in root_of(dom)
    assert len(places) == len(charts)
    for chart, place in zip(charts, places, strict=True):
        assert "<svg" in place, chart.title
        assert "NaN" not in place, chart.title
        if isinstance(chart, IntervalChart):
            for row in chart.drawing()["rows"]:
                shown = row["interval"] if "interval" in row else row["reason"].partition(":")[0]
                assert shown in place, row["label"]


def test_the_smallest_and_the_strangest_charts_are_drawn_too(opened):
    long = "A service programme with an exceptionally long name for customers who came in the last year"
    exact = Estimate(
        value=3.0,
        standard_error=0.0,
        interval=Interval(3.0, 3.0),
        grade=Grade.ASSUMED,
        unit="",
        sample_size=1,
    )
    charts = (
        IntervalChart(title="t", subtitle="s", rows=(IntervalRow(long, NotEstimable("none", long)),)),
        IntervalChart(title="t", subtitle="s", rows=(IntervalRow("exact", exact),), half=True),
        Distribution(title="t", subtitle="s", bars=(Bar(long, 0), Bar("all", 1))),
        Histogram(title="t", subtitle="s", edges=(0, 1), counts=(1,), reference=Reference(9, "outside")),
        Curve(title="t", subtitle="s", x_axis="x", y_axis="y", series=(Series("one", (Point(0, 0),)),)),
    )
    dom = opened(render(Page(title="t", lead="", sections=(Section("s", charts),))), "--dump-dom")
    assert "data-script-error" not in root_of(dom)
    places = drawn(dom)
    assert len(places) == len(charts)
    assert all("<svg" in place and "NaN" not in place for place in places)
    assert "outside" in places[3]


def test_text_that_tries_to_run_does_not(opened):
    page = SAMPLE()
    chart = page.sections[0].blocks[1]
    rows = tuple(msgspec.structs.replace(row, label=HOSTILE) for row in chart.rows)
    chart = msgspec.structs.replace(chart, title=HOSTILE, subtitle=HOSTILE, rows=rows)
    section = msgspec.structs.replace(page.sections[0], title=HOSTILE, blocks=(chart, HOSTILE))
    page = msgspec.structs.replace(page, title=HOSTILE, lead=HOSTILE, sections=(section,))
    dom = opened(render(page), "--dump-dom")
    assert "data-taken" not in root_of(dom)
    assert "data-script-error" not in root_of(dom)
    assert "<svg" in drawn(dom)[0]
    shown = unescape(re.sub(r"<[^>]*>", "", drawn(dom)[0]))
    assert "</script><script>" in shown
    assert "<img" in shown


def test_a_script_that_was_slipped_into_the_file_does_not_run(opened):
    dom = opened(render(SAMPLE()).replace("</main>", f"</main><script>{MARK}</script>"), "--dump-dom")
    assert "data-taken" not in root_of(dom)


def test_a_chart_that_fails_says_so_and_opens_its_figures(opened):
    html = render(SAMPLE()).replace('{"kind":"curve"', '{"kind":"unheard of"')
    dom = opened(html, "--dump-dom")
    assert "data-script-error" in root_of(dom)
    assert dom.count("This chart could not be drawn") == 1 + dom.count('"This chart could not be drawn')
    assert dom.count("<details open") == 1


def test_it_prints(opened, tmp_path):
    target = tmp_path / "report.pdf"
    opened(render(SAMPLE()), "--no-pdf-header-footer", f"--print-to-pdf={target}")
    pdf = target.read_bytes()
    assert pdf.startswith(b"%PDF")
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf)
    assert 3 <= len(boxes) <= 6
    for across, down in boxes:
        assert (float(across), float(down)) == pytest.approx((595.3, 841.9), abs=1.0)
