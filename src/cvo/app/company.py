"""A company: a folder with its settings, its catalogue and its data, opened to work with."""

from pathlib import Path
from types import TracebackType
from typing import Self

from cvo.actions import settings as decision_settings
from cvo.app.config import Config, read_config
from cvo.app.rollout.record import Run, deciding, settings_now, under_way
from cvo.app.state import PolicyKey, policy_key, running_policy
from cvo.core.clock import Clock, SystemClock
from cvo.decisions.policy import Deciding, Policy
from cvo.storage.store import Store
from cvo.storage.unit_of_work import Settings

DATA = "data"
DATABASE = "cvo.sqlite3"


class Company:
    """A company, open for writing (one process at a time) or for reading (any number); use `with`."""

    def __init__(self, folder: Path, config: Config, store: Store, clock: Clock) -> None:
        self.folder = folder
        self.config = config
        self.store = store
        self.clock = clock
        self._policy: tuple[PolicyKey, Policy] | None = None
        self._deciding: tuple[Policy, Run | None, Deciding] | None = None

    def policy(self) -> Policy:
        """Return the policy that decides now, compiled anew only when something in it has changed.

        Raises `NotFound` before a catalogue was approved.
        """
        settings = self.settings
        key = policy_key(self.store, settings)
        if self._policy is None or self._policy[0] != key:
            self._policy = key, running_policy(self.store, settings)
        return self._policy[1]

    @property
    def settings(self) -> decision_settings.Settings:
        """Return the settings that decide: those of the file, with what promoted rollouts changed in them."""
        return settings_now(self.store, self.config.settings)

    def deciding(self) -> Deciding:
        """Return what decides now: the running policy, beside the candidate of a rollout while one goes on.

        Raises `NotFound` before a catalogue was approved.
        """
        policy = self.policy()
        run = under_way(self.store, policy.settings)
        if self._deciding is None or self._deciding[:2] != (policy, run):
            self._deciding = policy, run, deciding(self.store, policy, run)
        return self._deciding[2]

    @classmethod
    def open(cls, folder: Path, *, write: bool = True, clock: Clock | None = None) -> Self:
        """Open a company's folder.

        Raises `NotFound` for a folder without company.toml, `CompanyLocked` while another process writes.
        """
        config = read_config(folder)
        settings = Settings(salt=config.seed, control_rate=config.decisions.control_rate)
        database = folder / DATA / DATABASE
        if write or not database.exists():
            database.parent.mkdir(exist_ok=True)
            store = Store.open(database, settings)
        else:
            store = Store.open_to_read(database, settings)
        return cls(folder, config, store, clock or SystemClock())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the store and let others write."""
        self.store.close()

    def __repr__(self) -> str:
        return f"Company({self.config.name!r}, {str(self.folder)!r})"
