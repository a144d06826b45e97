"""A daemon in a process of its own, and a disk that is full, slow, read-only, or somebody else's: calls go on.

What a disk does is real wherever this machine allows it: a file system of 1 MB is mounted. Everybody may have the
kernel limit the size of the daemon's files: write(2) then fails as it does on a full disk.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from acd.center.facts import RequestEnded

from .journals import read_back
from .offices import Office

CANNOT_BE_WRITTEN = "the journal cannot be written"
OFTEN_COMPACTED = """
from acd.journal import compaction
compaction.SNAPSHOT_FACTS, compaction.LOOK_SECONDS = 200, 0.05
from acd.__main__ import main
main()
"""
HANGS = """
import time
from pathlib import Path
from acd.journal import journal
from acd.journal.sqlite import SqliteStore
write = SqliteStore.write

def hangs(store, rows):
    while Path(str(store.path) + ".hangs").exists():
        time.sleep(0.01)
    write(store, rows)

SqliteStore.write = hangs
journal.STUCK_SECONDS = 0.5
from acd.__main__ import main
main()
"""
SLOW = """
import sys, time
from acd.journal.sqlite import SqliteStore
write = SqliteStore.write

def slow(store, rows):
    time.sleep(1)
    write(store, rows)

SqliteStore.write = slow
from acd.__main__ import main
main()
"""


class SmallFileSystem:
    """Of 1 MB, until there is room."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, office: Office) -> None:
        """It does so by itself, soon."""

    def make_room(self, office: Office) -> None:
        self.remount("size=64m")

    def remount(self, option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", self.folder], check=True)


class FilesOfLimitedSize:
    """As much of a full disk as everybody may have."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, office: Office) -> None:
        resource.prlimit(office.process.pid, resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))

    def make_room(self, office: Office) -> None:
        resource.prlimit(office.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.fixture
def small_file_system(tmp_path: Path) -> Iterator[SmallFileSystem]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], stderr=subprocess.DEVNULL
    )
    if not mounted or mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield SmallFileSystem(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture(params=["a file system of 1 MB", "files of a limited size"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> SmallFileSystem | FilesOfLimitedSize:
    if request.param == "a file system of 1 MB":
        return request.getfixturevalue("small_file_system")
    return FilesOfLimitedSize(tmp_path)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with Office(tmp_path, tmp_path / "acd.db") as office:
        yield office


async def served_according_to(journal: Path) -> list[str]:
    return [fact.caller.number for fact in await read_back(journal) if isinstance(fact, RequestEnded)]


async def test_a_full_disk_costs_no_call_and_nothing_that_happened_is_missing_in_the_end(
    tmp_path: Path, disk: SmallFileSystem | FilesOfLimitedSize
) -> None:
    journal = disk.folder / "acd.db"
    async with Office(tmp_path, journal) as office:
        disk.fill(office)
        while not await office.why_not_ready():
            await office.serves(20)
            assert office.calls < 2_000, "the disk is never full"
        await office.until_not_ready(CANNOT_BE_WRITTEN)
        assert await office.metric("acd_journal_up") == 0
        assert await office.metric("acd_journal_backlog") > 0
        assert await office.metric("acd_journal_errors_total") > 0
        assert "journal.write_failed" in office.events()

        await office.serves(20)
        assert (await office.past_requests())[0]["caller"]["number"] == f"+3161{office.calls:07}"

        disk.make_room(office)
        await office.until_ready()
        assert await office.metric("acd_journal_up") == 1
        assert office.events() == ["journal.write_failed", "journal.recovered"]
        await office.serves(5)
        served = office.calls

    assert await served_according_to(journal) == [f"+3161{number + 1:07}" for number in range(served)]


async def test_a_daemon_that_stops_while_the_disk_is_full_says_what_is_lost_and_the_next_one_starts(
    tmp_path: Path, small_file_system: SmallFileSystem
) -> None:
    journal = small_file_system.folder / "acd.db"
    async with Office(tmp_path, journal) as office:
        while not await office.why_not_ready():
            await office.serves(20)
        await office.stops()
        assert office.process.returncode == 0
        assert office.events()[-1] == "journal.closed_unwritten"

        small_file_system.make_room(office)
        office.process = await office.starts()
        await office.until_ready()
        await office.serves(1)


async def test_on_a_read_only_disk_the_start_is_refused_in_one_line(
    tmp_path: Path, small_file_system: SmallFileSystem
) -> None:
    journal = small_file_system.folder / "acd.db"
    async with Office(tmp_path, journal) as office:
        await office.serves(2)
        await office.stops()
        small_file_system.remount("ro")

        office.process = await office.starts()

        assert await office.process.wait() == 1
        assert office.log().splitlines()[-1] == (
            f"{journal}.lock: Read-only file system; the folder of the journal must be acd's to write in"
        )
        small_file_system.remount("rw")
        office.process = await office.starts()
        await office.until_ready()
        assert len(await office.past_requests()) == 2


async def test_a_second_for_each_write_is_not_noticed_by_those_who_call(tmp_path: Path) -> None:
    async with Office(tmp_path, tmp_path / "acd.db", program=SLOW) as office, asyncio.timeout(60):
        began = asyncio.get_running_loop().time()
        await office.serves(30)

        assert asyncio.get_running_loop().time() - began < 15  # they would be 30 and more if each waited for the disk
        assert await office.why_not_ready() == []
        assert await office.metric("acd_journal_errors_total") == 0

    assert len(await served_according_to(tmp_path / "acd.db")) == 30


async def test_a_disk_that_does_not_answer_is_told_and_calls_go_on(tmp_path: Path) -> None:
    journal, hangs = tmp_path / "acd.db", tmp_path / "acd.db.hangs"
    async with Office(tmp_path, journal, program=HANGS) as office:
        hangs.touch()
        await office.serves(3)
        await office.until_not_ready(CANNOT_BE_WRITTEN)
        await office.serves(3)
        hangs.unlink()
        await office.until_ready()
        assert office.events() == ["journal.write_stuck", "journal.recovered"]

    assert len(await served_according_to(journal)) == 6


async def test_a_second_daemon_on_the_same_journal_ends_and_the_first_goes_on(office: Office) -> None:
    second = await office.starts()

    assert await second.wait() == 1
    assert office.log().splitlines()[-1] == (
        f"{office.journal}: another acd (process {office.process.pid}) writes to it; stop that one, "
        "or give this one a file of its own in store.url"
    )
    await office.serves(1)


async def test_killed_at_any_moment_it_is_back_with_all_that_was_committed(office: Office) -> None:
    for _ in range(3):
        await office.serves(10)
        committed = await office.served_according_to_the_disk()
        await office.serves(2)  # of which something may be lost: nobody was promised anything
        office.process.kill()
        await office.process.wait()

        office.process = await office.starts()
        await office.until_ready()

        assert len(committed) >= 10
        assert {past["id"] for past in await office.past_requests()} >= committed


async def test_killed_while_its_journal_is_compacted_it_is_back_by_a_snapshot_and_knows_all_its_calls(
    tmp_path: Path,
) -> None:
    async with Office(tmp_path, tmp_path / "acd.db", program=OFTEN_COMPACTED) as office:
        for _ in range(3):
            compacted = office.events().count("journal.compacted")
            while office.events().count("journal.compacted") < compacted + 2:
                await office.serves(5)
            committed = await office.served_according_to_the_disk()
            office.process.kill()
            await office.process.wait()

            office.process = await office.starts()
            await office.until_ready()

            assert office.begun_with() > 0
            assert {past["id"] for past in await office.past_requests()} >= committed
        assert "journal.not_compacted" not in office.events()
