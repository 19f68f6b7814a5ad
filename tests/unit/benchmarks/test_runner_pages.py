"""The runners' pages: every figure with its bounds, and nothing that failed passed over."""

from xml.etree import ElementTree as Xml

from benchmarks.harness import Row
from benchmarks.run import Outcome, names
from benchmarks.run import page as results
from benchmarks.truth import Figure, Module, page, picture, read

REPORT = """<testsuites><testsuite>
<testcase classname="tests.truth.test_kappa_worlds" name="a">
  <properties><property name="figure" value='{"what":"covers","value":190,"at_least":179,"at_most":199,"of":200}'/>
  </properties></testcase>
<testcase classname="tests.truth.test_kappa_worlds" name="b">
  <properties><property name="figure" value='{"what":"covers","value":1700,"at_least":1860,"at_most":1940,"of":2000}'/>
  </properties><failure message="1700 is below 1860"/></testcase>
<testcase classname="tests.truth.test_null_worlds" name="c"/>
</testsuite></testsuites>"""


def modules(tmp_path):
    file = tmp_path / "report.xml"
    file.write_text(REPORT)
    return read(file)


def test_of_a_figure_told_twice_the_one_of_more_worlds_is_kept_though_it_failed(tmp_path):
    kappa, null = modules(tmp_path)
    assert (kappa.tests, kappa.failed, null.tests, null.failed) == (2, 1, 1, 0)
    assert kappa.figures == [Figure("covers", 1700, 1860, 1940, 2000)]
    assert not kappa.figures[0].ok


def test_the_page_says_what_is_outside(tmp_path):
    text = page(modules(tmp_path))
    assert "| covers | 1,700 of 2,000 | 1,860 to 1,940 | **outside** |" in text
    assert "1 of 2 tests failing" in text


def test_the_picture_is_xml_with_a_dot_for_every_bounded_figure():
    figures = [
        Figure("a < b & c", 0.9, 0.85, None, 1.0),
        Figure("below", 3, None, 10, 200),
        Figure("unbounded", 0.2, None, None, 1.0),
        Figure("outside", -1.0, 0.0, 1.0, None),
    ]
    drawn = Xml.fromstring(picture([Module("test_x", 1, 0, figures)]))
    dots = list(drawn.iter("{http://www.w3.org/2000/svg}circle"))
    assert len(dots) == 3
    assert [dot.get("class") for dot in dots] == ["d", "d", "x"]


def test_every_benchmark_is_found():
    assert {"http", "ingest", "learn", "ope", "reward", "worlds"} <= set(names())
    assert not {"harness", "load", "run", "truth"} & set(names())


def test_results_name_what_broke_and_what_fell_short():
    row = Row(what="one learn", ours=1.0, peer=2.0, ratio=2.0, unit="s", at_least=10.0, ok=False)
    text = results(
        [
            Outcome("learn", "Speed.", "abc", 3.0, [row], ""),
            Outcome("ope", "Peers.", "abc", 1.0, [], "no network"),
        ]
    )
    assert "| one learn | 1 | 2 | 2 | s | 10 | **no** |" in text
    assert "Not measured: no network" in text
