"""From the text of a rule to its tokens."""

import re
from enum import Enum, auto

import msgspec

from cvo.core.errors import RuleError

MAX_LENGTH = 20_000
"""Characters in one rule; long lists belong into a trait or a segment."""


class Kind(Enum):
    """What sort of token it is."""

    NUMBER = auto()
    STRING = auto()
    NAME = auto()
    OPERATOR = auto()
    END = auto()


class Token(msgspec.Struct, frozen=True):
    """A word of the rule; `text` of a string is its value, without quotes and escapes."""

    kind: Kind
    text: str
    at: int


_TOKEN = re.compile(
    r"""(?P<SPACE>[ \t\r\n]+)
      | (?P<NUMBER>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<NAME>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<STRING>"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')
      | (?P<OPERATOR>&&|\|\||[<>=!]=|[-+*/%<>!?:.,()\[\]])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_SIMPLE_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_REMEDIES = {
    "=": "to compare, write ==",
    "&": "'and' is written &&",
    "|": "'or' is written ||",
    "#": "a rule has no comments",
    ";": "a rule is one expression; join parts with &&",
    '"': "this string is not closed",
    "'": "this string is not closed",
    **dict.fromkeys("“”„«»", "quote strings with \" or '"),
    **dict.fromkeys("‘’‚`", "quote strings with \" or '"),
    **dict.fromkeys("{}", "a list is written [...]"),
    **dict.fromkeys("≤", "write <="),
    **dict.fromkeys("≥", "write >="),
    **dict.fromkeys("≠", "write !="),
}


def tokens(text: str) -> list[Token]:
    """Split the text of a rule into tokens, the last of kind END; raises `RuleError`."""
    if len(text) > MAX_LENGTH:
        raise RuleError(f"a rule has at most {MAX_LENGTH:,} characters, not {len(text):,}", text, MAX_LENGTH)
    found = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            remedy = _REMEDIES.get(text[at])
            raise RuleError(f"unexpected {text[at]!r}" + (f": {remedy}" if remedy else ""), text, at)
        kind, word = str(match.lastgroup), match.group()
        if kind == "STRING":
            found.append(Token(Kind.STRING, _unescape(text, at, match.end()), at))
        elif kind != "SPACE":
            found.append(Token(Kind[kind], word, at))
        at = match.end()
        if kind == "NUMBER" and text[at : at + 1].isidentifier():
            raise RuleError(f"a name can't begin with a digit, nor a number end in {text[at]!r}", text, at)
    return [*found, Token(Kind.END, "", len(text))]


def _unescape(text: str, start: int, end: int) -> str:
    def replace(match: re.Match[str]) -> str:
        *codes, simple = match.groups()
        position = start + 1 + match.start()
        if simple is not None:
            if simple not in _SIMPLE_ESCAPES:
                raise RuleError(
                    f"unknown escape \\{simple}; a backslash itself is written \\\\", text, position
                )
            return _SIMPLE_ESCAPES[simple]
        code = int(next(filter(None, codes)), 16)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise RuleError(f"{match.group()} is no character", text, position)
        return chr(code)

    value = _ESCAPE.sub(replace, text[start + 1 : end - 1])
    for offset, character in enumerate(value):
        if character == "\0" or 0xD800 <= ord(character) < 0xE000:
            position = start + 1 + offset if value == text[start + 1 : end - 1] else start
            raise RuleError(f"{character!r} can't occur in any fact", text, position)
    return value
