"""The peer's end of a benchmark: read a call a line, answer a line. Imports nothing but the standard library.

Peers run in their own interpreter, where neither cvo nor the harness is installed.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any


def serve(calls: dict[str, Callable[..., Any]]) -> None:
    """Answer calls until the other side closes the pipe.

    A function's result comes back under `value`, the time it took under `seconds`.
    """
    answers = sys.stdout
    # Whatever a library prints must not end up between the answers.
    sys.stdout = sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        function = calls[request.pop("call")]
        start = time.perf_counter()
        value = function(**request)
        seconds = time.perf_counter() - start
        answers.write(json.dumps({"value": value, "seconds": seconds}) + "\n")
        answers.flush()
