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
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

RECORDING = ".rec.wav"
LEFTOVER_SECONDS = 3600.0
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
        """Of one that is kept. Raises ValueError for a name that is none of ours."""
        if not re.fullmatch(r"[0-9a-f]{16}", name):
            raise ValueError(f"{name!r} is no name of a message")
        return self.folder / f"{name}.wav"

    def kept(self, name: str) -> Path | None:
        """Of one that is there to be heard. Where a link leads to, nobody has left a message."""
        path = self.path(name)
        return path if path.is_file() and not path.is_symlink() else None

    def recording(self, name: str) -> Path:
        """Where Asterisk writes it, until it is kept."""
        return self.path(name).with_name(f"{name}{RECORDING}")

    def judge(self, name: str) -> Heard:
        """Raises NoMessage."""
        try:
            heard = self._listen(name)
        except (OSError, EOFError, wave.Error):
            raise NoMessage("missing") from None
        if heard.seconds < SHORTEST_SECONDS:
            raise NoMessage("short")
        if heard.loud_seconds < LOUD_SECONDS:
            raise NoMessage("silent")
        return heard

    def _listen(self, name: str) -> Heard:
        with suppress(FileNotFoundError):
            return _listen(self.recording(name))
        return _listen(self.path(name))  # kept already, perhaps just now

    def keep(self, name: str) -> None:
        """Returns when it is on disk, and would be there after a loss of power. Raises OSError."""
        recording, kept = self.recording(name), self.path(name)
        with suppress(FileNotFoundError):  # kept already, perhaps just now
            _sync(recording)
            recording.rename(kept)
        _sync(kept)
        _sync(self.folder.resolve())  # which may be reached by a link, unlike a message

    def delete(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)
        self.recording(name).unlink(missing_ok=True)

    def delete_leftovers(self) -> None:
        """Recordings that nobody has finished: a crash left them behind."""
        for path in self.folder.glob(f"*{RECORDING}"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > LEFTOVER_SECONDS:
                    path.unlink()


def _open(path: Path | str, flags: int) -> int:
    """Follows no link."""
    return os.open(path, flags | os.O_NOFOLLOW)


def _sync(path: Path) -> None:
    opened = _open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _listen(path: Path) -> Heard:
    """Asterisk's `wav`: 16 bits, mono, 8,000 samples a second."""
    with open(path, "rb", opener=_open) as file, wave.open(file) as audio:
        rate = audio.getframerate()
        data = audio.readframes(audio.getnframes())
    samples = array("h", data[: len(data) // 2 * 2])  # while it is written, it may end within a sample
    frame = int(rate * FRAME_SECONDS)
    loud = sum(max(samples[at : at + frame]) >= LOUD for at in range(0, len(samples), frame))
    return Heard(len(samples) / rate, loud * FRAME_SECONDS)
