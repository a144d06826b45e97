"""Facts on disk: written in the order in which they were made, read back to the same state.

journal = open_journal("sqlite:var/acd.db")
center.fold(journal.read())
number = journal.append(facts)        # returns at once; the disk is another thread's business
await journal.committed(number)       # only before something is promised to a caller
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from acd.center.model import SiteRules
from acd.journal import sqlite
from acd.journal.journal import Journal, Outage
from acd.journal.sqlite import SqliteStore
from acd.journal.store import JournalError

__all__ = ["Journal", "JournalError", "Outage", "last_rules", "open_journal"]


def open_journal(url: str, on_write: Callable[[float, int], None] = lambda *_: None) -> Journal:
    """`on_write` is told by the writer's thread of each group: how many seconds it took, and how many facts it had.

    Raises JournalError, whose one line says what to do.
    """
    return Journal(SqliteStore(_path(url)), on_write)


def last_rules(url: str) -> SiteRules | None:
    """The rules that its daemon goes by, or went by last; None if there is no journal yet. It may be in use.

    Raises JournalError.
    """
    return sqlite.last_rules(_path(url))


def _path(url: str) -> Path:
    scheme, _, path = url.partition(":")
    if scheme != "sqlite" or not path:
        raise JournalError(f"store.url: {scheme!r} is no store that acd knows; allowed: sqlite:PATH")
    return Path(path)
