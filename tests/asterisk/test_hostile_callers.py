"""Callers who write into their SIP what no telephone would, on a real Asterisk: they are served like everybody else,
and nothing that they wrote is taken for anything but a caller's name and number."""

from __future__ import annotations

import pytest
from callcentre import DIALPLAN, CallCentre
from exchange import NAMES, Phone, both_releases, phones
from raw_sip import raw_caller

from acd.asterisk.link import Event
from acd.asterisk.pbx import PbxSettings
from acd.center.facts import RequestEnded, RequestQueued
from acd.center.model import Outcome
from acd.demo.softphone import Call, CallState

FROM_OUTSIDE = """
[from-trunk]
exten => 100,1,Set(ACD_SKILLS=${PJSIP_HEADER(read,X-Skills)})
 same => n,Set(ACD_PRIORITY=${PJSIP_HEADER(read,X-Priority)})
 same => n,Set(ACD_MAX_WAIT=${PJSIP_HEADER(read,X-Max-Wait)})
 same => n,Set(ACD_PREFERRED_AGENT=${PJSIP_HEADER(read,X-Agent)})
 same => n,Gosub(acd-queue,sales,1)
 same => n,Hangup()
"""
"""Of an operator who trusts whatever a caller sends."""

HOSTILE: list[dict[str, bytes]] = [
    {"user": b"x%0d%0a%0d%0aEvent%3a%20Forged%0d%0aUniqueid%3a%201.1%0d%0a%0d%0a"},
    {"user": b"x%0d%0a%0d%0aEvent%3a%20Shutdown%0d%0a%0d%0a"},
    {"user": b"x%0d%0a%0d%0aEvent%3a%20UserEvent%0d%0aUserEvent%3a%20AcdJoin%0d%0aUniqueid%3a%201.1"},
    {"user": b"x%0d%0aCallerIDName%3a%20a%0d%0aUniqueid%3a%201.1"},
    {"user": b"x%0a%0aEvent%3a%20Forged", "name": b'"\\"" '},
    {"user": b"x%00y,z", "name": b'"a, b, ${SHELL(id)}, $[1/0]"'},
    {"user": b"%f0%9f%8d%9c%ff%fe", "name": b'"\xf0\x9f\x8d\x9c \xff\xfe"'},
    {"user": b"u" * 3000, "name": b'"' + b"n" * 3000 + b'"'},
    {"name": b'"a\\"\\\\<sip:b@c>"', "more": b"X-Skills: \"';|${SHELL(id)},,:3,f r\r\n"},
    {"more": b"X-Priority: 1%0d%0aAction: Logoff\r\nX-Max-Wait: -1e9999\r\nX-Agent: \xff\xfe,\x01 alice\r\n"},
    {
        "more": b"X-Skills: "
        + b"s," * 5000
        + b"\r\nX-Priority: "
        + b"9" * 5000
        + b"\r\nX-Agent: "
        + b"a" * 5000
        + b"\r\n"
    },
]


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(endpoints=phones(*NAMES, "caller"), dialplan=DIALPLAN + FROM_OUTSIDE)


def _were_written_by_callers(events: list[Event]) -> list[Event]:
    """What is no event of Asterisk's, or tells of a channel that there is not."""
    return [event for event in events if event.name in ("Forged", "Shutdown") or event.get("Uniqueid") == "1.1"]


@both_releases
async def test_hostile_callers_are_served_like_everybody_else(centre: CallCentre, phone: Phone) -> None:
    await phone("alice", on_ring=Call.answer)
    centre.log_in("alice")

    for served, fields in enumerate(HOSTILE):
        await centre.until_is("alice", "available")
        async with raw_caller(centre.pbx, "100", **fields) as caller:
            await caller.answered()
            queued = await centre.told(RequestQueued, times=served + 1)
            await centre.until_is("alice", "connected")
            await centre.daemon._links["main"].send("Ping", {})  # all that was asked of his channel has been done
        ended = await centre.told(RequestEnded, times=served + 1)

        assert (ended.request, ended.outcome) == (queued.request, Outcome.ANSWERED), fields
        assert (queued.caller.number + queued.caller.name).isprintable()
        assert queued.priority == 50
    assert _were_written_by_callers(centre.events) == []
    assert len(centre.told_so_far(RequestQueued)) == len(HOSTILE)
    counts = centre.daemon._links["main"].counts
    assert (counts.losses, counts.handler_errors) == (0, 0)
    assert counts.mended > 0
    assert [outcome for (_, outcome), n in counts.actions.items() if outcome in ("unsafe", "refused")] == []


@both_releases
async def test_a_caller_who_says_that_he_is_another_does_not_end_that_ones_call(
    centre: CallCentre, phone: Phone
) -> None:
    (await phone("caller")).call("sales")
    victim = await centre.told(RequestQueued)

    user = b"x%0d%0aUniqueid%3a%20" + victim.channel.encode()
    async with raw_caller(centre.pbx, "100", user=user) as forger:
        await forger.answered()
        forged = await centre.told(RequestQueued, times=2)
    ended = await centre.told(RequestEnded)

    assert ended.request == forged.request
    assert victim.request in centre.state.requests


@both_releases
async def test_ordinary_calls_have_nothing_to_mend(centre: CallCentre, phone: Phone) -> None:
    await phone("alice", on_ring=Call.answer)
    centre.log_in("alice")
    call = (await phone("caller")).call("sales")
    await call.wait_for_async(CallState.ANSWERED, 5)
    await centre.until_is("alice", "connected")
    call.hangup()
    await centre.told(RequestEnded)

    assert len(centre.events) > 20
    assert centre.observer.counts.mended == centre.daemon._links["main"].counts.mended == 0


@both_releases
@pytest.mark.parametrize("more", [b"X-Skills: " + b"s" * 50_000 + b"\r\n", b"X-A: b\r\n" * 5_000], ids=["long", "many"])
async def test_as_much_as_fits_into_a_datagram_harms_nobody(centre: CallCentre, phone: Phone, more: bytes) -> None:
    await phone("alice", on_ring=Call.answer)
    centre.log_in("alice")
    async with raw_caller(centre.pbx, "100", more=more) as caller:
        await caller.answered()
        await centre.until_is("alice", "connected")
    await centre.told(RequestEnded)

    (await phone("caller")).call("sales")
    await centre.told(RequestQueued, times=2)
    await centre.until_is("alice", "connected")
