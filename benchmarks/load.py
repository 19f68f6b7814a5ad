"""A lean HTTP load generator: raw sockets on one event loop, in a process of its own, against 127.0.0.1 only.

`closed`: every connection asks again as soon as it is answered. `open`: requests are due at fixed moments
whatever the server does, and latency counts from when a request was due (so that a slow server can't hide
behind fewer questions: Tene, "coordinated omission").
"""

import asyncio
import json
import random
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import click
import uvloop

from cvo.core.clock import Instant, format_rfc3339


class Client(asyncio.Protocol):
    """One connection that sends a request at a time."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._buffer = b""
        self._begun = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._load.free(self)

    def send(self, request: bytes, begun: float) -> None:
        assert self._transport is not None
        self._begun = begun
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 : head.find(b"\r", at) if head.find(b"\r", at) > 0 else None])
        if len(self._buffer) < end + 4 + length:
            return
        self._buffer = b""
        self._load.answered(head[9:12] == b"200", time.perf_counter() - self._begun)
        self._load.free(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._load.lost += not self._load.finished


class Load:
    """Keeps connections busy for a while, and remembers how long answers took."""

    def __init__(self, make: Callable[[], bytes], seconds: float, warmup: float, rate: float | None) -> None:
        self._make = make
        self._rate = rate
        self._start = time.perf_counter() + warmup
        self._end = self._start + seconds
        self._idle: deque[Client] = deque()
        self._due: deque[float] = deque()
        self.took: list[float] = []
        self.failed = self.lost = 0
        self.finished = False

    def free(self, client: Client) -> None:
        if time.perf_counter() >= self._end:
            return
        if self._rate is None:
            client.send(self._make(), time.perf_counter())
        elif self._due:
            client.send(self._make(), self._due.popleft())
        else:
            self._idle.append(client)

    def answered(self, well: bool, seconds: float) -> None:
        now = time.perf_counter()
        if self._start <= now < self._end:
            self.took.append(seconds)
            self.failed += not well

    async def run(self, host: str, port: int, connections: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            await loop.create_connection(lambda: Client(self), host, port)
        if self._rate is not None:
            await self._arrive(self._rate)
        while time.perf_counter() < self._end + 0.5:
            await asyncio.sleep(0.05)
        self.finished = True

    async def _arrive(self, rate: float) -> None:
        draw = random.Random(7)
        due = time.perf_counter()
        while due < self._end:
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            while due <= time.perf_counter():
                if self._idle:
                    self._idle.popleft().send(self._make(), due)
                else:
                    self._due.append(due)
                due += draw.expovariate(rate)


def empty(key: str, customers: int, host: str) -> Callable[[], bytes]:
    """Return what makes requests as for decisions to the route that does nothing."""
    return decisions(key, customers, host, "/v1/empty")


def decisions(key: str, customers: int, host: str, path: str = "/v1/decisions") -> Callable[[], bytes]:
    """Return what makes requests for decisions, of customers drawn evenly."""
    draw = random.Random(11).random
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()

    def make() -> bytes:
        number = int(draw() * customers)
        body = b'{"customerId":"c%d","placement":"home","context":{"device":"d%d"}}' % (number, number % 5)
        return b"%b%d\r\n\r\n%b" % (head, len(body), body)

    return make


def batches(key: str, customers: int, host: str, size: int = 100) -> Callable[[], bytes]:
    """Return what makes batches of new events, half of them traits and half visits."""
    draw = random.Random(13).random
    head = (
        f"POST /v1/batch HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()
    count = 0
    # Messages that were sent before would be recognised, and cost next to nothing.
    run = time.time_ns()

    def one(moment: bytes) -> bytes:
        nonlocal count
        count += 1
        who = int(draw() * customers)
        if count % 2:
            return (
                b'{"type":"track","event":"Visit","userId":"c%d","messageId":"%x-%d","timestamp":"%b",'
                b'"properties":{"page":"/products/%d","referrer":"https://example.org/search","depth":%d}}'
            ) % (who, run, count, moment, who % 999, count % 9)
        return (
            b'{"type":"identify","userId":"c%d","messageId":"%x-%d","timestamp":"%b",'
            b'"traits":{"age":%d,"city":"Oslo","tier":"plus"}}'
        ) % (who, run, count, moment, 18 + who % 60)

    def make() -> bytes:
        moment = format_rfc3339(Instant(time.time_ns() // 1_000)).encode()
        body = b'{"batch":[' + b",".join(one(moment) for _ in range(size)) + b"]}"
        return b"%b%d\r\n\r\n%b" % (head, len(body), body)

    return make


KINDS = {"decisions": decisions, "empty": empty, "batches": batches}


@click.command()
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option("--port", type=int, required=True)
@click.option("--key", required=True)
@click.option("--customers", type=int, required=True)
@click.option("--connections", type=click.IntRange(1, 256), default=32)
@click.option("--seconds", type=click.FloatRange(0.5, 120), default=8.0)
@click.option("--warmup", type=click.FloatRange(0, 60), default=2.0)
@click.option("--rate", type=float)
def main(  # noqa: PLR0917  a command takes its options as click hands them over
    kind: str,
    port: int,
    key: str,
    customers: int,
    connections: int,
    seconds: float,
    warmup: float,
    rate: float | None,
) -> None:
    """Ask a server on 127.0.0.1, and print how many answers came in what time as JSON."""
    load = Load(KINDS[kind](key, customers, f"127.0.0.1:{port}"), seconds, warmup, rate)
    uvloop.run(load.run("127.0.0.1", port, connections))
    took = sorted(load.took)

    def percentile(share: float) -> float:
        return 1_000 * took[min(len(took) - 1, int(share * len(took)))] if took else float("nan")

    found: dict[str, Any] = {
        "rate": len(took) / seconds,
        "p50_ms": percentile(0.5),
        "p99_ms": percentile(0.99),
        "failed": load.failed,
        "lost": load.lost,
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
