"""What counts as a wrong to those who leave messages when the daemon is killed; and a few kills, for real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acd.asterisk.private import RELEASES
from bench.callbacks import AGENTS, survive
from bench.office import TRUNK, open_office
from bench.promises import IN_TURN_SECONDS, SPOKEN_SECONDS, Promises

ANN, BEN = "0610000001", "0610000002"


def e164(number: str) -> str:
    return f"+31{number[1:]}"


class Told:
    """Promises, and events as Asterisk would send them, a second apart."""

    def __init__(self, folder: Path) -> None:
        self.promises = Promises(folder, at_once=1)
        self.at = 0.0

    # ---- Callers

    def joins(self, number: str) -> None:
        self._says("UserEvent", number, UserEvent="BenchJoin", CallerIDNum=number)

    def is_told(self, number: str, word: str) -> None:
        self._says("UserEvent", number, UserEvent="BenchWord", Word=word, Message=f"of-{number}")

    def leaves_a_message(self, number: str) -> None:
        self.joins(number)
        for word in ("confirm", "speak", "review"):
            self.is_told(number, word)
        (self.promises.folder / f"of-{number}.wav").touch()
        self.is_told(number, "kept")
        self.is_hung_up(number)

    # ---- Agents, by their legs, and customers

    def rings(self, agent: str, leg: str, number: str) -> None:
        self._says("Newchannel", leg, Channel=f"PJSIP/{agent}-0000000a", CallerIDNum="")
        self._says("Newstate", leg, CallerIDNum=number)

    def hears(self, leg: str, message: str) -> None:
        self._says("UserEvent", leg, UserEvent="BenchWord", Word="message", Message=message)

    def dials(self, leg: str, number: str) -> None:
        string = f"{e164(number)}@{TRUNK}"
        self._says("DialBegin", leg, DialString=string, DestUniqueid=f"{leg} calls")

    def dial_ends(self, leg: str, status: str) -> None:
        self._says("DialEnd", leg, DestUniqueid=f"{leg} calls", DialStatus=status)

    def calls_back(self, agent: str, leg: str, number: str) -> None:
        self.rings(agent, leg, number)
        self.hears(leg, f"of-{number}")
        self.dials(leg, number)
        self.dial_ends(leg, "ANSWER")
        self.hangs_up(f"{leg} calls")
        self.is_hung_up(leg)

    # ---- Anybody

    def hangs_up(self, channel: str) -> None:
        self._says("HangupRequest", channel)
        self.is_hung_up(channel)

    def is_hung_up(self, channel: str) -> None:
        self._says("Hangup", channel)

    def is_over(self, *ended: tuple[str, str], still_open: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        """What the API shows: numbers, and what is booked for them."""
        shown = [{"caller": {"number": number}, "outcome": outcome} for number, outcome in ended]
        self.promises.settle(shown, {e164(number) for number in still_open})

    def _says(self, name: str, channel: str, **fields: str) -> None:
        self.at += 1
        self.promises.hear(self.at, name, {"Uniqueid": channel, **fields})

    @property
    def wrongs(self) -> dict[str, list[str]]:
        seen = self.promises
        found: dict[str, Any] = vars(seen) | {"overtaken": seen.overtaken}
        kinds = ("lost", "twice", "misplaced", "overtaken", "cut", "flooded", "orphans")
        return {kind: found[kind] for kind in kinds if found[kind]}


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


def test_two_who_are_called_back_one_after_the_other_are_no_wrong(told: Told) -> None:
    told.leaves_a_message(ANN)
    told.leaves_a_message(BEN)
    told.calls_back("agent1", "leg1", ANN)
    told.calls_back("agent1", "leg2", BEN)
    told.is_over((ANN, "answered"), (BEN, "answered"))

    assert told.wrongs == {}
    assert (len(told.promises.owed), told.promises.reached, told.promises.in_vain) == (2, 2, 0)


def test_one_who_is_not_reached_may_be_called_again(told: Told) -> None:
    told.leaves_a_message(ANN)
    told.rings("agent1", "leg1", ANN)
    for _ in range(2):
        told.dials("leg1", ANN)
        told.dial_ends("leg1", "BUSY")
    told.is_hung_up("leg1")
    told.is_over((ANN, "not_reached"))

    assert told.wrongs == {}
    assert told.promises.in_vain == 1


def test_who_is_hung_up_on_with_nothing_promised_is_lost(told: Told) -> None:
    told.joins(ANN)
    told.is_hung_up(ANN)

    assert list(told.wrongs) == ["lost"]


def test_so_is_who_was_promised_a_callback_that_is_not_there(told: Told) -> None:
    told.leaves_a_message(ANN)
    told.is_over()

    assert told.wrongs["lost"] == ["+31610000001 was promised a callback, and there is none"]


def test_but_not_whose_callback_is_still_to_come(told: Told) -> None:
    told.leaves_a_message(ANN)
    told.is_over(still_open={ANN})

    assert told.wrongs == {}


@pytest.mark.parametrize(("speaks_seconds", "owed"), [(SPOKEN_SECONDS + 1, 1), (SPOKEN_SECONDS - 1, 0)])
def test_who_hangs_up_after_speaking_is_owed_a_callback(told: Told, speaks_seconds: float, owed: int) -> None:
    told.joins(ANN)
    told.is_told(ANN, "speak")
    told.at += speaks_seconds - 2
    told.hangs_up(ANN)

    assert len(told.promises.owed) == owed
    assert told.wrongs == {}


def test_a_promise_without_a_file_is_an_empty_one(told: Told) -> None:
    told.joins(ANN)
    told.is_told(ANN, "kept")

    assert list(told.wrongs) == ["orphans"]


def test_a_second_dial_is_one_too_many_while_the_first_rings_or_after_a_talk(told: Told) -> None:
    told.leaves_a_message(ANN)
    told.rings("agent1", "leg1", ANN)
    told.dials("leg1", ANN)
    told.dials("leg1", ANN)
    told.dial_ends("leg1", "ANSWER")
    told.hangs_up("leg1 calls")
    told.dials("leg1", ANN)

    assert told.wrongs["twice"] == ["+31610000001 by leg1"] * 2


def test_two_callbacks_for_one_message_are_one_too_many(told: Told) -> None:
    told.leaves_a_message(ANN)
    told.calls_back("agent1", "leg1", ANN)
    told.is_over((ANN, "answered"), (ANN, "answered"))

    assert told.wrongs["twice"] == ["+31610000001 has 2 callbacks"]


def test_nobody_is_called_for_another_one_or_with_his_message(told: Told) -> None:
    told.leaves_a_message(ANN)
    told.leaves_a_message(BEN)
    told.rings("agent1", "leg1", ANN)
    told.hears("leg1", f"of-{BEN}")
    told.dials("leg1", BEN)

    assert len(told.wrongs["misplaced"]) == 2


@pytest.mark.parametrize(
    ("status", "booked"), [("ANSWER", "not_reached"), ("BUSY", "answered"), ("ANSWER", "cancelled")]
)
def test_what_is_booked_is_what_was(told: Told, status: str, booked: str) -> None:
    told.leaves_a_message(ANN)
    told.rings("agent1", "leg1", ANN)
    told.dials("leg1", ANN)
    told.dial_ends("leg1", status)
    told.hangs_up("leg1")
    told.is_over((ANN, booked))

    assert list(told.wrongs) == ["misplaced"]


def test_who_came_later_is_not_called_earlier(told: Told) -> None:
    told.leaves_a_message(ANN)
    told.leaves_a_message(BEN)

    told.rings("agent1", "leg1", BEN)

    assert told.wrongs == {"overtaken": ["+31610000001 by +31610000002 on leg1"]}


def test_unless_both_phones_ring_at_once(told: Told) -> None:
    told.leaves_a_message(ANN)
    told.leaves_a_message(BEN)
    told.rings("agent1", "leg1", BEN)
    told.at -= 1.95

    told.rings("agent2", "leg2", ANN)

    assert told.wrongs == {}


def test_or_the_earlier_one_has_just_come_back_from_an_agent(told: Told) -> None:
    told.leaves_a_message(ANN)
    told.leaves_a_message(BEN)
    told.rings("agent1", "leg1", ANN)
    told.is_hung_up("leg1")
    told.at -= 2 - IN_TURN_SECONDS / 2

    told.rings("agent2", "leg2", BEN)

    assert told.wrongs == {}


def test_who_was_not_reached_comes_behind_those_who_came_meanwhile(told: Told) -> None:
    told.leaves_a_message(ANN)
    told.rings("agent1", "leg1", ANN)
    told.dials("leg1", ANN)
    told.leaves_a_message(BEN)
    told.dial_ends("leg1", "BUSY")
    told.is_hung_up("leg1")

    told.rings("agent1", "leg2", ANN)

    assert list(told.wrongs) == ["overtaken"]


def test_a_talk_that_neither_of_them_ended_was_cut(told: Told) -> None:
    told.leaves_a_message(ANN)
    told.rings("agent1", "leg1", ANN)
    told.dials("leg1", ANN)
    told.dial_ends("leg1", "ANSWER")
    told.is_hung_up("leg1 calls")

    assert told.wrongs["cut"] == ["agent1 with +31610000001"]


def test_no_more_are_called_at_a_time_than_the_queue_allows(told: Told) -> None:
    for number, leg in ((ANN, "leg1"), (BEN, "leg2")):
        told.leaves_a_message(number)
        told.rings(leg.replace("leg", "agent"), leg, number)
        told.dials(leg, number)

    assert list(told.wrongs) == ["flooded"]


def test_no_file_is_left_over_and_none_is_missing(told: Told) -> None:
    told.leaves_a_message(ANN)
    told.calls_back("agent1", "leg1", ANN)
    (told.promises.folder / f"of-{ANN}.wav").rename(told.promises.folder / "somebody.rec.wav")
    told.is_over((ANN, "answered"))

    assert told.wrongs["orphans"] == ["somebody.rec.wav is nobody's", f"of-{ANN}.wav is not there"]


@pytest.mark.pbx
@pytest.mark.parametrize("release", RELEASES)
async def test_no_message_is_lost_and_nobody_called_twice_when_the_daemon_is_killed(
    release: str, tmp_path: Path
) -> None:
    async with open_office(tmp_path, [AGENTS], release) as office:
        survived = await survive(office, messages=8, rate=2, seed=3, say=lambda _: None, attempts=1)

    assert len(survived.promises.owed) >= 8
    assert survived.kills > 1
    assert {what: which for what, which in survived.wrongs if which} == {}
    assert survived.passed
