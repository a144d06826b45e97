"""Snapshots on disk: a start that needs few facts, what is forgotten, and nothing lost when one of them is damaged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from math import inf
from pathlib import Path
from sqlite3 import connect
from zlib import compress, crc32

import pytest
from center.witness import likeness
from structlog.testing import capture_logs

from acd.center import Center
from acd.journal import JournalError, compaction, compaction_of
from acd.journal.beside import last_rules
from acd.journal.bringing_back import BroughtBack, bring_back
from acd.journal.compacting import SNAPSHOTS_KEPT, Compacted, compact
from acd.journal.compaction import DAY_SECONDS, in_a_process
from acd.journal.sqlite import SqliteStore
from acd.journal.sqlite_file import SqliteReader

from .days import RULES, START, turns
from .journals import journal_at, turn, until

SOON_SECONDS = 20.0
CALLS = 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "acd.db"


@pytest.fixture
def lived(path: Path) -> Center:
    """Who has lived through a day of CALLS calls, which stands in the journal."""
    center = Center()
    live(path, turns(CALLS, center))
    return center


def live(path: Path, day: Iterator) -> None:
    async def write() -> None:
        async with journal_at(path) as journal:
            for facts in day:
                journal.append(facts)

    asyncio.run(write())


def brought_back(path: Path) -> tuple[BroughtBack, Center]:
    center = Center()
    with closing(SqliteStore(path)) as store:
        return bring_back(store, center), center


def last_of(path: Path) -> int:
    with closing(SqliteStore(path)) as store:
        return store.last


def tamper(path: Path, *statements: str) -> None:
    with closing(connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def numbers(path: Path, table: str) -> list[int]:
    with closing(connect(path)) as db:
        return [seq for (seq,) in db.execute(f"SELECT seq FROM {table} ORDER BY seq")]  # noqa: S608


def in_two_lives(path: Path) -> tuple[Center, int, int]:
    """A snapshot is taken in the middle of a day, and another one later; answers with where they were taken."""
    center = Center()
    day = list(turns(CALLS, center))
    for part in (day[: len(day) // 3], day[len(day) // 3 : len(day) // 2]):
        live(path, iter(part))
        compact(path, -inf)
    live(path, iter(day[len(day) // 2 :]))
    return center, *numbers(path, "snapshots")


# ---- A start


def test_a_start_folds_what_came_behind_the_newest_snapshot_and_nothing_else(path: Path) -> None:
    lived, _, newest = in_two_lives(path)
    tamper(path, "UPDATE facts SET checksum = 0 WHERE seq <= (SELECT max(seq) FROM snapshots)")  # nobody looks

    back, center = brought_back(path)

    assert back == BroughtBack(snapshot=newest, last=last_of(path))
    assert likeness(center.state) == likeness(lived.state)


def test_a_journal_without_a_snapshot_is_folded_from_its_first_fact(path: Path, lived: Center) -> None:
    back, center = brought_back(path)

    assert back == BroughtBack(snapshot=0, last=last_of(path))
    assert likeness(center.state) == likeness(lived.state)


def test_an_empty_journal_brings_back_nothing(path: Path) -> None:
    assert brought_back(path)[0] == BroughtBack(0, 0)


NONSENSE = compress(b'{"rules": 7}')
DAMAGES = {
    "a bit": "UPDATE snapshots SET body = CAST(substr(body, 1, 100) || 'x' || substr(body, 102) AS BLOB)",
    "its checksum": "UPDATE snapshots SET checksum = 0",
    "all of it": "UPDATE snapshots SET body = x'', checksum = 0",
    "its meaning": f"UPDATE snapshots SET body = x'{NONSENSE.hex()}', checksum = {crc32(NONSENSE)}",  # noqa: S608
    "its packing": f"UPDATE snapshots SET body = x'00', checksum = {crc32(bytes(1))}",  # noqa: S608
}
OF_THE_NEWEST = " WHERE seq = (SELECT max(seq) FROM snapshots)"


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_snapshot_is_passed_over_for_the_one_before_it(path: Path, damage: str) -> None:
    lived, older, newest = in_two_lives(path)
    tamper(path, damage + OF_THE_NEWEST)

    with capture_logs() as logs:
        back, center = brought_back(path)

    assert back.snapshot == older
    assert likeness(center.state) == likeness(lived.state)
    assert [entry["event"] for entry in logs] == ["journal.snapshot_passed_over"]
    assert f"the snapshot of fact {newest} " in logs[0]["error"]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_where_all_snapshots_are_damaged_all_facts_are_folded(path: Path, damage: str) -> None:
    lived, _, _ = in_two_lives(path)
    tamper(path, damage)

    back, center = brought_back(path)

    assert back.snapshot == 0
    assert likeness(center.state) == likeness(lived.state)


def test_the_snapshot_of_another_release_is_passed_over_while_all_facts_are_there(path: Path) -> None:
    lived, _, _ = in_two_lives(path)
    tamper(path, "UPDATE snapshots SET made_by = 'another'")

    back, center = brought_back(path)

    assert back.snapshot == 0
    assert likeness(center.state) == likeness(lived.state)


def test_the_snapshot_of_another_release_stands_for_what_was_forgotten(path: Path) -> None:
    lived, _, newest = in_two_lives(path)
    compact(path, inf)
    tamper(
        path,
        "DELETE FROM snapshots WHERE seq = (SELECT max(seq) FROM snapshots)",
        "UPDATE snapshots SET made_by = 'another'",
    )

    back, center = brought_back(path)

    assert back.snapshot == newest
    assert likeness(center.state) == likeness(lived.state)


def test_where_facts_were_forgotten_and_no_snapshot_can_be_read_the_start_is_refused(path: Path) -> None:
    in_two_lives(path)
    compact(path, inf)
    tamper(path, DAMAGES["its checksum"])

    with pytest.raises(JournalError, match=r"oldest facts were forgotten, and no snapshot .*; restore a backup$"):
        brought_back(path)


# ---- Compacting


def test_it_keeps_the_two_newest_snapshots(path: Path) -> None:
    day = list(turns(CALLS))
    for at in range(0, len(day), 40):
        live(path, iter(day[at : at + 40]))
        compacted = compact(path, -inf)
        assert compacted == Compacted(snapshot=last_of(path), forgotten=0)
        assert numbers(path, "snapshots")[-1] == compacted.snapshot

    assert len(numbers(path, "snapshots")) == SNAPSHOTS_KEPT
    assert numbers(path, "facts") == list(range(1, last_of(path) + 1))


def test_where_nothing_has_happened_nothing_is_done(path: Path, lived: Center) -> None:
    assert compact(path, -inf) == compact(path, -inf) == Compacted(snapshot=last_of(path), forgotten=0)
    assert len(numbers(path, "snapshots")) == 1


def test_a_snapshot_that_does_not_lead_to_what_the_facts_led_to_is_a_reason_to_stop(
    path: Path, lived: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_agents: Callable = lambda state, snapshot: None  # noqa: E731
    monkeypatch.setattr("acd.center.folding.snapshots.restore", forget_agents)

    with pytest.raises(JournalError, match="is not what the facts led to"):
        compact(path, inf)
    assert numbers(path, "facts") == list(range(1, last_of(path) + 1))


# ---- Forgetting


async def test_what_is_older_than_the_moment_is_forgotten_and_the_rest_is_history(path: Path) -> None:
    lived, older, _ = await asyncio.to_thread(in_two_lives, path)
    with closing(SqliteStore(path)) as store:
        moments = [fact.at for fact in store.read()]
    before = moments[older // 2]

    compacted = await asyncio.to_thread(compact, path, before)

    kept = numbers(path, "facts")
    assert kept == list(range(compacted.forgotten + 1, last_of(path) + 1))
    assert compacted.forgotten == sum(at < before for at in moments)
    async with journal_at(path) as journal:
        past = await journal.past_requests(limit=1000)
        assert 0 < len(past) < CALLS
        assert all(fact.at >= before for _, fact in past)
    assert likeness(brought_back(path)[1].state) == likeness(lived.state)


def test_no_fact_behind_the_older_snapshot_is_forgotten(path: Path) -> None:
    lived, _, newest = in_two_lives(path)

    compact(path, inf)  # takes a third snapshot: `newest` is the older one now

    assert numbers(path, "facts")[0] == newest + 1
    tamper(path, DAMAGES["its checksum"] + OF_THE_NEWEST)
    assert brought_back(path)[0].snapshot == newest
    assert likeness(brought_back(path)[1].state) == likeness(lived.state)


def test_when_all_facts_are_forgotten_their_numbers_go_on(path: Path) -> None:
    lived = Center()
    live(path, turns(3, lived))
    before = last_of(path)
    for _ in range(2):
        compact(path, inf)

    assert numbers(path, "facts") == []
    back, center = brought_back(path)
    assert back == BroughtBack(before, before)
    assert likeness(center.state) == likeness(lived.state)

    live(path, iter([turn(1, 2)]))
    assert numbers(path, "facts") == [before + 1, before + 2]


def test_the_last_rules_are_known_though_their_fact_was_forgotten(path: Path, lived: Center) -> None:
    compact(path, inf)
    assert numbers(path, "facts") == []

    assert last_rules(path) == RULES


def test_an_older_release_is_told_that_it_cannot_read_what_has_forgotten_something(path: Path, lived: Center) -> None:
    def format_of(path: Path) -> int:
        with closing(connect(path)) as db:
            return db.execute("PRAGMA user_version").fetchone()[0]

    compact(path, -inf)
    assert format_of(path) == 1
    compact(path, inf)
    assert format_of(path) == 2


# ---- In a daemon


async def test_a_journal_is_compacted_while_it_is_written_to(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "SNAPSHOT_FACTS", 200)
    monkeypatch.setattr(compaction, "LOOK_SECONDS", 0.01)
    lived = Center()
    async with journal_at(path) as journal, asyncio.timeout(SOON_SECONDS):
        watch = asyncio.create_task(compaction_of(journal, f"sqlite:{path}", None).watch(lambda: START, pytest.fail))
        day = turns(10_000, lived)
        with capture_logs() as logs:
            while len([entry for entry in logs if entry["event"] == "journal.compacted"]) < 2:
                await journal.committed(journal.append(next(day)))
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)

    back, center = await asyncio.to_thread(brought_back, path)
    assert 0 < back.snapshot < back.last
    assert likeness(center.state) == likeness(lived.state)


async def test_what_is_to_be_forgotten_is_forgotten_once_a_day(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "LOOK_SECONDS", 0.01)
    now = START
    async with journal_at(path) as journal, asyncio.timeout(SOON_SECONDS):
        for facts in turns(5):
            await journal.committed(journal.append(facts))
        own = compaction_of(journal, f"sqlite:{path}", keep_days=1)
        watch = asyncio.create_task(own.watch(lambda: now, pytest.fail))
        with capture_logs() as logs:
            await until(lambda: len(logs) == 1)
            now += 2 * DAY_SECONDS
            await until(lambda: len(logs) == 2)
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)

    assert [entry["forgotten"] for entry in logs] == [0, journal.last]


async def test_a_compaction_that_fails_is_told_and_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "LOOK_SECONDS", 0.01)
    failures: list[None] = []
    async with journal_at(path) as journal, asyncio.timeout(SOON_SECONDS):
        for facts in turns(5):
            await journal.committed(journal.append(facts))
        tamper(path, "UPDATE facts SET checksum = 0 WHERE seq = 7")
        own = compaction_of(journal, f"sqlite:{path}", keep_days=1)
        watch = asyncio.create_task(own.watch(lambda: START + 3 * DAY_SECONDS, lambda: failures.append(None)))
        with capture_logs() as logs:
            await until(lambda: failures)
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)

    assert [entry["event"] for entry in logs] == ["journal.not_compacted"]
    assert "fact 7 is damaged" in logs[0]["error"]
    assert numbers(path, "facts") == list(range(1, journal.last + 1))


async def test_a_process_that_compacts_ends_with_who_wanted_it(path: Path) -> None:
    async with journal_at(path) as journal:
        for facts in turns(2_000):
            last = journal.append(facts)
        await journal.committed(last)
        wanted = asyncio.create_task(in_a_process(path, -inf))
        await asyncio.sleep(0.05)  # wherever it is by then
        wanted.cancel()
        await asyncio.gather(wanted, return_exceptions=True)

        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert (await in_a_process(path, -inf)).snapshot == last


def test_a_reader_beside_the_daemon_sees_what_is_committed(path: Path, lived: Center) -> None:
    with closing(SqliteStore(path)) as store, closing(SqliteReader(path)) as reader:
        assert list(reader.read(after=store.last - 3)) == list(store.read())[-3:]
