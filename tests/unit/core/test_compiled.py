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
from cvo.learning.contest import _rows
print(Thompson().probabilities(np.array([1.0, 0.0, 0.5]), np.ones(3)).tobytes().hex())
print(sum(_rows.stats.cache_hits.values()), len(_rows.signatures))
"""


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
