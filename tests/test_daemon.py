"""What fails inside a daemon is told and counted, and costs nothing but itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from acd import daemon as daemons
from acd.asterisk.ports import reserved
from acd.center.inputs import CallerJoined, MessageBegun, MessageDropped
from acd.center.model import Caller, ChannelId, PbxName, QueueName
from acd.config import Config
from acd.daemon import Daemon
from acd.journal import open_journal
from acd.messages import Messages

SERVER = {"host": "127.0.0.1", "port": 1, "secret": "nobody listens there", "mobile_dial": "PJSIP/{number}@trunk"}
MAIN, ANN = PbxName("main"), ChannelId("ann")
AGENT = {"name": "alice", "queues": {"sales": 1}, "devices": [{"kind": "desk", "dial": "PJSIP/alice"}]}


@pytest.fixture
async def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Daemon]:
    for period in ("LAWS_SECONDS", "MESSAGES_SECONDS", "WATCH_AGAIN_SECONDS"):
        monkeypatch.setattr(daemons, period, 0.01)
    with reserved() as ports:
        config = Config(
            asterisk={"main": SERVER | {"messages": str(tmp_path)}},
            http={"listen": f"127.0.0.1:{ports.spare[0]}"},
            queue=[{"name": "sales", "callbacks": {}}],
            agent=[AGENT],
        )
        daemon = Daemon(config, open_journal(f"sqlite:{tmp_path}/acd.db", lambda *_: None))
        try:
            yield daemon
        finally:
            await daemon.stop()


async def failures(daemon: Daemon, where: str) -> int:
    text, _ = await daemon.metrics.render()
    line = next(line for line in text.decode().splitlines() if line.startswith(f'acd_errors_total{{where="{where}"}}'))
    return int(float(line.split()[-1]))


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not what():
            await asyncio.sleep(0.001)


class Stumbles:
    """Fails the first time, and is well from then on."""

    def __init__(self, error: Exception, answer: Any = ()) -> None:
        self.times = 0
        self._error, self._answer = error, answer

    def __call__(self, *_: object) -> Any:
        self.times += 1
        if self.times == 1:
            raise self._error
        return self._answer


async def test_a_watch_that_fails_is_told_of_and_begun_again(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    idle_waste = Stumbles(KeyError("no such queue"))
    monkeypatch.setattr("acd.center.laws.idle_waste", idle_waste)
    with capture_logs() as logs:
        await daemon.start()
        await until(lambda: idle_waste.times > 2)
    (failed,) = [line for line in logs if line["event"] == "daemon.failed"]
    assert failed["what"] == "the watch over laws"
    assert await failures(daemon, "daemon") == 1


async def test_a_disk_that_lets_no_recording_go_is_told_of_and_asked_again(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete_leftovers = Stumbles(PermissionError("not yours"))
    monkeypatch.setattr(Messages, "delete_leftovers", delete_leftovers)
    with capture_logs() as logs:
        await daemon.start()
        await until(lambda: delete_leftovers.times > 2)
    (failed,) = [line for line in logs if line["event"] == "messages.not_deleted"]
    assert failed["error"] == "not yours"
    assert await failures(daemon, "messages") == 1


async def test_the_file_of_a_message_that_is_nobody_s_is_deleted_at_once_when_the_fact_is_on_disk(
    daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemons, "MESSAGES_SECONDS", 3600)
    rounds = Stumbles(OSError("not today"))
    monkeypatch.setattr(Messages, "delete_leftovers", rounds)
    await daemon.start()
    await until(lambda: rounds.times == 1)
    daemon.tell(CallerJoined(MAIN, ANN, QueueName("sales"), Caller("0201234567", e164="+31201234567")))
    daemon.tell(MessageBegun(MAIN, ANN, "+31201234567"))
    (message,) = (request.message for request in daemon.state.requests.values())
    assert message
    files = [tmp_path / f"{message.name}{end}" for end in (".wav", ".rec.wav")]
    for file in files:
        file.touch()
    comes_to_the_disk, is_there = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        comes_to_the_disk.set()
        await is_there.wait()

    monkeypatch.setattr(daemon._journal, "all_committed", slowly)

    daemon.tell(MessageDropped(MAIN, ANN))
    async with asyncio.timeout(5):
        await comes_to_the_disk.wait()
    assert all(file.exists() for file in files)
    is_there.set()

    await until(lambda: not daemon.state.unwanted)
    assert not any(file.exists() for file in files)


async def test_what_one_server_cannot_follow_is_followed_by_all_else(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_fact = Stumbles(KeyError("no such channel"))
    monkeypatch.setattr("acd.asterisk.calls.Calls.on_fact", on_fact)
    with capture_logs() as logs:
        await daemon.start()
    assert [line["what"] for line in logs if line["event"] == "daemon.failed"] == ["what follows from RulesChanged"]
    assert on_fact.times > 1, "of the facts behind it, too"
    assert daemon.feed.newest == daemon._journal.last
    assert await failures(daemon, "daemon") == 1


@pytest.mark.parametrize("turns", range(4))
async def test_a_daemon_ends_also_in_the_moment_in_which_a_message_has_become_nobodys(
    daemon: Daemon, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemons, "MESSAGES_SECONDS", 3600)
    await daemon.start()
    async with asyncio.timeout(5):
        while not daemon._unwanted._waiters:
            await asyncio.sleep(0.001)
        daemon._unwanted.set()
        for _ in range(turns):
            await asyncio.sleep(0)
    for watch in daemon._watches:
        watch.cancel()
    _, still_at_it = await asyncio.wait(daemon._watches, timeout=1)
    assert not still_at_it
