"""What is written is what is read, in the same order, and folds to the same state."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acd.center import Center
from acd.center.facts import AnyFact, RequestEnded
from acd.center.inputs import CallerJoined
from acd.center.model import Caller, ChannelId
from acd.journal import open_journal

from .days import MAIN, QUEUES, START, turns
from .journals import journal_at, read_back, turn

SOME_TEXT = st.text(max_size=20)
SOME_FLOAT = st.floats(allow_nan=False, allow_infinity=False)


def _any_of(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type that facts are made of."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return st.builds(kind, **{field.name: _any_of(field.type) for field in msgspec.structs.fields(kind)})
    if supertype := getattr(kind, "__supertype__", None):
        return _any_of(supertype)
    if kind in (str, float, int):
        return {str: SOME_TEXT, float: SOME_FLOAT, int: st.integers(-(2**63), 2**63 - 1)}[kind]
    if getattr(kind, "__origin__", None) is tuple:
        return st.lists(_any_of(get_args(kind)[0]), max_size=2).map(tuple)
    if getattr(kind, "__origin__", None) is dict:
        key, value = get_args(kind)
        return st.dictionaries(_any_of(key), _any_of(value), max_size=2)
    if options := get_args(kind):
        return st.one_of(*map(_any_of, options))
    return st.from_type(kind)


@pytest.mark.parametrize("kind", get_args(AnyFact), ids=lambda kind: kind.__name__)
def test_facts_of_every_kind_are_read_as_they_were_written(kind: type[AnyFact]) -> None:
    @given(st.lists(_any_of(kind), min_size=1, max_size=3))
    @settings(max_examples=10, deadline=None)
    def are_read_as_written(facts: list[AnyFact]) -> None:
        with TemporaryDirectory() as folder:
            assert asyncio.run(_written_and_read(Path(folder) / "acd.db", facts)) == facts

    are_read_as_written()


async def _written_and_read(path: Path, facts: list[AnyFact]) -> list[AnyFact]:
    async with journal_at(path) as journal:
        journal.append(facts)
    return await read_back(path)


async def test_a_restart_folds_the_same_state(tmp_path: Path) -> None:
    lived, folded = Center(), Center()
    async with journal_at(tmp_path / "acd.db") as journal:
        for facts in turns(30, lived):
            journal.append(facts)

    folded.fold(await read_back(tmp_path / "acd.db"))

    joined = CallerJoined(MAIN, ChannelId("x"), QUEUES[0], Caller())
    assert folded.state.agents == lived.state.agents
    assert [queue.ended for queue in folded.state.queues.values()] == [q.ended for q in lived.state.queues.values()]
    assert folded.decide(joined, START + 1e6, 1) == lived.decide(joined, START + 1e6, 1)


async def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    async with journal_at(tmp_path / "acd.db") as journal:
        assert journal.append(turn(1, 3)) == 3
    async with journal_at(tmp_path / "acd.db") as journal:
        assert journal.append(turn(2, 2)) == 5

    assert await read_back(tmp_path / "acd.db") == [*turn(1, 3), *turn(2, 2)]


async def test_facts_are_read_one_by_one(tmp_path: Path) -> None:
    async with journal_at(tmp_path / "acd.db") as journal:
        await journal.committed(journal.append(turn(1, 5)))
        facts = journal.read()

        assert next(facts) == turn(1, 5)[0]
        facts.close()


async def test_an_operator_can_read_it_with_sqlite_alone(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    async with journal_at(tmp_path / "acd.db") as journal:
        journal.append([fact for facts in turns(3) for fact in facts])
    with closing(sqlite3.connect(tmp_path / "acd.db")) as db:
        talks = db.execute("SELECT json_extract(body, '$.talk_seconds') FROM facts WHERE kind = 'RequestEnded'")

        assert [round(seconds, 3) for (seconds,) in talks] == [3.24] * 3


# ---- Past requests


def _ended(number: int, queue: str, kind: str) -> RequestEnded:
    (fact,) = [fact for facts in turns(1) for fact in facts if isinstance(fact, RequestEnded)]
    return msgspec.structs.replace(fact, request=f"{number:016x}", queue=queue, kind=kind)


PAST = [
    _ended(number, queue, kind)
    for number, (queue, kind) in enumerate([("sales", "call"), ("sales", "chat"), ("support", "call")] * 7)
]


@pytest.mark.parametrize("when", ["on disk", "not yet on disk", "half on disk"])
@pytest.mark.parametrize("queue", [None, "sales", "support", "nowhere"])
@pytest.mark.parametrize("kind", [None, "call", "chat"])
async def test_past_requests_are_found_page_by_page_the_newest_first(
    tmp_path: Path, when: str, queue: str | None, kind: str | None
) -> None:
    from .journals import Disk, journal_on

    disk = Disk(tmp_path / "acd.db")
    async with journal_on(disk) as journal:
        for number, fact in enumerate(PAST):
            if number == {"on disk": None, "not yet on disk": 0, "half on disk": 10}[when]:
                disk.hold()
            last = journal.append([*turn(number, 2), fact])
            if disk.goes_on.is_set():
                await journal.committed(last)
        found, before = [], None
        while page := await journal.past_requests(queue=queue, kind=kind, before=before, limit=4):
            assert len(page) <= 4
            found += [fact for _, fact in page]
            before = page[-1][0]
        disk.let_go()

    assert found == [fact for fact in reversed(PAST) if queue in (None, fact.queue) and kind in (None, fact.kind)]


async def test_past_requests_are_found_by_an_index(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    from acd.journal import sqlite_file as sqlite

    async with journal_at(tmp_path / "acd.db"):
        pass
    with closing(sqlite3.connect(tmp_path / "acd.db")) as db:
        for asked in ("", sqlite._OF_QUEUE, sqlite._OF_KIND, sqlite._OF_QUEUE + sqlite._OF_KIND):
            query = f"EXPLAIN QUERY PLAN {sqlite._PAST}{asked}{sqlite._NEWEST_FIRST}"
            plan = db.execute(query, {"queue": "sales", "kind": "call", "before": 9, "limit": 3}).fetchall()

            assert len(plan) == 1 and "USING INDEX past" in plan[0][3], plan


async def test_the_url_names_a_file_relative_to_where_acd_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    journal = open_journal("sqlite:var/of acd/100%#?.db")
    await journal.close()

    assert (tmp_path / "var/of acd/100%#?.db").exists()
