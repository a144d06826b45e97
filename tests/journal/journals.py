"""Journals to try things on, the facts to write into them, and a disk that does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from threading import Event

from acd.center.facts import AgentUnreachable, AnyFact
from acd.center.model import AgentName
from acd.journal import Journal
from acd.journal.sqlite import SqliteStore
from acd.journal.store import Row


class Disk(SqliteStore):
    """A store whose disk can be held (it is slow), broken, or full."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.goes_on = Event()
        self.goes_on.set()
        self.is_held = Event()
        self.broken: BaseException | None = None
        self.groups: list[int] = []
        """How many facts each group had that was written."""

    def hold(self) -> None:
        self.goes_on.clear()

    def let_go(self) -> None:
        self.goes_on.set()

    def fill(self) -> None:
        """SQLITE_FULL, from SQLite itself, as soon as one more page is needed."""
        (pages,) = self._writing.execute("PRAGMA page_count").fetchone()
        self._writing.execute(f"PRAGMA max_page_count = {pages}")

    def make_room(self) -> None:
        self._writing.execute("PRAGMA max_page_count = 1000000")

    def write(self, rows: Sequence[Row]) -> None:
        self.is_held.set()
        self.goes_on.wait()
        if self.broken:
            raise self.broken
        super().write(rows)
        self.groups.append(len(rows))


@asynccontextmanager
async def journal_on(
    disk: SqliteStore, on_write: Callable[[float, int], None] = lambda *_: None
) -> AsyncIterator[Journal]:
    journal = Journal(disk, on_write)
    try:
        yield journal
    finally:
        await journal.close()


@asynccontextmanager
async def journal_at(path: Path) -> AsyncIterator[Journal]:
    async with journal_on(SqliteStore(path)) as journal:
        yield journal


async def read_back(path: Path) -> list[AnyFact]:
    async with journal_at(path) as journal:
        return list(journal.read())


async def until(so: Callable[[], object]) -> None:
    while not so():
        await asyncio.sleep(0.001)


# ---- Turns that show whether they are whole


def turn(number: int, size: int) -> list[AnyFact]:
    name = AgentName(str(number))
    return [AgentUnreachable(at=float(number), agent=name, in_a_row=size, cause=str(i)) for i in range(size)]


def numbers_of_whole_turns(facts: Iterable[AnyFact]) -> list[int]:
    """The numbers of the turns, each of which must be whole and in its order."""
    numbers = []
    for name, some in groupby(facts, key=lambda fact: fact.agent):
        found = list(some)
        assert found == turn(int(name), found[0].in_a_row), f"turn {name} is not whole"
        numbers.append(int(name))
    return numbers
