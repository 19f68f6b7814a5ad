"""A registration as people write it: a file of TOML."""

import tomllib
from pathlib import Path

import msgspec

from cvo.core.errors import InvalidInput, NotFound
from cvo.core.shapes import misshapen
from cvo.experiments import Registration


def read_registration(file: Path) -> Registration:
    """Read a registration from a file of TOML; raises `NotFound` without it, `InvalidInput` for what is wrong."""
    if not file.is_file():
        raise NotFound(f"there is no file {file}")
    try:
        return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Registration)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InvalidInput(f"{file} is no registration: {misshapen(error, Registration)}") from error
