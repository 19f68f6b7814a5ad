"""Interaction history: what customers were shown, and how they responded."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

import polars as pl

from cvo.connectors.pdstools.labels import Labels, pega_time
from cvo.core.ids import PersonId
from cvo.decisions.decision import Decision
from cvo.events.event import Decided, Event, Response, ResponseKind

HISTORY = pl.Schema(
    {
        "pxInteractionID": pl.String(),
        "pySubjectID": pl.String(),
        "pyOutcome": pl.String(),
        "pxOutcomeTime": pl.String(),
        "pyChannel": pl.String(),
        "pyDirection": pl.String(),
        "pyIssue": pl.String(),
        "pyGroup": pl.String(),
        "pyName": pl.String(),
        "pyTreatment": pl.String(),
        "pyPropensity": pl.Float64(),
        "pyModelTechnique": pl.String(),
        "cvoPropensity": pl.Float64(),
    }
)
"""One row something shown or answered; `cvoPropensity` is the probability with which the policy picked it."""

OUTCOMES = {
    ResponseKind.PRESENTED: "Impression",
    ResponseKind.DISMISSED: "Rejected",
    ResponseKind.POSTPONED: "Postponed",
    ResponseKind.CLICKED: "Clicked",
    ResponseKind.ACCEPTED: "Accepted",
    ResponseKind.CONVERTED: "Conversion",
}
"""Our responses in its words."""

CONFIRMED = "Presented"
"""The outcome of what was reported as shown after a delivery that is an impression already."""

TECHNIQUE = "BayesianLogisticRegression"


class _Shown(NamedTuple):
    """What of a delivery its outcomes repeat."""

    interaction: str
    channel: str
    creative: str | None
    response_probability: float | None
    propensity: float | None


class Interactions:
    """Turns facts that come by person and time into rows of `HISTORY`.

    `record` returns the record of a decision made here and `None` for one made elsewhere; `names` are the customers'
    own ids. A response belongs to the delivery whose decision it names, else to the customer's latest of that action
    before it; one that answers nothing known is an interaction of its own.
    """

    def __init__(
        self,
        names: Mapping[PersonId, str],
        labels: Labels,
        record: Callable[[Decided], Decision | None],
    ) -> None:
        self._names, self._labels, self._record = names, labels, record

    def rows(self, facts: Iterable[Event]) -> Iterator[tuple[object, ...]]:
        """Yield a row for every delivery and response; what was withheld nobody saw, and it has none."""
        for person_id, mine in groupby(facts, key=_person):
            name, latest, named = self._names[person_id], dict[str, _Shown](), dict[str, _Shown]()
            for event in mine:
                body = event.body
                if isinstance(body, Decided) and body.delivered:
                    shown = self._shown(body)
                    latest[body.delivered] = named[f"{body.decision_id} {body.delivered}"] = shown
                    yield self._row(name, event, shown, "Impression", (body.stage, body.team, body.delivered))
                elif isinstance(body, Response):
                    answers = named.get(f"{body.decision_id} {body.action}") or latest.get(body.action)
                    yield self._response(name, event, body, answers)

    def _shown(self, body: Decided) -> _Shown:
        decision = self._record(body)
        terms = None if decision is None else decision.scored.terms().get(body.delivered)
        return _Shown(
            body.decision_id,
            body.channel,
            body.creative or None,
            None if terms is None else terms.response_probability,
            body.propensity,
        )

    def _response(
        self, name: str, event: Event, body: Response, answers: _Shown | None
    ) -> tuple[object, ...]:
        outcome = OUTCOMES[body.kind]
        if answers is not None and body.kind is ResponseKind.PRESENTED:
            outcome = CONFIRMED
        shown = answers or _Shown(body.decision_id or event.event_id.hex(), body.channel, None, None, None)
        return self._row(name, event, shown, outcome, (body.stage, body.team, body.action))

    def _row(
        self,
        name: str,
        event: Event,
        shown: _Shown,
        outcome: str,
        labels: tuple[str | None, str | None, str],
    ) -> tuple[object, ...]:
        return (
            shown.interaction,
            name,
            outcome,
            pega_time(event.at),
            shown.channel,
            self._labels.direction(shown.channel),
            *labels,
            shown.creative,
            shown.response_probability,
            None if shown.response_probability is None else TECHNIQUE,
            shown.propensity,
        )


def _person(event: Event) -> PersonId:
    return event.person_id
