import gzip
import zlib

import pytest

from cvo.api.segment import PATHS, UNPACKED_LIMIT, TooLarge, body_key, packed, project_of, settings, unpacked


def test_what_was_compressed_comes_back_up_to_the_limit():
    assert unpacked(gzip.compress(b"x" * UNPACKED_LIMIT)) == b"x" * UNPACKED_LIMIT
    with pytest.raises(TooLarge, match="smaller batches"):
        unpacked(gzip.compress(b"x" * (UNPACKED_LIMIT + 1)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        gzip.compress(b"{}", mtime=0)[:-1],
        gzip.compress(b"{}", mtime=0) + b" ",
        gzip.compress(b"{}", mtime=0) * 2,
        zlib.compress(b"{}"),
    ],
)
def test_what_is_not_exactly_one_gzip_is_refused(body):
    with pytest.raises(zlib.error):
        unpacked(body)


def test_only_the_header_says_that_a_body_is_compressed():
    assert packed({b"content-encoding": b" GZIP "})
    assert not packed({b"content-encoding": b"br"})
    assert not packed({})


def test_every_kind_has_its_address_and_those_of_browsers_one_letter():
    assert PATHS["/v1/screen"] == "screen"
    assert PATHS["/v1/p"] == PATHS["/p"] == "page"
    assert PATHS["/v1/b"] == PATHS["/b"] == "batch"
    assert "/v1/s" not in PATHS
    assert len(PATHS) == 7 + 12


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/v1/projects/cvo_1/settings", "cvo_1"),
        ("/v1/projects//settings", None),
        ("/v1/projects/settings", None),
        ("/v1/projects/a/b/settings", None),
        ("/v1/projects/a/settings/", None),
    ],
)
def test_the_key_is_found_in_the_address_of_the_settings(path, key):
    assert project_of(path) == key


def test_settings_send_everything_here_and_nothing_elsewhere():
    made = settings("cvo_1", "https", "cvo.example.com")
    assert made["integrations"].keys() == {"Segment.io"}
    assert made["integrations"]["Segment.io"]["apiHost"] == "cvo.example.com/v1"
    assert made["metrics"] == {"sampleRate": 0}


def test_a_key_in_a_body_is_text():
    assert body_key({"writeKey": "cvo_1"}) == b"Bearer cvo_1"
    assert body_key({"writeKey": 1}) is None
    assert body_key({"writeKey": ""}) is None
    assert body_key({}) is None
