"""HTML from values: text is escaped by its type, so nothing has to remember to."""

import re

import msgspec
from markupsafe import Markup

# None of these may stand in a <script> or in JavaScript before ES2019 as they are; inside a JSON string,
# the only place where they occur, the escape means the same.
_JSON_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
_ONE_LETTER_PREFIX = re.compile(r"(\b\w-\w+)")
_ENCODER = msgspec.json.Encoder()


def element(tag: str, *content: str, **attributes: str | bool) -> Markup:
    """Return an element; plain text in it is escaped, `Markup` is kept, a false attribute is left out.

    An underscore in an attribute's name stands for a hyphen, one at the end is dropped.

    >>> element("p", "a < b", class_="lead", aria_label='"')
    Markup('<p class="lead" aria-label="&#34;">a &lt; b</p>')
    """
    head = Markup().join(
        Markup(' {}="{}"').format(_hyphened(name), "" if value is True else value)
        for name, value in attributes.items()
        if value is not False
    )
    return Markup("<{0}{1}>{2}</{0}>").format(tag, head, Markup().join(content))


def json_script(value: object, **attributes: str) -> Markup:
    """Return data for the page's script, with every character escaped that could end or change the element.

    >>> json_script({"label": "</script>"})
    Markup('<script type="application/json">{"label":"\\\\u003c/script\\\\u003e"}</script>')
    """
    text = _ENCODER.encode(value).decode().translate(_JSON_ESCAPES)
    return element("script", Markup(text), type="application/json", **attributes)  # noqa: S704 - escaped above


def prose(text: str) -> Markup:
    """Return escaped text in which no line ends inside a word such as “e-mail”.

    >>> prose("an e-mail")
    Markup('an <span class="unbroken">e-mail</span>')
    """
    parts = _ONE_LETTER_PREFIX.split(text)
    return Markup().join(
        element("span", part, class_="unbroken") if at % 2 else part for at, part in enumerate(parts)
    )


def _hyphened(name: str) -> str:
    return name.rstrip("_").replace("_", "-")
