"""What time it is: moments in seconds of UTC that never run backwards while the daemon lives."""

from __future__ import annotations

import time


class Clock:
    """The wall clock at the start, carried on by the monotonic one: a step of the system's clock moves no timer."""

    def __init__(self) -> None:
        self._started_at = time.time() - time.monotonic()

    def now(self) -> float:
        return self._started_at + time.monotonic()
