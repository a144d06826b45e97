"""Compacts a journal while its daemon goes on writing there: `python -m acd.journal.compacting PATH FORGET_BEFORE`.

It is a process of its own, so that neither folding nor writing down what it came to keeps the daemon's event loop from
anything. What it says is what is on disk: it reads nothing else. If it is killed, nothing has happened.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec
import structlog

from acd.center import Center
from acd.journal.bringing_back import bring_back
from acd.journal.sqlite_file import FORMAT, SqliteReader, connect
from acd.journal.store import JournalError, SnapshotRow, snapshot_of, snapshot_row_of

SNAPSHOTS_KEPT = 2
"""If the newest is damaged, the other one will do: no fact behind it is ever forgotten."""
FORGOTTEN_AT_ONCE = 2_000
PAUSE_SECONDS = 0.02
"""After each of them: the daemon's own writes go before."""
NICENESS = 10


class Compacted(msgspec.Struct):
    snapshot: int
    """The number of the fact at which it was taken."""
    forgotten: int
    """How many facts."""


def compact(path: Path, forget_before: float) -> Compacted:
    """Takes a snapshot; and forgets what it stands for, as far as it is older than that moment. Raises JournalError."""
    with SqliteCompactor(path) as journal:
        center = Center()
        begin, last = bring_back(journal, center)
        if begin < last:
            journal.keep(snapshot_row_of(last, center.snapshot()))
            journal.prove(last, center)
        return Compacted(last, journal.forget(forget_before))


class SqliteCompactor(SqliteReader):
    """Writes beside the daemon, and nothing that the daemon writes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self._explained(), ExitStack() as opened:
            opened.callback(self.close)
            self._writing = opened.enter_context(closing(connect(path, "rw")))
            # It may be undone by a loss of power, as a whole; that costs nothing but to do it again.
            self._writing.execute("PRAGMA synchronous = NORMAL")
            self._opened = opened.pop_all()

    def __enter__(self) -> SqliteCompactor:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def keep(self, row: SnapshotRow) -> None:
        too_old = "SELECT seq FROM snapshots ORDER BY seq DESC LIMIT -1 OFFSET ?"
        with self._explained(), self._writing:
            self._writing.execute("BEGIN IMMEDIATE")
            self._writing.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)", row)
            self._writing.execute(f"DELETE FROM snapshots WHERE seq IN ({too_old})", [SNAPSHOTS_KEPT])  # noqa: S608

    def prove(self, seq: int, center: Center) -> None:
        """Raises JournalError if the snapshot does not lead to what the facts led to: then nothing may be forgotten."""
        with self._explained():
            heir = Center()
            heir.restore(snapshot_of(next(row for row in self.snapshots() if row.seq == seq)))
            if heir.snapshot() != center.snapshot():
                raise ValueError(f"the snapshot of fact {seq} is not what the facts led to")

    def forget(self, before: float) -> int:
        """The oldest facts, up to the first that is younger or that no snapshot stands for; answers how many."""
        oldest_kept = min((row.seq for row in self.snapshots()), default=0)
        young = "SELECT seq FROM facts WHERE at >= ? OR seq > ? ORDER BY seq LIMIT 1"
        with self._explained():
            first_young = self._reading.execute(young, [before, oldest_kept]).fetchone()
            end = first_young[0] if first_young else oldest_kept + 1
            count = 0
            while some := self._forget_some(end):
                count += some
                time.sleep(PAUSE_SECONDS)
        return count

    def _forget_some(self, end: int) -> int:
        oldest = "SELECT seq FROM facts WHERE seq < ? ORDER BY seq LIMIT ?"
        with self._writing:
            self._writing.execute("BEGIN IMMEDIATE")
            count = self._writing.execute(
                f"DELETE FROM facts WHERE seq IN ({oldest})",  # noqa: S608
                [end, FORGOTTEN_AT_ONCE],
            ).rowcount
            if count:
                self._writing.execute(f"PRAGMA user_version = {FORMAT}")
            return count


def main() -> None:
    os.nice(NICENESS)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    path, forget_before = sys.argv[1:]
    try:
        done = compact(Path(path), float(forget_before))
    except JournalError as error:
        sys.exit(str(error))
    sys.stdout.buffer.write(msgspec.json.encode(done))


if __name__ == "__main__":
    main()
