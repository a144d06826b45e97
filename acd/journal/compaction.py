"""Has a daemon's journal compacted from time to time, by a process of its own (`compacting`)."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from math import inf
from pathlib import Path

import msgspec
import structlog

from acd.journal.compacting import Compacted
from acd.journal.journal import Journal
from acd.journal.store import JournalError

SNAPSHOT_FACTS = 100_000
"""A start folds hardly more: some half a second."""
LOOK_SECONDS = 1.0
DAY_SECONDS = 86_400.0

log = structlog.get_logger()


class Compaction:
    """A snapshot every SNAPSHOT_FACTS facts; and every day, if anything is to be forgotten at all."""

    def __init__(self, journal: Journal, path: Path, keep_days: float | None) -> None:
        self._journal = journal
        self._path = path
        self._keep_seconds = None if keep_days is None else keep_days * DAY_SECONDS
        self._done_at = journal.snapshot
        self._done_on = -inf

    async def watch(self, now: Callable[[], float], on_error: Callable[[], None]) -> None:
        """`now` is in seconds of UTC. What did not succeed is tried again when the next one is due."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._is_due(now()):
                self._done_at, self._done_on = self._journal.last, now()
                try:
                    await self._compact(now())
                except JournalError as error:
                    log.error("journal.not_compacted", error=str(error))
                    on_error()

    def _is_due(self, now: float) -> bool:
        forgets = self._keep_seconds is not None and abs(now - self._done_on) >= DAY_SECONDS
        return forgets or self._journal.last - self._done_at >= SNAPSHOT_FACTS

    async def _compact(self, now: float) -> None:
        done = await in_a_process(self._path, -inf if self._keep_seconds is None else now - self._keep_seconds)
        log.info("journal.compacted", snapshot=done.snapshot, forgotten=done.forgotten)


async def in_a_process(path: Path, forget_before: float) -> Compacted:
    """Raises JournalError."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "acd.journal.compacting", str(path), str(forget_before)),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,  # Ctrl-C is for the daemon, which ends it
    )
    try:
        said, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = complaint.decode(errors="replace").strip().splitlines()
        raise JournalError(lines[-1] if lines else f"the process that compacts it ended with {process.returncode}")
    return msgspec.json.decode(said, type=Compacted)
