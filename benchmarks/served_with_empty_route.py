"""`cvo serve` with one more route, which does nothing but what every durable answer has to do.

`POST /v1/empty` reads the request, checks the key, queues, has one record of the answer's size committed with
whatever else is in the transaction, and answers with as many bytes as a decision has. What it can do in a
second is what the server could do if deciding cost nothing.
"""

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cvo.api.access import Access
from cvo.api.asgi import Application
from cvo.api.decisions import BODY_LIMIT
from cvo.api.http import Receive, Response, read_body
from cvo.api.routes import application
from cvo.api.serve import serve
from cvo.api.service import Options, Service
from cvo.app.company import Company
from cvo.app.keys import Scope, keys_of
from cvo.app.live import Ask, Job, Live, Result
from cvo.core.ids import DecisionId, PersonId
from cvo.core.random import keyed_bytes
from cvo.events.message import user
from cvo.storage.unit_of_work import LoggedDecision

ANSWER = b'{"decisionId":"01a20029-81ca-70d6-a554-b0fc7ec16eb4",' + b'"padding":"' + b"x" * 330 + b'"}'


class Empty(Ask, frozen=True):
    """Asks for a record and nothing else."""


class EmptyLive(Live):
    """Commits a record for each empty request, and does everything else as usual."""

    _numbers = itertools.count()

    def process(self, jobs: Sequence[Job]) -> list[Result]:
        if not all(isinstance(job, Empty) for job in jobs):
            return super().process(jobs)
        now = self.company.clock.now()
        names = [keyed_bytes("empty", now, next(self._numbers)) for _ in jobs]
        with self.company.store.unit_of_work() as work:
            work.log_decisions(
                LoggedDecision(PersonId(name), DecisionId(name.hex()), now, "empty", "empty", ANSWER)
                for name in names
            )
        return [[] for _ in jobs]


def compose(company: Company, options: Options) -> Any:
    service = Service(company, EmptyLive(company), Access(keys_of(company)), options)

    async def empty(headers: dict[bytes, bytes], receive: Receive) -> Response:
        refused = service.refuse(headers, Scope.DECIDE)
        await read_body(receive, BODY_LIMIT)
        if refused is not None:
            return refused.response()
        await service.writer.decide(Empty(user("nobody"), ""))
        return Response(200, ANSWER)

    return Application(service, application(service), {"/v1/empty": empty})


def main(folder: str, port: str) -> None:
    options = Options(learn_every_seconds=0)
    serve(Path(folder), "127.0.0.1", int(port), options, lambda at: click.echo(at, err=True), compose=compose)


if __name__ == "__main__":
    main(*sys.argv[1:])
