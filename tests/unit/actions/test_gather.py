import math

from hypothesis import given
from hypothesis import strategies as st

from cvo.actions.gather import compile_gather
from cvo.actions.rules import Fact, Type
from cvo.actions.rules.vocabulary import accept
from cvo.actions.situation import Situation, ask
from cvo.core.clock import Instant
from cvo.profiles.profile import Profile

ODD = ("context", "cart", "it's \\ {0}")
FACTS = [
    *(Fact(f"customer.x {kind}", kind, ("customer", "x")) for kind in Type),
    *(Fact(f"context {kind}", kind, ODD) for kind in Type),
    Fact("consent.web", Type.BOOL, ("consent", "web")),
    Fact("now", Type.TIME, ("now",)),
    Fact("orders(90)", Type.NUMBER, ("orders",), (90,)),
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(st.characters(), max_size=3),
    st.lists(st.text(max_size=2), max_size=2),
    st.just("2026-01-31T08:00:00Z"),
)


@given(VALUES, VALUES)
def test_all_at_once_as_one_by_one(trait, said):
    here = Situation(
        Profile(traits={"x": trait}, consent={"web": True}),
        Instant(10**15),
        "home",
        "web",
        {".".join(ODD[1:]): said},
    )
    asks = [ask(fact, "EUR") for fact in FACTS]
    gathered = compile_gather(FACTS, asks)(here)
    expected = [accept(fact.type, answer(here)) for fact, answer in zip(FACTS, asks, strict=True)]
    assert list(map(type, gathered)) == list(map(type, expected))
    assert list(gathered) == expected
    as_sent = compile_gather(FACTS, asks, raw=True)(here)
    # repr, for NaN is not equal to itself.
    assert repr(as_sent) == repr(tuple(answer(here) for answer in asks))
    assert not any(isinstance(value, float) and not math.isfinite(value) for value in gathered)


def test_nothing_asked_is_nothing_gathered():
    assert compile_gather([], [])(Situation(Profile(), Instant(0), "home", "web")) == ()
