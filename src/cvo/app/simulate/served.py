"""The doors of a running server: requests and messages over HTTP, at simulated times, played against the clock."""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from cvo.app.ingest import Ingested
from cvo.app.simulate.drive import Asked, Made
from cvo.app.simulate.messages import START
from cvo.core.clock import SECOND, Instant, format_rfc3339
from cvo.core.errors import Unavailable

WEEK_A_MINUTE = 7 * 24 * 60.0
"""Simulated seconds a second: a week goes by in a minute."""

_AT_A_TIME = 100
"""Messages of a request."""


class ServedDoors:
    """A server at an address that takes its time from requests; `speed` is simulated seconds a second.

    Raises `Unavailable` where it does not answer, or answers that something is wrong.
    """

    def __init__(
        self,
        address: str,
        key: str,
        *,
        speed: float = WEEK_A_MINUTE,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._address, self._key, self._speed = address, key, speed
        self._now, self._sleep = now, sleep
        self._began = now()
        self._connection = HTTPConnection(urlsplit(address).netloc, timeout=60)
        self._sent = Counter[str]()

    def decide(self, asked: Sequence[Asked]) -> list[Made]:
        """Ask for each decision when its time has come."""
        made = []
        for customer, request in asked:
            whose = "customerId" if customer.known else "anonymousId"
            answer = self._post(
                "/v1/decisions", {whose: customer.value, "placement": request.placement}, request.at
            )
            items = answer["items"]
            made.append(Made(answer["decisionId"], items[0]["action"] if items else ""))
        return made

    def take_in(self, messages: Sequence[dict[str, Any]], now: Instant) -> Ingested:
        """Send messages; what the server makes of each it tells in its log, and a repeat is known here by its id."""
        again = 0
        for start in range(0, len(messages), _AT_A_TIME):
            some = messages[start : start + _AT_A_TIME]
            self._post("/v1/batch", {"batch": some}, now)
            for each in some:
                name = f"{each.get('userId') or each.get('anonymousId')} {each['messageId']}"
                again += self._sent[name] > 0
                self._sent[name] += 1
        self._wait(now)
        return Ingested(len(messages) - again, again, {})

    def week_is_over(self) -> None:
        """Do nothing: a server learns by its own clock."""

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _wait(self, at: Instant) -> None:
        ahead = (at - START) / SECOND / self._speed - (self._now() - self._began)
        if ahead > 0:
            self._sleep(ahead)

    def _post(self, path: str, content: dict[str, Any], at: Instant) -> dict[str, Any]:
        self._wait(at)
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "X-Simulated-Now": format_rfc3339(at),
        }
        try:
            self._connection.request("POST", path, json.dumps(content).encode(), headers)
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            raise Unavailable(f"the server at {self._address} does not answer: {error}") from None
        if answer.status >= 400:
            raise Unavailable(f"the server at {self._address} says {answer.status}: {body[:500].decode()}")
        decoded: dict[str, Any] = json.loads(body)
        return decoded
