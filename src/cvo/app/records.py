"""Reading decision records: what their numbers stand for is kept in the store, once for all that used the same."""

from collections import Counter
from collections.abc import Callable
from functools import cache, lru_cache

from cvo.core.errors import Damaged, NotFound
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


def unreadable(store: Store) -> list[str]:
    """Return what is wrong with logged decisions, a sentence each: they can't be read, or what made them is gone."""
    read, found = records(store), Counter[str]()

    @cache
    def gone(version: str) -> bool:
        try:
            store.kept(version)
        except NotFound:
            return True
        return False

    for each in store.decisions():
        try:
            pins = read(each.body).pins
        except Damaged as error:
            found[str(error)] += 1
            continue
        pinned = {name: getattr(pins, name) for name in ("catalogue", "models", "settings")}
        found.update(
            f"what they pin as {name}, {version}, is missing; `cvo restore` a backup that has it"
            for name, version in pinned.items()
            if gone(version)
        )
    return [f"{count:,} of the logged decisions: {said}" for said, count in found.items()]
