"""Ingest: messages in, durably, in batches; every one is taken, known already, or refused with a reason."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from cvo.app.company import Company
from cvo.app.state import labels, running_catalogue
from cvo.core.errors import NotFound
from cvo.events.intake import Intake
from cvo.events.message import Accepted, DeadLetter, Duplicate

BATCH = 2_000
"""Messages a transaction: enough that its fsync costs little, few enough that a crash repeats little."""


class Ingested(msgspec.Struct, frozen=True):
    """What became of the messages; `refused` counts dead letters by reason."""

    accepted: int
    duplicates: int
    refused: dict[str, int]


def ingest(
    company: Company, messages: Iterable[Any], progress: Callable[[int], None] = lambda _count: None
) -> Ingested:
    """Take in decoded messages, a durable batch after the other; `progress` is told how many were done.

    A message was received when its own `receivedAt` says; without one, the sender's clock is not corrected.
    Sending all of them again after a crash changes nothing that was already in, except where a message has
    neither `messageId` nor any time: it counts once more.
    """
    catalogue = running_catalogue(company.store)
    currency = company.config.currency
    intake = Intake(company.config.seed, currency, labels(catalogue, currency))
    counts: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for batch in _batches(messages):
        now = company.clock.now()
        read = [intake.read_recorded(raw, now) for raw in batch]
        with company.store.unit_of_work() as work:
            receipts = work.accept(read)
        for receipt in receipts:
            match receipt:
                case Accepted():
                    counts["accepted"] += 1
                case Duplicate():
                    counts["duplicates"] += 1
                case DeadLetter():
                    refused[receipt.reason.value] += 1
        progress(len(batch))
    return Ingested(counts["accepted"], counts["duplicates"], dict(sorted(refused.items())))


def read_messages(file: Path, progress: Callable[[int], None] = lambda _size: None) -> Iterator[Any]:
    """Yield the messages of a file with one JSON object a line; a line that is none is handed on as its text.

    Intake then refuses it like any other bad message, and the rest of the file is still read. `progress` is
    told the bytes of each line.
    """
    if not file.is_file():
        raise NotFound(f"there is no file {file}")
    decoder = msgspec.json.Decoder()
    with file.open("rb") as lines:
        for line in lines:
            progress(len(line))
            if not line.strip():
                continue
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                yield line.decode(errors="replace")


def _batches(messages: Iterable[Any]) -> Iterator[list[Any]]:
    waiting = iter(messages)
    while batch := list(islice(waiting, BATCH)):
        yield batch
