"""An office to tell stories of the API in: a world behind a desk, the API on a port of its own, and who has a token.

    answer = await office.asks("supervisor", "POST", "/v1/agents/alice/pause", {"reason": "lunch"})

Whatever is answered is held against what the API declares: the model of its answer, the problem document, the headers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp import web
from center.worlds import World
from multidict import CIMultiDictProxy
from yarl import URL

from acd.api import models
from acd.api.app import ENDPOINTS, Api
from acd.api.endpoint import Endpoint
from acd.api.server import HEADERS
from acd.center.facts import AnyFact, RequestEnded
from acd.center.inputs import Input, RulesLoaded
from acd.center.model import QueueName
from acd.center.state import State
from acd.config import Config
from acd.metrics import Metrics

TOKENS = {
    "admin": {"role": "admin"},
    "supervisor": {"role": "supervisor"},
    "sales-board": {"role": "supervisor", "queues": ["sales"]},
    "sales-admin": {"role": "admin", "queues": ["sales"]},
    "alice": {"role": "agent", "agent": "alice"},
    "alice-at-sales": {"role": "agent", "agent": "alice", "queues": ["sales"]},
    "dora": {"role": "agent", "agent": "dora"},
    "prometheus": {"role": "metrics"},
}
EVERYBODY = list(TOKENS)


def secret(holder: str) -> str:
    """The token of a holder; a canary, too: it must be seen nowhere."""
    return f"canary-{holder}-7f3a9c51e2"


def token(name: str, **what: Any) -> dict[str, Any]:
    return {"name": name, "sha256": hashlib.sha256(secret(name).encode()).hexdigest(), **what}


def configuration(**changes: Any) -> Config:
    """Alice serves both queues, Bob support, Carol sales, Dora none."""
    tables: dict[str, Any] = {
        "asterisk": {"main": {"host": "127.0.0.1", "secret": "not-a-token"}},
        "token": [token(name, **what) for name, what in TOKENS.items()],
        "queue": [{"name": "sales"}, {"name": "support", "strategy": "random", "max_wait_seconds": 600}],
        "agent": [
            _agent("alice", capacity={"chat": 3}, queues={"sales": 1, "support": 10}),
            _agent("bob", queues={"support": 2}),
            _agent("carol", queues={"sales": 3}),
            _agent("dora"),
        ],
    }
    return Config(**tables | changes)


def _agent(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "devices": [{"kind": "desk", "dial": f"PJSIP/{name}"}], **more}


class WorldDesk:
    """The daemon, as far as the API knows it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.told: list[Input] = []
        self.not_ready: list[str] = []
        self.breaks_with: Exception | None = None

    @property
    def state(self) -> State:
        return self.world.center.state

    def now(self) -> float:
        return self.world.now

    def tell(self, told: Input) -> Sequence[AnyFact]:
        if self.breaks_with:
            raise self.breaks_with
        facts = self.world.tell(told)
        self.told.append(told)
        return facts

    def why_not_ready(self) -> list[str]:
        return self.not_ready

    async def past_requests(
        self, *, queue: QueueName | None, kind: str | None, before: int | None, limit: int
    ) -> list[tuple[int, RequestEnded]]:
        numbered = [
            (number, fact)
            for number, fact in enumerate(self.world.facts)
            if isinstance(fact, RequestEnded)
            and queue in (None, fact.queue)
            and kind in (None, fact.kind)
            and (before is None or number < before)
        ]
        return numbered[::-1][:limit]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        return self.json["detail"]

    @property
    def errors(self) -> list[dict[str, Any]]:
        return self.json["errors"]


class Office:
    def __init__(self, config: Config) -> None:
        self.world = World()
        self.world.rules = config.rules()
        self.world.tell(RulesLoaded(self.world.rules))
        self.desk = WorldDesk(self.world)
        self.metrics = Metrics(self.world.center.state, [])
        self.api = Api(self.desk, config, self.metrics)
        self.port = 0

    async def __aenter__(self) -> Office:
        self._runner = self.api.runner()
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stops()

    async def stops(self) -> None:
        """Nothing is under way any more."""
        await self._session.close()
        await self._runner.cleanup()

    async def asks(self, who: str | None, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """`who` shows his token, None shows none; a `body` of bytes goes out as it is, all others as JSON."""
        headers = {"Authorization": f"Bearer {secret(who)}"} if who else {}
        if body is not None:
            more["data"] = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        headers |= more.pop("headers", {})
        url = URL(f"http://127.0.0.1:{self.port}{path}", encoded=True)
        async with self._session.request(method, url, headers=headers, **more) as response:
            answer = Answer(response.status, response.headers, await response.read())
        _is_as_declared(method, url.path, answer)
        return answer

    async def sees(self, who: str | None, path: str) -> Any:
        """What a path shows, which it does."""
        answer = await self.asks(who, "GET", path)
        assert answer.status == HTTPStatus.OK, answer.body
        return answer.json

    async def listing(self, who: str, path: str, what: str) -> list[Any]:
        """All pages of a list, of two entries each."""
        found: list[Any] = []
        cursor = ""
        while True:
            page = await self.sees(who, f"{path}{'&' if '?' in path else '?'}limit=2{cursor}")
            assert len(page[what]) <= 2
            found += page[what]
            if page["next"] is None:
                return found
            cursor = f"&cursor={page['next']}"

    async def counted(self, name: str) -> dict[str, float]:
        """The series of a metric, by their labels."""
        text = (await self.metrics.render())[0].decode()
        return {found[1] or "": float(found[2]) for found in re.finditer(rf"^{name}({{.*}})? (.+)$", text, re.M)}


def endpoint_at(method: str, path: str) -> Endpoint | None:
    for endpoint in ENDPOINTS:
        if endpoint.method == method.replace("HEAD", "GET") and re.fullmatch(
            re.sub(r"{\w+}", "[^/]+", endpoint.path), path
        ):
            return endpoint
    return None


def _is_as_declared(method: str, path: str, answer: Answer) -> None:
    for header, value in HEADERS.items():
        assert answer.headers[header] == value
    if method == "HEAD":
        assert answer.body == b""
    elif answer.status >= HTTPStatus.BAD_REQUEST:
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = models.Problem.model_validate_json(answer.body)
        assert problem.status == answer.status
        assert problem.title == HTTPStatus(answer.status).phrase
    else:
        endpoint = endpoint_at(method, path)
        assert endpoint is not None
        if not isinstance(endpoint.answer, str):
            assert answer.headers["Content-Type"] == "application/json"
            endpoint.answer.model_validate_json(answer.body)
