"""Voice messages on disk: files that an Asterisk server writes and the daemon judges, keeps and deletes.

They stay where Asterisk has written them, in a folder that both can read and write: on one machine the same one, else
one that is shared. A name is one of the daemon's own, never anything that came from outside.
"""

from __future__ import annotations

import os
import re
import time
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SHORTEST_SECONDS = 1.0
LOUD = 1_000
"""Of 32,767: a frame whose loudest sample stays below it is silence."""
FRAME_SECONDS = 0.02
LOUD_SECONDS = 0.3
"""Less than that to hear is no message."""


class NoMessage(Exception):
    """Why there is none: `missing`, `short` or `silent`."""


class Heard(NamedTuple):
    seconds: float
    loud_seconds: float


class Messages:
    """Of one server. All of it may block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Raises ValueError for a name that is none of ours."""
        if not re.fullmatch(r"[0-9a-f]{16}", name):
            raise ValueError(f"{name!r} is no name of a message")
        return self.folder / f"{name}.wav"

    def judge(self, name: str) -> Heard:
        """Raises NoMessage."""
        try:
            heard = _listen(self.path(name))
        except (OSError, EOFError, wave.Error):
            raise NoMessage("missing") from None
        if heard.seconds < SHORTEST_SECONDS:
            raise NoMessage("short")
        if heard.loud_seconds < LOUD_SECONDS:
            raise NoMessage("silent")
        return heard

    def keep(self, name: str) -> None:
        """Returns when it is on disk, and would be there after a loss of power. Raises OSError."""
        for path, flags in ((self.path(name), os.O_RDONLY), (self.folder, os.O_RDONLY | os.O_DIRECTORY)):
            opened = os.open(path, flags)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)

    def delete(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)

    def older_than(self, seconds: float) -> Iterator[str]:
        """The names of those that were last written to so long ago."""
        for path in self.folder.glob("*.wav"):
            if re.fullmatch(r"[0-9a-f]{16}", path.stem) and time.time() - path.stat().st_mtime > seconds:
                yield path.stem


def _listen(path: Path) -> Heard:
    """Asterisk's `wav`: 16 bits, mono, 8,000 samples a second."""
    with wave.open(str(path), "rb") as audio:
        rate = audio.getframerate()
        samples = array("h")
        samples.frombytes(audio.readframes(audio.getnframes()))
    frame = int(rate * FRAME_SECONDS)
    loud = sum(max(samples[at : at + frame]) >= LOUD for at in range(0, len(samples), frame))
    return Heard(len(samples) / rate, loud * FRAME_SECONDS)
