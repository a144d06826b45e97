"""What callers have spoken, in a folder that Asterisk writes and the daemon reads: it outlives both of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from acd.messages import SHORTEST_SECONDS, Heard, Messages, NoMessage


class Recordings(Messages):
    """Without a file: how long each of them is. The disk may fail."""

    def __init__(self, disk_is_broken: Callable[[], bool]) -> None:
        super().__init__(Path("in no folder"))
        self._disk_is_broken = disk_is_broken
        self._spoken: dict[str, float] = {}
        """Seconds, of those that are not spoken on."""

    def begins(self, message: str) -> None:
        self._spoken.pop(message, None)

    def ends(self, message: str, spoken_seconds: float) -> None:
        self._spoken[message] = spoken_seconds

    def judge(self, name: str) -> Heard:
        if name not in self._spoken:
            raise NoMessage("missing")
        seconds = self._spoken[name]
        if seconds < SHORTEST_SECONDS:
            raise NoMessage("silent")
        return Heard(seconds, loud_seconds=seconds)

    def keep(self, name: str) -> None:
        if self._disk_is_broken():
            raise OSError("the disk fails")
