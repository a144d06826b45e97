"""How soon the daemon is back after a long life, by a snapshot; and that nobody notices one being made.

Each figure is taken in a process of its own.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from math import inf
from pathlib import Path

from acd import config as configuration
from acd import logs
from acd.center import Center, inputs
from acd.center.facts import AnyFact
from acd.journal import Journal, open_journal
from acd.journal.compaction import in_a_process
from bench import daemon_alone as alone
from bench.daemon_alone import Figures, Office
from bench.simulation import office

LOOK_SECONDS = 0.001
TURNS_AT_ONCE = 1_000


# ---- Back with those who wait, after many calls


def _back(live: int, past: int) -> Figures:
    logs.set_up("error")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "acd.db"
        facts = asyncio.run(_live_through(path, past))
        with alone.exchange_running(agents=100) as (port, order, _):
            order("steered", 0)
            order("waiting", live)
            config = configuration.Config(**alone.tables(port, folder, 100))

            def seconds_to_start() -> tuple[float, int]:
                order("steered", 0)
                return asyncio.run(alone.seconds_to_start(config))

            without, _ = seconds_to_start()  # which finds the callers, and writes them down
            asyncio.run(in_a_process(path, -inf))
            took, found = seconds_to_start()
    what = f"start-up: seconds until steered, {live} live calls, {past} past requests"
    return {
        f"start-up: facts of {past} past requests": facts,
        f"{what}, no snapshot": round(without, 3),
        what: round(took, 3),
        f"start-up: requests known then, of {live}, after {past} others": found,
    }


async def _live_through(path: Path, calls: int) -> int:
    """So many calls, at the end of which all agents have gone home."""
    journal = open_journal(f"sqlite:{path}")
    turns = alone.turns(calls)
    while some := list(islice(turns, TURNS_AT_ONCE)):
        for turn in some:
            last = journal.append(turn)
        await journal.committed(last)
    center = Center()
    journal.bring_back(center)
    for name in center.state.agents:
        journal.append(center.decide(inputs.LogOut(name), time.time(), 0))
    await journal.close()
    return journal.last


# ---- A snapshot being made


def _snapshot(agents: int, waiting: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_snapshot_in(Path(folder) / "acd.db", agents, waiting))


async def _snapshot_in(path: Path, agents: int, waiting: int) -> Figures:
    journal = open_journal(f"sqlite:{path}")
    await _write_all_of(Recorded(office(agents, wrap_up_seconds=0), waiting).turns, journal)
    making = asyncio.create_task(in_a_process(path, -inf))
    began = time.perf_counter()
    stalled = await _longest_stall(until=making.done)
    took = time.perf_counter() - began
    at_rest = await _longest_stall(took)
    await journal.close()
    journal = open_journal(f"sqlite:{path}")
    began = time.perf_counter()
    journal.bring_back(Center())
    back = time.perf_counter() - began
    await journal.close()
    size = f"{agents} agents, {waiting} waiting"
    return {
        f"snapshot: longest stall of the loop meanwhile, ms, {size}": round(stalled * 1e3, 1),
        f"snapshot: longest stall of the loop in as long without, ms, {size}": round(at_rest * 1e3, 1),
        f"snapshot: seconds to make, {size}": round(took, 2),
        f"start-up: seconds to be back by a snapshot, {size}": round(back, 2),
    }


class Recorded(Office):
    """An office whose facts are kept, turn by turn."""

    def __init__(self, *how: object) -> None:
        self.turns: list[list[AnyFact]] = []
        super().__init__(*how)  # type: ignore[arg-type]

    def tell(self, told: inputs.Input) -> list[AnyFact]:
        facts = super().tell(told)
        self.turns.append(facts)
        return facts


async def _write_all_of(turns: list[list[AnyFact]], journal: Journal) -> None:
    for turn in turns:
        last = journal.append(turn)
    await journal.committed(last)


async def _longest_stall(seconds: float = inf, until: Callable[[], bool] = lambda: False) -> float:
    longest, end = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < end and not until():
        began = time.perf_counter()
        await asyncio.sleep(LOOK_SECONDS)
        longest = max(longest, time.perf_counter() - began - LOOK_SECONDS)
    return longest


# ---- All of it


async def measure(quick: bool, say: Callable[[str], None]) -> Figures:
    say("start-up after a long life")
    figures: Figures = await asyncio.to_thread(alone.apart, _back, 1_000, 5_000 if quick else 100_000)
    say("a snapshot being made")
    size = (1_000, 10_000) if quick else alone.LARGEST
    figures |= await asyncio.to_thread(alone.apart, _snapshot, *size)
    return figures
