"""Loops that are compiled to machine code. Loads the compiler: import from modules that are loaded when used."""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

from cvo.core.digest import digest

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function over arrays and numbers when first called; it runs without the interpreter's lock.

    The machine code is kept on disk, beside the source or in the user's cache (or where `NUMBA_CACHE_DIR` says),
    for the next process to load; where nothing can be written every process compiles anew, which takes seconds.
    Additions are neither reordered nor fused with multiplications: the same bits on every machine.
    """
    name = function.__qualname__
    # The compiler asks only whether the function's own file is the same, after it has loaded what it kept. Machine code
    # has other modules' functions and numbers in it, too, and may be of types that are gone after an upgrade.
    function.__qualname__ = f"{name}-{_source(function.__module__)}"
    try:
        made = njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # numba's word for having no place to keep it
        made = njit(nogil=True, error_model="numpy")(function)
    function.__qualname__ = cast(Any, made).__qualname__ = name
    return cast(F, made)


@cache
def _source(module: str) -> str:
    """Return a digest of all that a module's machine code is made of, as far as it is of the same package.

    That is its source and that of modules whose functions and types it has, and the numbers that it has by name.
    """
    package = module.partition(".")[0]
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        file = getattr(sys.modules.get(name), "__file__", None)
        if name in found or file is None or name.partition(".")[0] != package:
            continue
        known = vars(sys.modules[name])
        numbers = {key: each for key, each in known.items() if isinstance(each, int | float)}
        found[name] = digest((Path(file).read_bytes(), sorted(numbers.items())))
        waiting += [
            each.__module__ for each in known.values() if isinstance(getattr(each, "__module__", None), str)
        ]
    return digest(sorted(found.items()))
