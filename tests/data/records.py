"""Decision records as the log gives them back."""

from cvo.decisions.decision import Reader, encode

_LEGENDS = {}
_READER = Reader(_LEGENDS.__getitem__)


def kept(decision):
    """Return a decision as it is read from what the log keeps of it."""
    _LEGENDS[decision.legend.version] = decision.legend
    return _READER.read(encode(decision))
