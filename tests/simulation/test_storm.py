"""Storms: small call centres in which everything goes wrong. Nobody is lost in any of them.

More of them: `make soak SEEDS=5000`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from acd.center import Center
from acd.center.facts import AnyFact, CallbackPromised, PbxStateChanged, RequestEnded, RulesChanged
from acd.center.inputs import Input
from acd.center.model import Outcome
from acd.journal.sqlite import SqliteStore
from acd.simulation.disk import Memory
from acd.simulation.faults import KINDS
from acd.simulation.process import Process
from acd.simulation.run import Site, simulate
from acd.simulation.watch import LawBroken, Watch
from tests.center.witness import Witness

from .storm import live_through, storm

FIRST, SEEDS, AT_A_TIME = 101, 200, 25


@pytest.mark.parametrize("first", range(FIRST, FIRST + SEEDS, AT_A_TIME))
def test_nobody_is_lost_in_a_storm(first: int) -> None:
    """Their agents, callers and phones are in the simulated Asterisk; what is watched stands in `Watch`."""
    for seed in range(first, first + AT_A_TIME):
        live_through(seed)


def test_whatever_can_go_wrong_goes_wrong_in_them() -> None:
    told = "\n".join(what for seed in range(FIRST, FIRST + 20) for what in live_through(seed).faults)

    for what in ("has died", "disk fails", "is cut", "is dark", "away", "at a time", "crashes", "shuts down"):
        assert what in told
    for what in (
        "told to stop",
        "stands still",
        "told twice",
        "are lost",
        "clock is off",
        "is gone from",
        "Pause(",
        "LogOut(",
    ):
        assert what in told


def test_who_is_lost_with_a_server_keeps_his_place_in_some_of_them() -> None:
    facts: list[AnyFact] = []
    for seed in range(FIRST, FIRST + 20):
        simulate(storm(seed), facts.append)

    assert any(isinstance(fact, CallbackPromised) for fact in facts)
    assert any(isinstance(fact, RequestEnded) and fact.outcome is Outcome.PBX_LOST for fact in facts)


def test_a_daemon_that_is_told_to_stop_loses_nothing_of_what_it_has_decided() -> None:
    decided: list[AnyFact] = []
    disk = Memory()

    simulate(replace(storm(FIRST), faults=("stop",)), decided.append, store=lambda: disk)

    assert sum(isinstance(fact, RulesChanged) for fact in decided) == 1  # of many starts the first
    assert sum(isinstance(fact, PbxStateChanged) and not fact.up for fact in decided) > 5
    assert list(disk.read()) == decided


def test_a_storm_is_the_same_each_time() -> None:
    one, again = (simulate(storm(FIRST)) for _ in range(2))

    assert (one.sha256, one.faults) == (again.sha256, again.faults)
    assert simulate(storm(FIRST + 1)).sha256 != one.sha256


def test_a_storm_is_the_same_in_another_process() -> None:
    """Where strings hash to other numbers, and sets have another order."""
    told = f"from tests.simulation.storm import *; print(live_through({FIRST}).sha256)"
    run = subprocess.run(
        [sys.executable, "-c", told],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.split()[-1] == live_through(FIRST).sha256


def test_a_journal_on_a_real_file_makes_the_same_day(tmp_path: Path) -> None:
    day = replace(storm(FIRST), faults=tuple(KINDS))

    store = SqliteStore(tmp_path / "acd.db")

    on_a_file = simulate(day, store=lambda: store)
    store.close()

    assert on_a_file.sha256 == simulate(day).sha256


def test_a_witness_of_the_whole_state_sees_nothing_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slower: all of the state, after each input."""
    witnesses: dict[Center, Witness] = {}
    began, tell = Site.began, Process.tell

    def begins(site: Site, center: Center, facts: Iterator[AnyFact]) -> None:
        known = list(facts)
        witnesses[center] = Witness()
        witnesses[center].saw(center, known)
        began(site, center, iter(known))

    def tells(process: Process, told: Input) -> list[AnyFact]:
        facts = tell(process, told)
        if not process.dead:
            witnesses[process.center].saw(process.center, facts)
        return facts

    monkeypatch.setattr(Site, "began", begins)
    monkeypatch.setattr(Process, "tell", tells)
    for seed in range(FIRST, FIRST + 8):
        live_through(seed)
    assert len(witnesses) > 8


# ---- A storm can fail


def test_a_broken_law_names_the_seed_and_how_to_see_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def sees_something(self: Watch) -> None:
        raise LawBroken("seen")

    monkeypatch.setattr(Watch, "after_a_turn", sees_something)

    with pytest.raises(LawBroken, match=f"seed {FIRST} with --faults .*\n.*make soak SEEDS=1 FIRST={FIRST}"):
        live_through(FIRST)
