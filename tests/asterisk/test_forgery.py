"""Whatever a caller writes into what Asterisk passes on of him, its events stay what they were."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.asterisk import forgery
from acd.asterisk.wire import Event, LinkCounts, Protocol

LONGEST_FIELD = 79
"""What Asterisk lets through (AST_CHANNEL_NAME in channel.h)."""
WORDS = [
    "\r\n", "\r\n\r\n", "\r", "\n", "\0", "x", ": ", "é", "Event: Shutdown", "Event: Hangup\r\n", "Uniqueid: 9.9",
    "Response: Error\r\nActionID: 1", "ChannelState: 6", "ChannelStateDesc: Up", "CallerIDNum: 1", "CallerIDName: a",
    "ConnectedLineNum: ", "ConnectedLineName: ", "Language: en", "AccountCode: ", "Context: x", "Exten: s",
    "Priority: 1", "Linkedid: 9.9", "Dest", "Asterisk Call Manager/1\r\n",
]  # fmt: skip
FIELDS = ("CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName", "AccountCode", "Exten")
his_texts = st.lists(st.sampled_from(WORDS), max_size=12).map(lambda words: "".join(words)[:LONGEST_FIELD])
channels = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, his_texts))


def _block(prefix: str, uniqueid: str, his: dict[str, str]) -> str:
    lines = {
        "Channel": "PJSIP/trunk-00000001",
        "ChannelState": "4",
        "ChannelStateDesc": "Ring",
        "CallerIDNum": "<unknown>",
        "CallerIDName": "<unknown>",
        "ConnectedLineNum": "<unknown>",
        "ConnectedLineName": "<unknown>",
        "Language": "en",
        "AccountCode": "",
        "Context": "from-trunk",
        "Exten": "100",
        "Priority": "1",
        "Uniqueid": uniqueid,
        "Linkedid": uniqueid,
    } | his
    return "".join(f"{prefix}{header}: {value}\r\n" for header, value in lines.items())


def _event(number: int, his: list[dict[str, str]]) -> str:
    """With one channel or two."""
    blocks = (_block(prefix, f"{number}.{prefix}", one) for prefix, one in zip(("", "Dest"), his, strict=False))
    return f"Event: Dial{number}\r\nPrivilege: call,all\r\n{''.join(blocks)}Cause: 16\r\n\r\n"


def _read(wire: bytes, cuts: list[int]) -> tuple[list[Event], LinkCounts]:
    """What comes of these bytes, cut at these places."""
    events: list[Event] = []
    counts = LinkCounts()

    async def reads() -> None:
        own: Any = Protocol(
            wanted=None, counts=counts, action_seconds=1, on_event=events.append, on_lost=lambda why: None
        )
        own.closed, own.responses = False, {}
        places = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})
        for begin, end in pairwise(places):
            own.data_received(wire[begin:end])

    asyncio.run(reads())
    return events, counts


@given(st.lists(st.lists(channels, min_size=1, max_size=2), min_size=1, max_size=4), st.lists(st.integers(min_value=0)))
def test_no_caller_can_write_an_event_or_a_header(his: list[list[dict[str, str]]], cuts: list[int]) -> None:
    wire = "".join(_event(number, one) for number, one in enumerate([[{}], *his])).encode()

    events, _ = _read(wire, [len(_event(0, [{}])), *cuts])

    assert [event.name for event in events] == [f"Dial{number}" for number in range(len(his) + 1)]
    for number, (event, channels) in enumerate(zip(events[1:], his, strict=True), 1):
        for prefix in ("", "Dest")[: len(channels)]:
            assert event.all(f"{prefix}Uniqueid") == event.all(f"{prefix}Linkedid") == [f"{number}.{prefix}"]
        assert (event["Cause"], event.all("Event")) == ("16", [f"Dial{number}"])


def test_what_he_wrote_is_still_his() -> None:
    events, counts = _read(_event(0, [{"CallerIDNum": "x\r\n\r\nEvent: Shutdown\r\n"}]).encode(), [])

    assert [event["CallerIDNum"] for event in events] == ["x Event: Shutdown "]
    assert counts.mended == 1


def test_what_is_broken_waits_for_its_end_wherever_it_is_cut() -> None:
    """Also where it is all that has come."""
    first, second = _event(0, [{}]), _event(1, [{"CallerIDNum": "x\r\n\r\nEvent: Shutdown\r\n\r\n"}, {}])
    wire = (first + second).encode()

    for cut in range(len(first), len(wire), 5):
        events, counts = _read(wire, [len(first), cut])
        assert [event.name for event in events] == ["Dial0", "Dial1"]
        assert counts.mended == 1


@pytest.mark.parametrize("before", ["x ", "\r\n ", "\r\n: ", "Dest "])
def test_who_writes_the_beginning_of_a_description_somewhere_else_takes_nobody_s_event(before: str) -> None:
    begun = f"{before}ChannelState: 6\r\nChannelStateDesc: Up\r\nCallerIDNum: 1"
    his = f"Event: Said\r\n{_block('', '9.', {})}Text: {begun}\r\n\r\n"

    events, counts = _read((_event(0, [{}]) + his + _event(1, [{}])).encode(), [])

    assert [event.name for event in events] == ["Dial0", "Said", "Dial1"]
    assert counts.mended == 0


def test_a_state_without_a_description_keeps_nobody_waiting() -> None:
    events, _ = _read((_event(0, [{}]) + "Event: Odd\r\nChannelState: 6\r\nNumber: 1\r\n\r\n").encode(), [])

    assert [event.name for event in events] == ["Dial0", "Odd"]


def test_an_order_that_is_not_known_is_read_as_it_is() -> None:
    """A later Asterisk may have another one: better unguarded than deaf."""
    strange = _event(0, [{}]).replace("ConnectedLineNum: <unknown>\r\n", "Something: new\r\n").encode()

    events, counts = _read(strange * 3, [])

    assert [event.name for event in events] == ["Dial0"] * 3
    assert counts.mended == 0


def test_a_caller_who_never_comes_to_an_end_makes_nobody_wait_for_ever() -> None:
    begun = _event(0, [{}]).partition("\r\nCallerIDName")[0] + "\r\n\r\n"
    events, _ = _read((_event(0, [{}]) + begun + _event(1, [{}]) * (forgery.LONGEST // 300)).encode(), [])

    assert events[-1].name == "Dial1"
