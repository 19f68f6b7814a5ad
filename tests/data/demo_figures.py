"""Figures as the demo yields them, made up for the tests; nothing in them was measured."""

import msgspec

from cvo.app.demo.calibration import Bin, Calibration
from cvo.app.demo.run import Demo
from cvo.app.evaluate import PolicyFigures
from cvo.app.ingest import Ingested
from cvo.app.learn import Learned
from cvo.app.value import Realised, Value
from cvo.core.clock import Instant
from cvo.core.evidence import Estimate, Grade, Interval, NotEstimable
from cvo.core.ids import PersonId
from cvo.core.money import Money
from cvo.decisions.case import Case
from cvo.decisions.decide import decide
from cvo.decisions.decision import Arm, Purpose, Request, Slot, Subject
from cvo.decisions.legend import Legend
from cvo.decisions.packed import packed
from cvo.events.event import Delivery
from cvo.ledger.caused import Caused
from cvo.profiles.profile import EMPTY
from cvo.valuation.assumptions import assumptions_of
from tests.data.company import NOW, catalogue, policy

OPTIONS = ["gift", "mens", "womens", ""]


def estimate(value, error=50.0, *, grade=Grade.MEASURED, unit="USD per 1,000 customers"):
    return Estimate(
        value=value,
        standard_error=error,
        interval=Interval(value - 1.96 * error, value + 1.96 * error),
        grade=grade,
        unit=unit,
        sample_size=400,
        effective_sample_size=130.0,
    )


def figures(value, to_nobody, to_best, arm_mean=None):
    return PolicyFigures(
        estimate=estimate(value),
        snips=estimate(value + 2.0),
        difference_to_nobody=to_nobody,
        difference_to_best_single=to_best,
        arm_mean=arm_mean,
    )


def caused(name, value, *, by="action"):
    return Caused(
        by=by,
        name=name,
        units=300,
        deliveries=300,
        compared=290,
        spend=30.0,
        revenue=estimate(5 * value, 1.0),
        margin=estimate(2 * value, 1.0),
        value=estimate(value, 100.0),
    )


def decision(number, chosen):
    legend = Legend(OPTIONS[:-1], [])
    slot = Slot(
        rank=1,
        legend=legend,
        places=legend.packed_places(OPTIONS[:-1]),
        packed_propensities=packed([0.1, 0.4, 0.3, 0.2]),
        packed_delivery=packed([0.1, 0.4, 0.3, 0.2]),
        draw=0.1,
        chosen=chosen,
        creative=None,
        coin=None,
        delivery=Delivery.REHEARSED,
    )
    subject = Subject(
        person_id=PersonId(b"%016d" % number), customer=f"row-{number}", version=1, arm=Arm.TREATED
    )
    request = Request(placement="newsletter", at=NOW, purpose=Purpose.REHEARSAL)
    made = decide(Case(subject, EMPTY, request), policy())
    return msgspec.structs.replace(made, slots=[slot])


def calibration(action, p_value):
    rate = estimate(0.2, 0.01, unit="responses a delivery")
    bins = [Bin(0.1 + step / 50, estimate(0.1 + step / 50, 0.01)) for step in range(10)]
    return Calibration(action, Bin(0.19, rate), bins, p_value)


def demo(
    *,
    learned_to_nobody=None,
    learned_to_best=None,
    single_to_nobody=None,
    values=(4_000.0, 10.0),
    p_values=(0.4, 0.6),
    kappa_grade=Grade.MEASURED,
    chosen=("mens", "mens", "womens", ""),
    best_single="mens",
):
    """Return all figures of a made-up demo; what a test is about can be replaced."""
    to_best = estimate(10.0) if learned_to_best is None else learned_to_best
    to_nobody = estimate(200.0) if learned_to_nobody is None else learned_to_nobody
    single = estimate(190.0) if single_to_nobody is None else single_to_nobody
    return Demo(
        seed=3,
        policies={
            "learned": figures(460.0, to_nobody, to_best),
            "mens": figures(450.0, single, estimate(0.0, 0.0), 451.0),
            "womens": figures(400.0, single, estimate(-50.0), 402.0),
            "nobody": figures(260.0, estimate(0.0, 0.0), estimate(-190.0), 261.0),
            "random": figures(370.0, estimate(110.0), estimate(-80.0)),
        },
        best_single=best_single,
        evaluated_customers=400,
        learning_customers=600,
        ingested=Ingested(2_000, 0, {}),
        learned=Learned(policy().models, 1_234, 567),
        incrementality={
            "mens": estimate(0.5, 0.1, grade=kappa_grade),
            "womens": estimate(0.2, 0.1, grade=kappa_grade),
        },
        calibrations=[calibration(action, p) for action, p in zip(("mens", "womens"), p_values, strict=True)],
        value=Value(
            as_of=Instant(0),
            window_days=14,
            programme=NotEstimable("no live decisions", "the programme has not decided for anybody yet"),
            actions=[caused("mens", values[0]), caused("womens", values[1])],
            stages=[caused("grow", sum(values), by="stage")],
            realised=Realised(10, 10, *(Money.of(1, "USD"),) * 4, 0),
            assumptions=assumptions_of(catalogue()),
        ),
        decisions=[decision(number, option) for number, option in enumerate(chosen)],
        assumptions={},
    )
