"""Modules that are loaded when something of them is first used, and looked up no more after that."""

from importlib import import_module
from typing import Any


class Lazy:
    """Stands for a module that takes long to load, as those do that load the compiler: `import cvo` must not wait.

    Has what the module has. For the type checker, import the module itself under `TYPE_CHECKING`.

    >>> Lazy("math").sqrt(4.0)
    2.0
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        """Return what the module has under a name, from now on without asking it."""
        found = getattr(import_module(self._name), name)
        setattr(self, name, found)
        return found
