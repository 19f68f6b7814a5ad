"""Loops that are compiled to machine code. Loads the compiler: import from modules that are loaded when used."""

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function over arrays and numbers when first called; it runs without the interpreter's lock.

    The machine code is kept on disk, beside the source or in the user's cache (or where `NUMBA_CACHE_DIR` says),
    for the next process to load; where nothing can be written every process compiles anew, which takes seconds.
    Additions are neither reordered nor fused with multiplications: the same bits on every machine.
    """
    try:
        return cast(F, njit(nogil=True, error_model="numpy", cache=True)(function))
    except RuntimeError:  # numba's word for having no place to keep it
        return cast(F, njit(nogil=True, error_model="numpy")(function))
