"""What hostile or broken clients send: refused with a problem that says why, and nothing has changed."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any
from urllib.parse import quote

import pytest
from center.worlds import World

from acd.api.problems import BODY_LIMIT_BYTES

from .office import Office, secret

PAUSE = "/v1/agents/alice/pause"


@pytest.fixture
def world(office: Office) -> World:
    office.world.logs_in("alice")
    return office.world


async def _is_refused(office: Office, status: int, body: bytes, **more: Any) -> Any:
    """The problem document; and Alice is as available as before."""
    answer = await office.asks("alice", "POST", PAUSE, body, **more)
    assert (answer.status, office.desk.told) == (status, [])
    assert office.world.state_of("alice") == "available"
    return answer.json


# ---- Bodies that cannot be read


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "Expecting property name"),
        (b"reason", "Expecting value"),
        (b"{'reason': 'lunch'}", "Expecting property name"),
        (b'{"reason": "lunch"} {}', "Extra data"),
        (b'{"reason": "a\nb"}', "Invalid control character"),
        (b'{"reason": "a\x00b"}', "Invalid control character"),
        (b'{"reason": "caf\xe9"}', "not UTF-8"),
        (b'{"reason": "\xed\xa0\x80"}', "not UTF-8"),
        (b'\xef\xbb\xbf{"reason": "lunch"}', "BOM"),
        ('{"reason": "lunch"}'.encode("utf-16"), "not UTF-8"),
        (b'{"reason": "lunch", "reason": "tea"}', "a name stands twice"),
        (b'{"reason": NaN}', "NaN is no number"),
        (b'{"reason": -Infinity}', "-Infinity is no number"),
        (b'{"reason": ' + b"9" * 5000 + b"}", "integer string conversion"),
    ],
    ids=range(14),
)
async def test_a_body_that_is_not_good_json_is_refused(office: Office, world: World, body: bytes, why: str) -> None:
    problem = await _is_refused(office, 400, body)

    assert why in problem["detail"]
    assert len(problem["detail"]) < 200


async def test_a_body_that_is_too_large_is_refused(office: Office, world: World) -> None:
    problem = await _is_refused(office, 413, json.dumps({"reason": "x" * 100_000}).encode())

    assert problem["detail"] == f"a body may hold {BODY_LIMIT_BYTES} bytes"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/json5", "\\;;"])
async def test_a_body_of_another_kind_is_refused(office: Office, world: World, kind: str) -> None:
    await _is_refused(office, 415, b'{"reason": "lunch"}', headers={"Content-Type": kind})


async def test_a_compressed_body_is_refused(office: Office, world: World) -> None:
    bomb = gzip.compress(b" " * 10_000_000)

    await _is_refused(office, 415, bomb[:BODY_LIMIT_BYTES], headers={"Content-Encoding": "gzip"})
    await _is_refused(office, 415, b"not gzip at all", headers={"Content-Encoding": "gzip"})


# ---- Bodies that say what is not allowed


@pytest.mark.parametrize(
    ("body", "field", "value", "what"),
    [
        ([], "", "[]", "must be an object"),
        ("lunch", "", '"lunch"', "must be an object"),
        ({"reason": 1}, "reason", "1", "must be a valid string"),
        ({"reason": 1.0}, "reason", "1.0", "must be a valid string"),
        ({"reason": True}, "reason", "true", "must be a valid string"),
        ({"reason": ["a"]}, "reason", '["a"]', "must be a valid string"),
        ({"reason": {"a": {}}}, "reason", '{"a": {}}', "must be a valid string"),
        ({"reason": ""}, "reason", '""', "must have at least 1 character"),
        ({"reason": "x" * 101}, "reason", '"' + "x" * 99 + "…", "must have at most 100 characters"),
        ({"reason": "a\r\nAction: Originate"}, "reason", '"a\\r\\nAction: Originate"', "one line"),
        ({"reason": "a\nb"}, "reason", '"a\\nb"', "one line"),
        ({"reason": "a\0b"}, "reason", '"a\\u0000b"', "one line"),
        ({"reason": "a\x1b[2Jb"}, "reason", '"a\\u001b[2Jb"', "one line"),
        ({"reason": "a\u2028b"}, "reason", '"a\\u2028b"', "one line"),
        ({"reason": "a\u0085b"}, "reason", '"a\\u0085b"', "one line"),
        ({"reason": "\ud800"}, "reason", '"\\ud800"', "must be a valid string"),
        ({"until": 5}, "until", None, "is not known here; allowed: reason"),
        ({"Reason": "lunch"}, "Reason", None, "is not known here; allowed: reason"),
        ({"\ud800\n": 1}, "", '"\\ud800\\n"', "must be a valid string"),
        ({"k" * 5000: 1}, "k" * 99, None, "is not known here; allowed: reason"),
    ],
    ids=range(20),
)
async def test_a_value_that_is_not_allowed_is_named(
    office: Office, world: World, body: Any, field: str, value: str | None, what: str
) -> None:
    problem = await _is_refused(office, 422, json.dumps(body).encode())

    (error,) = problem["errors"]
    assert (error["place"], error["field"], error.get("value")) == ("body", field, value)
    assert what in error["what"]


async def test_everything_that_is_wrong_is_told_at_once_up_to_a_limit(office: Office, world: World) -> None:
    problem = await _is_refused(office, 422, json.dumps({"reason": 1, "a": 1, "b": 2}).encode())
    flood = await _is_refused(office, 422, json.dumps({f"key-{n}": n for n in range(1000)}).encode())

    assert sorted(error["field"] for error in problem["errors"]) == ["a", "b", "reason"]
    assert len(flood["errors"]) == 20


async def test_json_of_any_depth_is_refused_without_breaking(office: Office, world: World) -> None:
    """Just below the depth that Python can read is one that it can read and not write."""
    for depth in [*range(10, 900, 50), *range(900, 1000), 2000, 8000]:
        for body in (b"[" * depth + b"]" * depth, b"[" * depth, b'{"reason":' + b"[" * depth + b"]" * depth + b"}"):
            answer = await office.asks("alice", "POST", PAUSE, body)
            assert answer.status in (400, 422), (depth, body[:20])
    assert office.desk.told == []


@pytest.mark.parametrize("verb", ["logout", "available"])
async def test_what_takes_no_body_takes_none(office: Office, world: World, verb: str) -> None:
    answer = await office.asks("alice", "POST", f"/v1/agents/alice/{verb}", {"reason": "lunch"})

    assert answer.status == 422
    assert answer.detail == "reason: is not known here; allowed: nothing"
    assert office.desk.told == []


@pytest.mark.parametrize(
    "reason", ["🍜", "👩‍💻 at lunch", "Ärztin", "a" * 100, "\u202eright to left", "<script>", "${EXTEN}"]
)
async def test_a_reason_that_is_one_line_is_kept_as_it_is(office: Office, world: World, reason: str) -> None:
    answer = await office.asks("alice", "POST", PAUSE, {"reason": reason})

    assert answer.status == 200
    assert answer.json["reason"] == reason


# ---- Queries


@pytest.mark.parametrize(
    ("query", "field", "what"),
    [
        ("limit=0", "limit", "must be greater than or equal to 1"),
        ("limit=1001", "limit", "must be less than or equal to 1000"),
        ("limit=-1", "limit", "must be a whole number"),
        ("limit=1.0", "limit", "must be a whole number"),
        ("limit=1e2", "limit", "must be a whole number"),
        ("limit=", "limit", "must be a whole number"),
        ("limit=%2B5", "limit", "must be a whole number"),
        ("limit=1_0", "limit", "must be a whole number"),
        ("limit=%D9%A3", "limit", "must be a whole number"),
        ("limit=" + "9" * 5000, "limit", "must be a whole number"),
        ("limit=1&limit=2", "limit", "stands there twice"),
        ("state=", "state", "must be some of waiting, offered, ongoing, scheduled, ended"),
        ("state=sleeping", "state", "must be some of waiting, offered, ongoing, scheduled, ended"),
        ("state=waiting,,ended", "state", "must be some of waiting, offered, ongoing, scheduled, ended"),
        ("state=WAITING", "state", "must be some of waiting, offered, ongoing, scheduled, ended"),
        ("kind=fax", "kind", "must be 'call', 'callback', 'dial', 'chat', 'email', 'social' or 'ticket'"),
        ("cursor=" + "A" * 501, "cursor", "must have at most 500 characters"),
        ("colour=red", "colour", "is not known here; allowed: limit, cursor, queue, state, kind"),
        ("%F0%9F%8D%9C=1", "🍜", "is not known here; allowed: limit, cursor, queue, state, kind"),
        ("token=secret", "token", "is not known here; allowed: limit, cursor, queue, state, kind"),
    ],
)
async def test_a_query_that_is_not_allowed_is_named(office: Office, query: str, field: str, what: str) -> None:
    answer = await office.asks("supervisor", "GET", f"/v1/requests?{query}")

    assert answer.status == 422
    (error,) = answer.errors
    assert (error["place"], error["field"], error["what"]) == ("query", field, what)
    assert b"secret" not in answer.body


@pytest.mark.parametrize("queue", ["sales%0D%0A", "%00", "%FF", "", "🍜"])
async def test_a_queue_in_the_query_that_is_not_there_is_not_found(office: Office, queue: str) -> None:
    assert (await office.asks("supervisor", "GET", f"/v1/requests?queue={quote(queue, safe='%')}")).status == 404


async def test_what_takes_no_query_takes_none(office: Office) -> None:
    for path in ("/v1/agents/alice", "/v1/queues", "/v1/openapi.json", "/healthz"):
        answer = await office.asks("supervisor", "GET", f"{path}?verbose=1")
        assert answer.status == 422
        assert answer.detail == "verbose: is not known here; allowed: nothing"


# ---- Paths and methods


@pytest.mark.parametrize(
    "name", ["\r\n", "\0", "🍜", "../../etc/passwd", "a/b", "%", "'; DROP TABLE agents", "x" * 5000, "\u202e", "%FF"]
)
async def test_a_name_in_the_path_that_nobody_has_is_not_found(office: Office, name: str) -> None:
    for method, path in [("GET", "/v1/agents/{}"), ("GET", "/v1/requests/{}"), ("POST", "/v1/agents/{}/login")]:
        answer = await office.asks("admin", method, path.format(quote(name, safe="")))
        assert answer.status == 404
        assert len(answer.body) < 400


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v1/agents/", "/v2/agents", "/v1/agents/alice/fly", "/.env"])
async def test_a_path_that_is_not_there_is_not_found(office: Office, path: str) -> None:
    answer = await office.asks("admin", "GET", path)

    assert answer.status == 404
    assert answer.detail == "there is nothing at this path; /v1/openapi.json tells what there is"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v1/agents", "GET, HEAD"),
        ("DELETE", "/v1/agents/alice", "GET, HEAD"),
        ("GET", "/v1/agents/alice/login", "POST"),
        ("OPTIONS", "/healthz", "GET, HEAD"),
        ("PROPFIND", "/metrics", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_allowed_is_told_which_are(
    office: Office, method: str, path: str, allowed: str
) -> None:
    answer = await office.asks("admin", method, path)

    assert answer.status == 405
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/v1/agents", "/v1/queues/sales"])
async def test_head_answers_as_get_does_without_a_body(office: Office, path: str) -> None:
    head = await office.asks("admin", "HEAD", path)
    get = await office.asks("admin", "GET", path)

    assert head.status == get.status == 200
    assert head.headers["Content-Type"] == get.headers["Content-Type"]


# ---- Below HTTP


async def _raw(office: Office, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", office.port)
    writer.write(sent)
    heard = await reader.read()
    writer.close()
    await writer.wait_closed()
    return heard


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/agents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b"canary-" * 2000 + b"\r\n\r\n",
        b"GET /v1/agents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer canary-\x00\r\n\r\n",
        b"GET /v1/agents HTTP/1.1\r\nHost: x\r\nAuthorization Bearer canary-\r\n\r\n",
        b"POST /v1/agents/alice/pause HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=range(8),
)
async def test_what_is_not_http_is_answered_and_not_shown_again(
    office: Office, sent: bytes, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    heard = await _raw(office, sent)

    assert b" 400 Bad Request\r\n" in heard
    assert b"application/problem+json" in heard
    shown = heard.decode() + "".join(capsys.readouterr()) + caplog.text
    assert "canary-" not in shown
    assert "Traceback" not in shown


async def test_bytes_that_are_not_utf_8_in_a_token_make_it_a_wrong_one(office: Office) -> None:
    heard = await _raw(
        office, b"GET /v1/agents HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer \xff\xfe\r\n\r\n"
    )

    assert b" 401 Unauthorized\r\n" in heard
    assert b"invalid_token" in heard


async def test_a_client_who_leaves_in_the_middle_of_his_body_is_no_failure(office: Office, world: World) -> None:
    head = (
        f"POST {PAUSE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret('alice')}\r\n"
        "Content-Length: 99\r\nExpect: 100-continue\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", office.port)
    writer.write(head.encode())
    await reader.readuntil(b"100 Continue\r\n")
    writer.write(b"{")
    writer.close()
    await writer.wait_closed()
    await office.stops()

    assert office.desk.told == []
    assert sum((await office.counted("acd_errors_total")).values()) == 0
    assert await office.counted("acd_http_requests_total") == {}
