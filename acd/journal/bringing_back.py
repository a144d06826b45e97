"""Brings a center back to where its journal ends: by a snapshot and the facts behind it, or by all facts."""

from __future__ import annotations

from typing import NamedTuple

import structlog

from acd.center import Center
from acd.journal.store import OURS, JournalError, Readable, SnapshotRow, snapshot_of

log = structlog.get_logger()


class BroughtBack(NamedTuple):
    snapshot: int
    """The number of the fact at which it was taken, 0 if there was none to begin with."""
    last: int
    """The number of the last fact that was folded."""


def bring_back(journal: Readable, center: Center) -> BroughtBack:
    """A snapshot that is damaged, or that this release does not understand, is passed over. Raises JournalError."""
    number = begin = _restore(journal, center)
    for number, fact in enumerate(journal.read(after=begin), begin + 1):  # noqa: B007 - the last one is what we want
        center.state.fold(fact)
    return BroughtBack(begin, number)


def _restore(journal: Readable, center: Center) -> int:
    for row in _worth_a_try(journal):
        try:
            snapshot = snapshot_of(row)
        except ValueError as error:
            log.warning("journal.snapshot_passed_over", error=str(error))
            continue
        center.restore(snapshot)
        return row.seq
    if journal.first > 1:
        raise JournalError(
            "the journal: its oldest facts were forgotten, and no snapshot that stands for them can be read; "
            "restore a backup"
        )
    return 0


def _worth_a_try(journal: Readable) -> list[SnapshotRow]:
    """Ours; those that another release made only where there is nothing better."""
    rows = journal.snapshots()
    ours = [row for row in rows if row.made_by == OURS]
    return ours if journal.first == 1 else [*ours, *(row for row in rows if row.made_by != OURS)]
