"""The live path: whatever was asked at one moment, done in one unit of work, durable before it is answered.

Messages go in before decisions are made, so that a decision knows all that was sent before it was asked for.
Nothing here waits or runs side by side; whoever calls `process` has the only right to write.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cvo.app.company import Company
from cvo.app.decide import decide_in, logged
from cvo.app.learn import decide_with
from cvo.app.records import records
from cvo.app.rollout.judge import advance
from cvo.app.rollout.record import Run, candidate_policy, known_catalogue, split, under_way
from cvo.app.state import keep_policy, labels, running_catalogue, running_policy, running_version
from cvo.core.clock import Instant, parse_rfc3339
from cvo.core.digest import digest
from cvo.core.errors import Conflict, CvoError, Damaged, InvalidInput, Unavailable
from cvo.decisions.decide import ready
from cvo.decisions.decision import Decision, Purpose, Request
from cvo.decisions.policy import Deciding, Policy
from cvo.decisions.rollout import Verdict
from cvo.events.event import Scalar
from cvo.events.intake import Intake
from cvo.events.message import DeadLetter, ExternalId, Message, Receipt
from cvo.storage.unit_of_work import Repeatable, UnitOfWork
from cvo.valuation.models import Models

Key = tuple[bytes, str]

SERVER = "cvo serve"
"""The author of what a server does by itself."""


class Accept(msgspec.Struct, frozen=True):
    """Decoded messages that came in together.

    Without `received_at` each counts as received when it says that it happened, as in a backfill.
    """

    messages: list[Any]
    received_at: Instant | None
    sent_at: str | None = None


class Ask(msgspec.Struct, frozen=True):
    """Asks for a decision, at the time it is made where `at` is missing.

    The same `idempotency_key` from the same customer id gets the same decision again.
    """

    customer: ExternalId
    placement: str
    context: dict[str, Scalar] = {}
    at: Instant | None = None
    idempotency_key: str | None = None
    purpose: Purpose = Purpose.LIVE
    limit: int | None = None

    @property
    def content(self) -> str:
        """Return the hash of what is asked, whenever it is asked."""
        return digest((self.customer, self.placement, self.context, self.purpose, self.limit))


Job = Accept | Ask
Result = list[Receipt] | Decision | CvoError


class Live:
    """A company taking in events and making decisions, with a policy that is replaced as a whole."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.policy: Policy | None = None
        self.deciding: Deciding | None = None
        self._intake = self._new_intake()
        if running_version(company.store) is not None:
            policy = running_policy(company.store, company.settings)
            self.adopt(self._beside(ready(policy)))

    def learned(self, models: Models) -> Deciding | None:
        """Return what decides with new models, ready to use; `None` without a catalogue.

        Takes a while and changes nothing, so it may run beside `process`.
        """
        running = self.policy
        if running is None:
            return None
        return self._beside(ready(Policy(running.catalogue, models, running.settings)))

    def publish(self, deciding: Deciding) -> None:
        """Record the models of what decides as learned, and decide with it from now on."""
        decide_with(self.company, deciding.policies[0].models, SERVER)
        self.adopt(deciding)

    def follow(self, run: Run) -> None:
        """Record how a rollout stands, and decide accordingly from now on."""
        advance(self.company, run, SERVER)
        if self.deciding is not None:
            running, candidate = self.deciding.policies[0], self.deciding.policies[-1]
            if run.running:
                self.adopt(split(run, running, candidate))
            else:
                self.adopt(candidate if run.rollout.verdict is Verdict.PROMOTED else running)

    def adopt(self, deciding: Deciding) -> None:
        """Decide like that from now on; what it is made of is kept before its first decision."""
        with self.company.store.unit_of_work() as work:
            for policy in deciding.policies:
                keep_policy(work, policy)
        self.policy, self.deciding = deciding.policies[0], deciding
        self._intake = self._new_intake()

    def _beside(self, policy: Policy) -> Deciding:
        """Put the candidate of a rollout that goes on beside a running policy."""
        run = under_way(self.company.store, policy.settings)
        if run is None:
            return policy
        return split(run, policy, ready(candidate_policy(self.company.store, run, policy)))

    def _new_intake(self) -> Intake:
        company = self.company
        catalogue = known_catalogue(company.store, running_catalogue(company.store), company.settings)
        currency = company.config.currency
        return Intake(company.config.seed, currency, labels(catalogue, currency))

    def process(self, jobs: Sequence[Job]) -> list[Result]:
        """Do all jobs in one transaction, which is durable when this returns, and answer each in order.

        A job that can't be done gets its error and leaves the others alone: they are done one by one then, and
        each is durable where its answer is no error.
        Raises `Unavailable` where storage fails for all together; then nothing was done.
        """
        try:
            with self.company.store.unit_of_work() as work:
                return self._process(work, jobs)
        except (InvalidInput, Conflict, Damaged) as error:
            if len(jobs) == 1:
                return [error]
        # One of them broke the whole: alone, it breaks only itself.
        return [self._alone(job) for job in jobs]

    def _alone(self, job: Job) -> Result:
        """Do a job, and answer whatever fails: what was done before it stays done."""
        try:
            return self.process([job])[0]
        except CvoError as error:
            return error

    def _process(self, work: UnitOfWork, jobs: Sequence[Job]) -> list[Result]:
        now = self.company.clock.now()
        results: dict[int, Result] = {}
        accepts = [(i, job) for i, job in enumerate(jobs) if isinstance(job, Accept)]
        asks = [(i, job) for i, job in enumerate(jobs) if isinstance(job, Ask)]
        if accepts:
            results |= self._accept(work, accepts)
        if asks:
            results |= self._decide(work, asks, now)
        return [results[i] for i in range(len(jobs))]

    def _accept(self, work: UnitOfWork, accepts: Sequence[tuple[int, Accept]]) -> dict[int, Result]:
        read = [self._read(job) for _, job in accepts]
        receipts = iter(work.accept([message for messages in read for message in messages]))
        return {i: [next(receipts) for _ in messages] for (i, _), messages in zip(accepts, read, strict=True)}

    def _read(self, job: Accept) -> list[Message | DeadLetter]:
        if job.received_at is not None:
            return self._intake.read_all(job.messages, job.received_at, job.sent_at)
        now = self.company.clock.now()
        return [self._intake.read(raw, _claimed(raw, now)) for raw in job.messages]

    def _decide(self, work: UnitOfWork, asks: Sequence[tuple[int, Ask]], now: Instant) -> dict[int, Result]:
        results: dict[int, Result] = {}
        repeatable = {i: self._key(job) for i, job in asks if job.idempotency_key is not None}
        known = {each.key: each for each in work.repeated(dict.fromkeys(repeatable.values()))}
        new: dict[int, Ask] = {}
        first: dict[Key, int] = {}
        for i, job in asks:
            key = repeatable.get(i)
            if key is not None and (key in known or key in first):
                continue
            refused = self._refusal(job)
            if refused is not None:
                results[i] = refused
                continue
            new[i] = job
            if key is not None:
                first[key] = i
        if new and self.deciding is not None:
            requests = [(job.customer, _request(job, now)) for job in new.values()]
            decided = dict(zip(new, decide_in(work, self.deciding, requests), strict=True))
            results |= decided
            made = [Repeatable(*key, now, new[i].content, logged(decided[i])) for key, i in first.items()]
            work.remember(made)
            known |= {each.key: each for each in made}
        for i, job in asks:
            if i not in results:
                results[i] = self._again(job, known[repeatable[i]])
        return results

    def _refusal(self, job: Ask) -> CvoError | None:
        if self.policy is None:
            return Unavailable(
                "there is no approved catalogue yet: stop the server, run `cvo apply --approve`, start it again"
            )
        try:
            self.policy.qualifier(job.placement)
        except InvalidInput as error:
            return error
        return None

    def _again(self, job: Ask, earlier: Repeatable) -> Result:
        if earlier.request != job.content:
            return InvalidInput(
                f"the Idempotency-Key {job.idempotency_key!r} was used for another request of this customer; "
                "use a new key for each request"
            )
        return records(self.company.store)(earlier.decision.body)

    def _key(self, job: Ask) -> Key:
        return job.customer.sender_key(self.company.config.seed), job.idempotency_key or ""


def _request(job: Ask, now: Instant) -> Request:
    at = now if job.at is None else job.at
    return Request(placement=job.placement, at=at, context=job.context, purpose=job.purpose, limit=job.limit)


def _claimed(raw: Any, otherwise: Instant) -> Instant:
    """Return the time a message gives; what is wrong with it is for intake to say."""
    claimed = raw.get("originalTimestamp") or raw.get("timestamp") if isinstance(raw, Mapping) else None
    try:
        return parse_rfc3339(claimed) if isinstance(claimed, str) else otherwise
    except InvalidInput:
        return otherwise
