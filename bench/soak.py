"""The soak: calls for hours, agents and callers who hang up at any moment, and what has grown when it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median

from bench import machine
from bench.comparison import ANSWER_SECONDS, Say, block
from bench.daemon import BenchError, Daemon
from bench.office import ACD, EXTENSION, SURROGATE, Office
from bench.phones import Agents, Callers
from bench.story import Story

TALK_SECONDS = 3.0
SPARE_AGENTS = 1.05
"""So many times the agents that the rate keeps busy."""
IMPATIENT = 0.3
"""The share of callers who hang up themselves."""
PATIENCES_SECONDS = (0.55, 0.7, 2.0)
"""Asterisk waits half a second for a caller's first sound before he joins: as a phone rings or he waits for one, in
the moment of the answer, and as they talk."""
SAMPLES = 120
SOONEST_SECONDS = 1.0
GROWTH_PERCENT = 3.0
GROWTH_BYTES = 2_000_000
"""An allocator's own ups and downs."""
FEW = 2


@dataclass(frozen=True)
class Sample:
    at_seconds: float
    calls: int
    daemon_bytes: int
    daemon_descriptors: int
    daemon_threads: int
    asterisk_bytes: int
    asterisk_channels: int
    asterisk_surrogates: int
    """Stand-ins of bridged channels that Asterisk itself has forgotten: nothing hangs them up."""
    live_calls: int


@dataclass(frozen=True)
class Growth:
    what: str
    before: float
    after: float
    passed: bool


@dataclass(frozen=True)
class Soaked:
    seconds: float
    calls: int
    connected: int
    samples: list[Sample]
    growths: list[Growth]
    complaints: list[str]


async def soak(office: Office, agents: int, rate: float, seconds: float, say: Say) -> Soaked:
    impatient = rate * IMPATIENT / len(PATIENCES_SECONDS)
    lines = [Callers(rate * (1 - IMPATIENT), EXTENSION[ACD])]
    lines += [
        Callers(impatient, EXTENSION[ACD], patience_seconds=patience, seed=line)
        for line, patience in enumerate(PATIENCES_SECONDS, start=2)
    ]
    async with block(office, agents, Agents(ANSWER_SECONDS, TALK_SECONDS), ACD) as (story, daemon):
        assert daemon  # noqa: S101 - acd's block has one
        began = time.monotonic()
        before = await _look(office, story, daemon, began)
        samples = []
        async with AsyncExitStack() as calling:
            for line, callers in enumerate(lines):
                await calling.enter_async_context(office.callers(callers, line))
            while time.monotonic() - began < seconds:
                await asyncio.sleep(max(SOONEST_SECONDS, seconds / SAMPLES))
                if daemon.process.returncode is not None:
                    raise BenchError(f"the daemon ended; its log is {daemon.folder / 'log'}")
                samples.append(await _look(office, story, daemon, began))
                say(_spelt(samples[-1]))
        complaints = daemon.complaints()
        await office.clear()
        after = await _look(office, story, daemon, began)
        return Soaked(
            seconds=seconds,
            calls=story.joined,
            connected=story.connected,
            samples=samples,
            growths=growths(before, samples, after),
            complaints=complaints,
        )


async def _look(office: Office, story: Story, daemon: Daemon, began: float) -> Sample:
    channels = await office.channels()
    surrogates = sum(channel.startswith(SURROGATE) for channel in channels)
    return Sample(
        at_seconds=round(time.monotonic() - began, 1),
        calls=story.joined,
        daemon_bytes=machine.memory_bytes(daemon.pid),
        daemon_descriptors=machine.descriptors(daemon.pid),
        daemon_threads=machine.threads(daemon.pid),
        asterisk_bytes=machine.memory_bytes(office.pid),
        asterisk_channels=len(channels) - surrogates,
        asterisk_surrogates=surrogates,
        live_calls=story.live,
    )


def growths(before: Sample, samples: Sequence[Sample], after: Sample) -> list[Growth]:
    """Memory: the second quarter of the time against the last one, for the first fills what stays filled. The rest:
    before the first call against after the last one."""
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter] or samples[:1], samples[-quarter:]
    return [
        _memory("the daemon's memory, MB", [each.daemon_bytes for each in early], [each.daemon_bytes for each in late]),
        _memory(
            "Asterisk's memory, MB", [each.asterisk_bytes for each in early], [each.asterisk_bytes for each in late]
        ),
        _few("the daemon's descriptors", before.daemon_descriptors, after.daemon_descriptors, FEW),
        _few("the daemon's threads", before.daemon_threads, after.daemon_threads, FEW),
        _few("Asterisk's channels", before.asterisk_channels, after.asterisk_channels, 0),
        _few("surrogates left by Asterisk", before.asterisk_surrogates, after.asterisk_surrogates, 0),
    ]


def _memory(what: str, early: Sequence[int], late: Sequence[int]) -> Growth:
    before, after = median(early), median(late)
    allowed = max(GROWTH_BYTES, before * GROWTH_PERCENT / 100)
    return Growth(what, round(before / 1e6, 1), round(after / 1e6, 1), after - before <= allowed)


def _few(what: str, before: int, after: int, allowed: int) -> Growth:
    return Growth(what, before, after, after - before <= allowed)


def agents_for(rate: float) -> int:
    return max(2, round(rate * (TALK_SECONDS + ANSWER_SECONDS) * SPARE_AGENTS))


def _spelt(sample: Sample) -> str:
    return (
        f"{sample.at_seconds:6.0f} s  {sample.calls:7,} calls  daemon {sample.daemon_bytes / 1e6:6.1f} MB "
        f"{sample.daemon_descriptors:3} descriptors  Asterisk {sample.asterisk_bytes / 1e6:6.1f} MB "
        f"{sample.asterisk_channels:4} channels"
    )
