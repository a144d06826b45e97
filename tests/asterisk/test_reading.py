"""What a caller, a dialplan or a network may write into AMI, and what is made of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from acd.asterisk import reading
from acd.asterisk.link import Event
from acd.center.inputs import LegEnd
from acd.center.model import Caller, Need, PbxName

MAIN = PbxName("main")


def event(name: str, *variables: str, **headers: str) -> Event:
    """With one header `Variable` for each of the variables."""
    lines = [f"Event: {name}", *(f"{header}: {value}" for header, value in headers.items())]
    return Event.parse(name, "\r\n".join(lines + [f"Variable: {variable}" for variable in variables]))


# ---- Who joins


def test_a_join_says_all_that_the_dialplan_said() -> None:
    told = reading.joined(
        MAIN,
        event(
            "UserEvent",
            Uniqueid="1.2",
            CallerIDNum="0612345678",
            CallerIDName="Eva",
            Queue="sales%20desk",
            CallerPriority="7",
            MaxWait="2.5",
            Skills="french%2Cbilling%3A3",
            PreferredAgent="alice",
        ),
        "NL",
    )

    assert (told.pbx, told.channel, told.queue, told.priority) == (MAIN, "1.2", "sales desk", 7)
    assert (told.max_wait_seconds, told.preferred_agent, told.dropped) == (2.5, "alice", False)
    assert told.caller == Caller("0612345678", "Eva", "+31612345678")
    assert told.needs == (Need("billing", 3), Need("french", 1))
    assert told.joined_at is None


def test_a_join_says_nothing_of_what_the_dialplan_left_open() -> None:
    told = reading.joined(MAIN, event("UserEvent", Uniqueid="1.2", Queue="sales"), None)

    assert (told.priority, told.max_wait_seconds, told.needs, told.preferred_agent) == (None, None, (), None)
    assert told.caller == Caller()


def test_who_was_dropped_says_so() -> None:
    assert reading.joined(MAIN, event("UserEvent", Uniqueid="1.2", Dropped="yes"), None).dropped
    assert not reading.joined(MAIN, event("UserEvent", Uniqueid="1.2", Dropped="no"), None).dropped


@pytest.mark.parametrize(
    ("text", "priority"),
    [("1", 1), ("100", 100), ("0", None), ("101", None), ("", None), ("-1", None), ("ten", None), ("٣", None)],
)
def test_a_priority_is_from_1_to_100_or_none(text: str, priority: int | None) -> None:
    assert reading.priority(text) == priority


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("12.25", 12.25), ("", None), ("-1", None), ("1e3", None), ("1.", None), ("1" * 13, None), ("٣", None)],
)
def test_seconds_are_digits_or_none(text: str, seconds: float | None) -> None:
    assert reading.seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("1700000000", 1_700_000_000), ("", None), ("1.5", None), ("-1", None), ("1" * 13, None), ("٣", None)],
)
def test_what_the_dialplan_has_counted_is_digits_or_none(text: str, number: int | None) -> None:
    assert reading.number(text) == number


def test_what_cannot_be_read_is_told_to_the_operator_and_what_is_not_there_is_not() -> None:
    with capture_logs() as logs:
        reading.seconds("soon")
        reading.priority("high")
        reading.needs("french:many")
    assert [line["event"] for line in logs] == ["join.bad_seconds", "join.bad_priority", "join.bad_skill"]
    assert [line["value"] for line in logs] == ["soon", "high", "french:many"]
    with capture_logs() as logs:
        reading.seconds("")
        reading.priority("")
        reading.needs("")
    assert logs == []


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("french", {"french": 1}),
        (" french , billing:100 ", {"billing": 100, "french": 1}),
        ("french:0,billing:101,:3,,good", {"good": 1}),
        ("", {}),
    ],
)
def test_a_skill_that_cannot_be_read_is_not_needed(text: str, needs: dict[str, int]) -> None:
    assert dict(reading.needs(text)) == needs


def test_of_a_number_and_a_name_so_much_is_kept_as_a_telephone_shows() -> None:
    who = reading.caller(event("Newchannel", CallerIDNum="1" * 50, CallerIDName="E\x07v\x00a" + "x" * 100), None)

    assert who.number == "1" * 40
    assert who.name == "Eva" + "x" * 77


def test_an_unknown_caller_has_no_number() -> None:
    assert reading.caller(event("Newchannel", CallerIDNum="<unknown>", CallerIDName="<unknown>"), None) == Caller()


# ---- Moments that an agent types


AMSTERDAM = ZoneInfo("Europe/Amsterdam")
"""2026-03-29, 2:00 to 3:00, is skipped there; 2026-10-25, 2:00 to 3:00, comes twice."""


def at(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


@pytest.fixture(params=["of the site", "of the machine"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoneInfo | None]:
    if request.param == "of the site":
        yield AMSTERDAM
        return
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "Europe/Amsterdam")
        time.tzset()
        yield None
    time.tzset()


@pytest.mark.parametrize(
    ("now", "typed", "then"),
    [
        ("2026-07-01T10:00:00+02:00", "1430", "2026-07-01T14:30:00+02:00"),
        ("2026-07-01T14:30:00+02:00", "1430", "2026-07-02T14:30:00+02:00"),
        ("2026-07-01T10:00:30+02:00", "1000", "2026-07-02T10:00:00+02:00"),
        ("2026-12-31T23:00:00+01:00", "0800", "2027-01-01T08:00:00+01:00"),
        ("2026-07-01T10:00:00+02:00", "24121430", "2026-12-24T14:30:00+01:00"),
        ("2026-07-01T10:00:00+02:00", "01050900", "2027-05-01T09:00:00+02:00"),
        # Over a night in which the clocks change.
        ("2026-03-28T20:00:00+01:00", "0900", "2026-03-29T09:00:00+02:00"),
        ("2026-10-24T20:00:00+02:00", "0900", "2026-10-25T09:00:00+01:00"),
        ("2026-10-24T20:00:00+02:00", "26101500", "2026-10-26T15:00:00+01:00"),
        # The hour that is skipped.
        ("2026-03-28T20:00:00+01:00", "0230", "2026-03-29T03:30:00+02:00"),
        ("2026-03-29T01:59:00+01:00", "29030230", "2026-03-29T03:30:00+02:00"),
        ("2026-03-29T03:40:00+02:00", "0230", "2026-03-30T02:30:00+02:00"),
        # The hour that comes twice: it is the first one, while that is still to come, or else the second.
        ("2026-10-25T01:00:00+02:00", "0230", "2026-10-25T02:30:00+02:00"),
        ("2026-10-25T02:45:00+02:00", "0230", "2026-10-25T02:30:00+01:00"),
        ("2026-10-25T02:45:00+02:00", "25100230", "2026-10-25T02:30:00+01:00"),
        ("2026-10-25T02:15:00+01:00", "0230", "2026-10-25T02:30:00+01:00"),
        ("2026-10-25T02:45:00+01:00", "0230", "2026-10-26T02:30:00+01:00"),
        ("2026-10-25T02:15:00+01:00", "0210", "2026-10-26T02:10:00+01:00"),
    ],
)
def test_a_time_is_the_next_one_that_the_clocks_show(zone: ZoneInfo | None, now: str, typed: str, then: str) -> None:
    moment = reading.moment(typed, at(now), zone)

    assert moment is not None
    assert datetime.fromtimestamp(moment, AMSTERDAM).isoformat() == then


@pytest.mark.parametrize(
    "typed", ["", "1", "2400", "1260", "12345", "32121200", "31021200", "00011200", "01131200", "12:3", "١٢٣٤", "-100"]
)
def test_what_is_no_time_is_none(typed: str) -> None:
    assert reading.moment(typed, at("2026-07-01T10:00:00+02:00"), AMSTERDAM) is None


# ---- What a survey finds


def test_a_living_channel_says_where_it_waits_and_since_when() -> None:
    live = reading.live_channel(
        event(
            "Status",
            "ACD_QUEUE=sales",
            "ACD_STATUS=(null)",
            "ACD_JOINED=1700000000",
            "ACD_PRIORITY=3",
            "ACD_MAX_WAIT=60",
            "ACD_SKILLS=french",
            "ACD_PREFERRED_AGENT=bob",
            Uniqueid="1.2",
            Channel="PJSIP/trunk-00000001",
            ChannelState="6",
            BridgeID="",
            CallerIDNum="100",
        ),
        None,
    )

    assert (live.channel, live.dial, live.bridged, live.talks) == ("1.2", "PJSIP/trunk", False, True)
    assert (live.queue, live.status, live.joined_at) == ("sales", "", 1_700_000_000)
    assert (live.priority, live.max_wait_seconds, live.preferred_agent) == (3, 60, "bob")
    assert (live.needs, live.caller.number) == ((Need("french", 1),), "100")


@pytest.mark.parametrize(
    ("variables", "queue"),
    [
        ((), ""),
        (("ACD_JOINED=1700000000",), "sales"),
        (("ACD_STATUS=ANSWERED",), "sales"),
    ],
)
def test_who_hears_the_greeting_is_in_no_line_yet(variables: tuple[str, ...], queue: str) -> None:
    live = reading.live_channel(
        event("Status", "ACD_QUEUE=sales", *variables, Uniqueid="1.2", Channel="PJSIP/trunk-00000001"), None
    )

    assert live.queue == queue


@pytest.mark.parametrize("forged", ["ACD_AGENT=bob", "ACD_MESSAGE=x"])
def test_what_somebody_writes_in_front_of_the_variables_stands_for_none_of_them(forged: str) -> None:
    live = reading.live_channel(event("Status", forged, "ACD_AGENT=(null)", Uniqueid="1.2", Channel="PJSIP/a-1"), None)

    assert live.agent is None


@pytest.mark.parametrize(("peer", "never"), [("nobody", True), ("PJSIP/alice-00000002", False), ("(null)", False)])
def test_who_has_talked_since_he_joined_says_so(peer: str, never: bool) -> None:
    live = reading.live_channel(
        event("Status", f"BRIDGEPEER={peer}", Uniqueid="1.2", Channel="PJSIP/trunk-00000001"), None
    )

    assert live.never_bridged is never


def test_what_somebody_does_while_he_waits_is_told() -> None:
    live = reading.live_channel(
        event(
            "Status",
            "ACD_ASIDE=yes",
            "ACD_ACCEPTED=yes",
            "ACD_AGENT=alice",
            "ACD_DEVICE=PJSIP/alice",
            "ACD_CALLER=1.1",
            Uniqueid="1.2",
            Channel="PJSIP/trunk-00000001",
            Application="WaitExten",
        ),
        None,
    )

    assert (live.aside, live.accepted, live.hears_music) == (True, True, True)
    assert (live.agent, live.device, live.rings_for) == ("alice", "PJSIP/alice", "1.1")
    other = reading.live_channel(
        event("Status", Uniqueid="1.3", Channel="PJSIP/trunk-00000002", Application="Playback"), None
    )
    assert (other.aside, other.accepted, other.hears_music) == (False, False, False)
    assert (other.agent, other.device, other.rings_for, other.request) == (None, "", None, None)


def test_since_when_somebody_waits_is_told_by_our_clock() -> None:
    waits = event("Status", "ACD_JOINED=1700000000", Uniqueid="1.2", Channel="PJSIP/trunk-00000001")

    assert reading.live_channel(waits, None, ahead_seconds=3.5).joined_at == 1_700_000_003.5
    passes = event("Status", Uniqueid="1.2", Channel="PJSIP/trunk-00000001")
    assert reading.live_channel(passes, None, ahead_seconds=3.5).joined_at is None


def test_a_leg_says_whom_it_was_to_reach_and_how_far_it_came() -> None:
    live = reading.live_channel(
        event(
            "Status",
            "ACD_AGENT=alice",
            "ACD_REQUEST=0006124e5000000a",
            "ACD_TRIED=0006124e5000000b.2",
            "ACD_DIALLED=NOANSWER",
            Uniqueid="acd-0006124e5000000b",
            Channel="PJSIP/alice-00000001",
        ),
        None,
    )

    assert (live.request, live.attempt, live.attempt_ended) == ("0006124e5000000a", "0006124e5000000b.2", "no_answer")


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        ("", ""),
        ("ANSWER", "answered"),
        ("BUSY", "busy"),
        ("NOANSWER", "no_answer"),
        ("CANCEL", "no_answer"),
        ("CONGESTION", "failed"),
        ("CHANUNAVAIL", "failed"),
    ],
)
def test_how_an_attempt_ended_is_told_by_dial(status: str, ended: str) -> None:
    assert reading.attempt_ended(status) == ended


def test_a_channel_that_never_was_in_a_line_says_so() -> None:
    live = reading.live_channel(event("Status", Uniqueid="1.2", Channel="PJSIP/a-b-00000001", BridgeID="b"), None)

    assert (live.queue, live.status, live.joined_at, live.bridged) == ("", "", None, True)
    assert live.dial == "PJSIP/a-b"


@pytest.mark.parametrize(("state", "talks"), [("4", True), ("6", True), ("5", False), ("0", False)])
def test_a_telephone_talks_when_it_is_up_or_dials(state: str, talks: bool) -> None:
    assert reading.talks(event("Newstate", ChannelState=state)) is talks


def test_a_feature_says_at_which_telephone_it_was_dialled() -> None:
    told = reading.feature(
        MAIN, event("UserEvent", Uniqueid="9", Channel="PJSIP/alice-01", Action="pause", Typed="%31" + "2" * 60)
    )

    assert (told.pbx, told.channel, told.dial, told.action) == (MAIN, "9", "PJSIP/alice", "pause")
    assert told.typed == "1" + "2" * 39


# ---- What an agent's phone is shown


@pytest.mark.parametrize(
    ("who", "shown"),
    [
        (Caller("0612", "Eva"), '"Eva" <0612>'),
        (Caller("0612"), '"0612" <0612>'),
        (Caller("", "Eva"), '"Eva" <>'),
        (Caller(), ""),
        (Caller('06"<>\\,12', 'E"v<a>\\'), '"Eva" <0612>'),
    ],
)
def test_a_caller_id_holds_nothing_that_would_end_it(who: Caller, shown: str) -> None:
    assert reading.caller_id(who) == shown


# ---- How a leg ended


@pytest.mark.parametrize(
    ("cause", "how"),
    [
        ("16", LegEnd.HUNG_UP),
        ("26", LegEnd.HUNG_UP),
        ("17", LegEnd.BUSY),
        ("21", LegEnd.REJECTED),
        ("18", LegEnd.NO_ANSWER),
        ("19", LegEnd.NO_ANSWER),
        ("20", LegEnd.UNREACHABLE),
        ("0", LegEnd.UNREACHABLE),
        ("", LegEnd.UNREACHABLE),
    ],
)
def test_a_cause_tells_how_a_leg_ended(cause: str, how: LegEnd) -> None:
    assert reading.how_it_ended(event("Hangup", Cause=cause), originate_reason="", rang=False)[0] is how


@pytest.mark.parametrize(("reason", "how"), [("3", LegEnd.NO_ANSWER), ("5", LegEnd.BUSY), ("8", LegEnd.UNREACHABLE)])
def test_without_a_cause_the_reason_of_the_dial_tells(reason: str, how: LegEnd) -> None:
    ended = event("Hangup", Cause="0")

    assert reading.how_it_ended(ended, reason, rang=False) == (how, f"originate failed, reason {reason}")


def test_a_cause_knows_better_than_the_reason_of_the_dial() -> None:
    ended = event("Hangup", **{"Cause": "17", "Cause-txt": "User busy"})

    assert reading.how_it_ended(ended, originate_reason="3", rang=False) == (LegEnd.BUSY, "17 User busy")


def test_a_telephone_that_is_busy_after_it_has_rung_was_declined() -> None:
    assert reading.how_it_ended(event("Hangup", Cause="17"), originate_reason="", rang=True)[0] is LegEnd.REJECTED


@pytest.mark.parametrize(("rang", "how"), [(False, LegEnd.UNREACHABLE), (True, LegEnd.NO_ANSWER)])
def test_a_telephone_that_sends_its_calls_elsewhere_has_reached_nobody(rang: bool, how: LegEnd) -> None:
    ended = event("Hangup", Cause="16")

    assert reading.how_it_ended(ended, originate_reason="3", rang=rang, forwarded=True) == (how, "23 forwarded")
