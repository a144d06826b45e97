"""Commands of acd, started as a person does, and what is left of them afterwards.

with started(tmp_path, "demo") as demo:
    demo.said("The call centre is open")
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from acd.asterisk import private

SOON_SECONDS = 30.0

needs_an_asterisk = pytest.mark.skipif(private.find() is None, reason="there is no Asterisk here: acd pbx install")


class Started:
    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder

    def said(self, words: str) -> str:
        """The next line on its standard output that has these words in it."""
        assert self.process.stdout
        for line in self.process.stdout:
            if words in line:
                return line
        raise AssertionError(f"ended without having said {words!r}: {self.complained()}")

    def ends(self) -> tuple[int, str]:
        """Its status, and the rest of what it said."""
        assert self.process.stdout
        rest = self.process.stdout.read()
        return self.process.wait(SOON_SECONDS), rest

    def complained(self) -> str:
        return (self.folder / "stderr").read_text()

    def leftovers(self) -> list[str]:
        """Files that it left in its temporary folder, and processes that were started there."""
        files = [str(path) for path in (self.folder / "tmp").iterdir()]
        return files + [f"process {pid}" for pid in processes_with(str(self.folder / "tmp"))]


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[Started]:
    """`acd ARGUMENTS`, with a folder for temporary files of its own; whatever it does, it ends with the block."""
    (folder / "tmp").mkdir()
    with (
        (folder / "stderr").open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "acd", *arguments],
            env={**os.environ, "TMPDIR": str(folder / "tmp")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            yield Started(process, folder)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(SOON_SECONDS)
            process.kill()
            for pid in processes_with(str(folder / "tmp")):
                os.kill(pid, signal.SIGKILL)


def processes_with(*words: str) -> list[int]:
    """Those whose command line has all these words in it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if all(word in command for word in words):
                found.append(int(path.parent.name))
    return found
