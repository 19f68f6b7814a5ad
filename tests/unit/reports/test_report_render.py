"""What a rendered page consists of, read back with an HTML parser."""

import json
import re
import runpy
from base64 import b64encode
from enum import Enum
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.reports import Figure, Figures, Page, Section, render

SAMPLE = runpy.run_path(str(Path(__file__).parents[2] / "data" / "report_page.py"))["sample_page"]
HOSTILE = (
    "\"'></script></p><script>steal()</script><img src=x onerror=steal()>"
    "<!-- ]]> \u2028\u2029 &amp; {{x}} ${y}"
)


class Outline(HTMLParser):
    """Collects the elements of a document and the text of those asked about."""

    VOID = frozenset({"meta", "img", "br", "link"})

    def __init__(self, html):
        super().__init__()
        self.elements = []
        self._open = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        entry = {"tag": tag, "attributes": dict(attrs), "text": ""}
        self.elements.append(entry)
        if tag not in self.VOID:
            self._open.append(entry)

    def handle_endtag(self, tag):
        assert self._open, tag
        assert self._open[-1]["tag"] == tag, f"</{tag}> closes <{self._open[-1]['tag']}>"
        self._open.pop()

    def handle_data(self, data):
        for entry in self._open:
            entry["text"] += data

    def all(self, tag, **attributes):
        return [
            found
            for found in self.elements
            if found["tag"] == tag
            and all(
                value in (found["attributes"].get(name.rstrip("_")) or "").split()
                for name, value in attributes.items()
            )
        ]


def charts(page):
    return [block for section in page.sections for block in section.blocks if hasattr(block, "drawing")]


def poisoned(value):
    """Return the value with hostile text in every string of it."""
    match value:
        case Enum():
            return value
        case str():
            return value + HOSTILE if value else value  # an empty note is no element
        case tuple():
            return tuple(poisoned(item) for item in value)
        case msgspec.Struct():
            fields = {name: poisoned(getattr(value, name)) for name in value.__struct_fields__}
            return msgspec.structs.replace(value, **fields)
        case _:
            return value


@pytest.fixture(scope="module")
def page():
    return SAMPLE()


@pytest.fixture(scope="module")
def html(page):
    return render(page)


@pytest.fixture(scope="module")
def outline(html):
    return Outline(html)


def test_the_same_page_gives_the_same_text(page, html):
    assert render(SAMPLE()) == html


def test_everything_is_in_the_file_and_nothing_is_fetched(outline):
    for found in outline.elements:
        assert not {"src", "href", "srcset", "action"} & set(found["attributes"]), found
    assert not outline.all("link")
    (style,) = outline.all("style")
    assert "url(" not in style["text"]
    assert "@import" not in style["text"]


def test_the_policy_allows_the_scripts_of_the_file_and_no_other(outline):
    (policy,) = (m["attributes"]["content"] for m in outline.all("meta") if "http-equiv" in m["attributes"])
    scripts = [s["text"] for s in outline.all("script") if "type" not in s["attributes"]]
    hashes = " ".join(f"'sha256-{b64encode(sha256(s.encode()).digest()).decode()}'" for s in scripts)
    assert len(scripts) == 3
    assert f"script-src {hashes};" in policy
    assert policy.startswith("default-src 'none'")


def test_every_chart_has_its_data_its_words_and_its_figures(page, outline):
    expected = charts(page)
    assert {chart.drawing()["kind"] for chart in expected} == {
        "interval",
        "distribution",
        "histogram",
        "curve",
    }
    drawings = [json.loads(s["text"]) for s in outline.all("script", class_="drawing")]
    assert drawings == [msgspec.to_builtins(chart.drawing()) for chart in expected]
    plots = outline.all("div", class_="plot")
    assert [plot["attributes"]["aria-label"] for plot in plots] == [chart.alternative() for chart in expected]
    assert all(plot["attributes"]["role"] == "img" for plot in plots)
    details = outline.all("details")
    assert len(details) == len(expected)
    for chart, shown in zip(expected, details, strict=True):
        for column in chart.table().columns:
            assert column.heading in shown["text"]
        assert str(chart.table().rows[0][0]) in shown["text"] or chart.drawing()["kind"] == "histogram"


def test_names_are_unique_and_every_reference_finds_its_target(outline):
    ids = [e["attributes"]["id"] for e in outline.elements if "id" in e["attributes"]]
    assert len(ids) == len(set(ids))
    references = [
        e["attributes"]["aria-labelledby"] for e in outline.elements if "aria-labelledby" in e["attributes"]
    ]
    assert references
    assert set(references) <= set(ids)


def test_headings_form_a_tree(outline):
    levels = [int(e["tag"][1]) for e in outline.elements if re.fullmatch(r"h[1-6]", e["tag"])]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_figures_assumptions_and_methods_show_every_part(outline):
    figures = outline.all("div", class_="figure")
    assert len(figures) == 3
    assert "+$219" in figures[0]["text"]
    assert "+$90 to +$348" in figures[0]["text"]
    assert "measured" in figures[0]["text"]
    (assumptions,) = outline.all("dl", class_="assumptions")
    assert all(
        part in assumptions["text"] for part in ("Margin rate", "40 % of spend", "margin_rate", "assumed")
    )
    (methods,) = outline.all("dl", class_="methods")
    assert "V = Σ w·Y / Σ w" in methods["text"]


def test_an_estimate_in_a_table_carries_interval_and_grade(outline):
    (table,) = outline.all("figure", class_="table")
    assert re.search(r"\$481 \$367 to \$595", table["text"])
    marks = [found["attributes"]["aria-label"] for found in outline.all("svg", role="img")]
    assert marks == ["measured"] * 13


def test_hostile_text_stays_text(page, outline):
    bad = poisoned(page)
    read = Outline(render(bad))
    assert [e["tag"] for e in read.elements if e["tag"] != "span"] == [
        e["tag"] for e in outline.elements if e["tag"] != "span"
    ]
    (title,) = read.all("h1")
    assert title["text"] == bad.title
    (lead,) = read.all("p", class_="lead")
    assert lead["text"] == bad.lead
    drawings = [s["text"] for s in read.all("script", class_="drawing")]
    assert [json.loads(text) for text in drawings] == [msgspec.to_builtins(c.drawing()) for c in charts(bad)]
    assert not any(char in text for text in drawings for char in "<>&\u2028\u2029")


def test_text_that_utf8_cannot_hold_is_refused(page):
    row = msgspec.structs.replace(charts(page)[0].rows[0], label="\ud800")
    chart = msgspec.structs.replace(charts(page)[0], rows=(row,))
    for bad in ({"footer": "\ud800"}, {"sections": (Section("s", (chart,)),)}):
        with pytest.raises(InvalidInput, match="surrogate"):
            render(msgspec.structs.replace(page, **bad))


def test_a_figure_that_can_not_be_estimated_says_why_and_shows_no_number():
    figure = Figure(label="Caused", estimate=NotEstimable("no_control", "no control group yet"))
    read = Outline(render(Page(title="t", lead="l", sections=(Section("s", (Figures((figure,)),)),))))
    (shown,) = read.all("div", class_="figure")
    assert "no control group yet" in shown["text"]
    assert not re.search(r"\d", shown["text"])


def test_paragraphs_are_parted_by_blank_lines():
    read = Outline(render(Page(title="t", lead="l", sections=(Section("s", ("one\n\ntwo",)),))))
    assert [p["text"] for p in read.all("p")] == ["l", "one", "two"]


def test_a_page_needs_a_title():
    with pytest.raises(InvalidInput, match="title"):
        Page(title=" ", lead="", sections=())


def test_the_vendored_files_are_the_ones_recorded_and_can_stand_in_a_page():
    vendor = files("cvo.reports").joinpath("vendor")
    recorded = [line.split(maxsplit=2) for line in vendor.joinpath("VERSIONS").read_text().splitlines()]
    assert [name for _, name, _ in recorded] == ["plot.umd.min.js", "d3.min.js"]
    for digest, name, _ in recorded:
        assert sha256(vendor.joinpath(name).read_bytes()).hexdigest() == digest, name
    for name in ("vendor/plot.umd.min.js", "vendor/d3.min.js", "page.js"):
        text = files("cvo.reports").joinpath(name).read_text("utf-8")
        assert not re.search(r"</script|<!--", text, re.IGNORECASE), name
        assert "\r" not in text
    licences = vendor.joinpath("LICENSES").read_text("utf-8")
    assert "-->" not in licences
    assert "--!>" not in licences
    assert "Observable" in licences
    assert "Mike Bostock" in licences
