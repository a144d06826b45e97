"""A thousand clients ask for events and read nothing: half of them find no room, the others are cut off, and nobody is
kept waiting by any of them."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from pathlib import Path
from statistics import median

import pytest
from center.worlds import World

from acd.api import streams
from acd.center.facts import AgentUnreachable
from acd.center.model import AgentName

from .office import Listener, Office, secret

STALLED, ROOM = 1_000, streams.MOST_CLIENTS
MOST_BYTES_A_READER = 2**20
MOST_SECONDS_MORE = 0.001
"""That a turn may take more with them than without."""
AT_ONCE = 20
BIG = AgentUnreachable(at=0, agent=AgentName("alice"), in_a_row=1, cause="x" * 5000)


@pytest.mark.timeout(180)
async def test_a_thousand_who_read_nothing_are_turned_away_or_cut_off_and_cost_nobody_else_anything(
    office: Office, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "SLOW_SECONDS", 1.0)
    async with office.listens("admin") as busy:
        alone = await _turns(office, world, busy, 50)
        memory = _memory_bytes()
        stalled = [await _asks_and_reads_nothing(office) for _ in range(STALLED)]
        try:
            await _until_all_are_answered(stalled)
            assert [_status(one) for one in stalled].count(503) == STALLED - ROOM + 1  # the busy one has a place
            most, beside_them = memory, []
            while (await office.counted("acd_event_clients_cut_off_total"))[""] < ROOM - 1:
                beside_them += await _turns(office, world, busy, 10)
                most = max(most, _memory_bytes())
        finally:
            for one in stalled:
                one.close()

    assert (most - memory) / (ROOM - 1) < MOST_BYTES_A_READER
    assert median(beside_them) < median(alone) + MOST_SECONDS_MORE


async def _turns(office: Office, world: World, busy: Listener, count: int) -> list[float]:
    """So many turns are told; what each took, in seconds. Who reads gets all of it."""
    took = []
    for _ in range(count):
        world.facts += [BIG] * AT_ONCE
        began = time.perf_counter()
        office.desk.publishes()
        took.append(time.perf_counter() - began)
        assert (await busy.hears(AT_ONCE))[-1].id == office.desk.feed.newest
    return took


async def _asks_and_reads_nothing(office: Office) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", office.port))
    head = f"GET /v1/events HTTP/1.1\r\nHost: acd\r\nAuthorization: Bearer {secret('supervisor')}\r\n\r\n"
    await loop.sock_sendall(client, head.encode())
    return client


async def _until_all_are_answered(clients: list[socket.socket]) -> None:
    while any(_status(one) is None for one in clients):
        await asyncio.sleep(0.01)


def _status(client: socket.socket) -> int | None:
    """Of the answer that lies there, unread; None if there is none yet."""
    try:
        return int(client.recv(12, socket.MSG_PEEK).split()[1])
    except BlockingIOError:
        return None


def _memory_bytes() -> int:
    """Of this process, the clients' included."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
