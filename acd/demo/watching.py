"""The public HTTP API as a client sees it: what is so at a moment, and what has come of the calls so far."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import aiohttp
from pydantic import BaseModel

from acd.api import models
from acd.center.model import Outcome
from acd.demo.daemon_process import DemoFailed

Answer = TypeVar("Answer", bound=BaseModel)

LATEST = 20
"""How many past requests are asked for at once, and remembered to be shown."""
ANSWER_SECONDS = 10.0


@dataclass
class Tally:
    """What has come of the calls so far."""

    waits: list[float] = field(default_factory=list)
    """Of those who were answered: how long each had waited."""
    answered_by: Counter[str] = field(default_factory=Counter)
    ended: Counter[Outcome] = field(default_factory=Counter)
    latest: deque[models.Request] = field(default_factory=lambda: deque(maxlen=LATEST))
    """The newest first."""

    def add(self, request: models.Request) -> None:
        self.latest.appendleft(request)
        if request.outcome:
            self.ended[request.outcome] += 1
        if request.agent and request.outcome is Outcome.ANSWERED:
            self.waits.append(request.waited)
            self.answered_by[request.agent] += 1

    @property
    def average_wait_seconds(self) -> float:
        return sum(self.waits) / len(self.waits) if self.waits else 0.0


@dataclass(frozen=True)
class Picture:
    """What is so at one moment."""

    at: datetime
    agents: list[models.Agent]
    queues: list[models.Queue]
    live: list[models.Request]

    @property
    def service_level(self) -> float | None:
        """Of all that were connected, the share that did not wait longer than their queue's goal."""
        connected = sum(queue.connected for queue in self.queues)
        in_time = sum(queue.connected * (queue.service_level.share or 0.0) for queue in self.queues)
        return in_time / connected if connected else None


class Api:
    """Raises DemoFailed where the API does not do what is asked of it."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client
        self.tally = Tally()
        self._seen: deque[str] = deque(maxlen=10 * LATEST)

    async def log_in(self, agent: str) -> None:
        await self._ask("POST", f"/v1/agents/{agent}/login", models.Agent)

    async def pause(self, agent: str, reason: str) -> None:
        await self._ask("POST", f"/v1/agents/{agent}/pause", models.Agent, {"reason": reason})

    async def make_available(self, agent: str) -> None:
        await self._ask("POST", f"/v1/agents/{agent}/available", models.Agent)

    async def look(self) -> Picture:
        """What is so now; the tally is brought up to date as well."""
        agents = await self._ask("GET", "/v1/agents?limit=1000", models.Agents)
        queues = await self._ask("GET", "/v1/queues", models.Queues)
        live = await self._ask("GET", "/v1/requests?limit=1000", models.Requests)
        for request in reversed(await self._newly_ended()):
            self._seen.append(request.id)
            self.tally.add(request)
        return Picture(datetime.now(UTC), agents.agents, queues.queues, live.requests)

    async def _newly_ended(self) -> list[models.Request]:
        """The newest first: as many pages as hold nothing but what is new."""
        found: list[models.Request] = []
        more = ""
        while True:
            page = await self._ask("GET", f"/v1/requests?state=ended&limit={LATEST}{more}", models.Requests)
            new = [request for request in page.requests if request.id not in self._seen]
            found += new
            if page.next is None or len(new) < len(page.requests):
                return found
            more = f"&cursor={page.next}"

    async def _ask(self, method: str, path: str, model: type[Answer], body: dict[str, str] | None = None) -> Answer:
        try:
            async with self._client.request(method, path, json=body) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DemoFailed(f"the API does not answer {method} {path}: {error or type(error).__name__}") from None
        if not answer.ok:
            raise DemoFailed(f"the API refuses {method} {path}: {answer.status} {text}")
        return model.model_validate_json(text)


@asynccontextmanager
async def api_at(url: str, token: str) -> AsyncIterator[Api]:
    headers = {"Authorization": f"Bearer {token}"}
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(url, headers=headers, timeout=timeout) as client:
        yield Api(client)
