"""A reading of the log at rest: one file beside the database, that may be deleted at any time.

It holds nothing that the log does not. A file that another version made, or that is damaged, is as good as none.
"""

import logging
import os
from hashlib import blake2b
from io import BytesIO
from pathlib import Path

import msgspec
import polars as pl

from cvo.app.reading import TABLES, Reading

KEPT = "reading.cache"
"""The file's name, in the folder of the database."""

LOG = logging.getLogger(__name__)

_DIGEST = 16


class _File(msgspec.Struct, frozen=True, array_like=True):
    key: str
    position: int
    last_fact: bytes
    frames: dict[str, bytes]
    moments: bytes
    people: bytes


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_File)


def keep_reading(path: Path, reading: Reading) -> None:
    """Keep a reading for the next time; where there is no room for it, everything is read again then."""
    frames = {name: _bytes(frame) for name, frame in reading.frames.items()}
    body = _ENCODER.encode(
        _File(
            reading.key,
            reading.position,
            reading.last_fact,
            frames,
            _bytes(reading.moments),
            _bytes(reading.people),
        )
    )
    # Several may learn at once: each writes a file of its own, and the last one counts.
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(blake2b(body, digest_size=_DIGEST).digest() + body)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        LOG.warning("what was read of the log is not kept, and will be read again: %s", error)


def kept_reading(path: Path) -> Reading | None:
    """Return the reading that was kept, or `None` where none was, or none that can be read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    body = data[_DIGEST:]
    if blake2b(body, digest_size=_DIGEST).digest() != data[:_DIGEST]:
        LOG.warning("%s is damaged; the log is read again", path)
        return None
    try:
        file = _DECODER.decode(body)
    except msgspec.DecodeError:
        # Whole, and of another version.
        return None
    if file.frames.keys() != set(TABLES):
        return None
    frames = {name: pl.read_ipc(BytesIO(frame)) for name, frame in file.frames.items()}
    return Reading(
        file.key,
        file.position,
        file.last_fact,
        frames,
        pl.read_ipc(BytesIO(file.moments)),
        pl.read_ipc(BytesIO(file.people)),
    )


def _bytes(frame: pl.DataFrame) -> bytes:
    with BytesIO() as made:
        frame.write_ipc(made)
        return made.getvalue()
