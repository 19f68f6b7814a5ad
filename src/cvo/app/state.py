"""The state a company decides with: its running catalogue, its latest models, the policy made of both."""

import logging
from functools import lru_cache

import msgspec

from cvo.actions.catalogue import Catalogue
from cvo.actions.drafts import Change, Verdict
from cvo.actions.settings import Settings
from cvo.core.clock import Instant
from cvo.core.digest import digest
from cvo.core.errors import Conflict, NotFound
from cvo.core.money import Money
from cvo.decisions.decision import Pins
from cvo.decisions.policy import Policy
from cvo.events.message import ActionLabels, Labels
from cvo.storage.store import Store
from cvo.storage.unit_of_work import Change as Logged
from cvo.storage.unit_of_work import UnitOfWork
from cvo.valuation import models as model_snapshots
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.encoder import NO_FEATURES
from cvo.valuation.models import Models, untrained

LOG = logging.getLogger(__name__)

CATALOGUE_CHANGE = "catalogue"
MODELS_CHANGE = "models"


def catalogue_bytes(catalogue: Catalogue) -> bytes:
    """Return the bytes a catalogue is kept as."""
    return msgspec.msgpack.encode(catalogue)


def recorded(store: Store, kind: str) -> list[Logged]:
    """Return the changes of a kind as they were recorded: a clock set back must not reorder them."""
    return sorted(store.changes(kind), key=lambda change: change.change_id)


def running_version(store: Store) -> str | None:
    """Return the version of the last approved catalogue, if there is one."""
    version = None
    for change in recorded(store, CATALOGUE_CHANGE):
        step = msgspec.msgpack.decode(change.body, type=Change)
        if step.verdict is Verdict.APPROVED:
            version = step.after
    return version


def running_catalogue(store: Store) -> Catalogue:
    """Return the running catalogue: the last approved one, or an empty one before the first."""
    version = running_version(store)
    return Catalogue() if version is None else kept_catalogue(store, version)


def kept_catalogue(store: Store, version: str) -> Catalogue:
    """Return the catalogue of a version."""
    return msgspec.msgpack.decode(store.kept(version), type=Catalogue)


def running_models(store: Store, catalogue: Catalogue) -> Models:
    """Return the latest models, or ones that know nothing but the catalogue's assumptions.

    Models are made of the log, and never the only copy of anything: those that another version of cvo kept in a way of
    its own are left aside with a warning.
    """
    changes = recorded(store, MODELS_CHANGE)
    if changes:
        try:
            return model_snapshots.decode(store.kept(changes[-1].body.decode()))
        except Conflict as error:
            LOG.warning("%s; until then decisions rest on the catalogue's assumptions", error)
    return untrained(catalogue, assumptions_of(catalogue), NO_FEATURES, Instant(0))


PolicyKey = tuple[str | None, str | None, Settings]
"""What a running policy is made of: the versions of catalogue and models, and the settings."""


def policy_key(store: Store, settings: Settings) -> PolicyKey:
    """Return what tells one running policy from another, without reading what it is made of."""
    models = recorded(store, MODELS_CHANGE)
    return running_version(store), models[-1].body.decode() if models else None, settings


def running_policy(store: Store, settings: Settings) -> Policy:
    """Return the policy that decides now; raises `NotFound` before a catalogue was approved."""
    if running_version(store) is None:
        raise NotFound(
            "there is no approved catalogue yet; `cvo apply --approve` approves the one in catalogue/"
        )
    catalogue = running_catalogue(store)
    return Policy(catalogue, running_models(store, catalogue), settings)


def keep_policy(work: UnitOfWork, policy: Policy) -> None:
    """Keep all that the policy's decisions pin, so that they can be made again, and the legends of their records."""
    work.keep(policy.catalogue.version, catalogue_bytes(policy.catalogue))
    work.keep(policy.models.version, model_snapshots.encode(policy.models))
    work.keep(digest(policy.settings), msgspec.msgpack.encode(policy.settings))
    for placement in policy.catalogue.placements:
        legend = policy.legend(placement)
        work.keep(legend.version, legend.encoded())


class Pinned:
    """Policies as decisions pinned them, read from the store and compiled once each."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._policy = lru_cache(maxsize=16)(self._read)

    def policy(self, pins: Pins) -> Policy:
        """Return the policy that a decision was made with."""
        return self._policy(pins.catalogue, pins.models, pins.settings)

    def _read(self, catalogue: str, models: str, settings: str) -> Policy:
        return Policy(
            kept_catalogue(self._store, catalogue),
            model_snapshots.decode(self._store.kept(models)),
            msgspec.msgpack.decode(self._store.kept(settings), type=Settings),
        )


def labels(catalogue: Catalogue, currency: str) -> Labels:
    """Return what intake has to know of the catalogue to label recorded decisions and responses."""
    return Labels(
        actions={
            key: ActionLabels(
                action.team, action.stage.value, Money(action.contact_cost, currency).minor_units(), currency
            )
            for key, action in catalogue.actions.items()
        },
        channels={key: placement.channel for key, placement in catalogue.placements.items()},
    )
