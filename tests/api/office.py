"""An office to tell stories of the API in: a world behind a desk, the API on a port of its own, and who has a token.

    answer = await office.asks("supervisor", "POST", "/v1/agents/alice/pause", {"reason": "lunch"})

Whatever is answered is held against what the API declares: the model of its answer, the problem document, the headers.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import web
from center.worlds import START, World
from multidict import CIMultiDictProxy
from yarl import URL

from acd.api import models
from acd.api.app import ENDPOINTS, Api
from acd.api.endpoint import Endpoint
from acd.api.feed import Feed
from acd.api.server import HEADERS
from acd.center.changes import Act
from acd.center.facts import AnyFact, ChangeMade, RequestEnded
from acd.center.inputs import Input, RulesLoaded
from acd.center.model import PbxName, QueueName
from acd.center.state import State
from acd.config import Config
from acd.dialling import Dialling
from acd.messages import Messages
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
A_GOOD_JOURNAL: Any = SimpleNamespace(state="writing", backlog=0, errors=0, lost=0)


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
        self.keeps_from = 1
        """The number of the first fact that the journal still has."""
        self.feed = Feed(self._after, len(world.facts))

    @property
    def state(self) -> State:
        return self.world.center.state

    async def on_disk(self) -> bool:
        return True

    dialling = Dialling(now=lambda: START)
    messages: Messages | None = None

    def messages_of(self, pbx: PbxName) -> Messages | None:
        return self.messages

    def pbx_for(self, number: str) -> PbxName:
        return PbxName("main")

    def now(self) -> float:
        return self.world.now

    def tell(self, told: Input) -> Sequence[AnyFact]:
        if self.breaks_with:
            raise self.breaks_with
        facts = self.world.tell(told)
        self.told.append(told.told if isinstance(told, Act) else told)
        return facts

    def publishes(self) -> None:
        """What has become so in the world since the last time is told to those who read events."""
        self.feed.tell(self.world.facts[self.feed.newest :])

    async def _after(self, number: int, limit: int) -> list[tuple[int, AnyFact]] | None:
        if number + 1 < self.keeps_from:
            return None
        return list(enumerate(self.world.facts[number : number + limit], number + 1))

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

    async def changes(self, *, before: int | None, limit: int) -> list[tuple[int, ChangeMade]]:
        numbered = [
            (number, fact)
            for number, fact in enumerate(self.world.facts, 1)
            if isinstance(fact, ChangeMade) and (before is None or number < before)
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


@dataclass(frozen=True)
class Heard:
    id: int
    kind: str
    data: dict[str, Any]


class Listener:
    """A client that reads events."""

    def __init__(self, stream: aiohttp.StreamReader) -> None:
        self._stream = stream
        self.position = 0
        self.comments: list[str] = []

    async def begins(self) -> None:
        """Reads the head, which tells where the stream begins."""
        await self._message()

    async def hears(self, count: int) -> list[Heard]:
        """The next events, without their heartbeats."""
        heard: list[Heard] = []
        while len(heard) < count:
            fields = await self._message()
            if "data" in fields:
                heard.append(Heard(self.position, fields["event"], json.loads(fields["data"])))
        return heard

    async def is_cut_off(self) -> None:
        """Reads what still comes, to the end."""
        with suppress(aiohttp.ClientError, asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self._message()

    async def _message(self) -> dict[str, str]:
        async with asyncio.timeout(20):
            lines = (await self._stream.readuntil(b"\n\n")).decode().splitlines()
        fields = dict(line.split(": ", 1) for line in lines if line)
        self.comments += [fields.pop("")] if "" in fields else []
        self.position = int(fields["id"])
        return fields


class Office:
    def __init__(self, config: Config) -> None:
        self.world = World()
        self.world.rules = config.rules()
        self.world.tell(RulesLoaded(self.world.rules))
        self.desk = WorldDesk(self.world)
        self.desk.dialling.use(config.dial_rules(), {"main": "PJSIP/{number}@trunk"})
        self.metrics = Metrics(self.world.center.state, [], A_GOOD_JOURNAL)
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
            endless = response.content_type == "text/event-stream"
            answer = Answer(response.status, response.headers, b"" if endless else await response.read())
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

    @asynccontextmanager
    async def listens(self, who: str, query: str = "", *, after: int | None = None) -> AsyncIterator[Listener]:
        """Reads events, from now on or from behind the one that is named."""
        headers = {"Authorization": f"Bearer {secret(who)}"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        url = f"http://127.0.0.1:{self.port}/v1/events{query}"
        async with self._session.get(url, headers=headers) as response:
            assert response.status == HTTPStatus.OK, await response.read()
            listener = Listener(response.content)
            await listener.begins()
            yield listener

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
