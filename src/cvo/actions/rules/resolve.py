"""Finds the fact that a name in a rule stands for."""

from collections.abc import Iterable
from difflib import get_close_matches

from cvo.actions.rules.syntax import Call, Constant, Path, Syntax, start
from cvo.actions.rules.vocabulary import (
    BUILT_IN,
    EXACT,
    METHODS,
    Argument,
    Constants,
    Fact,
    Schema,
    Signature,
    Type,
    call_key,
    path_key,
)
from cvo.core.errors import RuleError


class Resolver:
    """Knows the schema, and the types that undeclared facts have taken so far in one rule."""

    def __init__(self, text: str, schema: Schema, constants: Constants) -> None:
        self._text = text
        self._schema = schema
        self._constants = constants
        self.inferred: dict[str, Type] = {}

    def is_open(self, node: Path) -> bool:
        """Tell whether a path is undeclared and has no type yet."""
        return self._declared(node) is None and path_key(node.parts) not in self.inferred

    def constant(self, node: Syntax) -> float | str | bool | None:
        """Return the value that a path stands for in this rule, or `None` where it is no constant."""
        return self._constants.get(path_key(node.parts)) if isinstance(node, Path) else None

    def fact(self, node: Path, hint: Type) -> Fact:
        """Return the fact of a path; an undeclared one takes the type `hint` at its first use."""
        key = path_key(node.parts)
        kind = self._declared(node) or self.inferred.setdefault(key, hint)
        return Fact(key, kind, node.parts)

    def is_function(self, node: Call) -> bool:
        """Tell whether a call asks for a declared fact function."""
        return _dotted(node) in self._schema.functions

    def function(self, node: Call) -> Fact:
        """Return the fact of a fact function with its arguments."""
        name = _dotted(node)
        signature = self._schema.functions[name]
        self._check_count(node, name, signature)
        arguments = tuple(map(self._argument, node.arguments, signature.arguments))
        path = tuple(name.split("."))
        return Fact(call_key(path, arguments), signature.returns, path, arguments)

    def unknown_function(self, node: Call) -> RuleError:
        """Return the error for a call that means nothing, with the nearest name that would."""
        if node.subject is None or isinstance(node.subject, Path):
            known: Iterable[str] = (*self._schema.functions, *BUILT_IN)
            if node.subject is not None:
                known = (*self._schema.functions, *METHODS)
        else:
            known = METHODS
        name = _dotted(node) if node.subject is None else node.function
        return self._error(f"unknown function {name}{_did_you_mean(name, known)}", node.at)

    def _declared(self, node: Path) -> Type | None:
        """Return the declared type, `None` for an undeclared member of an open namespace."""
        name = path_key(node.parts)
        if name in self._schema.paths:
            return self._schema.paths[name]
        for length in range(len(node.parts) - 1, 0, -1):
            namespace = ".".join(node.parts[:length])
            if namespace in self._schema.namespaces:
                return self._schema.namespaces[namespace]
        raise self._unknown_path(node, name)

    def _unknown_path(self, node: Path, name: str) -> RuleError:
        if name in self._schema.namespaces:
            return self._error(f"name a member of {name}: {name}.…", node.at)
        if name in self._schema.functions:
            return self._error(f"{name} is a function: write {name}(...)", node.at)
        head, _, rest = name.partition(".")
        near = _did_you_mean(name, self._schema.paths)
        if not near and head not in self._schema.namespaces:
            near = _did_you_mean(head, self._schema.namespaces, f".{rest}" if rest else ".…")
        return self._error(f"unknown fact {name}{near}", node.at)

    def _check_count(self, node: Call, name: str, signature: Signature) -> None:
        least = sum(not argument.optional for argument in signature.arguments)
        if least <= len(node.arguments) <= len(signature.arguments):
            return
        shown = ", ".join(argument.name + "?" * argument.optional for argument in signature.arguments)
        raise self._error(f"{name} takes ({shown}), not {len(node.arguments)} arguments", node.at)

    def _argument(self, node: Syntax, argument: Argument) -> str | int:
        value = node.value if isinstance(node, Constant) else self.constant(node)
        if argument.type is Type.STRING:
            if not isinstance(value, str):
                raise self._error(f"{argument.name} is a string literal", start(node))
            if argument.choices and value not in argument.choices:
                near = _did_you_mean(value, argument.choices) or f": one of {', '.join(argument.choices)}"
                raise self._error(f"unknown {argument.name} {value!r}{near}", start(node))
            return value
        if not isinstance(value, float) or not value.is_integer() or value > EXACT:
            raise self._error(f"{argument.name} is a whole number literal from 0", start(node))
        return int(value)

    def _error(self, reason: str, at: int) -> RuleError:
        return RuleError(reason, self._text, at)


def _dotted(node: Call) -> str:
    if node.subject is None:
        return node.function
    return f"{path_key(node.subject.parts)}.{node.function}" if isinstance(node.subject, Path) else ""


def _did_you_mean(name: str, known: Iterable[str], ending: str = "") -> str:
    near = get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {near[0]}{ending}?" if near else ""
