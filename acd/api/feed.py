"""The feed of facts: numbered as in the journal, read by everyone at a pace of his own.

The center never waits for a reader. Of what was told last, `RECENT` facts are kept in memory, once for all readers; who
asks for older ones has them read from the journal. So a reader needs no queue: all that he has is the number of the
last fact that he got.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property

import msgspec

from acd.center.facts import AnyFact

RECENT = 10_000
"""Some 10 MB, and half a minute of 25 calls/s."""
GATHER_SECONDS = 0.02
"""Readers are woken for what came within it at once: a hundred of them cost little then."""

_JSON = msgspec.json.Encoder()

ReadBack = Callable[[int, int], Awaitable[Sequence[tuple[int, AnyFact]] | None]]
"""Facts of the journal behind a number, so many at most, without a gap; None if it does not keep them any more."""


class Gone(Exception):
    """What was asked for can never be had: the journal does not keep it, or takes no more facts."""


class Event:
    """A fact with its number."""

    def __init__(self, number: int, fact: AnyFact) -> None:
        self.number = number
        self.fact = fact

    @property
    def kind(self) -> str:
        return type(self.fact).__name__

    @cached_property
    def data(self) -> bytes:
        """The fact as the journal writes it: JSON in one line."""
        return _JSON.encode(self.fact)


class Feed:
    def __init__(self, read_back: ReadBack, newest: int) -> None:
        self.newest = newest
        """The number of the last fact that was told."""
        self.over = False
        """The journal takes no more facts, so that they have no numbers: this feed ends here."""
        self._read_back = read_back
        self._recent: dict[int, Event] = {}
        self._oldest = newest + 1
        self._news = asyncio.Event()
        self._waking: asyncio.TimerHandle | None = None

    def tell(self, facts: Sequence[AnyFact]) -> None:
        """The facts of a turn, in their order."""
        for number, fact in enumerate(facts, self.newest + 1):
            self._recent[number] = Event(number, fact)
        self.newest += len(facts)
        while len(self._recent) > RECENT:
            del self._recent[self._oldest]
            self._oldest += 1
        if self._waking is None:
            self._waking = asyncio.get_running_loop().call_later(GATHER_SECONDS, self.wake)

    def end(self) -> None:
        self.over = True
        self.wake()

    def stop(self) -> None:
        """Leaves no timer."""
        if self._waking:
            self._waking.cancel()

    def holds(self, number: int) -> bool:
        """Whether what follows that fact is still in memory."""
        return self._oldest <= number + 1

    async def after(self, number: int, limit: int) -> list[Event]:
        """What follows that fact; empty if nothing does yet, or if the disk has not yet taken it. Raises Gone."""
        if self.over:
            raise Gone("the journal takes no more facts")
        if number > self.newest:
            raise Gone(f"there is no fact {number}: the newest is {self.newest}")
        if self.holds(number):
            return [self._recent[at] for at in range(number + 1, min(number + limit, self.newest) + 1)]
        found = await self._read_back(number, limit)
        if found is None:
            raise Gone(f"the journal does not keep what followed fact {number} any more")
        return [Event(*row) for row in found]

    async def news(self, number: int, seconds: float) -> bool:
        """Whether, within so many seconds, there was more than that fact, or a reason to look."""
        if self.newest > number and self.holds(number):
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """Has every reader look."""
        self._waking = None
        self._news.set()
        self._news = asyncio.Event()
