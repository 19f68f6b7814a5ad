"""The rule language: who may get an action, written once, evaluated for one customer or for millions.

CEL's syntax, its own null semantics (docs/rules.md): a comparison with a missing value is false, `!` of a
missing bool is true. It knows nothing of customers or storage: a `Schema` says which facts there are, a
lookup or a frame what they are.
"""

from cvo.actions.rules.rule import Failing, Rule, Rulebook, parse
from cvo.actions.rules.vocabulary import Argument, Fact, Lookup, Schema, Signature, Type, Value, path_key

__all__ = [
    "Argument",
    "Fact",
    "Failing",
    "Lookup",
    "Rule",
    "Rulebook",
    "Schema",
    "Signature",
    "Type",
    "Value",
    "parse",
    "path_key",
]
