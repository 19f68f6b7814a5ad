"""Customer value optimisation: decide, deliver, measure and learn what was caused.

>>> import cvo
>>> company = cvo.open("my-company")            # doctest: +SKIP
>>> company.decide("customer-1", "newsletter")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from cvo.app.library import Company
    from cvo.core.clock import Clock

__version__ = "0.1.0"
__all__ = ["__version__", "init", "open"]


def open(  # noqa: A001  read as cvo.open, like gzip.open
    path: str | os.PathLike[str], *, write: bool = True, clock: Clock | None = None
) -> Company:
    """Open the company in a folder: for writing, by one process at a time, or for reading.

    `clock` tells the time of everything that happens, the machine's if not given. Raises `NotFound` for a
    folder without company.toml, `CompanyLocked` while another process writes.
    """
    from pathlib import Path

    from cvo.app.library import Company

    return Company.open(Path(path), write=write, clock=clock)


def init(
    path: str | os.PathLike[str],
    name: str,
    currency: str,
    *,
    owner: str = "owner",
    seed: str | None = None,
    clock: Clock | None = None,
) -> Company:
    """Make a new company in a folder, with a first catalogue to edit, and open it.

    `seed` keys every random draw and is drawn itself if not given. Raises `Conflict` if there is one already.
    """
    from pathlib import Path

    from cvo.app.init import init as make

    make(Path(path), name, currency, owner=owner, seed=seed)
    return open(path, clock=clock)
