"""A backup of a journal that is in use: whole, checked, and never in the place of something else."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest
from center.witness import likeness
from typer.testing import CliRunner, Result

from acd.__main__ import main
from acd.center import Center
from acd.journal import JournalError, export
from acd.journal.compacting import compact
from acd.journal.sqlite import SqliteStore

from .days import START, turns
from .journals import journal_at, numbers_of_whole_turns, read_back, turn

ACD = """
[asterisk.main]
host = "127.0.0.1"
secret = "env:ACD_AMI_SECRET"

[store]
url = "sqlite:{path}"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "var").mkdir()
    return tmp_path / "var" / "acd.db"


@pytest.fixture
def to(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups" / "acd.db"


@pytest.fixture
def file(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACD_AMI_SECRET", "x")
    file = tmp_path / "acd.toml"
    file.write_text(ACD.format(path=path))
    return file


def acd_export(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["export", "-c", str(file), *arguments])


async def test_a_backup_of_a_journal_that_is_written_to_all_the_time_has_whole_turns(path: Path, to: Path) -> None:
    async with journal_at(path) as journal:
        for number in range(50):
            await journal.committed(journal.append(turn(number, 3)))
        promised = journal.last
        making = asyncio.create_task(asyncio.to_thread(export, f"sqlite:{path}", to))
        number = 50
        while not making.done():
            await journal.committed(journal.append(turn(number, 1 + number % 5)))
            number += 1
        last = await making

    facts = await read_back(to)
    assert promised <= last == len(facts)
    survived = numbers_of_whole_turns(facts)
    assert survived == list(range(len(survived)))


async def test_a_daemon_goes_on_from_a_backup_as_from_the_journal_itself(path: Path, to: Path) -> None:
    lived, restored = Center(), Center()
    day = list(turns(30, lived))
    for part in (day[:50], day[50:]):
        async with journal_at(path) as journal:
            for facts in part:
                journal.append(facts)
        await asyncio.to_thread(compact, path, START + 60)

    export(f"sqlite:{path}", to)

    async with journal_at(to) as journal:
        assert journal.bring_back(restored).snapshot > 0
    assert likeness(restored.state) == likeness(lived.state)


async def test_a_backup_is_one_file_for_nobody_else_to_read(path: Path, to: Path) -> None:
    async with journal_at(path) as journal:
        await journal.committed(journal.append(turn(1, 3)))
        export(f"sqlite:{path}", to)

    assert [file.name for file in to.parent.iterdir()] == ["acd.db"]
    assert to.stat().st_mode & 0o777 == 0o600


async def test_what_is_there_already_is_left_as_it_is(path: Path, to: Path) -> None:
    async with journal_at(path):
        pass
    to.write_text("the backup of yesterday")

    with pytest.raises(JournalError, match=r"is there already, and is left as it is; name another file$"):
        export(f"sqlite:{path}", to)

    assert to.read_text() == "the backup of yesterday"


@pytest.mark.parametrize("damage", ["UPDATE facts SET checksum = 0 WHERE seq = 2", "DELETE FROM facts WHERE seq = 2"])
async def test_a_damaged_journal_makes_no_backup(path: Path, to: Path, damage: str) -> None:
    async with journal_at(path) as journal:
        journal.append(turn(1, 3))
    with closing(connect(path, isolation_level=None)) as db:
        db.execute(damage)

    with pytest.raises(JournalError, match=f"^{path}: fact 2 is (damaged|missing)"):
        export(f"sqlite:{path}", to)

    assert list(to.parent.iterdir()) == []


async def test_a_damaged_snapshot_makes_no_backup(path: Path, to: Path) -> None:
    async with journal_at(path) as journal:
        journal.append([fact for facts in turns(1) for fact in facts])
    await asyncio.to_thread(compact, path, 0)
    with closing(connect(path, isolation_level=None)) as db:
        db.execute("UPDATE snapshots SET checksum = 0")

    with pytest.raises(JournalError, match=f"^{path}: the snapshot of fact "):
        export(f"sqlite:{path}", to)


def test_where_there_is_no_journal_there_is_no_backup(path: Path, to: Path) -> None:
    with pytest.raises(JournalError, match=f"^{path}: "):
        export(f"sqlite:{path}", to)

    assert list(to.parent.iterdir()) == []
    assert not path.exists()


def test_a_folder_that_is_not_there_is_told(path: Path) -> None:
    with closing(SqliteStore(path)), pytest.raises(JournalError, match="No such file or directory"):
        export(f"sqlite:{path}", path.parent / "nowhere" / "acd.db")


async def test_an_operator_exports_while_the_daemon_runs(file: Path, path: Path, to: Path) -> None:
    async with journal_at(path) as journal:
        await journal.committed(journal.append(turn(1, 3)))
        done = acd_export(file, "--to", str(to))

    assert (done.exit_code, done.stdout) == (0, f"{to}: 3 facts\n")
    assert numbers_of_whole_turns(await read_back(to)) == [1]


async def test_a_backup_without_a_name_is_called_after_the_journal_and_the_moment(
    file: Path, path: Path, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(to.parent)
    async with journal_at(path) as journal:
        journal.append(turn(1, 3))

    done = acd_export(file)

    (made,) = to.parent.glob("acd-*T*Z.db")
    assert (done.exit_code, done.stdout) == (0, f"{made.name}: 3 facts\n")


async def test_a_backup_that_cannot_be_made_is_told_in_one_line(file: Path, path: Path, to: Path) -> None:
    async with journal_at(path):
        pass
    to.touch()

    done = acd_export(file, "--to", str(to))

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"{to}: is there already, and is left as it is; name another file\n"
