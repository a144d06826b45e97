"""Facts on disk: written in the order in which they were made, read back to the same state.

journal = open_journal("sqlite:var/acd.db")
journal.bring_back(center)
number = journal.append(facts)        # returns at once; the disk is another thread's business
await journal.committed(number)       # only before something is promised to a caller
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from acd.center.model import SiteRules
from acd.journal import beside
from acd.journal.compaction import Compaction
from acd.journal.journal import Journal, Outage
from acd.journal.sqlite import SqliteStore
from acd.journal.store import JournalError

__all__ = ["Compaction", "Journal", "JournalError", "Outage", "compaction_of", "export", "last_rules", "open_journal"]


def open_journal(url: str, on_write: Callable[[float, int], None] = lambda *_: None) -> Journal:
    """`on_write` is told by the writer's thread of each group: how many seconds it took, and how many facts it had.

    Raises JournalError, whose one line says what to do.
    """
    return Journal(SqliteStore(_path(url)), on_write)


def compaction_of(journal: Journal, url: str, keep_days: float | None) -> Compaction:
    """`keep_days`: None keeps everything for ever."""
    return Compaction(journal, _path(url), keep_days)


def last_rules(url: str) -> SiteRules | None:
    """The rules that its daemon goes by, or went by last; None if there is no journal yet. It may be in use.

    Raises JournalError.
    """
    return beside.last_rules(_path(url))


def export(url: str, to: Path) -> int:
    """A backup of it, while it may be in use; answers with the number of its last fact.

    Raises JournalError, with nothing left, if `to` is there already or the journal is damaged.
    """
    return beside.export(_path(url), to)


def _path(url: str) -> Path:
    scheme, _, path = url.partition(":")
    if scheme != "sqlite" or not path:
        raise JournalError(f"store.url: {scheme!r} is no store that acd knows; allowed: sqlite:PATH")
    return Path(path)
