"""What was dialled in the last day: what the rates are counted from.

It is fed with what has been dialled, in that order, from the journal after a restart; the same dials make the same of
it. It asks no clock, and forgets what is older than a day.
"""

from __future__ import annotations

from collections import deque

DAY_SECONDS = 24 * 3600.0
MOST_REMEMBERED = 100_000
"""Which is also the highest rate that can be watched."""


class Dialled:
    def __init__(self) -> None:
        self._all: deque[tuple[float, str]] = deque()
        self._by_number: dict[str, deque[float]] = {}

    def noted(self, e164: str, at: float) -> None:
        """It has been dialled."""
        while self._all and (len(self._all) >= MOST_REMEMBERED or not 0 <= at - self._all[0][0] < DAY_SECONDS):
            self._forget_first()
        self._all.append((at, e164))
        self._by_number.setdefault(e164, deque()).append(at)

    def nth_last(self, n: int) -> float | None:
        """The moment of the nth last dial (1 is the last); None if there have not been so many."""
        return self._all[-n][0] if n <= len(self._all) else None

    def nth_last_to(self, e164: str, n: int) -> float | None:
        moments = self._by_number.get(e164, ())
        return moments[-n] if n <= len(moments) else None

    def _forget_first(self) -> None:
        _, e164 = self._all.popleft()
        moments = self._by_number[e164]
        moments.popleft()
        if not moments:
            del self._by_number[e164]
