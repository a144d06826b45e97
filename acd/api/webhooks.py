"""Webhooks: the same events as in the stream, posted to receivers in their order, signed as standardwebhooks.com says.

A receiver has a position in the feed, and no queue: while it is dead, what it misses stays in the journal, and nobody
waits for it. What it has not taken with a status of 2xx is sent again, with the same id.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import time
from collections.abc import Sequence
from contextlib import suppress

import aiohttp
import msgspec
import structlog

import acd
from acd import config
from acd.api import views
from acd.api.desk import Desk, Metrics
from acd.api.feed import Event, Gone
from acd.api.sight import Sight
from acd.api.tokens import Holder
from acd.center.model import QueueName

log = structlog.get_logger()

MOST_IN_A_POST = 100
LOOK_SECONDS = 60.0
PATIENCE = aiohttp.ClientTimeout(total=15)
RETRY_FIRST_SECONDS, RETRY_LIMIT_SECONDS = 1.0, 300.0


class Webhooks:
    def __init__(self, desk: Desk, metrics: Metrics) -> None:
        self._desk = desk
        self._metrics = metrics
        self._session: aiohttp.ClientSession | None = None
        self._rules: Sequence[config.Webhook] = []
        self._hooks: dict[str, tuple[Webhook, asyncio.Task[None]]] = {}
        self._begin: int | None = desk.feed.newest
        """Where the first ones begin: what the daemon has found at its start is told as well."""

    def use(self, hooks: Sequence[config.Webhook]) -> None:
        """From now on these are the receivers; one of the same name goes on where it was."""
        begin, self._begin = self._desk.feed.newest if self._begin is None else self._begin, None
        if hooks == self._rules:
            return
        self._rules = hooks
        positions = {name: self._end(name) for name in list(self._hooks)}
        if hooks and self._session is None:
            headers = {"User-Agent": f"acd/{acd.__version__}"}
            self._session = aiohttp.ClientSession(
                timeout=PATIENCE, headers=headers, cookie_jar=aiohttp.DummyCookieJar()
            )
        for rules in hooks:
            assert self._session  # noqa: S101
            hook = Webhook(rules, self._desk, self._metrics, positions.get(rules.name, begin))
            task = asyncio.create_task(hook.run(self._session), name=f"webhook {rules.name}")
            self._hooks[rules.name] = hook, task

    async def stop(self) -> None:
        tasks = [task for _, task in self._hooks.values()]
        for name in list(self._hooks):
            self._end(name)
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session:
            await self._session.close()

    def _end(self, name: str) -> int:
        """Its position."""
        hook, task = self._hooks.pop(name)
        task.cancel()
        return hook.position


class Webhook:
    """One receiver."""

    def __init__(self, rules: config.Webhook, desk: Desk, metrics: Metrics, position: int) -> None:
        self.position = position
        """The number of the last fact that it has taken, or was not to get."""
        self._name = rules.name
        self._url = rules.url
        self._key = _key(rules.secret.get_secret_value())
        self._kinds = frozenset(rules.kinds) if rules.kinds else None
        queues = None if rules.queues is None else frozenset(QueueName(queue) for queue in rules.queues)
        self._holder = Holder(name=rules.name, role="supervisor", queues=queues, agent=None)
        self._desk = desk
        self._metrics = metrics

    async def run(self, session: aiohttp.ClientSession) -> None:
        feed = self._desk.feed
        pause = RETRY_FIRST_SECONDS
        while not feed.over:
            try:
                events = await feed.after(self.position, MOST_IN_A_POST)
            except Gone as gone:
                log.error("webhook.gap", webhook=self._name, after=self.position, why=str(gone))
                self._metrics.error("webhooks")
                self.position = feed.newest
                continue
            except Exception as error:  # the disk; it may be better later
                log.error("webhook.unreadable", webhook=self._name, exc_info=error)
                self._metrics.error("webhooks")
                await asyncio.sleep(RETRY_LIMIT_SECONDS)
                continue
            self._metrics.webhook_behind(self._name, feed.newest - self.position)
            if not events:
                await feed.news(self.position, LOOK_SECONDS)
            elif await self._is_taken(session, events):
                self.position, pause = events[-1].number, RETRY_FIRST_SECONDS
            else:
                await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - so that receivers are not in step
                pause = min(2 * pause, RETRY_LIMIT_SECONDS)

    async def _is_taken(self, session: aiohttp.ClientSession, events: list[Event]) -> bool:
        """True, too, if there is nothing among them that it is to get."""
        sight = Sight(self._holder, self._desk.state)
        shown = [part for event in events if (part := self._shown(event, sight))]
        if not shown:
            return True
        body = b'{"events":[' + b",".join(shown) + b"]}"
        headers = signature(self._key, f"{events[0].number}-{events[-1].number}", int(time.time()), body)
        why = ""
        try:
            async with session.post(
                self._url, data=body, headers={"Content-Type": "application/json", **headers}, allow_redirects=False
            ) as answer:
                if not 200 <= answer.status < 300:
                    why = f"status {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = type(error).__name__  # its text has the address, and that may hold a secret
        self._metrics.webhook(self._name, "failed" if why else "ok")
        if why:
            log.warning("webhook.failed", webhook=self._name, why=why, behind=self._desk.feed.newest - self.position)
        return not why

    def _shown(self, event: Event, sight: Sight) -> bytes | None:
        if self._kinds is not None and event.kind not in self._kinds:
            return None
        fact = views.shown(event.fact, sight)
        if fact is None:
            return None
        data = event.data if fact is event.fact else msgspec.json.encode(fact)
        return b'{"id":%d,"event":"%b","data":%b}' % (event.number, event.kind.encode(), data)


def signature(key: bytes, message: str, at: int, body: bytes) -> dict[str, str]:
    """The headers of the Standard Webhooks specification, 1.0."""
    signed = hmac.digest(key, f"{message}.{at}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": message,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }


def _key(secret: str) -> bytes:
    """`whsec_` and base64, as the specification has it, or any other text as it is."""
    kind, found, encoded = secret.partition("whsec_")
    if found and not kind:
        with suppress(ValueError):
            return base64.b64decode(encoded, validate=True)
    return secret.encode()
