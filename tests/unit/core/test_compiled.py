import os
import subprocess
import sys

import numpy as np
import pytest

from cvo.core.compiled import compiled

KEPT = """
import numba.core.caching, numpy as np, sys
if "nowhere" in sys.argv:
    numba.core.caching.CacheImpl._locator_classes = []
from cvo.learning import Thompson
from cvo.learning.thompson import chances
print(Thompson().probabilities(np.array([1.0, 0.0, 0.5]), np.ones(3)).tobytes().hex())
print(sum(chances.stats.cache_hits.values()), len(chances.signatures))
"""

INNER = """
from typing import NamedTuple

from cvo.core.compiled import compiled


class Pair(NamedTuple):
    one: float
    other: float


@compiled
def inner(given: Pair) -> float:
    return given.one + given.other
"""
NUMBER = "FACTOR = 10.0\n"
OUTER = """
from cvo.core.compiled import compiled
from loops.inner import Pair, inner
from loops.number import FACTOR


@compiled
def outer(x: float) -> float:
    return FACTOR * inner(Pair(x, 1.0))
"""
RUN = "from loops.outer import outer; print(outer.__qualname__, outer(2.0), sum(outer.stats.cache_hits.values()))"


def run(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", KEPT, *arguments], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.split("\n")[:2]


def test_a_loop_is_compiled_without_the_lock_and_in_order():
    def total(values):
        found = 0.0
        for value in values:
            found += value
        return found

    loop = compiled(total)
    values = np.array([1e16, 1.0, -1e16, 1.0])
    assert loop(values) == total(values) == 1.0
    assert loop.targetoptions["nogil"]


def test_what_was_compiled_is_loaded_by_the_next_process():
    first, again = run(), run()
    assert again == [first[0], "1 1"]


@pytest.mark.slow
def test_where_nothing_can_be_kept_it_is_compiled_anew():
    kept, compiled_anew = run(), run("nowhere")
    assert compiled_anew == [kept[0], "0 1"]


def test_machine_code_of_another_source_is_not_used(tmp_path):
    folder, kept = tmp_path / "loops", tmp_path / "kept"
    folder.mkdir()
    (folder / "__init__.py").touch()
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    there = {**os.environ, "PYTHONPATH": path, "NUMBA_CACHE_DIR": str(kept), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(inner=INNER, number=NUMBER, outer=OUTER):
        for name, text in (("inner", inner), ("number", number), ("outer", outer)):
            (folder / f"{name}.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "-c", RUN], env=there, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert run() == ["outer", "30.0", "0"]
    assert run() == ["outer", "30.0", "1"]
    assert run(inner=INNER.replace("one + given", "one - given")) == ["outer", "10.0", "0"]
    assert run(number="FACTOR = 20.0\n") == ["outer", "60.0", "0"]
    # A type that is gone can't be read back.
    renamed = [text.replace("Pair", "Both") for text in (INNER, OUTER)]
    assert run(renamed[0], NUMBER, renamed[1]) == ["outer", "30.0", "0"]
