"""What other programs do with a journal, beside the daemon that may be writing to it: look, and make a backup."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from acd.center.model import SiteRules
from acd.journal.sqlite_file import SqliteReader, explained
from acd.journal.store import JournalError, snapshot_of


def last_rules(path: Path) -> SiteRules | None:
    """None if there is no journal, or none with rules. Raises JournalError."""
    if not path.exists():
        return None
    with closing(SqliteReader(path)) as journal:
        return journal.last_rules()


def export(path: Path, to: Path) -> int:
    """A copy of all that is committed at this moment, read through and safe on disk when it has its name.

    Answers with the number of its last fact. Raises JournalError, with nothing left, if `to` exists or what was copied
    is damaged.
    """
    if to.exists():
        raise JournalError(f"{to}: is there already, and is left as it is; name another file")
    unfinished = to.with_name(f".{to.name}.{os.getpid()}")
    try:
        with explained(to):
            os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(SqliteReader(path)) as journal:
            journal.copy(unfinished)
        with closing(SqliteReader(unfinished, called=path)) as copy:
            last = _read_through(copy)
        with explained(to):
            _sync(unfinished)
            unfinished.rename(to)
            _sync(to.parent)
        return last
    finally:
        unfinished.unlink(missing_ok=True)


def _read_through(journal: SqliteReader) -> int:
    """Every fact and every snapshot is what it was when it was written."""
    for row in journal.snapshots():
        with explained(journal.path):
            snapshot_of(row)
    for _ in journal.read(after=journal.first - 1):
        pass
    return journal.last


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
