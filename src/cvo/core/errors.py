"""Every error cvo raises, in one tree.

CvoError
├── InvalidInput        something handed to us is wrong: an event, a file, an argument
│   ├── RuleError       a rule does not parse or type-check; points at the character
│   └── CatalogueError  a catalogue file says something impossible
├── NotFound            an id, a file or a company that is not there
├── Conflict            the request contradicts what is already true
│   └── CompanyLocked   another process writes to this company
├── Unavailable         not now: the same request may succeed later
│   └── StorageFull     there is no room to write; nothing was written
└── Damaged             stored data is not what was written

A message says what was wrong, where, and what to do about it.
"""


class CvoError(Exception):
    """Base of every error raised on purpose by cvo."""


class InvalidInput(CvoError, ValueError):
    """Something handed in is wrong; the message names it and the remedy."""


class RuleError(InvalidInput):
    """A rule that does not parse or type-check.

    `position` is the offset of the offending character in `text`; the message shows it with a caret.
    """

    def __init__(self, reason: str, text: str, position: int) -> None:
        self.reason = reason
        self.text = text
        self.position = position
        # A rule may be long and span lines: show what stands around the caret on its own line.
        line = text.rfind("\n", 0, position) + 1
        begin = max(line, position - 60)
        shown = "…" * (begin > line) + text[begin : position + 60].partition("\n")[0]
        super().__init__(f"{reason}\n  {shown}\n  {' ' * (position - begin + (begin > line))}^")

    def __reduce__(self) -> tuple[type["RuleError"], tuple[str, str, int]]:
        return type(self), (self.reason, self.text, self.position)


class CatalogueError(InvalidInput):
    """A catalogue entry that says something impossible; the message names file, entry and remedy."""


class NotFound(CvoError, LookupError):
    """An id, file or company that is not there."""


class Conflict(CvoError):
    """The request contradicts what is already true."""


class CompanyLocked(Conflict):
    """Another process writes to this company."""


class Unavailable(CvoError):
    """It can't be done now; the same request may succeed later."""


class StorageFull(Unavailable):
    """There is no room to write, and nothing was written."""


class Damaged(CvoError):
    """Stored data is not what was written; the message says which command checks or restores it."""
