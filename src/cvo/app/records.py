"""Reading decision records: what their numbers stand for is kept in the store, once for all that used the same."""

from collections.abc import Callable
from functools import lru_cache

from cvo.core.errors import NotFound
from cvo.decisions.decision import Decision, Reader
from cvo.decisions.legend import Legend, missing, read_legend
from cvo.storage.store import Store


@lru_cache(maxsize=8)
def records(store: Store) -> Callable[[bytes], Decision]:
    """Return what reads the records of a store; raises `Damaged` for one that can't be read, or without its legend."""

    @lru_cache(maxsize=256)
    def legend(version: str) -> Legend:
        try:
            return read_legend(version, store.kept(version))
        except NotFound:
            raise missing(version) from None

    return Reader(legend).read
