"""Those who read events: each at a pace of his own, none of them waited for.

A client that was away comes back with the id of the last event that it got, and goes on without a gap. One that reads
too slowly is cut off, and does the same.
"""

from __future__ import annotations

import asyncio

import msgspec
import structlog
from aiohttp import web

from acd.api import views
from acd.api.desk import Desk, Metrics
from acd.api.feed import Event, Feed, Gone
from acd.api.sight import Sight
from acd.api.tokens import Holder

log = structlog.get_logger()

MOST_CLIENTS = 500
MOST_IN_A_BATCH = 500
HEARTBEAT_SECONDS = 15.0
"""Proxies give up on a silent connection after 30 to 60 s."""
SLOW_SECONDS = 10.0
"""A client that takes nothing for so long is cut off."""
AGAIN_MILLISECONDS = 2000
"""After which a client that has lost its connection is to come back."""


class TooSlow(Exception):
    """Why a client is cut off."""


class Streams:
    """All clients that read events now."""

    def __init__(self, feed: Feed, metrics: Metrics) -> None:
        self._feed = feed
        self._metrics = metrics
        self._readers: set[Reader] = set()

    @property
    def are_full(self) -> bool:
        return len(self._readers) >= MOST_CLIENTS

    def end(self) -> None:
        """Sends every client away, to come back as who he is by then."""
        for reader in self._readers:
            reader.ended = True
            reader.abort()
        self._feed.wake()

    async def run(self, reader: Reader) -> None:
        self._readers.add(reader)
        self._metrics.event_clients(len(self._readers))
        try:
            await reader.run()
        except TooSlow as slow:
            log.warning("events.cut_off", token=reader.token, peer=reader.peer, why=str(slow), at=reader.position)
            self._metrics.event_client_cut_off()
        except (ConnectionError, Gone):
            pass  # it has left; or it will be told why there is no more when it comes back
        except Exception as error:  # the answer's head has been sent: it can only be cut short
            log.error("events.failed", token=reader.token, peer=reader.peer, exc_info=error)
            self._metrics.error("http")
        finally:
            reader.abort()
            self._readers.discard(reader)
            self._metrics.event_clients(len(self._readers))


class Reader:
    """One client, from the head of the answer to its end."""

    def __init__(
        self,
        http: web.Request,
        response: web.StreamResponse,
        desk: Desk,
        holder: Holder,
        kinds: frozenset[str],
        position: int,
    ) -> None:
        self.token = holder.name
        self.peer = http.remote
        self.position = position
        """The number of the last fact that it got, or was not to get."""
        self.ended = False
        self._http = http
        self._response = response
        self._desk = desk
        self._feed = desk.feed
        self._holder = holder
        self._kinds = kinds

    async def run(self) -> None:
        """Raises TooSlow, ConnectionError, Gone."""
        await self._write(f"retry: {AGAIN_MILLISECONDS}\nid: {self.position}\n\n".encode())
        is_live = False
        while not self.ended:
            in_memory = self._feed.holds(self.position)
            if is_live and not in_memory:
                raise TooSlow("it fell behind what is kept in memory")
            is_live = in_memory
            if events := await self._feed.after(self.position, MOST_IN_A_BATCH):
                await self._send(events)
            else:
                await self._wait()

    def abort(self) -> None:
        """What waits to be sent to it is dropped: half an event is none, and it comes back for it."""
        if self._http.transport:
            self._http.transport.abort()

    async def _send(self, events: list[Event]) -> None:
        sight = Sight(self._holder, self._desk.state)
        frames = [frame for event in events if event.kind in self._kinds and (frame := _frame(event, sight))]
        if frames:
            await self._write(b"".join(frames))
        self.position = events[-1].number

    async def _wait(self) -> None:
        """A heartbeat tells the position, too: who sees few events does not have to come back from afar."""
        if not await self._feed.news(self.position, HEARTBEAT_SECONDS):
            await self._write(f": alive\nid: {self.position}\n\n".encode())

    async def _write(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(SLOW_SECONDS):
                await self._response.write(data)
        except TimeoutError:
            raise TooSlow(f"it took nothing for {SLOW_SECONDS:g} s") from None


def _frame(event: Event, sight: Sight) -> bytes | None:
    fact = views.shown(event.fact, sight)
    if fact is None:
        return None
    data = event.data if fact is event.fact else msgspec.json.encode(fact)
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.number, event.kind.encode(), data)
