import base64

import pytest

from cvo.api import access as access_module
from cvo.api.access import Access
from cvo.app.keys import Scope, key_hash, keys_of, new_key, scopes_of
from cvo.core.clock import Instant
from cvo.core.errors import InvalidInput, NotFound
from tests.data.server import make_company


@pytest.fixture
def company(tmp_path):
    import cvo

    make_company(tmp_path / "company")
    with cvo.open(tmp_path / "company", write=False) as opened:
        yield opened


def bearer(key: str) -> bytes:
    return b"Bearer " + key.encode()


def basic(key: str, password: str = "") -> bytes:
    return b"Basic " + base64.b64encode(f"{key}:{password}".encode())


def test_a_key_is_taken_as_bearer_and_as_user_name(company):
    key = new_key(company, scopes_of("decide"))
    access = Access(keys_of(company))
    for header in (bearer(key), basic(key), basic(key, "ignored"), b"bearer   " + key.encode()):
        assert access.refuse(header, Scope.DECIDE) is None
        assert access.refuse(header, Scope.MANAGE).status == 403


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"Bearer",
        b"Bearer cvo_wrong",
        b"Bearer \xff",
        b"Basic %%%",
        b"Basic " + base64.b64encode(b"\xff:"),
        b"Basic " + base64.b64encode(b""),
        b"Digest x",
    ],
)
def test_anything_else_is_refused(company, header):
    assert Access(keys_of(company)).refuse(header, Scope.READ).status == 401


def test_only_the_hash_is_kept(company):
    key = new_key(company)
    (kept,) = [each for each in keys_of(company).all() if each.key_hash == key_hash(key)]
    folder = company.folder / "data"
    assert key.encode() not in b"".join(each.read_bytes() for each in folder.iterdir())
    assert kept.name == key[:10]


def test_a_revoked_key_stops_and_a_new_one_begins_at_the_next_look(company, monkeypatch):
    monkeypatch.setattr(access_module, "REFRESH_SECONDS", 0.0)
    access = Access(keys_of(company))
    key = new_key(company, name="shop")
    assert access.refuse(bearer(key), Scope.WRITE) is None
    keys_of(company).revoke("shop", Instant(1))
    assert access.refuse(bearer(key), Scope.WRITE).status == 401
    again = new_key(company, name="shop")
    assert access.refuse(bearer(again), Scope.WRITE) is None
    with pytest.raises(InvalidInput, match="shop"):
        new_key(company, name="shop")
    with pytest.raises(NotFound, match="keys list"):
        keys_of(company).revoke("nobody", Instant(1))


def test_a_scope_that_does_not_exist_is_named():
    with pytest.raises(InvalidInput, match="write, decide, read, manage"):
        scopes_of("write,everything")
