"""The state of a rollout, in the audit log: every step of it is a whole new entry, the last one holds."""

import msgspec

from cvo.actions.catalogue import Catalogue
from cvo.actions.settings import Settings
from cvo.app.state import kept_catalogue, recorded, running_version
from cvo.core.clock import Instant
from cvo.core.errors import Conflict
from cvo.decisions.policy import Deciding, Policy
from cvo.decisions.rollout import Rollout, RolloutPlan, Verdict
from cvo.decisions.split import Split
from cvo.storage.store import Store
from cvo.storage.unit_of_work import Change, UnitOfWork

ROLLOUT_CHANGE = "rollout"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout as it stands: what goes live beside what ran `before`, by which plan, how far it has come.

    A customer's outcome is the margin of `window_days` less the cost of contacts and service in them. `since` is when
    the step began, `judged_at` until when closed windows are scored. `draft_id` is the draft that promotion approves,
    empty where the catalogue stays as it is.
    """

    name: str
    plan: RolloutPlan
    catalogue: str
    settings: Settings
    before_catalogue: str
    before_settings: Settings
    window_days: int
    draft_id: str
    author: str
    started_at: Instant
    since: Instant
    judged_at: Instant
    rollout: Rollout = Rollout()

    @property
    def running(self) -> bool:
        """Tell whether it goes on."""
        return self.rollout.verdict is Verdict.RUNNING


def runs(store: Store) -> list[Run]:
    """Return every entry of every rollout, oldest first."""
    return [msgspec.msgpack.decode(change.body, type=Run) for change in recorded(store, ROLLOUT_CHANGE)]


def latest(store: Store) -> Run | None:
    """Return the last rollout as it stands, whether it goes on or has ended."""
    changes = recorded(store, ROLLOUT_CHANGE)
    return msgspec.msgpack.decode(changes[-1].body, type=Run) if changes else None


def record(work: UnitOfWork, store: Store, run: Run, at: Instant, author: str) -> None:
    """Write how a rollout stands now; one that has ended, or is not the last, raises `Conflict`."""
    known = recorded(store, ROLLOUT_CHANGE)
    last = msgspec.msgpack.decode(known[-1].body, type=Run) if known else None
    if last is not None and (last.running if last.name != run.name else not last.running):
        raise Conflict(f"{last.name} is {last.rollout.verdict}; `cvo rollout status` says how it stands")
    change_id = f"{ROLLOUT_CHANGE}-{len(known) + 1:06}"
    work.record_change(Change(change_id, at, author, ROLLOUT_CHANGE, msgspec.msgpack.encode(run)))


def settings_now(store: Store, configured: Settings) -> Settings:
    """Return the settings that decide: the configured ones, with what promoted rollouts changed in them.

    A promotion holds for a setting until its owner writes another value into the file.
    """
    now = configured
    for run in runs(store):
        if run.rollout.verdict is Verdict.PROMOTED:
            kept = {
                name: getattr(run.settings, name)
                for name in run.settings.__struct_fields__
                if getattr(run.settings, name) != getattr(run.before_settings, name)
                and getattr(now, name) == getattr(run.before_settings, name)
            }
            now = msgspec.structs.replace(now, **kept)
    return now


def under_way(store: Store, settings: Settings) -> Run | None:
    """Return the rollout that goes on, if there is one and what ran when it began still does."""
    run = latest(store)
    if run is None or not run.running or changed_since(run, store, settings):
        return None
    return run


def changed_since(run: Run, store: Store, settings: Settings) -> str:
    """Return what was changed in what runs since a rollout began, or nothing."""
    if running_version(store) != run.before_catalogue:
        return "the catalogue"
    return "the settings" if settings != run.before_settings else ""


def known_catalogue(store: Store, catalogue: Catalogue, settings: Settings) -> Catalogue:
    """Return a running catalogue with what a rollout adds to it: those actions are learned about, too."""
    run = under_way(store, settings)
    if run is None:
        return catalogue
    added = kept_catalogue(store, run.catalogue)
    return msgspec.structs.replace(
        catalogue,
        **{part: {**getattr(added, part), **getattr(catalogue, part)} for part in ("teams", "actions")},
    )


def deciding(store: Store, policy: Policy, run: Run | None) -> Deciding:
    """Return what decides: the running policy, beside the candidate of a rollout that goes on."""
    return policy if run is None else split(run, policy, candidate_policy(store, run, policy))


def candidate_policy(store: Store, run: Run, policy: Policy) -> Policy:
    """Return the policy that a rollout tries, with the models that the running one decides with."""
    return Policy(kept_catalogue(store, run.catalogue), policy.models, run.settings)


def split(run: Run, policy: Policy, candidate: Policy) -> Split:
    """Return both side by side in the step that a rollout is in."""
    return Split(policy, candidate, name=run.name, plan=run.plan, rollout=run.rollout)
