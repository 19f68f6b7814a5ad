"""Whatever a name consists of, a page shows exactly that and nothing else."""

import json
import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from cvo.core.evidence import Estimate, Grade, Interval
from cvo.reports import interval_bar
from cvo.reports.markup import element, json_script, prose

texts = st.text(st.characters(codec="utf-8")) | st.text("<>/&\"'!-script \u2028\u2029\\", max_size=30)
amounts = st.floats(-1e9, 1e9, allow_nan=False)


@given(texts)
def test_text_and_attributes_read_back_as_written(text):
    html = element("p", text, title=text)
    title, content = re.fullmatch(r'<p title="([^"]*)">([^<]*)</p>', html, re.DOTALL).groups()
    assert unescape_exactly(title) == text
    assert unescape_exactly(content) == text


@given(texts)
def test_prose_only_adds_spans(text):
    assert unescape_exactly(re.sub(r'<span class="unbroken">|</span>', "", prose(text))) == text


@given(st.dictionaries(texts, texts | st.lists(texts)))
def test_data_reads_back_as_written_and_holds_no_markup(value):
    html = json_script(value)
    body = html.removeprefix('<script type="application/json">').removesuffix("</script>")
    assert json.loads(body) == value
    assert not set(body) & set("<>&\u2028\u2029")


@given(
    st.tuples(amounts, amounts, amounts).map(sorted),
    st.tuples(amounts, amounts).filter(lambda ends: ends[0] < ends[1]),
    st.integers(8, 120),
    amounts | st.none(),
)
def test_a_bar_has_its_width_and_at_most_one_mark(ends, scale, width, reference):
    low, value, high = ends
    estimate = Estimate(
        value=value,
        standard_error=1.0,
        interval=Interval(low, high),
        grade=Grade.MEASURED,
        unit="",
        sample_size=1,
    )
    bar = interval_bar(estimate, scale, width=width, reference=reference)
    assert len(bar) == width
    assert bar.count("●") == (scale[0] <= value <= scale[1])


def unescape_exactly(text):
    """Undo the five escapes a page uses; `html.unescape` alone would also repair control characters."""
    return re.sub(r"&(?:amp|lt|gt|#34|#39);", lambda found: unescape(found.group()), text)
