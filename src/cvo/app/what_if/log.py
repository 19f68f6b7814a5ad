"""The log as the evaluation reads it: one scored decision a customer and window, as it stood when it was made."""

from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cvo.actions.scarcity import NOTHING_SCARCE, Scarcity
from cvo.actions.situation import Situation
from cvo.actions.stock import NO_STOCK, Stock
from cvo.app.company import Company
from cvo.app.history import Moment, moments
from cvo.app.learn import longest_window
from cvo.app.records import records
from cvo.app.state import running_catalogue
from cvo.core.clock import Instant
from cvo.core.ids import DecisionId, PersonId
from cvo.core.money import minor_unit
from cvo.decisions.case import Case
from cvo.decisions.decision import NOTHING, Arm, Purpose, Request, Subject
from cvo.events.event import Scalar
from cvo.ledger.causal import outcomes, triggers
from cvo.ledger.margin import margins
from cvo.ledger.tables import tabulate
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.encoder import fit_encoder
from cvo.valuation.features import FeatureReader

FloatArray = NDArray[np.float64]


class Log(msgspec.Struct, frozen=True, eq=False):
    """n scored decisions in the order of time, of customers who were not left alone.

    `cases` are what was asked, with the profile as it was; `models` names the snapshot that decided, or is
    `None` for what somebody else decided. `options` are the columns of `probabilities` (n, k) of delivery, nothing
    last; `got` (n,) is the column delivered, `margin` (n,) what the customer then brought in `window_days`, in major
    units, less what serving them cost and before the cost of contacts. `features` are by name, of `kinds`, and as
    rows of a `design` (n, d). First slots are scored; `later_slots` of the decisions had others, too.
    `asked_at` is when all live ones of their time were made, `deliveries` counts what these delivered by placement and
    action, `scored_deliveries` what those that are scored did.
    """

    cases: list[Case]
    models: list[str | None]
    options: list[str]
    got: NDArray[np.int64]
    probabilities: FloatArray
    margin: FloatArray
    features: dict[str, list[object]]
    kinds: dict[str, str]
    design: FloatArray
    window_days: int
    later_slots: int = 0
    asked_at: NDArray[np.int64] = np.empty(0, dtype=np.int64)
    deliveries: dict[tuple[str, str], int] = {}
    scored_deliveries: dict[tuple[str, str], int] = {}
    stock_then: Callable[[Instant, Iterable[str]], Stock] = lambda _at, _products: NO_STOCK
    """Tells what was in stock of some products, as far as it was known at an instant."""

    @property
    def customers(self) -> list[str]:
        """Return who each decision is about."""
        return [case.subject.person_id.hex() for case in self.cases]

    @property
    def at(self) -> list[Instant]:
        """Return when each was made."""
        return [case.request.at for case in self.cases]


def read_log(
    company: Company,
    candidates: Iterable[str],
    *,
    since: Instant | None = None,
    until: Instant | None = None,
) -> Log:
    """Read every window closed by now, or by `until`, of decisions from `since` on.

    Options are the catalogue's actions, those logged, and `candidates`.
    """
    catalogue, currency = running_catalogue(company.store), company.config.currency
    facts = list(company.store.events())
    tables = tabulate(facts, currency)
    money = margins(
        tables.orders, tables.refunds, assumptions_of(catalogue)["margin_rate"].value, tables.costs
    )
    days = longest_window(catalogue)
    now = company.clock.now()
    as_of = now if until is None else Instant(min(until, now))
    asked = tables.decisions.filter(pl.col("at") >= (since or 0))
    scored = outcomes(triggers(asked, days, as_of), money, days).sort("at", "person_id", maintain_order=True)
    ours = _own(company)
    first: dict[tuple[bytes, Instant], Moment] = {}
    for moment in moments(facts):
        first.setdefault((moment.person_id, moment.situation.at), moment)
    rows = [
        first[PersonId(person_id), Instant(at)] for person_id, at in scored.select("person_id", "at").rows()
    ]
    decided = [ours.get(moment.decided.decision_id) for moment in rows]
    kept = [row for row, own in enumerate(decided) if own is None or own.subject.arm is Arm.TREATED]
    scored, rows, decided = scored[kept], [rows[row] for row in kept], [decided[row] for row in kept]
    actions = {action for moment in rows for action in moment.decided.options} - {NOTHING}
    brought = scored["margin_minor"] - scored["service_cost_minor"]
    options = [*sorted(actions | catalogue.actions.keys() | set(candidates)), NOTHING]
    situations = [_situation(company, *each) for each in zip(rows, decided, strict=True)]
    reader = FeatureReader(catalogue, currency)
    features = reader.values(situations)
    during = tables.decisions.filter(pl.col("at").is_between(*_ends(scored)))
    several = set(tables.decisions.filter(pl.col("decision_id").is_duplicated())["decision_id"].to_list())
    return Log(
        cases=[_case(*each) for each in zip(rows, decided, situations, strict=True)],
        models=[None if own is None else own.models for own in decided],
        options=options,
        got=np.array([options.index(got) for got in scored["delivered"].to_list()], dtype=np.int64),
        probabilities=matrix([moment.decided.options for moment in rows], options),
        margin=brought.to_numpy().astype(np.float64) * minor_unit(currency),
        features=features,
        kinds=dict(reader.kinds),
        design=fit_encoder(reader.kinds, features).transform(features, len(rows)),
        window_days=days,
        later_slots=len(several & {moment.decided.decision_id for moment in rows}),
        asked_at=during.unique("decision_id")["at"].to_numpy(),
        deliveries=_deliveries(during),
        scored_deliveries=_deliveries(scored),
        stock_then=company.store.stock_then,
    )


def _ends(scored: pl.DataFrame) -> tuple[int, int]:
    return (scored["at"][0], scored["at"][-1]) if scored.height else (0, 0)


def _deliveries(decisions: pl.DataFrame) -> dict[tuple[str, str], int]:
    counted = decisions.filter(pl.col("delivered") != NOTHING).group_by("placement", "delivered").len()
    return {(placement, action): count for placement, action, count in counted.rows()}


def matrix(probabilities: Sequence[dict[str, float]], options: Sequence[str]) -> FloatArray:
    """Return probabilities by option as an (n, k) array."""
    column = {option: number for number, option in enumerate(options)}
    result = np.zeros((len(probabilities), len(options)))
    for row, each in enumerate(probabilities):
        for option, probability in each.items():
            result[row, column[option]] = probability
    return result


class _Own(msgspec.Struct, frozen=True):
    """What the record of one of our own decisions adds to the fact that it was made."""

    subject: Subject
    context: dict[str, Scalar]
    models: str
    scarcity: Scarcity


def _own(company: Company) -> dict[DecisionId, _Own]:
    logged = map(records(company.store), (each.body for each in company.store.decisions(Purpose.LIVE)))
    return {
        decision.decision_id: _Own(
            Subject(
                person_id=decision.person_id,
                customer=decision.customer,
                version=decision.pins.person_version,
                arm=decision.arm,
                met_as=decision.met_as,
            ),
            decision.context,
            decision.pins.models,
            decision.scarcity,
        )
        for decision in logged
    }


def _situation(company: Company, moment: Moment, own: _Own | None) -> Situation:
    """Return the situation as it was: of our own decisions the log can tell what had not come in yet."""
    if own is None:
        return moment.situation
    profile = company.store.profile_at(own.subject.person_id, own.subject.version)
    return msgspec.structs.replace(moment.situation, profile=profile, context=own.context)


def _case(moment: Moment, own: _Own | None, situation: Situation) -> Case:
    # Whoever decided in our place knew no arms of ours: the comparison is for those who are not left alone.
    somebody = Subject(person_id=moment.person_id, customer="", version=0, arm=Arm.TREATED)
    request = Request(
        placement=situation.placement,
        at=situation.at,
        context=situation.context,
        purpose=Purpose.REHEARSAL,
    )
    return Case(
        own.subject if own else somebody,
        situation.profile,
        request,
        scarcity=own.scarcity if own else NOTHING_SCARCE,
    )
