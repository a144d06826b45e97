"""What the journal costs: `python -m tests.journal.measure_journal [FACTS] [FOLDER]` (1,000,000, /tmp)."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from acd.center import Center
from acd.journal import Journal, open_journal

from .days import AGENTS, QUEUES, turns

CALLS_PER_SECOND = 25
PROMISES = 1_000
PAGES = 200


async def measure(facts: int, folder: Path) -> None:
    path = folder / "acd.db"
    calls = facts // 12
    journal = open_journal(f"sqlite:{path}")
    await _fill(journal, calls)
    await _promise(journal, "at rest")
    await _promise_under_load(journal)
    await _page(journal)
    await journal.close()
    size = sum(file.stat().st_size for file in folder.iterdir())
    journal = open_journal(f"sqlite:{path}")
    count = _read(journal)
    print(f"on disk: {size / count:.0f} bytes a fact, {size / calls:.0f} a call")
    await journal.close()


async def _fill(journal: Journal, calls: int) -> None:
    made = list(turns(calls))
    count = sum(map(len, made))
    print(f"{calls} calls, {count} facts, {count / calls:.2f} a call")
    began, cpu = time.perf_counter(), time.process_time()
    for number, turn in enumerate(made):
        last = journal.append(turn)
        if number % 100 == 0:
            await asyncio.sleep(0)
    appended = time.perf_counter() - began
    await journal.committed(last)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(f"append: {appended / count * 1e6:.2f} µs a fact; most memory {_memory_mb():.0f} MB")
    print(f"append and commit: {count / took:.0f} facts/s, {cpu / count * 1e6:.2f} µs CPU a fact")


async def _promise(journal: Journal, when: str) -> None:
    took = []
    turn = list(turns(1))[3]
    for _ in range(PROMISES):
        await asyncio.sleep(0.001)
        took.append(await _seconds_of(journal, turn))
    _show(f"append to committed, {when}", took)


async def _promise_under_load(journal: Journal) -> None:
    """The facts of 25 calls/s come in meanwhile."""
    cpu, began = time.process_time(), time.perf_counter()
    load = asyncio.create_task(_calls_come_in(journal))
    await _promise(journal, f"at {CALLS_PER_SECOND} calls/s")
    load.cancel()
    print(f"   the process took {(time.process_time() - cpu) / (time.perf_counter() - began) * 100:.1f} % of a core")


async def _calls_come_in(journal: Journal) -> None:
    for turn in turns(10_000):
        journal.append(turn)
        await asyncio.sleep(1 / CALLS_PER_SECOND / 7)


async def _seconds_of(journal: Journal, turn: list) -> float:
    began = time.perf_counter()
    await journal.committed(journal.append(turn))
    return time.perf_counter() - began


async def _page(journal: Journal) -> None:
    for asked in ({}, {"queue": QUEUES[0]}, {"kind": "call"}, {"queue": QUEUES[0], "kind": "call"}, {"kind": "chat"}):
        took, before = [], None
        for _ in range(PAGES):
            began = time.perf_counter()
            page = await journal.past_requests(**asked, before=before, limit=50)
            took.append(time.perf_counter() - began)
            before = page[-1][0] if page else 1000
        _show(f"a page of 50 past requests {asked}", took)


def _read(journal: Journal) -> int:
    count = _timed("read", lambda: sum(1 for _ in journal.read()))
    center = Center()
    _timed("read and fold", lambda: center.fold(journal.read()) or count)
    assert len(center.state.agents) == len(AGENTS)
    return count


def _timed(what: str, work: Callable[[], int]) -> int:
    began = time.perf_counter()
    count = work()
    took = time.perf_counter() - began
    print(f"{what}: {took:.2f} s, {took / count * 1e6:.2f} µs a fact")
    return count


def _show(what: str, seconds: list[float]) -> None:
    cuts = quantiles(seconds, n=100)
    print(f"{what}: p50 {cuts[49] * 1e3:.2f} ms, p99 {cuts[98] * 1e3:.2f} ms, most {max(seconds) * 1e3:.2f} ms")


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    with TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else "/tmp") as made:
        asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, Path(made)))
