"""A journal in virtual time: the real one's rows, and its promises, on a disk that can fail and recover.

The real `Journal` has a thread, whose moments are not ours to say. Here as there: a turn is written as a whole or not
at all, in groups of those that came within a few milliseconds; while the disk fails they are kept, and tried again.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Iterator, Sequence
from typing import Protocol

from acd.center.facts import AnyFact
from acd.journal.journal import GROUP_SECONDS, RETRY_LIMIT_SECONDS
from acd.journal.store import Row, fact_of, row_of


class Store(Protocol):
    """What is used here of a store of the journal."""

    def write(self, rows: Sequence[Row]) -> None: ...

    def read(self) -> Iterator[AnyFact]: ...


class Memory:
    """A store that writes and reads rows as the others do, and forgets them with the run."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def write(self, rows: Sequence[Row]) -> None:
        self._rows += rows

    def read(self) -> Iterator[AnyFact]:
        for row in self._rows:
            yield fact_of(row.seq, row.body.encode(), row.checksum)


class Disk:
    """What a store stands on. It outlives the processes that write to it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.is_broken = False
        self.last = sum(1 for _ in store.read())
        self.digest = hashlib.sha256()
        """Of all facts that were written, each a line of JSON."""

    def write(self, rows: Sequence[Row]) -> None:
        self.store.write(rows)
        self.last = rows[-1].seq
        self.digest.update("".join(f"{row.body}\n" for row in rows).encode())


class GroupedJournal:
    """One process's journal."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._last = disk.last
        self._turns: list[list[Row]] = []
        """Those that are not on disk yet."""
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._all_written = asyncio.Event()
        self._all_written.set()
        self.is_failing = False
        """The last attempt to write has failed."""

    async def all_committed(self) -> None:
        """Returns when all facts so far are on disk."""
        await self._all_written.wait()

    def read(self) -> Iterator[AnyFact]:
        return self._disk.store.read()

    def append(self, facts: Sequence[AnyFact]) -> None:
        turn = [row_of(number, fact) for number, fact in enumerate(facts, self._last + 1)]
        self._last += len(turn)
        self._turns.append(turn)
        self._all_written.clear()
        if self._timer is None:
            self._timer = self._loop.call_later(GROUP_SECONDS, self._write_group)

    def _write_group(self) -> None:
        self._timer = None
        self.is_failing = self._disk.is_broken
        if self.is_failing:
            self._timer = self._loop.call_later(RETRY_LIMIT_SECONDS, self._write_group)
            return
        self._write(self._turns)
        self._turns = []
        self._all_written.set()

    def _write(self, turns: list[list[Row]]) -> None:
        rows = [row for turn in turns for row in turn]
        if rows:
            self._disk.write(rows)

    def close(self) -> None:
        """Writes what waits; a disk that fails keeps nothing of it."""
        self.is_cut_off(at=len(self._turns))

    def dies(self, chance: random.Random) -> None:
        """Its process does: a group may have been on its way to the disk, and none or some of the turns behind it."""
        self.is_cut_off(at=chance.randint(0, len(self._turns)))

    def is_cut_off(self, at: int) -> None:
        if self._timer:
            self._timer.cancel()
        if not self._disk.is_broken:
            self._write(self._turns[:at])
        self._turns = []
