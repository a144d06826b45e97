"""The policy in the daemon: asked and counted at each dial, kept over a restart, and told to the center as hours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from acd.center.facts import CustomerDialled
from acd.center.inputs import AskForCallback
from acd.center.model import ChannelId, OfferId, PbxName, QueueName, RequestId
from acd.clock import Clock
from acd.config import Config
from acd.daemon import Daemon
from acd.dialling import Dialling, DialRefused, DialRules, NoTrunk, Purpose, Rule
from acd.journal import open_journal

MAIN = PbxName("main")
DUTCH, FINNISH = "+31612345678", "+358401234567"
HELSINKI = ZoneInfo("Europe/Helsinki")


class SetClock(Clock):
    def __init__(self, at: datetime) -> None:
        self.at = at.timestamp()

    def now(self) -> float:
        return self.at


@asynccontextmanager
async def daemon(folder: Path, clock: Clock, **dialling: object) -> AsyncIterator[Daemon]:
    """One that reaches no Asterisk."""
    config = Config(
        asterisk={MAIN: {"host": "127.0.0.1", "port": 9, "secret": "x", "mobile_dial": "PJSIP/{digits}@trunk"}},
        store={"url": f"sqlite:{folder / 'acd.db'}"},
        http={"listen": "127.0.0.1:0"},
        site={"country": "NL"},
        queue=[{"name": "sales"}],
        agent=[{"name": "alice", "queues": {"sales": 1}, "devices": [{"kind": "desk", "dial": "PJSIP/alice"}]}],
        dialling={"countries": ["NL", "FI"], **dialling},
    )
    started = Daemon(config, open_journal(config.store.url), clock)
    await started.start()
    try:
        yield started
    finally:
        await started.stop()


def dialling(**rules: object) -> tuple[Dialling, list[tuple[Purpose, Rule]]]:
    refusals: list[tuple[Purpose, Rule]] = []
    asked = Dialling(lambda: 1000.0, lambda purpose, refused: refusals.append((purpose, refused.rule)))
    asked.use(
        DialRules(**{"home": "NL", "countries": frozenset({"NL"}), **rules}),
        {"main": "PJSIP/{number}@trunk", "other": None},
    )
    return asked, refusals


def test_a_dial_counts_and_a_question_does_not() -> None:
    asked, refusals = dialling(per_number_per_day=1)

    assert asked.number("06 12345678", Purpose.CALLBACK, at_once=False) == DUTCH
    assert asked.number(DUTCH, Purpose.CLICK, at_once=True) == DUTCH
    assert asked.dial_string("main", DUTCH, Purpose.CALLBACK) == f"PJSIP/{DUTCH}@trunk"
    for refused in (
        lambda: asked.dial_string("main", DUTCH, Purpose.CLICK),
        lambda: asked.number(DUTCH, Purpose.CLICK, at_once=True),
    ):
        with pytest.raises(DialRefused, match="per_number_per_day"):
            refused()

    assert asked.number(DUTCH, Purpose.CALLBACK, at_once=False) == DUTCH
    assert refusals == 2 * [(Purpose.CLICK, Rule.PER_NUMBER_PER_DAY)]


def test_a_server_without_a_way_out_dials_nobody_and_counts_nothing() -> None:
    asked, refusals = dialling(per_minute=1)

    with pytest.raises(NoTrunk, match=r"asterisk\.other\.mobile_dial is not set"):
        asked.dial_string("other", DUTCH, Purpose.CALLBACK)

    assert refusals == []
    assert asked.dial_string("main", DUTCH, Purpose.CALLBACK)


@pytest.mark.parametrize("text", ["0612345678&PJSIP/0900@trunk", "+31900123456", "112", "+12125550123", "{number}"])
def test_nothing_else_gets_into_a_dial_string(text: str) -> None:
    asked, refusals = dialling()

    with pytest.raises(DialRefused):
        asked.dial_string("main", text, Purpose.MOBILE)

    assert len(refusals) == 1


# ---- Over a restart


def attempt(request: str, number: str, at: float, count: int = 1) -> CustomerDialled:
    return CustomerDialled(
        at=at,
        request=RequestId(request),
        kind="callback",
        queue=QueueName("sales"),
        offer=OfferId("o"),
        pbx=MAIN,
        channel=ChannelId("c"),
        number=number,
        attempt=count,
        ring_seconds=30,
    )


async def test_a_daemon_that_starts_again_knows_whom_the_last_one_dialled(tmp_path: Path) -> None:
    clock = SetClock(datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Amsterdam")))
    async with daemon(tmp_path, clock, per_number_per_day=2) as before:
        wants_to_be_called(before, DUTCH)
        (request,) = before.state.requests
        moments = (clock.at - 90_000, clock.at - 60, clock.at)
        before._journal.append([attempt(request, DUTCH, at, count) for count, at in enumerate(moments, 1)])

    clock.at += 60
    async with daemon(tmp_path, clock, per_number_per_day=2) as after:
        with pytest.raises(DialRefused) as refused:
            after.dialling.dial_string(MAIN, DUTCH, Purpose.CALLBACK)

    assert (refused.value.rule, refused.value.again_at) == (Rule.PER_NUMBER_PER_DAY, clock.at - 120 + 86_400)
    metric = after.metrics.registry.get_sample_value
    assert metric("acd_dials_refused_total", {"purpose": "callback", "rule": "per_number_per_day"}) == 1


# ---- Hours


def wants_to_be_called(at: Daemon, number: str) -> str:
    hours = at.dialling.hours_of(number)
    assert hours is not None
    at.tell(AskForCallback(queue=QueueName("sales"), number=number, pbx=MAIN, hours=hours))
    return hours


async def test_the_center_knows_whether_it_is_time_where_the_callee_is(tmp_path: Path) -> None:
    evening = SetClock(datetime(2026, 7, 1, 21, 30, tzinfo=HELSINKI))  # 20:30 in Amsterdam
    async with daemon(tmp_path, evening) as running:
        late, early = wants_to_be_called(running, FINNISH), wants_to_be_called(running, DUTCH)

        assert (running.state.calendars[late], running.state.calendars[early]) == (False, True)

    evening.at += timedelta(hours=11).total_seconds()
    async with daemon(tmp_path, evening) as next_morning:
        assert next_morning.state.calendars[late] is True
        assert next_morning.state.calendars[early] is False

    async with daemon(tmp_path, evening, hours="00:00-24:00") as always:
        assert always.state.calendars[early] is True


async def test_hours_that_nobody_watched_for_a_while_are_looked_at_again(tmp_path: Path) -> None:
    clock = SetClock(datetime(2026, 7, 1, 12, tzinfo=HELSINKI))
    async with daemon(tmp_path, clock) as running:
        hours = wants_to_be_called(running, FINNISH)
        assert running.state.calendars[hours] is True

        clock.at += timedelta(hours=10).total_seconds()
        wants_to_be_called(running, "+358407654321")

        assert running.state.calendars[hours] is False
