"""Backup and restore: a copy of a company that is itself a company, taken while others write."""

import os
import shutil
from pathlib import Path

import msgspec

from cvo.app.company import DATA, DATABASE, Company
from cvo.app.config import FILE, read_config
from cvo.core.errors import Conflict, NotFound
from cvo.storage import sqlite
from cvo.storage.sqlite import WriterLock

CATALOGUE = "catalogue"


class Copied(msgspec.Struct, frozen=True):
    """A copy of a company: where, and how many bytes its database has.

    `set_aside` is where the data went that a restore replaced.
    """

    folder: str
    database_bytes: int
    set_aside: str | None = None


def backup(company: Company, target: Path) -> Copied:
    """Copy a company to a new folder: settings, catalogue, and the database as it is at one moment.

    Whoever writes meanwhile is not disturbed. The copy is checked, and is there in whole or not at all.
    Raises `Conflict` where `target` exists already.
    """
    return _copy(company.folder, target)


def restore(source: Path, folder: Path, *, replace: bool = False) -> Copied:
    """Make a company's folder from a backup.

    Raises `Conflict` where there is a company already, unless `replace`: then its data is set aside, not
    deleted. Raises `CompanyLocked` while another process writes to it, `NotFound` where `source` is no backup,
    `Damaged` where the backup is.
    """
    if not (folder / FILE).exists():
        return _copy(source, folder)
    if not replace:
        raise Conflict(
            f"{folder} is a company already; --replace sets its data aside and puts the backup there"
        )
    if read_config(source).seed != read_config(folder).seed:
        raise Conflict(
            f"{source} is a backup of another company: its seed differs from that in {folder / FILE}"
        )
    (folder / DATA).mkdir(exist_ok=True)
    lock = WriterLock(folder / DATA / DATABASE)
    try:
        arriving = folder / f"{DATA}.arriving"
        shutil.rmtree(arriving, ignore_errors=True)
        arriving.mkdir()
        size = _copy_database(source, arriving)
        aside = _free_name(folder, f"{DATA}.replaced")
        (folder / DATA).rename(aside)
        arriving.rename(folder / DATA)
        _flush(folder)
    finally:
        lock.release()
    return Copied(str(folder), size, str(aside))


def _copy(source: Path, target: Path) -> Copied:
    if target.exists() and any(target.iterdir()):
        raise Conflict(f"{target} is there already and not empty; name a new folder")
    read_config(source)
    arriving = target.with_name(target.name + ".arriving")
    shutil.rmtree(arriving, ignore_errors=True)
    (arriving / DATA).mkdir(parents=True)
    try:
        shutil.copy2(source / FILE, arriving / FILE)
        if (source / CATALOGUE).is_dir():
            shutil.copytree(source / CATALOGUE, arriving / CATALOGUE)
        size = _copy_database(source, arriving / DATA)
        _flush(arriving)
        if target.exists():
            target.rmdir()
        arriving.rename(target)
        _flush(target.parent)
    except BaseException:
        shutil.rmtree(arriving, ignore_errors=True)
        raise
    return Copied(str(target), size)


def _copy_database(source: Path, into: Path) -> int:
    database = source / DATA / DATABASE
    if not database.is_file():
        raise NotFound(f"{source} has no database; it is no backup of a company")
    copied = into / DATABASE
    sqlite.copy(database, copied)
    return copied.stat().st_size


def _free_name(folder: Path, name: str) -> Path:
    taken = {each.name for each in folder.iterdir()}
    return folder / next(tried for n in range(1, 10_000) if (tried := f"{name}-{n}") not in taken)


def _flush(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
