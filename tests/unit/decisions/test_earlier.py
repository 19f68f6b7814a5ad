"""Records of every earlier layout, as the versions that made them wrote them."""

import msgspec
import pytest

from cvo.actions.qualify import Refusal
from cvo.core.clock import Instant
from cvo.core.errors import Damaged
from cvo.decisions.decision import Decision, Pins, Terms, decode, encode

LISTED = bytes.fromhex(
    "de0012ab6465636973696f6e5f6964d92430316132303032392d383163612d373064362d613535342d623066633765633136"
    "656234a9706572736f6e5f6964c41030313233343536373839616263646566a8637573746f6d6572a26337a9706c6163656d"
    "656e74a4686f6d65a76368616e6e656ca3776562a26174cf000648e5689b9000a7707572706f7365a46c697665a7636f6e74"
    "65787481a6646576696365a26431a361726da774726561746564a66d65745f6173c400a470696e739503a163a16da17300a8"
    "63757272656e6379a3455552af726566757365645f616374696f6e7392a46c617465a6726573746564aa726566757365645f"
    "6279920100a87265667573616c739293a472657374ae6166746572207075726368617365cf000649ce3d40a00093a8656c69"
    "6769626c65b2637573746f6d65722e616765203e3d203138c0a673636f7265649c92a46c6f616ea5766973697492cb3f947a"
    "e147ae147bcb3fb999999999999a92cb4044000000000000cb402000000000000092cb3fe0000000000000cb3fd000000000"
    "000092cb3fd999999999999acb3fc999999999999a9092cb3fa999999999999acb3fb999999999999a909092cb3fd6666666"
    "666666cb3fb999999999999a92cb3fc999999999999acb3fd333333333333392ad6f62736572766174696f6e616ca6706f6f"
    "6c6564a5736c6f7473919a0193a46c6f616ea57669736974a093cb3fe0000000000000cb3fd3333333333333cb3fc9999999"
    "99999a93cb3fdccccccccccccdcb3fd147ae147ae148cb3fd1eb851eb851eccb3fc0000000000000a46c6f616ea46d61696c"
    "cb3fe8000000000000a964656c697665726564cb3fe0000000000000a87363617263697479928080"
)
MAPPED = bytes.fromhex(
    "de0010ab6465636973696f6e5f6964d92430316132303032392d383163612d373064362d613535342d623066633765633136"
    "656234a9706572736f6e5f6964c41030313233343536373839616263646566a8637573746f6d6572a26337a9706c6163656d"
    "656e74a4686f6d65a76368616e6e656ca3776562a26174cf000648e5689b9000a7707572706f7365a46c697665a7636f6e74"
    "65787481a6646576696365a26431a361726da774726561746564a66d65745f6173c400a470696e739403a163a16da173a863"
    "757272656e6379a3455552a77265667573656482a46c61746501a672657374656400a87265667573616c739293a472657374"
    "ae6166746572207075726368617365cf000649ce3d40a00093a8656c696769626c65b2637573746f6d65722e616765203e3d"
    "203138c0a673636f7265649c92a46c6f616ea5766973697492cb3f947ae147ae147bcb3fb999999999999a92cb4044000000"
    "000000cb402000000000000092cb3fe0000000000000cb3fd000000000000092cb3fd999999999999acb3fc999999999999a"
    "9092cb3fa999999999999acb3fb999999999999a909092cb3fd6666666666666cb3fb999999999999a92cb3fc99999999999"
    "9acb3fd333333333333392ad6f62736572766174696f6e616ca6706f6f6c6564a5736c6f747391990193a46c6f616ea57669"
    "736974a093cb3fe0000000000000cb3fd3333333333333cb3fc999999999999a93cb3fdccccccccccccdcb3fd147ae147ae1"
    "48cb3fd1eb851eb851eccb3fc0000000000000a46c6f616ea46d61696ccb3fe8000000000000a964656c697665726564"
)


@pytest.mark.parametrize("body", [MAPPED, LISTED])
def test_a_record_of_an_earlier_layout_is_read_as_one_of_today(body):
    read = decode(body)
    assert isinstance(read, Decision)
    assert read.decision_id == "01a20029-81ca-70d6-a554-b0fc7ec16eb4"
    assert read.pins == Pins(3, "c", "m", "s")
    assert read.context == {"device": "d1"}
    assert read.refusals == [
        Refusal("rest", "after purchase", Instant(1_770_000_000_000_000)),
        Refusal("eligible", "customer.age >= 18"),
    ]
    assert read.refused == {"late": 1, "rested": 0}
    assert read.scored.terms() == {
        "loan": Terms(0.02, 40.0, 0.5, 0.4, 0.0, 0.0, 0.05, 0.0, 0.0, 0.35, 0.2, "observational"),
        "visit": Terms(0.1, 8.0, 0.25, 0.2, 0.0, 0.0, 0.1, 0.0, 0.0, 0.1, 0.3, "pooled"),
    }
    (slot,) = read.slots
    assert slot.options == ["loan", "visit", ""]
    assert slot.propensities == [0.5, 0.3, 0.2]
    assert slot.delivery_probabilities == [0.45, 0.27, 0.28]
    assert slot.propensity == 0.5
    assert decode(encode(read)) == read


def test_a_record_keeps_its_layout_first():
    body = encode(decode(LISTED))
    assert len(body) < len(LISTED)
    assert msgspec.msgpack.decode(body)[0] == body[3]


@pytest.mark.parametrize("cut", [0, 1, 3, 40, -1])
def test_what_is_no_record_is_damage(cut):
    body = encode(decode(LISTED))
    with pytest.raises(Damaged, match="cvo doctor"):
        decode(body[:cut])


def test_a_record_of_a_later_layout_says_who_can_read_it():
    later = bytearray(encode(decode(LISTED)))
    later[3] += 1
    with pytest.raises(Damaged, match="the version of cvo that made it"):
        decode(bytes(later))
