"""What counts as a wrong when the daemon is killed; and a few kills, for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from acd.asterisk.private import RELEASES
from bench.kills import Wrongs, kill_again_and_again
from bench.office import open_office


class Told:
    """Wrongs, and events as Asterisk would send them."""

    def __init__(self) -> None:
        self.wrongs = Wrongs()

    def joins(self, caller: str, number: str) -> None:
        self._says("UserEvent", UserEvent="BenchJoin", Uniqueid=caller, CallerIDNum=number)

    def rings(self, agent: str, leg: str, number: str) -> None:
        self._says("Newchannel", Channel=f"PJSIP/{agent}-0000000a", Uniqueid=leg)
        self._says("Newstate", Uniqueid=leg, CallerIDNum=number)

    def talks(self, caller: str, leg: str) -> None:
        for channel in (leg, caller):
            self._says("BridgeEnter", Uniqueid=channel, BridgeUniqueid=leg)

    def hangs_up(self, channel: str) -> None:
        self._says("HangupRequest", Uniqueid=channel)
        self.is_hung_up(channel)

    def is_hung_up(self, channel: str) -> None:
        self._says("Hangup", Uniqueid=channel)

    def _says(self, name: str, **fields: str) -> None:
        self.wrongs.hear(0, name, fields)


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_call_that_goes_well_is_no_wrong(told: Told) -> None:
    told.joins("ann", "061")
    told.rings("agent1", "leg1", "061")
    told.talks("ann", "leg1")
    told.hangs_up("leg1")
    told.is_hung_up("ann")
    told.rings("agent1", "leg2", "062")

    wrongs = told.wrongs
    assert (wrongs.joined, wrongs.connected) == (1, 1)
    assert (wrongs.lost, wrongs.cut, wrongs.offered_twice, wrongs.rung_twice) == ([], [], [], [])


def test_a_caller_who_goes_without_a_talk_is_lost(told: Told) -> None:
    told.joins("ann", "061")
    told.rings("agent1", "leg1", "061")
    told.is_hung_up("ann")

    assert told.wrongs.lost == ["061 on ann"]


def test_a_talk_that_neither_of_them_ended_was_cut(told: Told) -> None:
    told.joins("ann", "061")
    told.rings("agent1", "leg1", "061")
    told.talks("ann", "leg1")
    told.is_hung_up("leg1")

    assert told.wrongs.cut == ["agent1 with 061 on leg1"]


def test_a_second_phone_for_a_caller_is_an_offer_too_many(told: Told) -> None:
    told.joins("ann", "061")
    told.rings("agent1", "leg1", "061")
    told.rings("agent2", "leg2", "061")

    assert told.wrongs.offered_twice == ["061 by leg2"]


def test_a_phone_for_a_caller_who_talks_is_an_offer_too_many(told: Told) -> None:
    told.joins("ann", "061")
    told.rings("agent1", "leg1", "061")
    told.talks("ann", "leg1")
    told.hangs_up("leg1")
    told.rings("agent2", "leg2", "061")

    assert told.wrongs.offered_twice == ["061 by leg2"]


def test_a_phone_that_is_called_while_it_rings_is_rung_twice(told: Told) -> None:
    told.rings("agent1", "leg1", "061")
    told.rings("agent1", "leg2", "062")

    assert told.wrongs.rung_twice == ["agent1 by leg2"]


@pytest.mark.pbx
@pytest.mark.parametrize("release", RELEASES)
async def test_nobody_notices_that_the_daemon_was_killed(release: str, tmp_path: Path) -> None:
    async with open_office(tmp_path, [16], release) as office:
        killed = await kill_again_and_again(office, 16, rate=3, kills=3, seed=7, say=lambda _: None)

    wrongs = killed.wrongs
    assert wrongs.joined > 10
    assert (wrongs.lost, wrongs.cut, wrongs.offered_twice, wrongs.rung_twice) == ([], [], [], [])
    assert killed.stuck == set()
    assert killed.passed
