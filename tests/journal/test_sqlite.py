"""The SQLite store: whose file it is, what is wrong with it, and what a crash leaves behind."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import pytest

from acd.journal import JournalError, open_journal
from acd.journal.sqlite import SqliteStore
from acd.journal.sqlite_file import APPLICATION_ID, FORMAT
from acd.journal.store import Row, row_of

from .journals import journal_at, journal_on, numbers_of_whole_turns, turn, until

SOON_SECONDS = 10.0
TURNS = 5


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "acd.db"


@pytest.fixture
def written(path: Path) -> Path:
    """A journal with five turns, of three facts each."""
    with closing(SqliteStore(path)) as store:
        store.write(rows_of(*range(TURNS)))
    return path


def rows_of(*numbers: int, after: int = 0) -> list[Row]:
    facts = chain.from_iterable(turn(number, 3) for number in numbers)
    return [row_of(number, fact) for number, fact in enumerate(facts, after + 1)]


def turns_at(path: Path) -> list[int]:
    with closing(SqliteStore(path)) as store:
        return numbers_of_whole_turns(store.read())


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


def refused(path: Path) -> str:
    """The one line with which it is refused, when it is opened or when it is read."""
    with pytest.raises(JournalError) as caught:
        turns_at(path)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(str(path))
    return line.removeprefix(f"{path}: ")


# ---- Whose it is


def test_a_second_daemon_is_refused_with_the_process_that_has_it(path: Path) -> None:
    with closing(SqliteStore(path)):
        assert refused(path) == (
            f"another acd (process {os.getpid()}) writes to it; stop that one, "
            "or give this one a file of its own in store.url"
        )
    assert turns_at(path) == []


def test_the_journal_of_a_process_that_was_killed_is_free(path: Path) -> None:
    holds_it = """
import sys
from pathlib import Path
from acd.journal.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", holds_it, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout and other.stdout.readline() == b"open\n"
        assert f"another acd (process {other.pid}) writes to it" in refused(path)
        other.kill()

    assert turns_at(path) == []


def test_callers_numbers_are_nobody_elses_to_read(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        store.write(rows_of(1))
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}

    assert {name: mode for name, mode in modes.items() if not name.endswith(".lock")} == {
        "acd.db": 0o600,
        "acd.db-wal": 0o600,
        "acd.db-shm": 0o600,
    }


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    with tampering(path) as db:
        db.execute("CREATE TABLE calls (number)")
    before = path.read_bytes()

    assert refused(path) == "belongs to another program; store.url must name a file of its own for acd"
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.write_text("[asterisk.main]\n" * 100)

    assert refused(path) == "is no journal of acd; store.url must name one, or a file that is not there yet"
    assert path.read_text() == "[asterisk.main]\n" * 100


def test_an_empty_file_is_taken_for_a_new_journal(path: Path) -> None:
    path.touch()

    assert turns_at(path) == []


def test_a_journal_of_a_newer_release_is_refused(written: Path) -> None:
    with tampering(written) as db:
        db.execute(f"PRAGMA user_version = {FORMAT + 1}")

    assert refused(written) == (
        f"written by a newer release of acd (format {FORMAT + 1}, this one knows {FORMAT}); "
        "run that release, or name another file in store.url"
    )


def test_it_says_in_its_head_whose_it_is(written: Path) -> None:
    with tampering(written) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert written.read_bytes()[68:72] == b"acdj"


def test_a_url_of_another_kind_is_refused() -> None:
    for url in ("postgresql://host/acd", "sqlite:", "acd.db"):
        with pytest.raises(JournalError, match=r"^store\.url: .*; allowed: sqlite:PATH$"):
            open_journal(url)


# ---- Where it cannot be


@pytest.fixture
def _not_root() -> Iterator[None]:
    """Root may write everywhere."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def anyones() -> Iterator[Path]:
    """A folder that whoever we are for the moment can reach, and not write to."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        yield Path(folder)


def test_a_folder_that_cannot_be_written_to(anyones: Path, _not_root: None) -> None:
    for path in (anyones / "acd.db", anyones / "var" / "acd.db"):
        with pytest.raises(JournalError) as caught:
            SqliteStore(path)

        assert str(caught.value).startswith(str(anyones))
        assert str(caught.value).endswith(": Permission denied; the folder of the journal must be acd's to write in")


def test_a_file_that_cannot_be_written_to(anyones: Path, request: pytest.FixtureRequest) -> None:
    with closing(SqliteStore(anyones / "acd.db")):
        pass
    (anyones / "acd.db").chmod(0o444)
    anyones.chmod(0o777)
    (anyones / "acd.db.lock").chmod(0o666)
    request.getfixturevalue("_not_root")

    assert "Permission denied" in refused(anyones / "acd.db")


def test_a_folder_in_place_of_the_file(path: Path) -> None:
    path.mkdir()

    assert "Is a directory" in refused(path)


# ---- Damage


def test_a_changed_fact_is_noticed(written: Path) -> None:
    with tampering(written) as db:
        db.execute("UPDATE facts SET body = replace(body, '\"in_a_row\":3', '\"in_a_row\":4') WHERE seq = 7")

    assert refused(written) == (
        "fact 7 is damaged: its checksum does not match; restore a backup, or move the file away to begin a new journal"
    )


def test_a_fact_in_another_ones_place_is_noticed(written: Path) -> None:
    with tampering(written) as db:
        db.execute("UPDATE facts SET seq = 99 WHERE seq = 7")

    assert refused(written).startswith("fact 7 is missing; restore a backup")


@pytest.mark.parametrize("missing", [1, 7])
def test_a_missing_fact_is_noticed(written: Path, missing: int) -> None:
    with tampering(written) as db:
        db.execute("DELETE FROM facts WHERE seq = ?", [missing])

    assert refused(written).startswith(f"fact {missing} is missing; restore a backup")


def test_what_came_before_the_damage_can_still_be_read(written: Path) -> None:
    with tampering(written) as db:
        db.execute("UPDATE facts SET checksum = 0 WHERE seq = 7")

    with closing(SqliteStore(written)) as store:
        facts = store.read()
        assert [next(facts) for _ in range(6)] == [*turn(0, 3), *turn(1, 3)]
        with pytest.raises(JournalError):
            next(facts)


def test_a_fact_that_a_later_release_has_invented_is_noticed(written: Path) -> None:
    body = '{"type":"CoffeeMade","at":1.0}'
    with tampering(written) as db:
        db.execute("UPDATE facts SET body = ?, checksum = ? WHERE seq = 7", [body, crc32(body.encode())])

    assert refused(written).startswith("fact 7 cannot be understood: ")


def test_a_page_of_rubbish_is_noticed(written: Path) -> None:
    with closing(SqliteStore(written)) as store:
        store.write(rows_of(*range(TURNS, 400), after=3 * TURNS))
    content = bytearray(written.read_bytes())
    content[8 * 4096 : 9 * 4096] = random.Random(1).randbytes(4096)
    written.write_bytes(content)

    assert refused(written).endswith("restore a backup, or move the file away to begin a new journal")


def test_a_file_that_was_cut_off_is_noticed(written: Path) -> None:
    with closing(SqliteStore(written)) as store:
        store.write(rows_of(*range(TURNS, 400), after=3 * TURNS))
    content = written.read_bytes()
    written.write_bytes(content[: len(content) // 2])

    assert refused(written).endswith("restore a backup, or move the file away to begin a new journal")


@pytest.mark.parametrize("lost", [1, 100, 5000])
def test_a_torn_end_of_the_write_ahead_log_costs_whole_turns_and_nothing_else(path: Path, lost: int) -> None:
    """What a loss of power leaves of a group that was never said to be committed."""
    with closing(SqliteStore(path)) as store:
        for number in range(TURNS):
            store.write(rows_of(number, after=3 * number))
        content, log = path.read_bytes(), path.with_name("acd.db-wal").read_bytes()
    crashed = path.with_name("crashed.db")
    crashed.write_bytes(content)
    crashed.with_name("crashed.db-wal").write_bytes(log[:-lost])

    survived = turns_at(crashed)

    assert survived == list(range(len(survived)))
    assert len(survived) < TURNS


def test_a_file_cut_off_anywhere_is_read_up_to_whole_turns_or_refused_in_one_line(path: Path) -> None:
    """Never is there a state that never was: what cannot be read is said."""
    with closing(SqliteStore(path)) as store:
        store.write(rows_of(*range(120)))
    content = path.read_bytes()
    outcomes = {"read": 0, "refused": 0}
    for length in (*range(1, 600, 13), *range(600, len(content), 509), len(content)):
        cut = path.with_name("cut.db")
        cut.write_bytes(content[:length])
        try:
            survived = turns_at(cut)
        except JournalError as error:
            outcomes["refused"] += 1
            assert str(error).startswith(f"{cut}: ") and "\n" not in str(error)
        else:
            outcomes["read"] += 1
            assert survived == list(range(120)), f"{length} of {len(content)} bytes"
        for left in path.parent.glob("cut.db*"):
            left.unlink()
    assert outcomes["refused"] > 50


def test_a_byte_changed_anywhere_is_noticed_or_makes_no_difference(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        store.write(rows_of(*range(60)))
    content = path.read_bytes()
    chance = random.Random(7)
    for _ in range(150):
        at = chance.randrange(len(content))
        changed = bytearray(content)
        changed[at] ^= 1 << chance.randrange(8)
        broken = path.with_name("broken.db")
        broken.write_bytes(changed)
        try:
            assert turns_at(broken) == list(range(60)), f"byte {at}"
        except JournalError as error:
            assert str(error).startswith(f"{broken}: ") and "\n" not in str(error)
        for left in path.parent.glob("broken.db*"):
            left.unlink()


# ---- Together or not at all


def test_a_group_that_fails_half_way_leaves_nothing(written: Path) -> None:
    with closing(SqliteStore(written)) as store:
        rows = rows_of(*range(TURNS, TURNS + 200), after=3 * TURNS)
        with pytest.raises(JournalError):
            store.write([*rows, rows[0]])  # the same number twice
        assert len(list(store.read())) == 3 * TURNS

        store.write(rows)
        assert numbers_of_whole_turns(store.read()) == list(range(TURNS + 200))


def test_a_full_disk_leaves_nothing_of_a_group(written: Path) -> None:
    with closing(SqliteStore(written)) as store:
        rows = rows_of(*range(TURNS, TURNS + 200), after=3 * TURNS)
        (pages,) = store._writing.execute("PRAGMA page_count").fetchone()
        store._writing.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(JournalError, match=r"database or disk is full$"):
            store.write(rows)

        assert numbers_of_whole_turns(store.read()) == list(range(TURNS))


def test_a_write_ahead_log_that_cannot_grow_leaves_nothing_of_a_group(written: Path) -> None:
    """The file system itself refuses, here by a limit: what write(2) says of a full disk is not what SQLite counts."""
    rows = rows_of(*range(TURNS, TURNS + 200), after=3 * TURNS)
    with closing(SqliteStore(written)) as store:
        with files_no_longer_than(written.with_name("acd.db-wal").stat().st_size + 5000):
            for _ in range(2):
                with pytest.raises(JournalError, match="disk"):
                    store.write(rows)
            assert numbers_of_whole_turns(store.read()) == list(range(TURNS))

        store.write(rows)
        assert numbers_of_whole_turns(store.read()) == list(range(TURNS + 200))


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_another_programs_transaction_is_waited_for_and_then_reported(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acd.journal.sqlite_file.BUSY_SECONDS", 0.01)
    with closing(SqliteStore(written)) as store, tampering(written) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match=r"database is locked$"):
            store.write(rows_of(TURNS, after=3 * TURNS))
        other.execute("ROLLBACK")

        store.write(rows_of(TURNS, after=3 * TURNS))


async def test_a_store_that_is_locked_for_a_while_is_caught_up_with(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acd.journal.sqlite_file.BUSY_SECONDS", 0.01)
    async with journal_on(SqliteStore(written)) as journal:
        with tampering(written) as other:
            other.execute("BEGIN IMMEDIATE")
            last = journal.append(turn(TURNS, 3))
            await until(lambda: journal.state == "failing")
            other.execute("ROLLBACK")
        await journal.committed(last)

        assert numbers_of_whole_turns(journal.read()) == list(range(TURNS + 1))


# ---- Crashes

WRITES_UNTIL_KILLED = """
import asyncio, sys
from acd.journal import open_journal
from journal.journals import turn

async def main():
    journal = open_journal(f"sqlite:{sys.argv[1]}")
    number = int(sys.argv[2])
    while True:
        for _ in range(3):
            number += 1
            last = journal.append(turn(number, 1 + number % 150))
        await journal.committed(last)
        print(number, flush=True)

asyncio.run(main())
"""


def test_a_process_that_is_killed_loses_nothing_that_was_committed_and_tears_no_turn(path: Path) -> None:
    """At random moments, ten times in a row on the same journal."""
    chance = random.Random()
    promised = number = 0
    for _ in range(10):
        promised = written_until_killed(path, number, lines=chance.randrange(1, 30), pause=chance.random() * 0.005)

        survived = turns_at(path)

        assert survived == list(range(1, len(survived) + 1))
        assert len(survived) >= promised
        number = len(survived)
    assert number > 30


def written_until_killed(path: Path, number: int, lines: int, pause: float) -> int:
    """Kills it some moment after so many promises were kept; the last turn that was promised."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITES_UNTIL_KILLED, path, str(number)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])},
    ) as writer:
        assert writer.stdout
        kept = [writer.stdout.readline() for _ in range(lines)]
        time.sleep(pause)  # anywhere between two commits
        writer.kill()
        kept += writer.stdout.readlines()
    return int([line for line in kept if line.endswith(b"\n")][-1])


def test_a_journal_forgets_nothing_between_two_lives(path: Path) -> None:
    async def live(number: int) -> int:
        async with journal_at(path) as journal:
            return journal.append(turn(number, 3))

    assert [asyncio.run(live(number)) for number in range(4)] == [3, 6, 9, 12]
    assert turns_at(path) == [0, 1, 2, 3]
