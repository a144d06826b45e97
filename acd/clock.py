"""What time it is: moments in seconds of UTC, by which timers are set.

The monotonic clock carries it on, so a step of the wall clock (set by hand or by NTP, or the machine was suspended)
moves no timer. But moments are to be those of the wall clock: what that gains or loses bit by bit is followed bit by
bit, and a step at once, when `follow` has told of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

STEP_SECONDS = 1.0
"""A difference from here on is a step. NTP itself steps what it finds to be off by more than 0.128 s."""
SLEW_SECONDS = 0.01
"""The most that is made up for each time that somebody looks."""


class Clock:
    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._ahead = wall() - steady()
        self._latest = 0.0

    def now(self) -> float:
        """Never earlier than it was before, but for a step that `follow` has told of."""
        self._latest = max(self._latest, self._ahead + self._steady())
        return self._latest

    def follow(self) -> float:
        """To be called every second. Answers by how many seconds the wall clock has stepped, 0 mostly; `now` has."""
        off = self._wall() - self._steady() - self._ahead
        if abs(off) < STEP_SECONDS:
            self._ahead += max(-SLEW_SECONDS, min(SLEW_SECONDS, off))
            return 0.0
        self._ahead += off
        self._latest = 0.0
        return off


class Alarm:
    """Rings at one moment by a clock that may be set, and then no more."""

    def __init__(self, now: Callable[[], float], ring: Callable[[], object]) -> None:
        self._now, self._ring = now, ring
        self._at: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self, at: float | None) -> None:
        """To this moment, in seconds of UTC, and no other; None, to none."""
        if at != self._at:
            self.stop()
            self._at = at
            self._wind_up()

    def clock_stepped(self) -> None:
        """Its moment comes so much sooner or later."""
        if self._timer:
            self._timer.cancel()
        self._wind_up()

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._at = self._timer = None

    def _wind_up(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None if self._at is None else loop.call_at(self._at - (self._now() - loop.time()), self._is_due)

    def _is_due(self) -> None:
        self.stop()
        self._ring()
