"""A page as one HTML file that needs no network, prints to A4, and reads in light and dark."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import count

from markupsafe import Markup

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Grade
from cvo.reports.blocks import Content, paragraphs
from cvo.reports.grades import MARKS, badge
from cvo.reports.markup import element, prose
from cvo.reports.page import Page

# The order matters: Plot looks for D3 when it loads, and the page's script for both.
_SCRIPTS = ("vendor/d3.min.js", "vendor/plot.umd.min.js", "page.js")


def render(page: Page) -> str:
    """Return the page as one self-contained HTML file; the same page gives the same text.

    Charts are drawn when the file is opened, by Observable Plot, which is part of it; without scripts, the
    words and the figures behind each chart remain. A content security policy allows exactly the file's own
    scripts and no network. Raises `InvalidInput` for text that UTF-8 can't hold.
    """
    try:
        html = str(_document(page))
        html.encode()
    except UnicodeEncodeError as error:
        around = str(error.object)[max(error.start - 30, 0) : error.start]
        raise InvalidInput(
            f"page {page.title!r} holds half of a surrogate pair after {around!r}; "
            "repair the text where it was read"
        ) from None
    return html


def _document(page: Page) -> Markup:
    content = Content(count(1))
    main = element(
        "main",
        _header(page),
        *(content.section(section) for section in page.sections),
        _grades(),
        element("footer", *paragraphs(page.footer)) if page.footer else "",
    )
    html = element("html", _head(page), element("body", main, *_scripts()), lang="en")
    return Markup("<!doctype html>\n{}\n").format(html)


def _head(page: Page) -> Markup:
    policy = "; ".join(
        (
            "default-src 'none'",
            "style-src 'unsafe-inline'",  # Plot writes style attributes
            "img-src data:",
            "script-src " + " ".join(f"'sha256-{_hash(name)}'" for name in _SCRIPTS),
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    metas = (
        Markup('<meta charset="utf-8">'),
        Markup('<meta http-equiv="Content-Security-Policy" content="{}">').format(policy),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        Markup('<meta name="referrer" content="no-referrer">'),
    )
    return element("head", *metas, element("title", page.title), element("style", _asset("page.css")))


def _header(page: Page) -> Markup:
    facts = (element("div", element("dt", name), element("dd", value)) for name, value in page.facts)
    return element(
        "header",
        element("p", page.kicker, class_="kicker") if page.kicker else "",
        element("h1", prose(page.title)),
        *(element("p", prose(text), class_="lead") for text in page.lead.split("\n\n") if text),
        element("dl", *facts, class_="facts") if page.facts else "",
    )


def _grades() -> Markup:
    rows = (
        element("div", element("dt", badge(grade)), element("dd", MARKS[grade].meaning)) for grade in Grade
    )
    return element(
        "section",
        element("h2", "How sure a number is", id="grades"),
        element("dl", *rows, class_="grades"),
        aria_labelledby="grades",
        class_="small",
    )


def _scripts() -> list[Markup]:
    licences = Markup("<!--\n{}\n-->").format(_asset("vendor/LICENSES"))
    return [licences, *(element("script", _asset(name)) for name in _SCRIPTS)]


@cache
def _asset(name: str) -> Markup:
    """Return a file of this package as it is; what it may contain is checked by the tests."""
    return Markup(files("cvo.reports").joinpath(name).read_text("utf-8"))  # noqa: S704 - our own files


@cache
def _hash(name: str) -> str:
    return b64encode(sha256(_asset(name).encode()).digest()).decode()
