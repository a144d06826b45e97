"""Calls on one server, told event by event: what the center hears of them, and what Asterisk is asked for.

Nothing here is connected to anything. What Asterisk really says stands in docs/asterisk-notes.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from acd.asterisk import calls, orders
from acd.asterisk.calls import Calls
from acd.asterisk.link import (
    SHUTTING_DOWN,
    ActionFailed,
    ActionRefused,
    ActionTimeout,
    Answer,
    Event,
    Link,
    LinkDown,
)
from acd.asterisk.means import Means
from acd.asterisk.orders import SETTLES_SECONDS
from acd.asterisk.watch import Contradictions
from acd.asterisk.wire import refuse_unsafe
from acd.center.facts import (
    AnnouncementMade,
    AnyFact,
    BridgeRepeated,
    CallbackOffered,
    CallerAsked,
    CallerReleased,
    FeatureAnswered,
    LegReleased,
    OfferEnded,
    OfferMade,
    RequestMoved,
    RequestQueued,
    RequestRequeued,
)
from acd.center.inputs import (
    NOT_DIALLED,
    BridgeFailed,
    CallbackKey,
    CallBridged,
    CallerJoined,
    CallerWaits,
    CallPassedOn,
    CallPickedUp,
    ChannelGone,
    Contradiction,
    CustomerAnswered,
    CustomerHungUp,
    CustomerNotReached,
    FeatureDialled,
    Input,
    KeyPressed,
    LegAccepted,
    LegAnswered,
    LegBegan,
    LegEnd,
    LegEnded,
    LegHungUp,
    LegProgressed,
    LegRejected,
    LegSentOn,
    NewParty,
    PbxContradicted,
    PbxLost,
    PbxShutDown,
    PbxSurveyed,
    PhoneUsed,
    PlaceTaken,
    TalksTogether,
)
from acd.center.model import Caller, ChannelId, Difference, Message, Missed, OfferId, OfferOutcome, PbxName
from acd.center.reach import Device
from acd.center.state import State
from acd.dialling import Dialling, DialRules

OFFER = OfferId("0123456789abcdef")
LEG = f"acd-{OFFER}"
LEG_NAME, CALLER, CALLER_NAME = "PJSIP/alice-00000002", "1700000000.1", "PJSIP/trunk-00000001"
TALKED = {"Channel": CALLER, "Variable": "ACD_TALKED", "Value": "yes"}
MAIN = PbxName("main")


def _now() -> float:
    return 1_700_000_000.9


async def _at_once() -> bool:
    return True


QUESTIONS = {
    "Getvar": Event.parse("Response", "Value: 1700000000"),
    "CoreStatus": Event.parse("Response", "CoreStartupDate: 2023-11-14\r\nCoreStartupTime: 22:00:00"),
}
STARTED = "2023-11-14 22:00:00"


async def _settle() -> None:
    """Whatever goes on by itself has come as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


class FakeLink:
    """Keeps what it is asked for; answers a question at once, and all else when it is told to."""

    name = "main"

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[asyncio.Future[Answer]] = []
        self.surveys: list[asyncio.Future[list[Event]]] = []
        self.failed: list[str] = []
        self.cuts: list[str] = []
        self.fails: dict[str, ActionFailed] = {}
        """Whichever action of that name it is."""

    def send(self, action: str, headers: Mapping[str, Any]) -> asyncio.Future[Answer]:
        refuse_unsafe(action, headers)
        self.asked.append((action, dict(headers)))
        self.answers.append(asyncio.get_running_loop().create_future())
        if action in self.fails:
            self.answers[-1].set_exception(self.fails[action])
        elif action in QUESTIONS or headers.get("Variable") == "ACD_HEARTBEAT":
            self.answers[-1].set_result(QUESTIONS.get(action, Event("Response")))
        return self.answers[-1]

    async def ask(self, action: str, headers: Mapping[str, Any]) -> list[Event]:
        self.asked.append((action, dict(headers)))
        self.surveys.append(asyncio.get_running_loop().create_future())
        return await self.surveys[-1]

    def handler_failed(self, about: str, error: Exception, channel: str | None = None) -> None:
        self.failed.append(about)

    def cut(self, why: str) -> None:
        self.cuts.append(why)

    def names(self) -> list[str]:
        return [action for action, _ in self.asked]

    def last(self, action: str) -> dict[str, Any]:
        return [headers for name, headers in self.asked if name == action][-1]


class Server:
    def __init__(self, contradictions: Contradictions | None = None) -> None:
        self.link = FakeLink()
        self.told: list[Input] = []
        self.stumbles_over: tuple[type[Input], ...] = ()
        self.means = Means(State(), Dialling(_now), None, on_disk=_at_once, can_promise=lambda: True)
        self.calls = Calls(cast(Link, self.link), self._hear, _now, self.means, contradictions)

    def _hear(self, told: Input) -> list[AnyFact]:
        if isinstance(told, self.stumbles_over):
            raise KeyError("no such call")
        self.told.append(told)
        return []

    def hears(self, name: str, channel: str, channel_name: str = "", **headers: str) -> list[Input]:
        """An event of a channel; answers with what the center is told of it."""
        self.told.clear()
        event = Event(name)
        event.update({"Uniqueid": channel, "Channel": channel_name or _name_of(channel), **headers})
        self.calls.on_event(event)
        return list(self.told)

    def decides(self, *facts: AnyFact) -> list[tuple[str, dict[str, Any]]]:
        """The center does; answers with what Asterisk is asked for."""
        self.link.asked.clear()
        for fact in facts:
            self.calls.on_fact(fact)
        return list(self.link.asked)

    async def refuses(self, why: ActionFailed) -> list[Input]:
        """The last action."""
        self.told.clear()
        self.link.answers[-1].set_exception(why)
        await asyncio.sleep(0)
        return list(self.told)

    def bridges(self) -> None:
        """Caller and leg, by our order."""
        self.hears("UserEvent", CALLER, UserEvent="AcdJoin", Queue="sales")
        self.hears("UserEvent", LEG, UserEvent="AcdAccept")
        self.decides(accepted())
        self.hears("BridgeEnter", CALLER, BridgeUniqueid="b")
        self.hears("BridgeEnter", LEG, BridgeUniqueid="b")

    async def comes_up(self, *channels: Event) -> None:
        self.calls.link_up()
        await self.lists(*channels)

    async def lists(self, *channels: Event) -> list[Input]:
        """Answers the next question for all that live there; answers with what the center is told then."""
        await _settle()
        self.told.clear()
        self.link.surveys[-1].set_result(list(channels))
        await _settle()
        return list(self.told)


def _name_of(channel: str) -> str:
    return {LEG: LEG_NAME, CALLER: CALLER_NAME}.get(channel, f"PJSIP/{channel}-00000009")


def status(channel: str, *variables: str, **headers: str) -> Event:
    said = {"Channel": _name_of(channel), "ChannelState": "6", **headers}
    lines = [f"{header}: {value}" for header, value in said.items()]
    lines += [f"Variable: {variable}" for variable in variables]
    return Event.parse("Status", "\r\n".join([f"Uniqueid: {channel}", *lines]))


@pytest.fixture
async def server() -> Server:
    return Server()


# ---- Facts


def made(**more: Any) -> OfferMade:
    said: dict[str, Any] = {
        "at": 0,
        "offer": OFFER,
        "request": "r",
        "queue": "sales",
        "agent": "alice",
        "device": Device("desk", "PJSIP/alice"),
        "caller": Caller("0612", "Eva"),
        "pbx": MAIN,
        "channel": LEG,
        "ring_seconds": 20,
        "ready_at": 0,
    }
    return OfferMade(**{**said, **more})


def accepted(outcome: OfferOutcome = OfferOutcome.ACCEPTED, **more: Any) -> OfferEnded:
    said: dict[str, Any] = {
        "at": 0,
        "offer": OFFER,
        "request": "r",
        "queue": "sales",
        "agent": "alice",
        "outcome": outcome,
        "pbx": MAIN,
        "channel": LEG,
        "caller_channel": CALLER,
        "deadline": 5,
    }
    return OfferEnded(**{**said, **more})


def requeued() -> RequestRequeued:
    return RequestRequeued(at=0, request="r", queue="sales", pbx=MAIN, channel=CALLER)


def released(**more: Any) -> LegReleased:
    said: dict[str, Any] = {"at": 0, "offer": OFFER, "pbx": MAIN, "channel": LEG, "deadline": 5}
    return LegReleased(**{**said, **more})


def _mobile(server: Server) -> Device:
    """Of alice's, which her server can reach."""
    rules = DialRules(home="NL", countries=frozenset({"NL"}))
    server.means.dialling.use(rules, {MAIN: "PJSIP/{number}@carrier"})
    return Device("mobile", number="+31612345678")


# ---- What the center hears


async def test_who_joins_a_line_is_told(server: Server) -> None:
    (joined,) = server.hears("UserEvent", CALLER, UserEvent="AcdJoin", Queue="sales")
    assert isinstance(joined, CallerJoined)
    assert (joined.pbx, joined.channel, joined.queue) == (MAIN, CALLER, "sales")


async def test_an_agent_who_takes_the_call_is_told_and_nobody_else_by_that_name(server: Server) -> None:
    assert server.hears("UserEvent", LEG, UserEvent="AcdAccept") == [LegAccepted(OFFER)]
    assert server.hears("UserEvent", CALLER, UserEvent="AcdAccept") == []


@pytest.mark.parametrize(("said", "pause"), [("yes", True), ("no", False)])
async def test_an_agent_who_refuses_by_a_key_is_told_and_whether_he_wants_a_pause(
    server: Server, said: str, pause: bool
) -> None:
    assert server.hears("UserEvent", LEG, UserEvent="AcdReject", Pause=said) == [LegRejected(OFFER, pause)]
    assert server.hears("UserEvent", CALLER, UserEvent="AcdReject", Pause=said) == [], "he is nobody's leg"


async def test_a_feature_code_is_told(server: Server) -> None:
    (dialled,) = server.hears("UserEvent", "7", "PJSIP/alice-01", UserEvent="AcdFeature", Action="pause", Typed="1")
    assert dialled == FeatureDialled(MAIN, "7", "PJSIP/alice", "pause", "1")


async def test_an_event_of_somebody_elses_is_passed_over(server: Server) -> None:
    assert server.hears("UserEvent", CALLER, UserEvent="Other") == []
    assert server.hears("VarSet", CALLER) == []


async def test_a_leg_that_is_picked_up_is_told_once_it_is_up(server: Server) -> None:
    assert server.hears("Newstate", LEG, ChannelState="5") == []
    assert server.hears("Newstate", LEG, ChannelState="6") == [LegAnswered(OFFER)]


async def test_a_leg_that_is_picked_up_hears_no_reason_why_nobody_is_there(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "DIALPLAN_BEGINS_SECONDS", 0)
    server.hears("Newstate", LEG, ChannelState="6")
    await _settle()
    assert server.link.asked == []


async def test_how_far_the_call_of_a_mobile_has_come_is_told(server: Server) -> None:
    server.decides(made(device=_mobile(server)))
    assert server.hears("DialState", "", DestUniqueid=LEG, DialStatus="PROGRESS") == [LegProgressed(OFFER, rings=False)]
    assert server.hears("DialState", "", DestUniqueid=LEG, DialStatus="RINGING") == [LegProgressed(OFFER, rings=True)]
    assert server.hears("DialState", "", DestUniqueid=LEG, DialStatus="PROCEEDING") == [], "the trunk has it, no more"
    assert server.hears("DialState", "", DestUniqueid="8", DialStatus="RINGING") == []


async def test_of_a_desk_phone_it_is_only_remembered_that_it_rang(server: Server) -> None:
    server.decides(made())
    assert server.hears("DialState", "", DestUniqueid=LEG, DialStatus="RINGING") == []
    (ended,) = server.hears("Hangup", LEG, **{"Cause": "17", "Cause-txt": "User busy"})
    assert ended == LegEnded(OFFER, LegEnd.REJECTED, "17 User busy"), "its person has declined"
    (again,) = server.hears("Hangup", LEG, Cause="17")
    assert again == LegEnded(OFFER, LegEnd.BUSY, "17"), "it is forgotten"


async def test_a_phone_that_is_only_at_it_has_not_rung(server: Server) -> None:
    server.hears("DialState", "", DestUniqueid=LEG, DialStatus="PROGRESS")
    assert server.hears("Hangup", LEG, Cause="17") == [LegEnded(OFFER, LegEnd.BUSY, "17")]


async def test_a_telephone_that_is_none_of_our_legs_is_told(server: Server) -> None:
    assert server.hears("Newchannel", LEG, ChannelState="0") == [LegBegan(MAIN, OFFER)]
    assert server.hears("Newchannel", "7", "PJSIP/bob-01", ChannelState="0") == [
        PhoneUsed(MAIN, "PJSIP/bob", "7", talks=False)
    ]
    assert server.hears("Newstate", "7", "PJSIP/bob-01", ChannelState="5") == []
    assert server.hears("Newstate", "7", "PJSIP/bob-01", ChannelState="6") == [
        PhoneUsed(MAIN, "PJSIP/bob", "7", talks=True)
    ]


async def test_who_hangs_up_is_told_before_his_channel_ends(server: Server) -> None:
    assert server.hears("HangupRequest", LEG) == [LegHungUp(OFFER)]
    assert server.hears("HangupRequest", CALLER) == [ChannelGone(MAIN, CALLER)]


async def test_a_channel_that_has_ended_is_told_with_its_cause(server: Server) -> None:
    assert server.hears("Hangup", CALLER, Cause="16") == [ChannelGone(MAIN, CALLER)]
    assert server.hears("Hangup", LEG, **{"Cause": "17", "Cause-txt": "User busy"}) == [
        LegEnded(OFFER, LegEnd.BUSY, "17 User busy")
    ]


async def test_a_dial_that_made_no_channel_has_failed(server: Server) -> None:
    assert server.hears("OriginateResponse", LEG, Response="Failure", Reason="5") == [
        LegEnded(OFFER, LegEnd.BUSY, "originate failed, reason 5")
    ]


async def test_a_dial_that_made_a_channel_has_its_end_told_by_that(server: Server) -> None:
    server.hears("Newchannel", LEG, ChannelState="0")
    assert server.hears("OriginateResponse", LEG, Response="Failure", Reason="3") == []
    assert server.hears("Hangup", LEG, Cause="0") == [LegEnded(OFFER, LegEnd.NO_ANSWER, "originate failed, reason 3")]
    assert server.hears("OriginateResponse", LEG, Response="Failure", Reason="3") != [], "it is forgotten"


async def test_a_dial_that_was_answered_or_was_none_of_ours_tells_nothing(server: Server) -> None:
    assert server.hears("OriginateResponse", LEG, Response="Success", Reason="4") == []
    assert server.hears("OriginateResponse", CALLER, Response="Failure", Reason="3") == []


async def test_the_customer_whom_a_leg_has_called_is_told_once_he_picks_up(server: Server) -> None:
    dialled = {"DestUniqueid": "8", "DestChannel": "PJSIP/trunk-00000008"}
    assert server.hears("DialEnd", LEG, DialStatus="BUSY", **dialled) == []
    assert server.hears("DialEnd", LEG, DialStatus="ANSWER", **dialled) == [CustomerAnswered(OFFER, ChannelId("8"))]
    assert server.hears("DialEnd", "7", DialStatus="ANSWER", **dialled) == [], "somebody has called a friend"


async def test_how_the_call_of_a_customer_ended_is_told_by_the_leg_that_made_it(server: Server) -> None:
    def says(channel: str, status: str, cause: str) -> list[Input]:
        return server.hears("UserEvent", channel, UserEvent="AcdDialled", Status=status, Cause=cause)

    assert says(LEG, "ANSWER", "16") == [CustomerAnswered(OFFER, ChannelId("")), CustomerHungUp(OFFER)]
    assert says(LEG, "BUSY", "17") == [CustomerNotReached(OFFER, Missed.BUSY, "BUSY 17")]
    assert says(LEG, "CHANUNAVAIL", "") == [CustomerNotReached(OFFER, Missed.FAILED, "CHANUNAVAIL")]
    assert says("7", "ANSWER", "16") == says("7", "BUSY", "17") == [], "it is nobody's leg"


# ---- In a bridge


async def test_both_in_the_bridge_of_our_order_are_bridged(server: Server) -> None:
    server.decides(accepted())
    assert CallBridged(OFFER) not in server.hears("BridgeEnter", CALLER, BridgeUniqueid="b")
    assert server.link.names()[-1] == "Bridge"
    assert CallBridged(OFFER) in server.hears("BridgeEnter", LEG, BridgeUniqueid="b")
    assert server.link.last("Setvar") == TALKED
    assert CallBridged(OFFER) not in server.hears("BridgeEnter", LEG, BridgeUniqueid="b"), "told once"


async def test_a_leg_that_comes_first_into_the_bridge_has_not_consulted(server: Server) -> None:
    server.decides(accepted())
    server.hears("BridgeEnter", LEG, BridgeUniqueid="b")
    assert CallBridged(OFFER) in server.hears("BridgeEnter", CALLER, BridgeUniqueid="b")
    assert server.link.last("Setvar") == TALKED
    assert server.hears("HangupRequest", LEG) == [LegHungUp(OFFER)]


async def test_two_in_different_bridges_are_not_bridged(server: Server) -> None:
    server.decides(accepted())
    server.hears("BridgeEnter", CALLER, BridgeUniqueid="one")
    assert CallBridged(OFFER) not in server.hears("BridgeEnter", LEG, BridgeUniqueid="other")


async def test_who_hangs_up_on_the_way_into_the_bridge_is_waited_for_no_more(server: Server) -> None:
    server.decides(accepted())
    server.hears("BridgeEnter", LEG, BridgeUniqueid="b")
    server.hears("Hangup", LEG, Cause="16")
    assert server.hears("BridgeEnter", CALLER, BridgeUniqueid="b") == []


async def test_a_bridge_that_is_asked_for_again_is_there_when_both_are_in_it_again(server: Server) -> None:
    server.bridges()
    server.decides(
        BridgeRepeated(
            at=1, offer=OFFER, pbx=MAIN, channel=ChannelId(LEG), caller_channel=ChannelId(CALLER), deadline=6
        )
    )
    assert server.link.names() == ["Setvar", "Bridge"]
    assert CallBridged(OFFER) not in server.hears("BridgeEnter", CALLER, BridgeUniqueid="b")
    assert CallBridged(OFFER) in server.hears("BridgeEnter", LEG, BridgeUniqueid="b")


async def test_a_leg_that_comes_after_its_caller_was_given_to_another_one_is_not_bridged(server: Server) -> None:
    other = OfferId("00000000000000ff")
    server.decides(accepted(), requeued(), accepted(offer=other, channel=f"acd-{other}"))
    server.hears("BridgeEnter", CALLER, BridgeUniqueid="b")
    assert CallBridged(OFFER) not in server.hears("BridgeEnter", LEG, BridgeUniqueid="b")
    assert CallBridged(other) in server.hears("BridgeEnter", f"acd-{other}", BridgeUniqueid="b")


async def test_a_leg_that_is_brought_together_with_somebody_else_is_told(server: Server) -> None:
    server.hears("BridgeEnter", LEG, BridgeUniqueid="b")
    assert server.hears("BridgeEnter", "third", BridgeUniqueid="b") == [TalksTogether(MAIN, OFFER, "third")]


async def test_who_joins_a_leg_already_there_is_told_either_way_round(server: Server) -> None:
    server.hears("BridgeEnter", "third", BridgeUniqueid="b")
    assert server.hears("BridgeEnter", LEG, BridgeUniqueid="b") == [TalksTogether(MAIN, OFFER, "third")]


@pytest.mark.parametrize("first", [LEG, "third"])
async def test_who_is_brought_together_with_a_leg_is_known_by_his_name(server: Server, first: str) -> None:
    names = {LEG: LEG_NAME, "third": "PJSIP/bob-00000007"}
    for channel in (first, *(names.keys() - {first})):
        server.hears("BridgeEnter", channel, names[channel], BridgeUniqueid="b")
    server.decides(accepted(caller_channel="third"))
    assert server.link.last("Bridge")["Channel1"] == "PJSIP/bob-00000007"


async def test_half_of_a_way_to_somebody_talks_to_nobody(server: Server) -> None:
    server.hears("BridgeEnter", LEG, BridgeUniqueid="b")
    assert server.hears("BridgeEnter", "half", "Local/1@x-0001;1", BridgeUniqueid="b") == []


async def test_who_has_left_a_bridge_or_this_world_is_in_it_no_more(server: Server) -> None:
    server.hears("BridgeEnter", LEG, BridgeUniqueid="b")
    server.hears("BridgeEnter", LEG, BridgeUniqueid="elsewhere")
    assert server.hears("BridgeEnter", "third", BridgeUniqueid="b") == []
    server.hears("Hangup", LEG, Cause="16")
    assert server.hears("BridgeEnter", "fourth", BridgeUniqueid="elsewhere") == []


async def test_two_legs_in_a_bridge_are_no_talk_of_a_caller(server: Server) -> None:
    server.hears("BridgeEnter", LEG, BridgeUniqueid="b")
    assert server.hears("BridgeEnter", "acd-00000000000000ff", BridgeUniqueid="b") == []


# ---- Transfers


async def test_a_blind_transfer_passes_the_call_on(server: Server) -> None:
    told = server.hears(
        "BlindTransfer",
        "",
        Result="Success",
        TransfererUniqueid=LEG,
        TransfereeUniqueid=CALLER,
        TransfereeChannel=CALLER_NAME,
    )
    assert told == [CallPassedOn(MAIN, OFFER, None)]


async def test_a_transfer_that_failed_or_is_none_of_ours_passes_nothing_on(server: Server) -> None:
    assert server.hears("BlindTransfer", "", Result="Invalid", TransfererUniqueid=LEG) == []
    assert server.hears("BlindTransfer", "", Result="Success", TransfererUniqueid="7") == []


async def test_an_attended_transfer_names_the_place_and_the_new_party(server: Server) -> None:
    told = server.hears(
        "AttendedTransfer",
        "",
        Result="Success",
        OrigTransfererUniqueid=LEG,
        SecondTransfererUniqueid="7",
        TransfereeUniqueid=CALLER,
        TransfereeChannel=CALLER_NAME,
        TransferTargetUniqueid="8",
        TransferTargetChannel="PJSIP/bob-0003",
        DestType="Bridge",
    )
    assert told == [
        CallPassedOn(MAIN, OFFER, "7"),
        NewParty(MAIN, CALLER, "PJSIP/bob"),
        NewParty(MAIN, "8", "PJSIP/trunk"),
    ]


async def test_from_a_conference_of_three_nobody_is_passed_on(server: Server) -> None:
    server.bridges()
    three = {"OrigTransfererUniqueid": LEG, "SecondTransfererUniqueid": "7", "DestType": "Threeway"}
    both = {"TransfereeUniqueid": CALLER, "TransferTargetUniqueid": "8"}
    assert server.hears("AttendedTransfer", "", Result="Success", **three, **both) == []
    assert server.hears("HangupRequest", LEG) == [LegHungUp(OFFER)]


async def test_who_was_passed_on_has_a_new_party_when_they_meet(server: Server) -> None:
    server.hears("BlindTransfer", "", Result="Success", TransfererUniqueid=LEG, TransfereeUniqueid=CALLER)
    server.hears("BridgeEnter", CALLER, BridgeUniqueid="b")
    assert server.hears("BridgeEnter", "8", "PJSIP/bob-0003", BridgeUniqueid="b") == [
        NewParty(MAIN, CALLER, "PJSIP/bob")
    ]
    server.hears("Hangup", CALLER, Cause="16")
    server.hears("BridgeEnter", CALLER, BridgeUniqueid="c")
    assert server.hears("BridgeEnter", "9", BridgeUniqueid="c") == [], "his number is somebody else's by now"


async def test_who_was_passed_on_and_comes_second_has_a_new_party_as_well(server: Server) -> None:
    server.hears("BlindTransfer", "", Result="Success", TransfererUniqueid=LEG, TransfereeUniqueid=CALLER)
    server.hears("BridgeEnter", "8", "PJSIP/bob-0003", BridgeUniqueid="b")
    assert server.hears("BridgeEnter", CALLER, BridgeUniqueid="b") == [NewParty(MAIN, CALLER, "PJSIP/bob")]


async def test_a_leg_that_consults_has_not_ended_its_talk_by_hanging_up(server: Server) -> None:
    server.bridges()
    server.hears("BridgeEnter", LEG, BridgeUniqueid="consultation")
    assert server.hears("HangupRequest", LEG) == []
    assert server.hears("Hangup", LEG, Cause="16") == [LegEnded(OFFER, LegEnd.HUNG_UP, "16")]
    assert server.hears("HangupRequest", LEG) == [LegHungUp(OFFER)], "it is forgotten"


async def test_a_leg_that_goes_from_one_caller_to_another_has_not_consulted(server: Server) -> None:
    server.bridges()
    server.hears("BridgeEnter", "third", BridgeUniqueid="c")
    server.hears("BridgeEnter", LEG, BridgeUniqueid="c")
    assert server.hears("HangupRequest", LEG) == [LegHungUp(OFFER)]


@pytest.mark.parametrize("inside", [("third", "second"), ("second", "third")])
async def test_whoever_is_swapped_out_of_a_bridge_does_not_talk_there(server: Server, inside: tuple[str, str]) -> None:
    server.bridges()
    for channel in inside:
        server.hears("BridgeEnter", channel, BridgeUniqueid="c")
    assert server.hears("BridgeEnter", LEG, BridgeUniqueid="c", SwapUniqueid="second") == [
        TalksTogether(MAIN, OFFER, "third")
    ]


# ---- Callers who transfer


async def test_an_agent_whom_his_caller_transfers_is_on_a_call_of_his_own(server: Server) -> None:
    server.bridges()
    transfer = {"TransfererUniqueid": CALLER, "TransfereeUniqueid": LEG, "TransfereeChannel": LEG_NAME}
    assert server.hears("BlindTransfer", "", Result="Success", **transfer) == [LegSentOn(MAIN, OFFER)]
    server.hears("BridgeEnter", LEG, BridgeUniqueid="c")
    assert server.hears("BridgeEnter", "8", BridgeUniqueid="c") == []
    assert server.hears("HangupRequest", LEG) == [ChannelGone(MAIN, LEG)]
    assert server.hears("Hangup", LEG, Cause="16") == [ChannelGone(MAIN, LEG)]


async def test_an_agent_who_joins_a_line_is_a_caller_there(server: Server) -> None:
    server.bridges()
    (joined,) = server.hears("UserEvent", LEG, UserEvent="AcdJoin", Queue="support")
    assert isinstance(joined, CallerJoined)
    assert server.hears("HangupRequest", LEG) == [ChannelGone(MAIN, LEG)]


async def test_two_agents_whom_their_caller_puts_together_are_on_a_call_of_their_own(server: Server) -> None:
    other = "00000000000000ff"
    transfer = {"OrigTransfererUniqueid": CALLER, "SecondTransfererUniqueid": "second", "DestType": "Bridge"}
    both = {"TransfereeUniqueid": LEG, "TransferTargetUniqueid": f"acd-{other}"}
    assert server.hears("AttendedTransfer", "", Result="Success", **transfer, **both) == [
        LegSentOn(MAIN, OFFER),
        LegSentOn(MAIN, OfferId(other)),
    ]


async def test_who_puts_somebody_else_in_his_place_in_a_talk_sends_nobody_on(server: Server) -> None:
    transfer = {"OrigTransfererUniqueid": CALLER, "SecondTransfererUniqueid": "second", "DestType": "Bridge"}
    both = {"TransfereeUniqueid": LEG, "TransferTargetUniqueid": "third"}
    assert server.hears("AttendedTransfer", "", Result="Success", **transfer, **both) == []


async def test_a_place_that_is_handed_over_is_told_with_the_newcomer(server: Server) -> None:
    transfer = {"OrigTransfererUniqueid": "second", "SecondTransfererUniqueid": CALLER, "DestType": "App"}
    newcomer = {"TransfereeUniqueid": "third", "TransfereeCallerIDNum": "11", "TransfereeCallerIDName": "Boss"}
    assert server.hears("AttendedTransfer", "", Result="Success", **transfer, **newcomer) == [
        PlaceTaken(MAIN, ("second", CALLER), "third", Caller("11", "Boss"))
    ]


async def test_an_agent_who_takes_over_his_caller_s_place_is_on_a_call_of_his_own(server: Server) -> None:
    server.bridges()
    transfer = {"OrigTransfererUniqueid": CALLER, "SecondTransfererUniqueid": "second", "DestType": "App"}
    both = {"TransfereeUniqueid": LEG, "TransferTargetUniqueid": "third"}
    assert server.hears("AttendedTransfer", "", Result="Success", **transfer, **both) == [
        LegSentOn(MAIN, OFFER),
        PlaceTaken(MAIN, (ChannelId(CALLER), ChannelId("second")), ChannelId(LEG), Caller()),
        PlaceTaken(MAIN, (ChannelId(CALLER), ChannelId("second")), ChannelId("third"), Caller()),
    ]


# ---- Pickups


async def test_another_telephone_that_picks_up_stands_for_the_leg(server: Server) -> None:
    picked_up = CallPickedUp(MAIN, OFFER, "7", "PJSIP/bob")
    assert server.hears("Pickup", "7", "PJSIP/bob-0003", TargetUniqueid=LEG) == [picked_up]
    assert server.hears("Hangup", LEG, Cause="26") == [], "the offer goes on"
    assert server.hears("UserEvent", "7", "PJSIP/bob-0003", UserEvent="AcdAccept") == [LegAccepted(OFFER)]
    server.decides(accepted(channel="7"))
    assert server.link.last("Bridge")["Channel2"] == "PJSIP/bob-0003"
    server.hears("BridgeEnter", CALLER, BridgeUniqueid="b")
    assert CallBridged(OFFER) in server.hears("BridgeEnter", "7", BridgeUniqueid="b")
    assert server.hears("HangupRequest", "7") == [LegHungUp(OFFER)]
    assert server.hears("Hangup", "7", Cause="16") == [LegEnded(OFFER, LegEnd.HUNG_UP, "16"), ChannelGone(MAIN, "7")]


async def test_the_keys_of_who_picked_up_a_callback_are_his(server: Server) -> None:
    server.hears("Pickup", "7", TargetUniqueid=LEG)
    (key,) = server.hears("UserEvent", "7", UserEvent="AcdCallback", Do="call")
    assert isinstance(key, CallbackKey)
    assert (key.offer, key.action) == (OFFER, "call")


@pytest.mark.parametrize(("with_me", "said"), [(True, "1"), (False, ""), (False, "0")])
async def test_what_an_agent_says_of_his_callback_is_told_as_he_says_it(
    server: Server, with_me: bool, said: str
) -> None:
    told = {"Do": "later", "When": "", "Reason": "ill", "With": said}
    assert server.hears("UserEvent", LEG, UserEvent="AcdCallback", **told) == [
        CallbackKey(OFFER, "later", at=None, with_me=with_me, reason="ill")
    ]
    assert server.hears("UserEvent", "8", UserEvent="AcdCallback", **told) == [], "he is nobody's leg"


async def test_who_has_taken_the_call_before_his_pickup_is_told_has_taken_it(server: Server) -> None:
    assert server.hears("UserEvent", "7", UserEvent="AcdAccept") == []
    assert server.hears("Pickup", "7", "PJSIP/bob-0003", TargetUniqueid=LEG) == [
        CallPickedUp(MAIN, OFFER, "7", "PJSIP/bob"),
        LegAccepted(OFFER),
    ]


async def test_a_pickup_of_what_is_no_leg_is_none_of_ours(server: Server) -> None:
    assert server.hears("Pickup", "7", TargetUniqueid="8") == []


async def test_who_picked_up_is_still_known_when_the_link_is_back(server: Server) -> None:
    server.hears("Pickup", "7", TargetUniqueid=LEG)
    server.hears("Pickup", "8", TargetUniqueid="acd-00000000000000ff")
    server.calls.link_down("cut")
    await server.comes_up(status("7"))
    assert server.hears("HangupRequest", "7") == [LegHungUp(OFFER)]
    assert server.hears("HangupRequest", "8") == [ChannelGone(MAIN, "8")]
    await server.calls.stop()


# ---- Calls that are over


def _kept(thing: object) -> int:
    """How much it remembers, wherever it does."""
    if isinstance(thing, dict | set | list):
        return len(thing)
    if type(thing).__module__.startswith("acd.asterisk") and hasattr(thing, "__dict__"):
        return sum(_kept(own) for own in vars(thing).values())
    return 0


async def test_of_calls_that_are_over_nothing_is_remembered(server: Server) -> None:
    before = _kept(server.calls)
    third = "acd-00000000000000ff"
    server.decides(made(device=_mobile(server)))
    server.hears("Newchannel", LEG, ChannelState="0")
    server.hears("DialState", "", DestUniqueid=LEG, DialStatus="RINGING")
    server.hears("DialEnd", "", DestUniqueid=LEG, DialStatus="CANCEL", Forward="0900123456")
    server.hears("Newstate", LEG, ChannelState="6")
    server.bridges()
    server.decides(announced(place=1), released(answered_elsewhere=True))
    server.hears("BridgeEnter", LEG, BridgeUniqueid="consultation")
    server.hears("BridgeEnter", "8", BridgeUniqueid="consultation")
    server.hears("BlindTransfer", "", Result="Success", TransfererUniqueid=LEG, TransfereeUniqueid=CALLER)
    server.hears("UserEvent", CALLER, UserEvent="AcdMessage", Step="begin")
    server.hears("UserEvent", third, UserEvent="AcdJoin", Queue="sales")
    server.hears("UserEvent", "9", UserEvent="AcdAccept")
    server.hears("Pickup", "9", TargetUniqueid=third)
    server.decides(accepted(channel="9", caller_channel="8"))
    server.hears("BridgeEnter", "9", BridgeUniqueid="c")
    assert _kept(server.calls) > before

    for channel in (LEG, CALLER, third, "8", "9"):
        server.hears("Hangup", channel, Cause="16")
    await _settle()

    assert _kept(server.calls) == before


# ---- What Asterisk is asked for


async def test_a_phone_is_rung_for_a_little_longer_than_the_center_waits(server: Server) -> None:
    ((action, headers),) = server.decides(made())
    assert action == "Originate"
    assert headers["ChannelId"] == LEG
    assert headers["Channel"] == "PJSIP/alice"
    assert (headers["Context"], headers["Exten"], headers["Priority"]) == ("acd-agent", "s", "1")
    assert headers["Timeout"] == "25000"
    assert headers["CallerID"] == '"Eva" <0612>'
    assert "ACD_QUEUE=sales" in headers["Variable"]


async def test_a_caller_of_whom_nothing_is_known_is_shown_as_such(server: Server) -> None:
    ((_, headers),) = server.decides(made(caller=Caller()))
    assert "CallerID" not in headers


@pytest.mark.parametrize("ends", ["no channel was made", "refused", "while nobody listened"])
async def test_of_a_mobile_that_was_dialled_in_vain_nothing_is_remembered(server: Server, ends: str) -> None:
    before = _kept(server.calls)
    server.decides(made(device=_mobile(server)))
    if ends == "refused":
        await server.refuses(ActionRefused("Permission denied"))
    elif ends == "no channel was made":
        server.hears("OriginateResponse", LEG, Response="Failure", Reason="0")
    else:
        server.hears("Newchannel", LEG, ChannelState="0")
        server.hears("DialState", "", DestUniqueid=LEG, DialStatus="RINGING")
        server.calls.link_down("reset by peer")
        await server.comes_up()
        await server.calls.stop()
        await _settle()

    assert _kept(server.calls) == before


async def test_a_leg_that_was_found_is_not_dialled_again(server: Server) -> None:
    assert server.decides(made(found=True)) == []


@pytest.mark.parametrize(
    ("shown", "caller_id"),
    [
        ("caller", '"Eva" <0612>'),
        ("queue", '"0201234567" <0201234567>'),
        ("+31880000000", '"+31880000000" <+31880000000>'),
    ],
)
async def test_a_mobile_is_dialled_by_the_trunk_and_shows_whom_the_site_says(
    server: Server, shown: str, caller_id: str
) -> None:
    server.means.mobile_caller_id = shown
    ((action, headers),) = server.decides(made(device=_mobile(server), queue_number="0201234567"))
    assert (action, headers["Channel"]) == ("Originate", "PJSIP/+31612345678@carrier")
    assert headers["CallerID"] == caller_id


@pytest.mark.parametrize(("mobile_is", "why"), [("abroad", "countries"), ("behind no trunk", "no trunk")])
async def test_a_mobile_that_may_not_be_dialled_is_told_in_a_turn_of_its_own(
    server: Server, mobile_is: str, why: str
) -> None:
    device = _mobile(server)
    if mobile_is == "abroad":
        device = Device("mobile", number="+33142685300")
    else:
        server.means.dialling.use(DialRules(home="NL", countries=frozenset({"NL"})), {MAIN: None})
    assert server.decides(made(device=device)) == []
    assert server.told == [], "the center is still deciding"
    await _settle()
    assert server.told == [LegEnded(OFFER, LegEnd.UNREACHABLE, f"{NOT_DIALLED}: {why}")]


async def test_what_is_decided_for_another_server_is_not_asked_for_here(server: Server) -> None:
    assert server.decides(made(pbx=PbxName("other"))) == []


async def test_a_phone_that_cannot_be_dialled_has_not_been_reached(server: Server) -> None:
    server.decides(made())
    assert await server.refuses(ActionRefused("Extension does not exist")) == [
        LegEnded(OFFER, LegEnd.UNREACHABLE, "Extension does not exist")
    ]


@pytest.mark.parametrize("why", [LinkDown("gone"), ActionTimeout("late")])
async def test_an_action_without_an_answer_means_nothing(server: Server, why: ActionFailed) -> None:
    server.decides(made())
    assert await server.refuses(why) == []


async def test_of_an_action_that_was_carried_out_nothing_is_said(server: Server) -> None:
    server.decides(made())
    with capture_logs() as logs:
        server.link.answers[-1].set_result(Answer("Originate"))
        await _settle()
    assert (logs, server.told) == ([], [])


async def test_an_order_that_cannot_be_written_is_refused_here(server: Server) -> None:
    server.decides(made(device=Device("desk", "PJSIP/alice\r\nAction: Command")))
    server.told.clear()
    await asyncio.sleep(0)
    (ended,) = server.told
    assert isinstance(ended, LegEnded)
    assert ended.how is LegEnd.UNREACHABLE


async def test_a_caller_is_marked_before_he_is_bridged(server: Server) -> None:
    server.hears("UserEvent", CALLER, UserEvent="AcdJoin", Queue="sales")
    server.hears("UserEvent", LEG, UserEvent="AcdAccept")
    asked = server.decides(accepted())
    assert asked == [
        ("Setvar", {"Channel": CALLER, "Variable": "ACD_STATUS", "Value": "ANSWERED"}),
        ("Bridge", {"Channel1": CALLER_NAME, "Channel2": LEG_NAME}),
    ]


async def test_channels_are_bridged_by_the_names_that_they_have_now(server: Server) -> None:
    server.hears("UserEvent", CALLER, UserEvent="AcdJoin", Queue="sales")
    server.hears("UserEvent", LEG, UserEvent="AcdAccept")
    server.hears("Rename", CALLER, Newname="PJSIP/trunk-00000005")
    server.hears("Rename", "7", Newname="PJSIP/stranger-00000006")
    server.decides(accepted())
    assert server.link.last("Bridge")["Channel1"] == "PJSIP/trunk-00000005"


async def test_who_comes_back_if_he_is_dropped_is_marked_so(server: Server) -> None:
    asked = server.decides(accepted(comes_back_if_dropped=True))
    assert asked[0] == ("Setvar", {"Channel": CALLER, "Variable": "ACD_COMES_BACK", "Value": "yes"})


async def test_an_offer_that_came_to_nothing_bridges_nobody(server: Server) -> None:
    assert server.decides(accepted(OfferOutcome.REJECTED)) == []


@pytest.mark.parametrize("why", [{"found_bridged": True}, {"caller_channel": ""}])
async def test_an_agent_who_talks_already_or_has_taken_a_callback_is_bridged_with_nobody(
    server: Server, why: dict[str, Any]
) -> None:
    assert server.decides(accepted(**why)) == []


async def test_a_bridge_that_is_refused_has_failed(server: Server) -> None:
    server.decides(accepted())
    assert await server.refuses(ActionRefused("no such channel")) == [BridgeFailed(OFFER, "no such channel")]


async def test_who_was_marked_in_vain_is_unmarked_and_hears_music_again(server: Server) -> None:
    server.decides(accepted())
    assert server.decides(requeued()) == [
        ("Setvar", {"Channel": CALLER, "Variable": "ACD_STATUS", "Value": ""}),
        ("Redirect", {"Channel": CALLER, "Context": "acd-wait", "Exten": "s", "Priority": "again"}),
    ]
    assert server.decides(requeued()) == [], "he is not marked any more"


async def test_who_was_never_marked_goes_on_listening(server: Server) -> None:
    assert server.decides(requeued()) == []


async def test_a_bridge_that_comes_too_late_is_none_of_ours(server: Server) -> None:
    server.decides(accepted())
    server.decides(requeued())
    server.hears("BridgeEnter", CALLER, BridgeUniqueid="b")
    assert CallBridged(OFFER) not in server.hears("BridgeEnter", LEG, BridgeUniqueid="b")


async def test_who_took_over_a_place_has_no_mark_of_his_own(server: Server) -> None:
    server.bridges()
    transfer = {"TransfererUniqueid": LEG, "TransfereeUniqueid": CALLER, "TransfereeChannel": CALLER_NAME}
    server.hears("AttendedTransfer", "", Result="Success", DestType="App", **transfer)
    assert server.decides(requeued()) == []


async def test_who_was_passed_on_to_somebody_keeps_his_mark(server: Server) -> None:
    server.bridges()
    transfer = {"TransfererUniqueid": LEG, "TransfereeUniqueid": CALLER, "TransfereeChannel": CALLER_NAME}
    server.hears("AttendedTransfer", "", Result="Success", DestType="Bridge", **transfer)
    assert [action for action, _ in server.decides(requeued())] == ["Setvar", "Redirect"]


async def test_who_is_gone_has_no_mark(server: Server) -> None:
    server.bridges()
    server.hears("Hangup", CALLER, Cause="16")
    assert server.decides(requeued()) == []


async def test_who_leaves_the_line_goes_on_behind_it_or_where_the_operator_says(server: Server) -> None:
    said = {"at": 0, "pbx": MAIN, "channel": CALLER, "queue": "sales", "status": "TIMEOUT"}
    mark = ("Setvar", {"Channel": CALLER, "Variable": "ACD_STATUS", "Value": "TIMEOUT"})
    leave = {"Channel": CALLER, "Context": "acd-wait", "Exten": "s", "Priority": "leave"}
    away = {"Channel": CALLER, "Context": "evening", "Exten": "sales", "Priority": "1"}
    assert server.decides(CallerReleased(**said)) == [mark, ("Redirect", leave)]
    assert server.decides(CallerReleased(**said, context="evening")) == [mark, ("Redirect", away)]


async def test_a_leg_is_hung_up_and_shows_no_missed_call_if_somebody_else_has_it(server: Server) -> None:
    assert server.decides(released()) == [("Hangup", {"Channel": LEG})]
    assert server.decides(released(answered_elsewhere=True)) == [("Hangup", {"Channel": LEG, "Cause": "26"})]


SAYS_WHY = ("Redirect", {"Channel": LEG, "Context": "acd-agent", "Exten": "s", "Priority": "elsewhere"})
SHOWS_NO_MISSED_CALL = ("Hangup", {"Channel": LEG, "Cause": "26"})
MARKED_ELSEWHERE = ("Setvar", {"Channel": LEG, "Variable": "ACD_ELSEWHERE", "Value": "yes"})


async def test_who_has_picked_up_in_vain_is_marked_and_hears_why_a_moment_later(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "DIALPLAN_BEGINS_SECONDS", 0)
    server.hears("Newstate", LEG, ChannelState="6")
    assert server.decides(released(answered_elsewhere=True)) == [MARKED_ELSEWHERE]
    await _settle()
    assert server.link.asked == [MARKED_ELSEWHERE, SAYS_WHY]
    await _settle()
    assert server.link.asked == [MARKED_ELSEWHERE, SAYS_WHY], "once"


async def test_a_telephone_that_may_still_be_picked_up_rings_on_for_a_moment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.decides(released(answered_elsewhere=True, linger_seconds=0.001)) == [MARKED_ELSEWHERE]
    await asyncio.sleep(0.01)
    assert server.link.asked == [MARKED_ELSEWHERE, SHOWS_NO_MISSED_CALL]
    monkeypatch.setattr(orders, "DIALPLAN_BEGINS_SECONDS", 0)
    server.hears("Newstate", LEG, ChannelState="6")
    await _settle()
    assert server.link.asked == [MARKED_ELSEWHERE, SHOWS_NO_MISSED_CALL], "it is being hung up"


async def test_who_picks_up_in_that_moment_hears_why_and_is_not_hung_up_on(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "DIALPLAN_BEGINS_SECONDS", 0)
    server.decides(released(answered_elsewhere=True, linger_seconds=0.001))
    assert server.hears("Newstate", LEG, ChannelState="6") == [LegAnswered(OFFER)]
    await asyncio.sleep(0.01)
    assert server.link.asked == [MARKED_ELSEWHERE, SAYS_WHY]


@pytest.mark.parametrize("what", ["its dialplan says why", "it is gone", "the link is lost", "the daemon stops"])
async def test_what_was_to_be_done_about_a_leg_in_a_moment_is_not_done_when(server: Server, what: str) -> None:
    server.decides(released(answered_elsewhere=True, linger_seconds=0.001))
    if what == "its dialplan says why":
        assert server.hears("UserEvent", LEG, UserEvent="AcdElsewhere") == []
    elif what == "it is gone":
        server.hears("Hangup", LEG, Cause="16")
    elif what == "the link is lost":
        server.calls.link_down("cut")
    else:
        await server.calls.stop()
    await asyncio.sleep(0.01)
    assert server.link.asked == [MARKED_ELSEWHERE]


async def test_a_channel_remembers_in_which_line_it_is(server: Server) -> None:
    joined = {"at": 0, "request": "r", "kind": "call", "queue": "support", "priority": 50, "entered_at": 0}
    where = {"caller": Caller(), "pbx": MAIN, "channel": CALLER}
    note = [("Setvar", {"Channel": CALLER, "Variable": "ACD_QUEUE", "Value": "support"})]
    assert server.decides(RequestQueued(**joined, **where, came_to="sales")) == note
    assert server.decides(RequestQueued(**joined, **where)) == []
    moved = RequestMoved(
        at=0,
        request="r",
        kind="call",
        was="sales",
        queue="support",
        status="TIMEOUT",
        waited_seconds=1,
        pbx=MAIN,
        channel=CALLER,
    )
    assert server.decides(moved) == note


async def test_who_may_leave_a_message_is_offered_it_by_the_key_of_his_line(server: Server) -> None:
    offered = CallbackOffered(at=0, request="r", queue="sales", pbx=MAIN, channel=CALLER, key="1")
    assert server.decides(offered) == [
        ("Setvar", {"Channel": CALLER, "Variable": "ACD_MESSAGE_KEY", "Value": "1"}),
        ("Redirect", {"Channel": CALLER, "Context": "acd-wait", "Exten": "s", "Priority": "offer"}),
    ]


@pytest.mark.parametrize(("place", "digits"), [(12, "digits/1&digits/2"), (None, "")])
async def test_who_calls_again_is_asked_and_told_his_place(server: Server, place: int | None, digits: str) -> None:
    asked = CallerAsked(at=0, request="r", queue="sales", pbx=MAIN, channel=CALLER, place=place)
    assert server.decides(asked) == [
        ("Setvar", {"Channel": CALLER, "Variable": "ACD_CALLBACK", "Value": "r"}),
        ("Setvar", {"Channel": CALLER, "Variable": "ACD_DIGITS", "Value": digits}),
        ("Redirect", {"Channel": CALLER, "Context": "acd-callback-again", "Exten": "s", "Priority": "1"}),
    ]
    elsewhere = CallerAsked(at=0, request="r", queue="sales", pbx=PbxName("other"), channel=CALLER, place=place)
    assert server.decides(elsewhere) == []


async def test_what_came_of_a_feature_code_is_told_to_its_channel(server: Server) -> None:
    answered = FeatureAnswered(at=0, pbx=MAIN, channel="7", dial="PJSIP/alice", result="pause")
    assert server.decides(answered) == [("Setvar", {"Channel": "7", "Variable": "ACD_RESULT", "Value": "pause"})]


# ---- A telephone that answers "call this number instead"


def _is_dialled(server: Server, channel: str, name: str) -> None:
    """By an Originate of somebody's."""
    server.hears("DialBegin", "", DestUniqueid=channel, DestChannel=name)


def _sends_elsewhere(server: Server, to: str) -> list[tuple[str, dict[str, Any]]]:
    """Alice's telephone does; answers with what Asterisk is asked for."""
    server.link.asked.clear()
    server.hears("DialEnd", "", DestUniqueid=LEG, DestChannel=LEG_NAME, DialStatus="CANCEL", Forward=to)
    return list(server.link.asked)


async def test_what_is_dialled_in_its_place_is_hung_up_at_once(server: Server) -> None:
    server.hears("Newchannel", LEG, ChannelState="0")
    _is_dialled(server, "8", "PJSIP/mallory-00000008")
    assert _sends_elsewhere(server, "PJSIP/mallory/sip:1@127.0.0.1") == [("Hangup", {"Channel": "8"})]
    assert _sends_elsewhere(server, "PJSIP/mallory") == [], "once"


@pytest.mark.parametrize(("rings_first", "how"), [(False, LegEnd.UNREACHABLE), (True, LegEnd.NO_ANSWER)])
async def test_a_leg_that_was_sent_elsewhere_has_reached_nobody(server: Server, rings_first: bool, how: LegEnd) -> None:
    server.hears("Newchannel", LEG, ChannelState="0")
    if rings_first:
        server.hears("DialState", "", DestUniqueid=LEG, DialStatus="RINGING")
    assert _sends_elsewhere(server, "0900123456") == []
    assert server.hears("Hangup", LEG, Cause="16") == [LegEnded(OFFER, how, "23 forwarded")]
    assert server.hears("Hangup", LEG, Cause="16") == [LegEnded(OFFER, LegEnd.HUNG_UP, "16")], "it is forgotten"


@pytest.mark.parametrize("to", ["0900123456", "Local/0900123456@default", ""])
async def test_what_somebody_else_dials_meanwhile_is_left_alone(server: Server, to: str) -> None:
    server.hears("Newchannel", LEG, ChannelState="0")
    _is_dialled(server, "8", "PJSIP/mallory-00000008")
    assert _sends_elsewhere(server, to) == []


async def test_what_a_channel_dials_or_the_leg_of_another_agent_is_left_alone(server: Server) -> None:
    server.hears("Newchannel", LEG, ChannelState="0")
    server.hears("DialBegin", "7", DestUniqueid="8", DestChannel="PJSIP/mallory-00000008")
    assert _sends_elsewhere(server, "PJSIP/mallory") == []
    _is_dialled(server, "acd-00000000000000ff", "PJSIP/mallory-00000009")
    assert _sends_elsewhere(server, "PJSIP/mallory") == []


async def test_what_somebody_else_has_dialled_before_is_left_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "FORWARDS_WITHIN_SECONDS", 0)
    server.hears("Newchannel", LEG, ChannelState="0")
    _is_dialled(server, "8", "PJSIP/mallory-00000008")
    assert _sends_elsewhere(server, "PJSIP/mallory") == []


# ---- The link


async def test_what_is_heard_during_a_survey_is_told_behind_it(server: Server) -> None:
    server.calls.link_up()
    await _settle()
    assert server.hears("HangupRequest", CALLER) == []
    server.link.surveys[-1].set_result([status(CALLER, "ACD_QUEUE=sales")])
    await _settle()
    surveyed, gone = server.told
    assert isinstance(surveyed, PbxSurveyed)
    assert [live.channel for live in surveyed.channels] == [CALLER]
    assert gone == ChannelGone(MAIN, CALLER)
    assert server.hears("HangupRequest", CALLER) == [ChannelGone(MAIN, CALLER)]
    await server.calls.stop()


async def test_what_fails_of_one_of_them_costs_none_of_the_others(server: Server) -> None:
    server.stumbles_over = (PhoneUsed,)
    server.calls.link_up()
    await _settle()
    server.hears("Newchannel", "9.1", "PJSIP/carol-00000009", ChannelState="4")
    server.hears("HangupRequest", CALLER)
    server.link.surveys[-1].set_result([])
    await _settle()
    assert server.link.failed == ["Newchannel"]
    assert server.told[-1] == ChannelGone(MAIN, CALLER)
    await server.calls.stop()


async def test_a_survey_that_cannot_be_told_begins_anew_with_a_new_connection(server: Server) -> None:
    server.stumbles_over = (PbxSurveyed,)
    await server.comes_up()
    assert server.link.failed == ["survey"]
    assert server.link.cuts == ["its survey failed"]
    server.stumbles_over = ()
    server.calls.link_down("its survey failed")
    await server.comes_up()
    assert isinstance(server.told[-1], PbxSurveyed)
    await server.calls.stop()


async def test_a_survey_knows_names_marks_and_legs(server: Server) -> None:
    await server.comes_up(status(CALLER, "ACD_QUEUE=sales", "ACD_STATUS=ANSWERED"), status(LEG))
    server.decides(accepted())
    assert server.link.last("Bridge") == {"Channel1": CALLER_NAME, "Channel2": LEG_NAME}
    assert server.hears("OriginateResponse", LEG, Response="Failure", Reason="3") == [], "its end will be heard"
    await server.calls.stop()


async def test_a_survey_knows_who_has_picked_up(server: Server) -> None:
    await server.comes_up(status(LEG), status("acd-00000000000000ff", ChannelState="5"))
    assert server.decides(released(answered_elsewhere=True)) == [MARKED_ELSEWHERE], "he hears why"
    ((action, _),) = server.decides(released(answered_elsewhere=True, channel="acd-00000000000000ff"))
    assert action == "Hangup"
    await server.calls.stop()


async def test_a_mark_that_a_survey_found_is_taken_away_with_the_offer(server: Server) -> None:
    await server.comes_up(status(CALLER, "ACD_QUEUE=sales", "ACD_STATUS=ANSWERED"))
    assert [action for action, _ in server.decides(requeued())] == ["Setvar", "Redirect"]
    await server.calls.stop()


async def test_who_is_found_talking_is_not_torn_out_of_it_for_an_offer_that_came_to_nothing(server: Server) -> None:
    """His journal knows an older offer, and not the one by which he talks."""
    await server.comes_up(status(CALLER, "ACD_QUEUE=sales", "ACD_STATUS=ANSWERED", BridgeID="b"))
    assert server.decides(requeued()) == []
    await server.calls.stop()


async def test_the_heartbeat_tells_the_moment_as_soon_as_the_link_is_up(server: Server) -> None:
    server.calls.link_up()
    await _settle()
    beat = ("Setvar", {"Variable": "ACD_HEARTBEAT", "Value": "1700000000"})
    assert beat in server.link.asked
    await server.calls.stop()


async def test_the_heartbeat_goes_by_the_clock_of_asterisk(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(QUESTIONS, "Getvar", Event.parse("Response", "Value: 1699990000"))
    await server.comes_up()
    assert server.link.last("Setvar") == {"Variable": "ACD_HEARTBEAT", "Value": "1699990000"}
    await server.calls.stop()


async def test_an_asterisk_that_does_not_say_what_time_it_is_has_ours(server: Server) -> None:
    server.link.fails["Getvar"] = ActionTimeout("late")
    await server.comes_up(status(CALLER, "ACD_QUEUE=sales", "ACD_JOINED=1699999000"))
    assert server.link.last("Setvar") == {"Variable": "ACD_HEARTBEAT", "Value": "1700000000"}
    (surveyed,) = server.told
    assert isinstance(surveyed, PbxSurveyed)
    assert [one.joined_at for one in surveyed.channels] == [1_699_999_000]
    await server.calls.stop()


async def test_a_heartbeat_that_fails_is_followed_by_the_next(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acd.asterisk.watch.HEARTBEAT_SECONDS", 0)
    server.link.fails["Setvar"] = ActionTimeout("late")
    await server.comes_up()
    assert server.link.names().count("Setvar") > 2
    assert (server.link.failed, server.link.cuts) == ([], [])
    await server.calls.stop()


@pytest.mark.parametrize(
    ("time_there", "joined_at"),
    [
        ("1699990000", 1_699_989_900 + 10_000.9),
        ("1700000010", 1_699_989_900 - 9.1),
        ("1699999999", 1_699_989_900),  # it tells whole seconds, and answers a moment later
        ("1700000002", 1_699_989_900),
    ],
)
async def test_since_when_somebody_waits_is_told_by_our_clock(
    server: Server, monkeypatch: pytest.MonkeyPatch, time_there: str, joined_at: float
) -> None:
    monkeypatch.setitem(QUESTIONS, "Getvar", Event.parse("Response", f"Value: {time_there}"))
    await server.comes_up(status(CALLER, "ACD_QUEUE=sales", "ACD_JOINED=1699989900"))
    (surveyed,) = server.told
    assert isinstance(surveyed, PbxSurveyed)
    assert [one.joined_at for one in surveyed.channels] == [pytest.approx(joined_at, abs=0.01)]
    await server.calls.stop()


async def test_an_asterisk_that_does_not_say_when_it_was_started_is_surveyed_nevertheless(server: Server) -> None:
    server.link.fails["CoreStatus"] = ActionRefused("Permission denied")
    await server.comes_up()
    assert server.told == [PbxSurveyed(MAIN, (), started="")]
    await server.calls.stop()


async def test_nobody_is_kept_waiting_by_a_survey_of_thousands(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acd.asterisk.watch.CHANNELS_AT_ONCE", 2)
    await server.comes_up(*(status(f"{number}.1") for number in range(40)))
    assert server.told == [], "it has read some of them"
    await _settle()
    await _settle()
    (surveyed,) = server.told
    assert isinstance(surveyed, PbxSurveyed)
    assert len(surveyed.channels) == 40
    await server.calls.stop()


async def test_more_events_than_can_be_held_begin_the_survey_anew(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "MOST_HELD", 2)
    server.calls.link_up()
    server.hears("HangupRequest", "7")
    server.hears("HangupRequest", "8")
    assert server.link.cuts == []
    server.hears("HangupRequest", "9")
    assert server.link.cuts == ["2 events came while it was surveyed"]
    await server.calls.stop()


async def test_a_survey_that_fails_is_made_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acd.asterisk.watch.SURVEY_AGAIN_SECONDS", 0)
    server.calls.link_up()
    await _settle()
    server.link.surveys[-1].set_exception(ActionTimeout("late"))
    while len(server.link.surveys) < 2:
        await asyncio.sleep(0)
    server.link.surveys[-1].set_result([])
    await _settle()
    assert server.told == [PbxSurveyed(MAIN, (), STARTED)]
    await server.calls.stop()


async def test_an_asterisk_that_cannot_be_surveyed_is_not_asked_again_at_once(server: Server) -> None:
    server.calls.link_up()
    await _settle()
    server.link.surveys[-1].set_exception(ActionTimeout("late"))
    await _settle()
    assert server.link.names().count("Status") == 1
    assert server.told == []
    await server.calls.stop()


async def test_a_link_that_is_lost_beats_no_more(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acd.asterisk.watch.HEARTBEAT_SECONDS", 0)
    await server.comes_up()
    while server.link.names().count("Setvar") < 3:
        await asyncio.sleep(0)
    server.calls.link_down("cut")
    await asyncio.sleep(0)
    server.link.asked.clear()
    for _ in range(10):
        await asyncio.sleep(0)
    assert server.link.asked == []


async def test_a_daemon_that_stops_beats_no_more(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acd.asterisk.watch.HEARTBEAT_SECONDS", 0)
    await server.comes_up()
    await server.calls.stop()
    await _settle()
    server.link.asked.clear()
    await _settle()
    assert server.link.asked == []


async def test_a_link_that_is_lost_forgets_who_consulted_and_who_came_early(server: Server) -> None:
    await server.comes_up()
    server.bridges()
    server.hears("BridgeEnter", LEG, BridgeUniqueid="consultation")
    assert server.hears("HangupRequest", LEG) == []
    server.hears("UserEvent", "7", UserEvent="AcdAccept")

    server.calls.link_down("cut")
    await server.comes_up(status(LEG, "ACD_AGENT=alice"), status("7"))

    assert server.hears("HangupRequest", LEG) == [LegHungUp(OFFER)]
    picked_up = server.hears("Pickup", "7", "PJSIP/bob-0003", TargetUniqueid=LEG)
    assert picked_up == [CallPickedUp(MAIN, OFFER, ChannelId("7"), "PJSIP/bob")], "what he took, the survey has told"
    await server.calls.stop()


async def test_new_rules_hold_for_whatever_comes_next(server: Server) -> None:
    site = replace(server.means, country="NL", zone=ZoneInfo("Pacific/Chatham"), mobile_caller_id="queue")
    server.calls.use(site)

    (joined,) = server.hears("UserEvent", CALLER, UserEvent="AcdJoin", Queue="sales", CallerIDNum="0612345678")
    assert isinstance(joined, CallerJoined)
    assert joined.caller.e164 == "+31612345678"
    server.decides(made(device=_mobile(server), queue_number="0201234567"))
    assert server.link.last("Originate")["CallerID"] == '"0201234567" <0201234567>'
    (key,) = server.hears("UserEvent", LEG, UserEvent="AcdCallback", Do="later", When="1430")
    assert isinstance(key, CallbackKey)
    assert key.at == datetime(2023, 11, 15, 14, 30, tzinfo=site.zone).timestamp()
    await server.comes_up(status(CALLER, "ACD_QUEUE=sales", CallerIDNum="0612345678"))
    (surveyed,) = server.told
    assert isinstance(surveyed, PbxSurveyed)
    assert [one.caller.e164 for one in surveyed.channels] == ["+31612345678"]
    await server.calls.stop()


async def test_a_link_that_is_lost_forgets_what_was_under_way(server: Server) -> None:
    await server.comes_up()
    server.bridges()
    server.hears("BlindTransfer", "", Result="Success", TransfererUniqueid=LEG, TransfereeUniqueid=CALLER)
    server.decides(accepted())
    server.told.clear()
    server.calls.link_down("cut")
    assert server.told == [PbxLost(MAIN)]
    server.hears("BridgeEnter", CALLER, BridgeUniqueid="b")
    assert server.hears("BridgeEnter", "8", BridgeUniqueid="b") == [], "nobody was passed on"
    assert CallBridged(OFFER) not in server.hears("BridgeEnter", LEG, BridgeUniqueid="b")


# ---- What lives there is compared with what the center believes


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Server:
    """Again and again; the center knows of nobody."""
    monkeypatch.setattr("acd.asterisk.watch.COMPARE_SECONDS", 0)
    monkeypatch.setattr("acd.asterisk.watch.BELIEVE_AFTER_SECONDS", 0)
    return Server(lambda pbx, live: frozenset(_unknown(one.channel) for one in live if pbx == MAIN))


def _unknown(channel: str) -> Contradiction:
    return Contradiction(Difference.CALLER_UNKNOWN, ChannelId(channel))


async def test_what_contradicts_the_center_twice_is_told(compared: Server) -> None:
    await compared.comes_up()
    assert await compared.lists(status("7"), status("8")) == [], "it may be on its way"
    (told,) = await compared.lists(status("8"), status("9"))
    assert isinstance(told, PbxContradicted)
    assert (told.pbx, told.believed) == (MAIN, {_unknown("8")})
    assert [one.channel for one in told.channels] == ["8", "9"]
    await compared.calls.stop()


async def test_what_contradicts_the_center_no_more_or_not_at_all_is_not_told(compared: Server) -> None:
    await compared.comes_up()
    assert await compared.lists() == []
    assert await compared.lists(status("7")) == []
    assert await compared.lists(status("8")) == [], "another one"
    assert await compared.lists(status("8")) == [], "it is a first time again"
    assert (compared.link.failed, compared.link.cuts) == ([], [])
    await compared.calls.stop()


async def test_between_two_comparisons_and_two_looks_some_time_goes_by(
    compared: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acd.asterisk.watch.BELIEVE_AFTER_SECONDS", 2)
    await compared.comes_up()
    await compared.lists(status("7"))
    assert compared.link.names().count("Status") == 2, "what is on its way is to come first"
    compared.calls.link_down("cut")

    monkeypatch.setattr("acd.asterisk.watch.COMPARE_SECONDS", 60)
    await compared.comes_up()
    await _settle()
    assert compared.link.names().count("Status") == 3
    await compared.calls.stop()


async def test_a_comparison_that_fails_is_made_again(compared: Server) -> None:
    await compared.comes_up()
    await _settle()
    compared.link.surveys[-1].set_exception(ActionTimeout("late"))
    await compared.lists(status("7"))
    assert [type(told) for told in await compared.lists(status("7"))] == [PbxContradicted]
    assert (compared.link.failed, compared.link.cuts) == ([], [])
    await compared.calls.stop()


async def test_where_there_is_nothing_to_compare_with_nothing_is_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acd.asterisk.watch.COMPARE_SECONDS", 0)
    await server.comes_up()
    await _settle()
    assert server.link.names().count("Status") == 1
    await server.calls.stop()


# ---- It is told to stop


async def test_what_an_asterisk_that_stops_does_to_its_channels_is_nobodys_doing(server: Server) -> None:
    await server.comes_up()
    server.bridges()

    assert server.hears("SoftHangupRequest", CALLER, Cause="4") == []
    assert server.hears("Hangup", CALLER, Cause="16") == []
    await _settle()
    server.link.answers[-1].set_exception(LinkDown(SHUTTING_DOWN))
    await _settle()
    assert server.told == []
    server.calls.link_down(SHUTTING_DOWN)

    assert server.told == [PbxShutDown(MAIN)]


async def test_one_that_only_seems_to_stop_is_asked_and_what_is_heard_meanwhile_is_told_behind_it(
    server: Server,
) -> None:
    await server.comes_up()
    server.hears("SoftHangupRequest", "8", Cause="4")
    assert server.hears("HangupRequest", CALLER) == []
    assert server.hears("SoftHangupRequest", "9", Cause="4") == []
    assert server.hears("HangupRequest", "10") == []
    await _settle()

    assert server.link.asked[-1] == ("Ping", {})
    server.link.answers[-1].set_result(Answer("Ping"))
    await _settle()
    assert server.told == [ChannelGone(MAIN, ChannelId(CALLER))], "the second doubt holds back the rest"
    server.link.answers[-1].set_exception(ActionTimeout("late"))
    await _settle()
    assert server.told == [ChannelGone(MAIN, ChannelId(one)) for one in (CALLER, "10")]
    assert server.hears("HangupRequest", CALLER) == [ChannelGone(MAIN, ChannelId(CALLER))]
    server.told.clear()
    server.calls.link_down(SHUTTING_DOWN)
    assert server.told == [PbxLost(MAIN)], "it waits for its calls to end: they go on"


async def test_one_that_is_to_stop_when_its_calls_are_over_has_hung_up_on_nobody(server: Server) -> None:
    await server.comes_up()
    server.told.clear()
    server.calls.link_down(SHUTTING_DOWN)
    assert server.told == [PbxLost(MAIN)]


async def test_a_doubt_about_an_earlier_connection_is_none_about_this_one(server: Server) -> None:
    await server.comes_up()
    server.hears("SoftHangupRequest", "8", Cause="4")
    server.calls.link_down("cut")
    await server.comes_up()
    server.told.clear()

    server.calls.link_down(SHUTTING_DOWN)

    assert server.told == [PbxLost(MAIN)]


async def test_a_channel_that_is_told_to_hang_up_for_another_reason_makes_no_doubt(server: Server) -> None:
    await server.comes_up()
    assert server.hears("SoftHangupRequest", CALLER, Cause="16") == []
    assert server.hears("HangupRequest", CALLER) == [ChannelGone(MAIN, ChannelId(CALLER))]
    server.told.clear()
    server.calls.link_down(SHUTTING_DOWN)
    assert server.told == [PbxLost(MAIN)]


async def test_a_link_that_breaks_for_another_reason_in_the_middle_of_a_doubt_is_lost(server: Server) -> None:
    await server.comes_up()
    server.hears("SoftHangupRequest", "8", Cause="4")

    server.calls.link_down("cut")

    assert server.told == [PbxLost(MAIN)]
    await _settle()


# ---- Announcements


def announced(**more: Any) -> AnnouncementMade:
    said: dict[str, Any] = {"at": 0, "request": "r", "queue": "sales", "pbx": MAIN, "channel": CALLER}
    return AnnouncementMade(**{**said, **more})


async def test_an_announcement_says_all_that_the_dialplan_is_to_tell_and_nothing_of_an_earlier_one(
    server: Server,
) -> None:
    def variable(name: str, value: str) -> tuple[str, dict[str, str]]:
        return "Setvar", {"Channel": CALLER, "Variable": name, "Value": value}

    assert server.decides(announced(place=3, minutes=0)) == [
        variable("ACD_PLACE", "3"),
        variable("ACD_MINUTES", "0"),
        variable("ACD_PROMPT", ""),
        ("Redirect", {"Channel": CALLER, "Context": "acd-announce", "Exten": "s", "Priority": "1"}),
    ]


async def test_who_was_redirected_just_now_is_bridged_a_moment_later(server: Server) -> None:
    server.decides(announced(place=1))

    assert [action for action, _ in server.decides(accepted())] == ["Setvar"]
    await asyncio.sleep(2 * SETTLES_SECONDS)

    assert server.link.names() == ["Setvar", "Bridge"]
    assert [action for action, _ in server.decides(accepted())] == ["Setvar", "Bridge"]


async def test_a_bridge_that_has_come_to_nothing_meanwhile_is_not_asked_for(server: Server) -> None:
    server.decides(announced(place=1), accepted(), requeued())
    await asyncio.sleep(2 * SETTLES_SECONDS)

    assert "Bridge" not in server.link.names()


async def test_who_hears_music_again_or_presses_a_key_is_told_of(server: Server) -> None:
    assert server.hears("UserEvent", CALLER, UserEvent="AcdKey") == [KeyPressed(MAIN, ChannelId(CALLER))]
    assert server.hears("UserEvent", CALLER, UserEvent="AcdWaits") == [CallerWaits(MAIN, ChannelId(CALLER))]


async def test_the_whisper_goes_along_with_the_ring(server: Server) -> None:
    server.decides(made(whisper="custom/sales"))

    assert "ACD_WHISPER=custom/sales" in server.link.last("Originate")["Variable"].split(",")


async def test_an_agent_is_told_of_a_message_in_the_time_of_the_site(server: Server) -> None:
    message = Message("0123456789abcdef", seconds=3, left_at=1_700_000_000.7)
    server.means.zone = ZoneInfo("Europe/Amsterdam")

    server.decides(made(message=message, name_sound="custom/sales"))

    variables = server.link.last("Originate")["Variable"].split(",")
    said = {"ACD_LEFT_AT=1700000000", "ACD_ZONE=Europe/Amsterdam", "ACD_QUEUE_SOUND=custom/sales"}
    assert said <= {*variables}
