"""Part 4, where the time goes: the daemon under cProfile while calls come in, and the functions that cost most."""

from __future__ import annotations

import asyncio
import marshal
from dataclasses import dataclass
from pathlib import Path

from bench import machine
from bench.comparison import ANSWER_SECONDS, FILL_SECONDS, SETTLE_SECONDS, Flow, until
from bench.office import ACD, EXTENSION, Office, names
from bench.phones import Agents, Callers

TOP = 25
WAITING = "epoll"
"""What an event loop does while it has nothing to do is no cost."""


@dataclass(frozen=True)
class Line:
    function: str
    times_per_call: float
    own_us_per_call: float
    """Without what it calls."""
    share_percent: float
    """Of all that was measured."""


@dataclass(frozen=True)
class Profile:
    rate: float
    calls: int
    main_thread_percent: float
    """Of the daemon's CPU; the rest is the journal's thread. cProfile about doubles what the main thread takes."""
    top: list[Line]


async def profile(office: Office, flow: Flow) -> Profile:
    file = office.next_folder("profile").with_suffix(".pstats")
    agents = names(flow.agents)
    callers = Callers(flow.rate, EXTENSION[ACD])
    at_work = Agents(ANSWER_SECONDS, flow.talk_seconds)
    async with office.agents(at_work), office.daemon(agents, profile_to=file) as daemon:
        story = await office.watch(agents)
        async with office.callers(callers):
            await until(lambda: story.connected > 0, FILL_SECONDS, "nobody was connected")
            await asyncio.sleep(SETTLE_SECONDS + flow.seconds)
        calls = story.connected
        main_thread, all_threads = machine.main_thread_seconds(daemon.pid), machine.cpu_seconds(daemon.pid)
        await office.clear()
    return Profile(flow.rate, calls, round(100 * main_thread / all_threads, 1), top_lines(file, calls))


def top_lines(file: Path, calls: int) -> list[Line]:
    """The functions that took most for themselves, from what cProfile has dumped."""
    functions = [
        (_spelt(*where), times, own)
        for where, (_, times, own, _, _) in marshal.loads(file.read_bytes()).items()  # noqa: S302 - our own daemon's
        if WAITING not in where[2]
    ]
    whole = sum(own for _, _, own in functions)
    functions.sort(key=lambda function: -function[2])
    return [
        Line(name, round(times / calls, 1), round(1e6 * own / calls, 1), round(100 * own / whole, 1))
        for name, times, own in functions[:TOP]
    ]


def _spelt(file: str, line: int, name: str) -> str:
    """Without what a path says of this machine: `center/line.py:12 place`, or a built-in's own name."""
    return f"{'/'.join(Path(file).parts[-2:])}:{line} {name}" if line else name
