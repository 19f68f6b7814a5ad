"""Two policies side by side: while a rollout runs, the candidate decides for those whose coin falls on it."""

from cvo.decisions.decision import Arm, Subject
from cvo.decisions.policy import Policy, Side
from cvo.decisions.rollout import Rollout, RolloutPlan, gets_candidate, share


class Split:
    """What runs and what may replace it, in the current step of the rollout called `name`."""

    def __init__(
        self, running: Policy, candidate: Policy, *, name: str, plan: RolloutPlan, rollout: Rollout
    ) -> None:
        self.running = running
        self.candidate = candidate
        self._name, self._plan, self._rollout = name, plan, rollout

    @property
    def policies(self) -> tuple[Policy, ...]:
        """Return every policy that may decide."""
        return self.running, self.candidate

    @property
    def sides(self) -> tuple[Side, ...]:
        """Return both with their shares of the customers who get decisions, what runs first."""
        new = share(self._plan, self._rollout)
        return Side(self.running, 1.0 - new), Side(self.candidate, new)

    @property
    def step(self) -> str:
        """Return the name of the step of the rollout."""
        return f"{self._name} step {self._rollout.step + 1}"

    def of(self, subject: Subject) -> Policy:
        """Return the policy that decides for a customer: the same one throughout a step.

        The coin is keyed by the id the customer was first met by, so that logging in throws none anew. Who is
        left alone is left alone by either policy, and not part of the rollout.
        """
        met_as = subject.met_as or subject.person_id
        new = subject.arm is Arm.TREATED and gets_candidate(
            self._plan, self._rollout, self.running.settings.seed, self._name, met_as
        )
        return self.candidate if new else self.running
