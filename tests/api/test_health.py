"""Health, metrics, failures, and what is logged of it all."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import structlog
from center.worlds import World
from structlog.testing import capture_logs

from acd.api import app, server, tokens

from .office import EVERYBODY, Office, secret


async def test_the_process_lives(office: Office) -> None:
    assert await office.sees(None, "/healthz") == {"status": "alive"}


async def test_acd_is_ready(office: Office) -> None:
    assert await office.sees(None, "/readyz") == {"status": "ready"}


async def test_acd_is_not_ready_and_says_why(office: Office) -> None:
    office.desk.not_ready = ["Asterisk server 'main' is not connected", "the journal cannot be written"]

    answer = await office.asks(None, "GET", "/readyz")

    assert answer.status == 503
    assert answer.json["reasons"] == office.desk.not_ready
    assert (await office.asks(None, "GET", "/healthz")).status == 200


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("application/openmetrics-text; version=x", "text/plain; version=0.0.4; charset=utf-8"),
        ("\udcff", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
async def test_metrics_come_in_the_format_that_is_asked_for(office: Office, accept: str, content_type: str) -> None:
    answer = await office.asks("prometheus", "GET", "/metrics", headers={"Accept": accept})

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith(content_type)
    assert (b"# EOF" in answer.body) == content_type.startswith("application/openmetrics-text")


async def test_answers_are_counted_by_route_and_never_by_path(office: Office) -> None:
    await office.asks("admin", "GET", "/v1/agents/alice")
    await office.asks("admin", "GET", "/v1/agents/a-name-that-somebody-made-up")
    await office.asks("admin", "GET", "/a-path-that-somebody-made-up")
    await office.asks("admin", "POST", "/healthz")

    assert await office.counted("acd_http_requests_total") == {
        '{code="200",route="/v1/agents/{agent}"}': 1,
        '{code="404",route="/v1/agents/{agent}"}': 1,
        '{code="404",route="other"}': 1,
        '{code="405",route="other"}': 1,
    }


async def test_a_bug_is_a_problem_500_logged_and_counted_once(office: Office, world: World) -> None:
    office.desk.breaks_with = KeyError("a secret of the inside")

    with capture_logs() as lines:
        answer = await office.asks("alice", "POST", "/v1/agents/alice/login")

    assert answer.status == 500
    assert b"secret" not in answer.body
    (failed,) = [line for line in lines if line["log_level"] == "error"]
    assert (failed["event"], failed["method"], failed["route"], failed["token"]) == (
        "http.failed",
        "POST",
        "/v1/agents/{agent}/login",
        "alice",
    )
    assert failed["exc_info"] is office.desk.breaks_with
    assert (await office.counted("acd_errors_total"))['{where="http"}'] == 1


async def test_each_answer_is_logged_without_what_could_be_a_token(office: Office) -> None:
    with capture_logs() as lines:
        await office.asks("alice", "GET", "/v1/agents/alice")

    (line,) = lines
    assert line.pop("seconds") < 10
    assert line == {
        "event": "http.request",
        "log_level": "debug",
        "method": "GET",
        "route": "/v1/agents/{agent}",
        "code": 200,
        "token": "alice",
        "peer": "127.0.0.1",
    }


@pytest.mark.parametrize(
    "renderer",
    [[structlog.dev.ConsoleRenderer()], [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]],
    ids=["console", "json"],
)
async def test_tokens_are_seen_nowhere(office: Office, renderer: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """In no answer and no line of the log, not even in a traceback that shows variables."""
    heard = io.StringIO()
    logger = structlog.wrap_logger(
        structlog.WriteLogger(heard), processors=renderer, wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    for module in (app, server, tokens):
        monkeypatch.setattr(module, "log", logger)
    asked = [
        ("GET", "/v1/agents", None),
        ("GET", "/v1/requests?limit=0&colour=1", None),
        ("POST", "/v1/agents/alice/login", None),
        ("POST", "/v1/agents/alice/pause", b"{"),
        ("POST", "/v1/agents/alice/pause", {"reason": 5}),
        ("GET", "/metrics", None),
    ]

    answers = []
    for office.desk.breaks_with in (None, RuntimeError("broken")):
        for who in EVERYBODY:
            answers += [await office.asks(who, method, path, body) for method, path, body in asked]
            answers.append(await office.asks(who, "GET", f"/v1/requests?token={secret(who)}"))
    for who in EVERYBODY:
        wrong = {"Authorization": f"Bearer {secret(who)}, {secret(who)}"}
        answers += [await office.asks(None, "GET", "/v1/agents", headers=wrong) for _ in range(3)]

    log = heard.getvalue()
    assert "Traceback" in log
    assert "http.peer_blocked" in log
    assert {answer.status for answer in answers} >= {200, 400, 401, 403, 422, 429, 500}
    assert "canary-" not in log
    for answer in answers:
        assert b"canary-" not in answer.body
        assert "canary-" not in json.dumps(dict(answer.headers))
