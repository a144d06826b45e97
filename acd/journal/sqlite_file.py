"""The SQLite file of a journal, as any program may read it while its daemon writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import cast

from acd.center.facts import AnyFact, ChangeMade, RequestEnded, RulesChanged
from acd.center.model import SiteRules
from acd.journal.store import JournalError, SnapshotRow, fact_of, snapshot_of

APPLICATION_ID = int.from_bytes(b"acdj", "big")
FORMAT = 2
"""1: it has all facts, from the first. 2: the oldest have been forgotten, and a snapshot stands for them."""

# An index on an expression serves a query that says the very same (https://sqlite.org/expridx.html). `kind` is that of
# the fact, RequestEnded; `$.kind` that of the request which ended, such as `call`.
_PAST = "SELECT seq, body, checksum FROM facts WHERE kind = 'RequestEnded' AND seq < :before"
_OF_QUEUE = " AND json_extract(body, '$.queue') = :queue"
_OF_KIND = " AND json_extract(body, '$.kind') = :kind"
_NEWEST_FIRST = " ORDER BY seq DESC LIMIT :limit"

BUSY_SECONDS = 1.0
BEGIN_ANEW = "restore a backup, or move the file away to begin a new journal"


class SqliteReader:
    def __init__(self, path: Path, called: Path | None = None) -> None:
        """`called` is what messages name, if not the path. Raises JournalError."""
        self.path = called or path
        with self._explained():
            self._reading = connect(path, "ro")
            check_owner(self._reading, path)
            self._reading.text_factory = bytes

    def close(self) -> None:
        self._reading.close()

    @property
    def last(self) -> int:
        newest = "SELECT max(ifnull((SELECT max(seq) FROM facts), 0), ifnull((SELECT max(seq) FROM snapshots), 0))"
        with self._explained():
            return int(self._reading.execute(newest).fetchone()[0])

    @property
    def first(self) -> int:
        with self._explained():
            (oldest,) = self._reading.execute("SELECT min(seq) FROM facts").fetchone()
            return oldest or self.last + 1

    def read(self, after: int = 0) -> Iterator[AnyFact]:
        query = "SELECT seq, body, checksum FROM facts WHERE seq > ? ORDER BY seq"
        with self._explained(), closing(self._reading.execute(query, [after])) as rows:
            for expected, (seq, body, checksum) in enumerate(rows, start=after + 1):
                if seq != expected:
                    raise ValueError(f"fact {expected} is missing")
                yield fact_of(seq, body, checksum)

    def snapshots(self) -> list[SnapshotRow]:
        """The newest first. (A journal that an older release began has no place for them yet.)"""
        with self._explained():
            if not self._reading.execute("SELECT 1 FROM sqlite_master WHERE name = 'snapshots'").fetchone():
                return []
            rows = self._reading.execute("SELECT seq, made_by, body, checksum FROM snapshots ORDER BY seq DESC")
            return [SnapshotRow(seq, made_by.decode(), body, checksum) for seq, made_by, body, checksum in rows]

    def past(self, queue: str | None, kind: str | None, before: int, limit: int) -> list[tuple[int, RequestEnded]]:
        asked = {"queue": queue, "kind": kind, "before": before, "limit": limit}
        query = _PAST + (_OF_QUEUE if queue else "") + (_OF_KIND if kind else "") + _NEWEST_FIRST
        with self._explained():
            return [(row[0], cast(RequestEnded, fact_of(*row))) for row in self._reading.execute(query, asked)]

    def after(self, number: int, limit: int) -> list[tuple[int, AnyFact]]:
        query = "SELECT seq, body, checksum FROM facts WHERE seq > ? ORDER BY seq LIMIT ?"
        with self._explained():
            return [(row[0], fact_of(*row)) for row in self._reading.execute(query, (number, limit))]

    def changes(self, before: int, limit: int) -> list[tuple[int, ChangeMade]]:
        query = "SELECT seq, body, checksum FROM facts WHERE kind = 'ChangeMade' AND seq < ? ORDER BY seq DESC LIMIT ?"
        with self._explained():
            return [(row[0], cast(ChangeMade, fact_of(*row))) for row in self._reading.execute(query, (before, limit))]

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self.path)

    def last_rules(self) -> SiteRules | None:
        newest = "SELECT seq, body, checksum FROM facts WHERE kind = 'RulesChanged' ORDER BY seq DESC LIMIT 1"
        with self._explained():
            if row := self._reading.execute(newest).fetchone():
                return cast(RulesChanged, fact_of(*row)).rules
            return next((snapshot_of(row).rules for row in self.snapshots()), None)

    def copy(self, to: Path) -> None:
        """All that is committed at this moment, as one file; the daemon writes on meanwhile."""
        with self._explained(), closing(connect(to, "rw")) as copy:
            self._reading.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # nothing beside the file


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Whatever goes wrong becomes a JournalError, in the operator's words."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise JournalError(f"{where}: {error.strerror}; the folder of the journal must be acd's to write in") from error
    except sqlite3.Error as error:
        raise JournalError(f"{path}: {_in_words(error)}") from error
    except ValueError as error:
        raise JournalError(f"{path}: {error}; {BEGIN_ANEW}") from error


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """`mode` is that of https://sqlite.org/uri.html: `ro`, `rw`, or `rwc` to make the file."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)


def check_owner(connection: sqlite3.Connection, path: Path) -> None:
    """Raises JournalError for a file of another program, or of a newer release."""
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if owner != APPLICATION_ID:
        raise JournalError(f"{path}: belongs to another program; store.url must name a file of its own for acd")
    if version > FORMAT:
        raise JournalError(
            f"{path}: written by a newer release of acd (format {version}, this one knows {FORMAT}); "
            "run that release, or name another file in store.url"
        )


def _in_words(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of it are details: https://sqlite.org/rescode.html
    if code == sqlite3.SQLITE_NOTADB:
        return "is no journal of acd; store.url must name one, or a file that is not there yet"
    if code == sqlite3.SQLITE_CORRUPT:
        return f"is damaged ({error}); {BEGIN_ANEW}"
    return str(error)
