"""Two policies side by side: while a rollout runs, the candidate decides for those whose coin falls on it."""

from collections.abc import Sequence

from cvo.decisions.decide import Case, decide_all
from cvo.decisions.decision import Arm, Decision, Subject
from cvo.decisions.policy import Policy
from cvo.decisions.rollout import Rollout, RolloutPlan, gets_candidate


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


def decide_each(cases: Sequence[Case], policies: Sequence[Policy]) -> list[Decision]:
    """Decide many cases, each with its own policy and as if it were alone, in their order."""
    made: dict[int, Decision] = {}
    for policy in {id(policy): policy for policy in policies}.values():
        mine = [number for number, each in enumerate(policies) if each is policy]
        made.update(zip(mine, decide_all([cases[number] for number in mine], policy), strict=True))
    return [made[number] for number in range(len(cases))]
