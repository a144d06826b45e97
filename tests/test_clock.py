"""Moments by a clock that may be set, and what is to happen at one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from acd.clock import Alarm, Clock
from acd.simulation.clock import VirtualLoop

NOON = 1_764_590_400.0
HOUR = 3600.0


class Site:
    """A wall clock, the daemon's own one, and an alarm by that."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.is_off_by = 0.0
        self.clock = Clock(lambda: loop.time() + self.is_off_by, loop.time)
        self.rang: list[float] = []
        self.alarm = Alarm(self.clock.now, lambda: self.rang.append(self.clock.now()))

    def sets_its_clock(self, by: float) -> None:
        self.is_off_by += by
        assert self.clock.follow() == by
        self.alarm.clock_stepped()


def live(story: Callable[[Site], Coroutine[Any, Any, None]]) -> None:
    async def told() -> None:
        await story(Site())

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(NOON)) as runner:
        runner.run(told())


def test_it_rings_once_and_at_its_moment() -> None:
    async def story(site: Site) -> None:
        site.alarm.set(NOON + HOUR)
        await asyncio.sleep(3 * HOUR)
        assert site.rang == [NOON + HOUR]

    live(story)


def test_only_the_moment_that_was_set_last_counts() -> None:
    async def story(site: Site) -> None:
        site.alarm.set(NOON + HOUR)
        site.alarm.set(NOON + 2 * HOUR)
        await asyncio.sleep(3 * HOUR)
        assert site.rang == [NOON + 2 * HOUR]
        site.alarm.set(NOON + 4 * HOUR)
        site.alarm.set(None)
        await asyncio.sleep(2 * HOUR)
        assert len(site.rang) == 1

    live(story)


def test_what_is_set_for_a_moment_that_is_over_happens_at_once() -> None:
    async def story(site: Site) -> None:
        site.alarm.set(NOON - HOUR)
        await asyncio.sleep(1)
        assert site.rang == [NOON]

    live(story)


def test_it_may_be_set_to_the_moment_at_which_it_has_rung() -> None:
    async def story(site: Site) -> None:
        for _ in range(2):
            site.alarm.set(NOON)
            await asyncio.sleep(1)
        assert len(site.rang) == 2

    live(story)


@pytest.mark.parametrize("by", [0.5 * HOUR, -HOUR])
def test_it_rings_at_its_moment_though_the_clock_is_set(by: float) -> None:
    async def story(site: Site) -> None:
        site.alarm.set(NOON + HOUR)
        site.sets_its_clock(by)
        await asyncio.sleep(3 * HOUR)
        assert site.rang == [NOON + HOUR]

    live(story)


def test_a_clock_that_was_set_beyond_its_moment_rings_it_at_once() -> None:
    async def story(site: Site) -> None:
        site.alarm.set(NOON + HOUR)
        site.sets_its_clock(2 * HOUR)
        await asyncio.sleep(1)
        assert site.rang == [NOON + 2 * HOUR]

    live(story)


def test_one_that_was_stopped_does_not_ring_whatever_the_clock_does() -> None:
    async def story(site: Site) -> None:
        site.alarm.set(NOON + HOUR)
        site.alarm.stop()
        site.sets_its_clock(2 * HOUR)
        await asyncio.sleep(3 * HOUR)
        assert site.rang == []

    live(story)
