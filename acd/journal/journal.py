"""Takes facts from the event loop, which never waits for the disk, and has them written by a thread that does.

The facts of one `append` are one turn of the center: they reach the disk together or not at all. Turns are written in
their order, in groups of those that came within a few milliseconds. While the disk fails they are kept in memory and
tried again. Of more than MOST_WAITING facts the newest are lost, and from then on all, since facts behind a gap could
not be folded: such a journal ends at what was so before, and is `failing` until the next start.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Literal, NamedTuple

import structlog

from acd.center import Center
from acd.center.facts import AnyFact, ChangeMade, RequestEnded
from acd.journal.bringing_back import BroughtBack, bring_back
from acd.journal.store import JournalError, Row, Store, row_of

log = structlog.get_logger()

GROUP_SECONDS = 0.01
"""At 25 calls/s, 5 ms would cost twice the CPU, and 50 ms hardly less (tests/journal/measure_journal.py)."""
MOST_IN_GROUP = 1_000
"""Turns, and promises."""
MOST_WAITING = 1_000_000
"""Facts; in memory they are some 480 MB."""
RETRY_FIRST_SECONDS, RETRY_LIMIT_SECONDS = 0.05, 1.0
SETTLE_SECONDS = 1.0
"""For how long somebody who reads waits for the disk to have the newest."""
CLOSE_SECONDS = 3.0
"""For how long a journal that is being closed tries again, and then waits for a disk that does not answer."""
STUCK_SECONDS = 5.0
"""A write that takes longer is taken for one that fails."""

MAY_FAIL = suppress(Exception)
"""What the writer tells others. A log on the same full disk fails as well, and must not end the thread."""

Turn = list[Row]
Promise = Future[None]


class Outage(NamedTuple):
    """Since when (seconds of UTC) facts cannot be written, and why not, as the last attempt had it."""

    since: float
    error: str


class Journal:
    def __init__(self, store: Store, on_write: Callable[[float, int], None]) -> None:
        self.errors = 0
        """Writes that failed."""
        self.lost = 0
        """Facts that will never be on disk."""
        self._store = store
        self._on_write = on_write
        self.snapshot = 0
        """The number of the fact at which that was taken which the center began with; 0 if there was none."""
        self._last = self._written = store.last
        self._ended: deque[tuple[int, RequestEnded]] = deque()
        self._trouble: Outage | None = None
        self._overflow: Outage | None = None
        self._waiting: SimpleQueue[Turn | Promise] = SimpleQueue()
        self._hurry = Event()
        self._leave_at = inf
        self._given_up = False
        self._write_began: float | None = None
        self._writer = Thread(target=self._write_all, name="acd-journal-writer", daemon=True)
        self._writer.start()
        self._reader = ThreadPoolExecutor(1, "acd-journal-reader")

    # ---- On the event loop

    def bring_back(self, center: Center) -> BroughtBack:
        """Has a new center fold what has happened so far. Raises JournalError."""
        back = bring_back(self._store, center)
        self.snapshot = back.snapshot
        return back

    def read(self, after: int = 0) -> Iterator[AnyFact]:
        """The facts behind that number, in their order, one by one off the disk.

        Raises JournalError, at the first that is not good.
        """
        return self._store.read(after)

    def append(self, facts: Sequence[AnyFact]) -> int:
        """Takes the facts of one turn, to be written soon; answers with the number of the last."""
        if self._overflow or self.backlog + len(facts) > MOST_WAITING:
            return self._lose(facts)
        turn = [row_of(number, fact) for number, fact in enumerate(facts, self._last + 1)]
        self._last += len(turn)
        self._waiting.put(turn)
        self._remember_ended(turn, facts)
        return self._last

    async def committed(self, number: int) -> None:
        """Returns when that fact is on disk: before it, promise nothing. Raises JournalError if it never will be."""
        if number > self._last:
            raise JournalError("the journal has had no room for what was to be promised")
        if number > self._written:
            await self._all_written()

    async def past_requests(
        self, *, queue: str | None = None, kind: str | None = None, before: int | None = None, limit: int
    ) -> list[tuple[int, RequestEnded]]:
        """Requests that have ended, the newest first, each with its number; of those below `before`, if it is given."""
        on_disk = self._written
        below = self._last + 1 if before is None else before
        recent = [
            (number, fact)
            for number, fact in reversed(self._ended)
            if on_disk < number < below and queue in (None, fact.queue) and kind in (None, fact.kind)
        ][:limit]
        search = (queue, kind, min(below, on_disk + 1), limit - len(recent))
        return recent + await asyncio.get_running_loop().run_in_executor(self._reader, self._store.past, *search)

    async def all_committed(self) -> None:
        """Returns when all facts so far are on disk. Raises JournalError if they never will be."""
        await self.committed(self._last + 1 if self._overflow else self._last)

    async def after(self, number: int, limit: int) -> list[tuple[int, AnyFact]] | None:
        """The facts that followed that one, as far as they are on disk; None if the journal does not keep them."""
        on_disk = self._written
        if number >= on_disk:
            return []
        found = await asyncio.get_running_loop().run_in_executor(self._reader, self._store.after, number, limit)
        without_gap = [row for expected, row in enumerate(found, number + 1) if row[0] == expected]
        return without_gap or None

    async def changes(self, *, before: int | None, limit: int) -> list[tuple[int, ChangeMade]]:
        """Changes, the newest first, each with its number; of those below `before`, if it is given."""
        await self._settled()
        below = self._last + 1 if before is None else before
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._store.changes, below, limit)

    async def _settled(self) -> None:
        """Returns when what has been appended is on disk; at once if the disk is not to be had."""
        if self.backlog and self.outage is None:
            with suppress(JournalError, TimeoutError):
                await asyncio.wait_for(self._all_written(), SETTLE_SECONDS)

    @property
    def last(self) -> int:
        """The number of the newest fact."""
        return self._last

    @property
    def state(self) -> Literal["writing", "failing"]:
        return "failing" if self.outage else "writing"

    @property
    def outage(self) -> Outage | None:
        return self._overflow or self._trouble

    @property
    def backlog(self) -> int:
        """Facts that are not on disk yet."""
        return self._last - self._written

    def look(self) -> None:
        """To be called every second or so: a disk that neither writes nor fails is noticed by nothing else."""
        if not self._writer.is_alive() and self._overflow is None:
            self._end(
                "journal.writer_ended", "the thread that writes has ended, which is a bug; what follows is not kept"
            )
        began = self._write_began
        if began is None or self._trouble or time.monotonic() - began < STUCK_SECONDS:
            return
        why = f"the disk has not answered for {STUCK_SECONDS:g} s"
        self._trouble = Outage(time.time() - STUCK_SECONDS, why)
        log.error("journal.write_stuck", error=why)
        if self._write_began != began:  # it has, at this very moment
            self._trouble = None

    async def close(self) -> None:
        """Writes what waits, for as long as CLOSE_SECONDS if the disk fails, and leaves no thread.

        One that hangs in a write is left behind, together with the file that it writes to.
        """
        self._leave_at = time.monotonic() + CLOSE_SECONDS
        with suppress(JournalError, TimeoutError):
            await asyncio.wait_for(self._all_written(), 2 * CLOSE_SECONDS)
        await asyncio.to_thread(self._writer.join, CLOSE_SECONDS)
        if self.backlog:
            log.error("journal.closed_unwritten", facts=self.backlog)
        is_left_behind = self._writer.is_alive()
        if not is_left_behind:
            await asyncio.get_running_loop().run_in_executor(self._reader, self._store.close)
        self._reader.shutdown(wait=not is_left_behind)

    async def _all_written(self) -> None:
        promise = Promise()
        self._waiting.put(promise)
        self._hurry.set()
        await asyncio.wrap_future(promise)

    def _remember_ended(self, turn: Turn, facts: Sequence[AnyFact]) -> None:
        """Past requests are found from the moment at which they have ended, whether on disk by then or not."""
        while self._ended and self._ended[0][0] <= self._written:
            self._ended.popleft()
        for row, fact in zip(turn, facts, strict=True):
            if isinstance(fact, RequestEnded):
                self._ended.append((row.seq, fact))

    def _lose(self, facts: Sequence[AnyFact]) -> int:
        """Answers with a number that will never be committed."""
        self.lost += len(facts)
        if self._overflow is None:
            why = f"{MOST_WAITING} facts wait for the disk, which is all there is room for; what follows is not kept"
            self._end("journal.overflowed", why)
        return self._last + 1

    def _end(self, event: str, why: str) -> None:
        self._overflow = Outage(time.time(), why)
        log.error(event, error=why)

    # ---- On the writer's thread

    def _write_all(self) -> None:
        while self._leave_at == inf or not self._waiting.empty():
            group = self._next_group()
            is_written = self._write_patiently([row for item in group if isinstance(item, list) for row in item])
            for promise in group:
                if isinstance(promise, Future) and promise.set_running_or_notify_cancel():
                    _settle(promise, is_written)

    def _next_group(self) -> list[Turn | Promise]:
        """What comes within GROUP_SECONDS of the first; less, if someone waits for it."""
        group = [self._waiting.get()]
        self._hurry.wait(GROUP_SECONDS)
        self._hurry.clear()
        with suppress(Empty):
            while len(group) < MOST_IN_GROUP:
                group.append(self._waiting.get_nowait())
        return group

    def _write_patiently(self, rows: list[Row]) -> bool:
        """Tries until it is done, or (False) too late for this and all that follows."""
        pause = RETRY_FIRST_SECONDS
        while not self._given_up:
            if not rows or self._write(rows):
                return True
            time.sleep(pause)
            pause = min(2 * pause, RETRY_LIMIT_SECONDS)
            self._given_up = time.monotonic() > self._leave_at
        return False

    def _write(self, rows: list[Row]) -> bool:
        began = self._write_began = time.monotonic()
        try:
            self._store.write(rows)
        except Exception as error:  # noqa: BLE001 - whatever it is, the facts are kept and the thread lives
            self._note_failure(error)
            return False
        finally:
            self._write_began = None
        self._written = rows[-1].seq
        self._note_success()
        with MAY_FAIL:
            self._on_write(time.monotonic() - began, len(rows))
        return True

    def _note_failure(self, error: Exception) -> None:
        self.errors += 1
        if self._trouble is None:
            self._trouble = Outage(time.time(), str(error))
            with MAY_FAIL:
                log.error("journal.write_failed", error=str(error))
        self._trouble = self._trouble._replace(error=str(error))

    def _note_success(self) -> None:
        if self._trouble:
            after_seconds = round(time.time() - self._trouble.since, 3)
            with MAY_FAIL:
                log.info("journal.recovered", after_seconds=after_seconds, backlog=self.backlog)
            self._trouble = None


def _settle(promise: Promise, is_written: bool) -> None:
    if is_written:
        promise.set_result(None)
    else:
        promise.set_exception(JournalError("the journal was closed before the disk took what was to be promised"))
