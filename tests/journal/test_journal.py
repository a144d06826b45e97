"""Appending never waits, promises do: order, groups, and a disk that is slow, full or broken for a while."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest
from structlog.testing import capture_logs

from acd.journal import Journal, JournalError, journal
from acd.journal.sqlite import SqliteStore

from .journals import Disk, journal_at, journal_on, numbers_of_whole_turns, read_back, turn, until

SOON_SECONDS = 5.0
MANY = 2_000


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "acd.db")


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "RETRY_FIRST_SECONDS", 0.001)
    monkeypatch.setattr(journal, "RETRY_LIMIT_SECONDS", 0.01)
    monkeypatch.setattr(journal, "CLOSE_SECONDS", 0.05)


def turns_on(disk: Disk) -> list[int]:
    """The turns on a disk, each of which must be whole."""
    return numbers_of_whole_turns(disk.read())


# ---- Reading on from a number


async def test_what_followed_a_fact_is_read_in_order_as_far_as_it_is_on_disk(disk: Disk) -> None:
    async with journal_on(disk) as own:
        await own.committed(own.append(turn(1, 5)))
        disk.hold()
        own.append(turn(2, 3))

        assert await own.after(2, 2) == [(3, turn(1, 5)[2]), (4, turn(1, 5)[3])]
        assert await own.after(0, 100) == list(enumerate(turn(1, 5), 1))
        assert await own.after(5, 100) == []
        assert own.last == 8
        disk.let_go()
        await own.committed(own.last)
        assert await own.after(5, 100) == list(enumerate(turn(2, 3), 6))


async def test_facts_that_are_kept_no_more_are_never_passed_over(disk: Disk) -> None:
    async with journal_on(disk) as own:
        await own.committed(own.append(turn(1, 9)))
        with closing(connect(disk.path)) as other, other:
            other.execute("DELETE FROM facts WHERE seq IN (1, 2, 3, 7)")

        assert await own.after(2, 100) is None
        assert [number for number, _ in await own.after(3, 100) or ()] == [4, 5, 6]
        assert await own.after(6, 100) is None


# ---- Order


async def test_turns_keep_their_order_and_stay_whole(disk: Disk) -> None:
    async with journal_on(disk) as own:
        for number in range(MANY):
            own.append(turn(number, 1 + number % 7))
            if number % 50 == 0:
                await asyncio.sleep(0.001)
        await own.committed(own.append(turn(MANY, 1)))

        assert turns_on(disk) == list(range(MANY + 1))
    assert len(disk.groups) < MANY / 2


async def test_a_turn_without_facts_is_nothing(disk: Disk) -> None:
    async with journal_on(disk) as own:
        assert own.append([]) == 0
        assert own.append(turn(1, 2)) == own.append([]) == 2
        await own.committed(2)

    assert disk.groups == [2]


async def test_appending_does_not_wait_for_the_disk(disk: Disk) -> None:
    disk.hold()
    async with journal_on(disk) as own:
        numbers = [own.append(turn(number, 2)) for number in range(3)]

        assert numbers == [2, 4, 6]
        assert own.backlog == 6
        disk.let_go()
        await own.committed(6)
        assert own.backlog == 0


async def test_turns_that_come_within_a_few_milliseconds_are_written_together(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "GROUP_SECONDS", 60)
    async with journal_on(disk) as own, asyncio.timeout(SOON_SECONDS):
        for number in range(5):
            last = own.append(turn(number, 2))
            await asyncio.sleep(0.002)
        await own.committed(last)

    assert disk.groups == [10]


async def test_a_turn_is_written_soon_though_nobody_waits_for_it(disk: Disk) -> None:
    async with journal_on(disk) as own, asyncio.timeout(SOON_SECONDS):
        own.append(turn(1, 1))
        await until(lambda: own.backlog == 0)


async def test_the_writer_is_told_of_its_groups_to_measure_them(disk: Disk) -> None:
    told: list[tuple[float, int]] = []
    async with journal_on(disk, lambda seconds, facts: told.append((seconds, facts))) as own:
        await own.committed(own.append(turn(1, 3)))
        await own.committed(own.append(turn(2, 4)))

    assert [facts for _, facts in told] == [3, 4]
    assert all(0 < seconds < SOON_SECONDS for seconds, _ in told)


# ---- Promises


async def test_a_promise_waits_for_the_disk(disk: Disk) -> None:
    disk.hold()
    async with journal_on(disk) as own:
        promise = asyncio.create_task(own.committed(own.append(turn(1, 2))))
        await asyncio.to_thread(disk.is_held.wait, SOON_SECONDS)
        await asyncio.sleep(0.02)  # time enough to go wrong

        assert not promise.done()
        disk.let_go()
        await promise
        assert turns_on(disk) == [1]


async def test_what_was_promised_is_in_the_file_for_another_process_to_see(tmp_path: Path) -> None:
    async with journal_at(tmp_path / "acd.db") as own:
        for number in range(20):
            await own.committed(own.append(turn(number, 2)))
            with closing(connect(tmp_path / "acd.db")) as other:
                assert other.execute("SELECT count(*) FROM facts").fetchone() == (2 * (number + 1),)


async def test_who_waits_is_served_before_the_group_would_be_full(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "GROUP_SECONDS", 60)
    async with journal_on(disk) as own, asyncio.timeout(SOON_SECONDS):
        await own.committed(own.append(turn(1, 1)))


async def test_many_wait_at_the_same_time_and_one_may_give_up(disk: Disk) -> None:
    disk.hold()
    async with journal_on(disk) as own:
        promises = [asyncio.create_task(own.committed(own.append(turn(number, 1)))) for number in range(50)]
        await asyncio.sleep(0)
        promises[7].cancel()
        await asyncio.sleep(0)
        disk.let_go()

        kept = await asyncio.gather(*promises, return_exceptions=True)

    assert [type(result) for result in kept if result is not None] == [asyncio.CancelledError]


async def test_what_is_on_disk_already_is_promised_at_once(disk: Disk) -> None:
    async with journal_on(disk) as own:
        await own.committed(0)
        await own.committed(own.append(turn(1, 1)))
        disk.hold()
        await own.committed(1)
        disk.let_go()


async def test_what_was_never_appended_cannot_be_promised(disk: Disk) -> None:
    async with journal_on(disk) as own:
        with pytest.raises(JournalError, match="no room for what was to be promised"):
            await own.committed(own.append(turn(1, 1)) + 1)


# ---- A disk in trouble


async def test_a_full_disk_is_endured_and_when_there_is_room_again_nothing_is_missing(disk: Disk) -> None:
    async with journal_on(disk) as own:
        await own.committed(own.append(turn(0, 1)))
        with capture_logs() as logs:
            disk.fill()
            for number in range(1, MANY):
                last = own.append(turn(number, 3))
            promise = asyncio.create_task(own.committed(last))
            await until(lambda: own.errors >= 3)

            assert own.state == "failing"
            assert own.outage and "database or disk is full" in own.outage.error
            assert own.backlog > 0
            assert not promise.done()
            disk.make_room()
            await promise
            await until(lambda: own.state == "writing")

        assert own.outage is None
        assert (own.backlog, own.lost) == (0, 0)
        assert turns_on(disk) == list(range(MANY))
    assert [entry["event"] for entry in logs] == ["journal.write_failed", "journal.recovered"]


async def test_a_log_on_the_same_full_disk_does_not_end_the_writing(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullLog:
        def write_line(self, event: str, **words: object) -> None:
            raise OSError("no space left on device")

        error = info = write_line

    def measure(seconds: float, facts: int) -> None:
        raise OSError("nor for numbers")

    monkeypatch.setattr(journal, "log", FullLog())
    async with journal_on(disk, measure) as own:
        disk.fill()
        for number in range(MANY):
            last = own.append(turn(number, 1))
        await until(lambda: own.errors >= 2)
        disk.make_room()
        await asyncio.wait_for(own.committed(last), SOON_SECONDS)

        assert own.state == "writing"


async def test_an_outage_says_since_when_and_why_by_the_last_attempt(disk: Disk) -> None:
    async with journal_on(disk) as own:
        disk.broken = JournalError("the first reason")
        own.append(turn(1, 1))
        await until(lambda: own.outage)
        began = own.outage
        disk.broken = OSError("the second reason")
        await until(lambda: own.outage != began)

        assert began and own.outage
        assert (began.error, own.outage.error) == ("the first reason", "the second reason")
        assert own.outage.since == began.since
        disk.broken = None
        await own.committed(1)


async def test_past_requests_and_facts_can_be_read_while_the_disk_takes_nothing(disk: Disk) -> None:
    async with journal_on(disk) as own:
        await own.committed(own.append(turn(1, 1)))
        disk.broken = OSError("no more")
        own.append(turn(2, 1))
        await until(lambda: own.errors)

        assert await own.past_requests(limit=5) == []
        assert numbers_of_whole_turns(own.read()) == [1]
        disk.broken = None


async def test_when_memory_is_full_the_newest_are_lost_and_all_that_follow(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MOST_WAITING", 10)
    disk.hold()
    async with journal_on(disk) as own:
        with capture_logs() as logs:
            last = own.append(turn(1, 8))
            too_many = own.append(turn(2, 3))
            would_fit = own.append(turn(3, 1))

        assert own.state == "failing"
        assert own.outage and own.outage.error.startswith("10 facts wait for the disk")
        assert own.lost == 4
        assert [entry["event"] for entry in logs] == ["journal.overflowed"]
        for lost in (too_many, would_fit):
            with pytest.raises(JournalError):
                await own.committed(lost)
        disk.let_go()
        await own.committed(last)
        own.append(turn(4, 1))  # behind the gap
        assert own.state == "failing"
    assert numbers_of_whole_turns(await read_back(disk.path)) == [1]


async def test_a_journal_that_overflowed_goes_on_after_a_restart(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as tight:
        tight.setattr(journal, "MOST_WAITING", 1)
        async with journal_on(disk) as own:
            own.append(turn(1, 1))
            own.append(turn(2, 2))
    async with journal_at(disk.path) as own:
        assert own.state == "writing"
        await own.committed(own.append(turn(3, 1)))

    assert numbers_of_whole_turns(await read_back(disk.path)) == [1, 3]


async def test_a_disk_that_does_not_answer_is_noticed_and_so_is_its_answer(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "STUCK_SECONDS", 0.02)
    async with journal_on(disk) as own, asyncio.timeout(SOON_SECONDS):
        own.look()
        assert own.state == "writing"
        disk.hold()
        last = own.append(turn(1, 3))
        with capture_logs() as logs:
            while own.state == "writing":
                own.look()
                await asyncio.sleep(0.001)
            own.look()
            assert own.outage and own.outage.error == "the disk has not answered for 0.02 s"
            disk.let_go()
            await own.committed(last)
            await until(lambda: own.state == "writing")

    assert [entry["event"] for entry in logs] == ["journal.write_stuck", "journal.recovered"]


# ---- The end


async def test_closing_writes_what_waits_and_leaves_no_thread(disk: Disk) -> None:
    before = set(threading.enumerate())
    async with journal_on(disk) as own:
        for number in range(100):
            own.append(turn(number, 2))

    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert not [name for name in left if name.startswith("acd-journal")]
    assert numbers_of_whole_turns(await read_back(disk.path)) == list(range(100))


async def test_closing_while_the_disk_fails_gives_up_says_how_much_is_lost_and_breaks_the_promises(disk: Disk) -> None:
    own = Journal(disk, lambda *_: None)
    await own.committed(own.append(turn(1, 1)))
    disk.broken = OSError("no more")
    promise = asyncio.create_task(own.committed(own.append(turn(2, 3))))
    await until(lambda: own.errors)

    with capture_logs() as logs:
        await own.close()

    assert {"event": "journal.closed_unwritten", "facts": 3, "log_level": "error"} in logs
    with pytest.raises(JournalError, match="closed before the disk took what was to be promised"):
        await promise
    assert numbers_of_whole_turns(await read_back(disk.path)) == [1]


async def test_closing_waits_a_while_for_a_disk_that_recovers(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "CLOSE_SECONDS", SOON_SECONDS)
    own = Journal(disk, lambda *_: None)
    disk.broken = OSError("for a while")
    own.append(turn(1, 3))
    await until(lambda: own.errors)
    closing = asyncio.create_task(own.close())
    tried = own.errors
    await until(lambda: own.errors > tried)

    disk.broken = None
    await closing

    assert numbers_of_whole_turns(await read_back(disk.path)) == [1]


async def test_a_closed_journal_can_be_opened_by_another_at_once(tmp_path: Path) -> None:
    for number in range(5):
        async with journal_on(SqliteStore(tmp_path / "acd.db")) as own:
            own.append(turn(number, 1))

    assert numbers_of_whole_turns(await read_back(tmp_path / "acd.db")) == list(range(5))


async def test_closing_does_not_wait_for_ever_for_a_disk_that_does_not_answer(disk: Disk) -> None:
    own = Journal(disk, lambda *_: None)
    disk.hold()
    promise = asyncio.create_task(own.committed(own.append(turn(1, 3))))
    await asyncio.to_thread(disk.is_held.wait, SOON_SECONDS)

    with capture_logs() as logs:
        await asyncio.wait_for(own.close(), SOON_SECONDS)

    assert {"event": "journal.closed_unwritten", "facts": 3, "log_level": "error"} in logs
    disk.let_go()
    await asyncio.wait_for(promise, SOON_SECONDS)
    await asyncio.to_thread(own._writer.join)
    disk.close()


class Fatal(BaseException):
    """Nothing that a store should raise."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_writer_that_has_ended_is_told_and_closing_does_not_wait_for_it(disk: Disk) -> None:
    own = Journal(disk, lambda *_: None)
    disk.broken = Fatal()
    own.append(turn(1, 3))
    await until(lambda: not own._writer.is_alive())

    with capture_logs() as logs:
        own.look()
        own.look()
        assert own.state == "failing"
        with pytest.raises(JournalError):
            await own.committed(own.append(turn(2, 1)))
        await asyncio.wait_for(own.close(), SOON_SECONDS)

    assert [entry["event"] for entry in logs] == ["journal.writer_ended", "journal.closed_unwritten"]
