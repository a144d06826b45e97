"""The store that needs no server: one SQLite file, which one daemon has to itself for as long as it lives."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import chain
from pathlib import Path

from acd.journal.sqlite_file import APPLICATION_ID, SqliteReader, check_owner, connect
from acd.journal.store import JournalError, Row

# A journal is of format 2 from the moment at which it first forgets something: see sqlite_file.FORMAT.
_SCHEMA = f"""
BEGIN;
CREATE TABLE facts (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, checksum INTEGER NOT NULL
);
CREATE INDEX past ON facts (kind) WHERE kind = 'RequestEnded';
CREATE INDEX past_of_queue ON facts (json_extract(body, '$.queue')) WHERE kind = 'RequestEnded';
CREATE INDEX past_of_kind ON facts (json_extract(body, '$.kind')) WHERE kind = 'RequestEnded';
CREATE INDEX past_of_queue_and_kind ON facts (json_extract(body, '$.queue'), json_extract(body, '$.kind'))
    WHERE kind = 'RequestEnded';
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = 1;
COMMIT;
"""
_SNAPSHOTS = """
CREATE TABLE IF NOT EXISTS snapshots (
    seq INTEGER PRIMARY KEY, made_by TEXT NOT NULL, body BLOB NOT NULL, checksum INTEGER NOT NULL
)
"""

_CHANGES = "CREATE INDEX IF NOT EXISTS changes ON facts (kind) WHERE kind = 'ChangeMade'"

_INSERT, _VALUES = "INSERT INTO facts VALUES ", "(?, ?, ?, ?, ?)"
ROWS_IN_A_STATEMENT = 100
SMALLEST_BYTES = 512
"""Of a page. SQLite takes the stump of one for a new file."""


class SqliteStore(SqliteReader):
    def __init__(self, path: Path) -> None:
        """Makes the file, and its folder, where there is none. Raises JournalError."""
        self.path = path
        with self._explained(), ExitStack() as opened:
            _make(path, opened)
            self._writing = opened.enter_context(closing(connect(path, "rw")))
            self._set_up()
            super().__init__(path)
            self._opened = opened.pop_all()

    def _set_up(self) -> None:
        is_new = self._writing.execute("SELECT 1 FROM sqlite_master").fetchone() is None
        (owner,) = self._writing.execute("PRAGMA application_id").fetchone()
        (version,) = self._writing.execute("PRAGMA user_version").fetchone()
        is_new = is_new and owner == version == 0
        if not is_new:
            check_owner(self._writing, self.path)
        self._writing.execute("PRAGMA journal_mode = WAL")
        # With less, a loss of power could undo a commit: https://sqlite.org/pragma.html#pragma_synchronous
        self._writing.execute("PRAGMA synchronous = FULL")
        if is_new:
            self._writing.executescript(_SCHEMA)
        self._writing.execute(_SNAPSHOTS)
        self._writing.execute(_CHANGES)

    def close(self) -> None:
        super().close()
        self._opened.close()

    def write(self, rows: Sequence[Row]) -> None:
        # Many rows a statement: a thread lets go of the GIL for each, and in a busy process waits up to 5 ms to have it
        # back. 1,000 rows beside a thread that never rests: 76 ms, by `executemany` 420 ms.
        with self._explained(), self._writing:
            self._writing.execute("BEGIN IMMEDIATE")
            for first in range(0, len(rows), ROWS_IN_A_STATEMENT):
                some = rows[first : first + ROWS_IN_A_STATEMENT]
                self._writing.execute(_INSERT + ",".join([_VALUES] * len(some)), list(chain.from_iterable(some)))


def _make(path: Path, opened: ExitStack) -> None:
    """The folder, the lock and the file. Callers' numbers stand in it: what is made here is for nobody else to read.

    It is opened for writing because SQLite would be content with less, until the first fact.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    opened.enter_context(_alone(path))
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if 0 < (size := path.stat().st_size) < SMALLEST_BYTES:
        raise ValueError(f"was cut off after {size} bytes")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One daemon per journal. The lock is on a file of its own, for closing the journal's would drop SQLite's own locks
    (https://sqlite.org/howtocorrupt.html#posix_advisory_locks); it goes with the process, whatever ended that."""
    with path.with_name(path.name + ".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise JournalError(
                f"{path}: another acd (process {lock.read()}) writes to it; stop that one, "
                "or give this one a file of its own in store.url"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
