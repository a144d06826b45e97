"""Webhooks: receivers get the events in their order, signed; a dead one misses nothing and holds nobody up."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from center.worlds import World
from structlog.testing import capture_logs

from acd.api import feed, webhooks
from acd.api.webhooks import Webhooks
from acd.config import Webhook

from .office import Office

SECRET = "canary-of-webhooks-51e2"


class Receiver:
    """Somebody's server."""

    def __init__(self) -> None:
        self.status = 200
        self.posts: list[dict[str, Any]] = []
        self.heads: list[Any] = []
        self.bodies: list[bytes] = []
        self.news = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.heads.append(request.headers)
        self.bodies.append(await request.read())
        self.posts.append(await request.json())
        self.news.set()
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})

    async def is_elsewhere(self, request: web.Request) -> web.Response:
        return web.Response()

    async def until(self, posts: int = 0, events: int = 0) -> None:
        async with asyncio.timeout(20):
            while len(self.posts) < posts or len(self.ids) < events:
                self.news.clear()
                await self.news.wait()

    @property
    def ids(self) -> list[int]:
        return [event["id"] for post in self.posts for event in post["events"]]


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "RETRY_FIRST_SECONDS", 0.01)
    monkeypatch.setattr(webhooks, "RETRY_LIMIT_SECONDS", 0.05)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    own = Receiver()
    application = web.Application()
    application.router.add_post("/hook", own.take)
    application.router.add_get("/elsewhere", own.is_elsewhere)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    own.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook?key=canary-in-the-url"  # type: ignore[attr-defined]
    yield own
    await runner.cleanup()


@pytest.fixture
async def hooks(office: Office) -> AsyncIterator[Webhooks]:
    own = Webhooks(office.desk, office.metrics)
    yield own
    await own.stop()


def _hook(receiver: Receiver, **more: Any) -> Webhook:
    return Webhook(name="crm", url=receiver.url, secret=SECRET, **more)  # type: ignore[attr-defined]


async def test_events_are_posted_in_their_order_and_signed(
    office: Office, world: World, hooks: Webhooks, receiver: Receiver
) -> None:
    first = office.desk.feed.newest + 1
    hooks.use([_hook(receiver)])
    for _ in range(3):
        world.caller_hangs_up(world.caller_joins("sales"))
        office.desk.publishes()
    await receiver.until(events=6)

    assert receiver.ids == list(range(first, first + 6))
    event = receiver.posts[0]["events"][0]
    assert (event["event"], event["data"]["fact"], event["data"]["queue"]) == (
        "RequestQueued",
        "RequestQueued",
        "sales",
    )
    head, body = receiver.heads[0], receiver.bodies[0]
    signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(SECRET.encode(), signed, hashlib.sha256)).decode()
    assert head["webhook-signature"] == f"v1,{expected}"
    assert head["Content-Type"] == "application/json"


async def test_a_receiver_gets_the_kinds_and_queues_that_it_is_for(
    office: Office, world: World, hooks: Webhooks, receiver: Receiver
) -> None:
    hooks.use([_hook(receiver, kinds=["RequestEnded"], queues=["sales"])])
    for queue in ("support", "sales"):
        world.caller_hangs_up(world.caller_joins(queue))
    office.desk.publishes()
    await receiver.until(events=1)

    (event,) = receiver.posts[0]["events"]
    assert (event["event"], event["data"]["queue"]) == ("RequestEnded", "sales")


@pytest.mark.parametrize("status", [500, 404, 302])
async def test_what_was_not_taken_is_sent_again_under_the_same_id_and_nothing_is_left_out(
    office: Office, world: World, hooks: Webhooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """However much has happened meanwhile: what memory has forgotten, the journal has."""
    monkeypatch.setattr(feed, "RECENT", 5)
    first = office.desk.feed.newest + 1
    receiver.status = status
    hooks.use([_hook(receiver)])
    world.caller_joins("sales")
    office.desk.publishes()
    await receiver.until(posts=3)
    for _ in range(20):
        world.caller_joins("sales")
        office.desk.publishes()
    receiver.status, refused = 200, len(receiver.posts)
    await receiver.until(events=refused + 20)

    assert len({head["webhook-id"].partition("-")[0] for head in receiver.heads[:refused]}) == 1
    taken = [event["id"] for post in receiver.posts[refused:] for event in post["events"]]
    assert sorted(set(taken)) == taken
    assert {*receiver.ids} == set(range(first, first + 21))


async def test_nobody_waits_for_a_receiver_that_is_not_there(
    office: Office, world: World, hooks: Webhooks, receiver: Receiver
) -> None:
    dead = Webhook(name="dead", url="http://127.0.0.1:1/canary-in-the-url", secret=SECRET)
    hooks.use([dead, _hook(receiver)])
    with capture_logs() as lines:
        world.caller_joins("sales")
        office.desk.publishes()
        await receiver.until(events=1)
        async with asyncio.timeout(20):
            while len(counted := await office.counted("acd_webhook_posts_total")) < 2:
                await asyncio.sleep(0.005)

    assert counted['{outcome="ok",webhook="crm"}'] == 1
    assert (await office.counted("acd_webhook_behind_facts"))['{webhook="dead"}'] == 1
    failed = next(line for line in lines if line["event"] == "webhook.failed")
    assert (failed["webhook"], failed["why"]) == ("dead", "ClientConnectorError")
    assert "canary" not in str(lines)


async def test_a_reload_goes_on_where_the_receiver_was(
    office: Office, world: World, hooks: Webhooks, receiver: Receiver
) -> None:
    hooks.use([Webhook(name="crm", url="http://127.0.0.1:1/", secret=SECRET)])
    world.caller_joins("sales")
    office.desk.publishes()
    hooks.use([_hook(receiver)])
    await receiver.until(events=1)

    assert receiver.ids == [office.desk.feed.newest]


async def test_what_the_journal_has_forgotten_is_a_gap_that_is_logged(
    office: Office, world: World, hooks: Webhooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "RECENT", 1)
    for _ in range(5):
        world.caller_joins("sales")
    office.desk.publishes()
    office.desk.keeps_from = office.desk.feed.newest
    with capture_logs() as lines:
        hooks.use([_hook(receiver)])
        while not lines:
            await asyncio.sleep(0.005)
        world.caller_joins("sales")
        office.desk.publishes()
        await receiver.until(events=1)

    assert [line["event"] for line in lines] == ["webhook.gap"]
    assert receiver.ids == [office.desk.feed.newest]


def test_a_signature_is_that_of_the_specification() -> None:
    """The example of standard-webhooks' own tests."""
    key = webhooks._key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    head = webhooks.signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert head["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_that_only_looks_like_the_specifications_is_taken_as_it_is() -> None:
    assert webhooks._key("whsec_not base64!") == b"whsec_not base64!"
    assert webhooks._key("any text") == b"any text"
