"""The store that needs no server: one SQLite file, which one daemon has to itself for as long as it lives."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import cast

from acd.center.facts import AnyFact, RequestEnded, RulesChanged
from acd.center.model import SiteRules
from acd.journal.store import JournalError, Row, fact_of

APPLICATION_ID = int.from_bytes(b"acdj", "big")
FORMAT = 1

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
PRAGMA user_version = {FORMAT};
COMMIT;
"""
# An index on an expression serves a query that says the very same (https://sqlite.org/expridx.html). `kind` is that of
# the fact, RequestEnded; `$.kind` that of the request which ended, such as `call`.
_PAST = "SELECT seq, body, checksum FROM facts WHERE kind = 'RequestEnded' AND seq < :before"
_OF_QUEUE = " AND json_extract(body, '$.queue') = :queue"
_OF_KIND = " AND json_extract(body, '$.kind') = :kind"
_NEWEST_FIRST = " ORDER BY seq DESC LIMIT :limit"

_INSERT, _VALUES = "INSERT INTO facts VALUES ", "(?, ?, ?, ?, ?)"
ROWS_IN_A_STATEMENT = 100

BUSY_SECONDS = 1.0
_NOT_OURS = "{path}: belongs to another program; store.url must name a file of its own for acd"
_BEGIN_ANEW = "restore a backup, or move the file away to begin a new journal"


class SqliteStore:
    def __init__(self, path: Path) -> None:
        """Makes the file, and its folder, where there is none. Raises JournalError."""
        self._path = path
        with self._explained(), ExitStack() as opened:
            _make(path, opened)
            self._writing = opened.enter_context(closing(_connect(path, "rw")))
            self._set_up()
            self._reading = opened.enter_context(closing(_connect(path, "ro")))
            self._reading.text_factory = bytes
            (self.last,) = self._writing.execute("SELECT ifnull(max(seq), 0) FROM facts").fetchone()
            self._opened = opened.pop_all()

    def _set_up(self) -> None:
        (owner,) = self._writing.execute("PRAGMA application_id").fetchone()
        (version,) = self._writing.execute("PRAGMA user_version").fetchone()
        is_new = self._writing.execute("SELECT 1 FROM sqlite_master").fetchone() is None
        if owner != APPLICATION_ID and not (is_new and owner == version == 0):
            raise JournalError(_NOT_OURS.format(path=self._path))
        if version > FORMAT:
            raise JournalError(
                f"{self._path}: written by a newer release of acd (format {version}, this one knows {FORMAT}); "
                "run that release, or name another file in store.url"
            )
        self._writing.execute("PRAGMA journal_mode = WAL")
        # With less, a loss of power could undo a commit: https://sqlite.org/pragma.html#pragma_synchronous
        self._writing.execute("PRAGMA synchronous = FULL")
        if is_new:
            self._writing.executescript(_SCHEMA)

    def close(self) -> None:
        self._opened.close()

    # ---- Writing

    def write(self, rows: Sequence[Row]) -> None:
        # Many rows a statement: a thread lets go of the GIL for each, and in a busy process waits up to 5 ms to have it
        # back. 1,000 rows beside a thread that never rests: 76 ms, by `executemany` 420 ms.
        with self._explained(), self._writing:
            self._writing.execute("BEGIN IMMEDIATE")
            for first in range(0, len(rows), ROWS_IN_A_STATEMENT):
                some = rows[first : first + ROWS_IN_A_STATEMENT]
                self._writing.execute(_INSERT + ",".join([_VALUES] * len(some)), list(chain.from_iterable(some)))

    # ---- Reading

    def read(self) -> Iterator[AnyFact]:
        everything = "SELECT seq, body, checksum FROM facts ORDER BY seq"
        with self._explained(), closing(self._reading.execute(everything)) as rows:
            for expected, (seq, body, checksum) in enumerate(rows, start=1):
                if seq != expected:
                    raise ValueError(f"fact {expected} is missing")
                yield fact_of(seq, body, checksum)

    def past(self, queue: str | None, kind: str | None, before: int, limit: int) -> list[tuple[int, RequestEnded]]:
        asked = {"queue": queue, "kind": kind, "before": before, "limit": limit}
        query = _PAST + (_OF_QUEUE if queue else "") + (_OF_KIND if kind else "") + _NEWEST_FIRST
        with self._explained():
            return [(row[0], cast(RequestEnded, fact_of(*row))) for row in self._reading.execute(query, asked)]

    def after(self, number: int, limit: int) -> list[tuple[int, AnyFact]]:
        query = "SELECT seq, body, checksum FROM facts WHERE seq > ? ORDER BY seq LIMIT ?"
        with self._explained():
            return [(row[0], fact_of(*row)) for row in self._reading.execute(query, (number, limit))]

    def _explained(self) -> AbstractContextManager[None]:
        return _explained(self._path)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Whatever goes wrong becomes a JournalError, in the operator's words."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise JournalError(f"{where}: {error.strerror}; the folder of the journal must be acd's to write in") from error
    except sqlite3.Error as error:
        raise JournalError(f"{path}: {_in_words(error)}") from error
    except ValueError as error:
        raise JournalError(f"{path}: {error}; {_BEGIN_ANEW}") from error


def last_rules(path: Path) -> SiteRules | None:
    """Read beside the daemon that may be writing there; None if there is no journal, or none with rules."""
    if not path.exists():
        return None
    with _explained(path), closing(_connect(path, "ro")) as reading:
        (owner,) = reading.execute("PRAGMA application_id").fetchone()
        if owner != APPLICATION_ID:
            raise JournalError(_NOT_OURS.format(path=path))
        reading.text_factory = bytes
        row = reading.execute(
            "SELECT seq, body, checksum FROM facts WHERE kind = 'RulesChanged' ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        return cast(RulesChanged, fact_of(*row)).rules if row else None


def _make(path: Path, opened: ExitStack) -> None:
    """The folder, the lock and the file. Callers' numbers stand in it: what is made here is for nobody else to read.

    It is opened for writing because SQLite would be content with less, until the first fact.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    opened.enter_context(_alone(path))
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


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


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)


def _in_words(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of it are details: https://sqlite.org/rescode.html
    if code == sqlite3.SQLITE_NOTADB:
        return "is no journal of acd; store.url must name one, or a file that is not there yet"
    if code == sqlite3.SQLITE_CORRUPT:
        return f"is damaged ({error}); {_BEGIN_ANEW}"
    return str(error)
