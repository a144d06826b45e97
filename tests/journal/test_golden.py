"""Journals of each release fold to what they folded to then."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from acd.center import Center
from acd.journal.bringing_back import bring_back
from acd.journal.sqlite import SqliteStore

from .recording import FOLDER, agrees, record, told_by

JOURNALS = sorted(FOLDER.glob("*/*.db"))


def folded(journal: Path, folder: Path) -> Center:
    center = Center()
    with closing(SqliteStore(Path(shutil.copy(journal, folder / "acd.db")))) as store:
        bring_back(store, center)
    return center


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda file: f"{file.parent.name}, {file.stem}")
def test_a_journal_of_that_release_folds_to_what_it_folded_to(journal: Path, tmp_path: Path) -> None:
    agrees(json.loads(journal.with_suffix(".json").read_text()), told_by(folded(journal, tmp_path)))


def test_there_are_some() -> None:
    assert JOURNALS


async def test_those_of_this_release_can_be_recorded(tmp_path: Path) -> None:
    await record(tmp_path / "golden")

    for journal in (tmp_path / "golden").glob("*.db"):
        agrees(json.loads(journal.with_suffix(".json").read_text()), told_by(folded(journal, tmp_path)))
