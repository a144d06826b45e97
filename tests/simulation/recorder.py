"""Listens in between a daemon and an Asterisk, and writes down what each of them says, in a form that compares.

Names and ids differ from run to run: they become `caller 1`, `leg 1`, `bridge`. What several threads of Asterisk tell
at the same time comes in any order: it is compared thread by thread (of each channel, each dial, each bridge).
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from acd.asterisk.wire import Event

UNCOMPARED = {
    "Event",
    "Privilege",
    "ActionID",
    # The place in the dialplan, step by step; nobody reads it, and every edit of acd.conf moves it.
    "Priority",
    "DestPriority",
    # Only some releases tell it.
    "TechCause",
    # Whether Asterisk hands the media on or lets them pass.
    "BridgeTechnology",
    # Seconds since 1970, and since Asterisk's start.
    "Timestamp",
    "Uptime",
    "LastReload",
}
UNCOMPARED_OF = {
    # The state of that moment, which another thread is about to change.
    "DialBegin": {"DestChannelState", "DestChannelStateDesc"},
    "DialState": {"DestChannelState", "DestChannelStateDesc"},
    "Status": {
        "DNID",
        "EffectiveConnectedLineNum",
        "EffectiveConnectedLineName",
        "TimeToHangup",
        "Data",
        "Nativeformats",
        "Readformat",
        "Readtrans",
        "Writeformat",
        "Writetrans",
        "Callgroup",
        "Pickupgroup",
        "Seconds",
    },
}
OF_THE_HEARTBEAT = {"ACD_HEARTBEAT", "EPOCH"}
"""A story that takes longer, on a machine that is busy, has more beats."""
OF_OURS = re.compile(r"\b[0-9a-f]{16}\b")
"""Names that the daemon gives."""
Story = dict[str, list[str]]
"""What was said, by who said it: `caller 1`, `leg 1`, `dial`, `bridge` …, and `daemon` with its actions."""


class Recorder:
    def __init__(self, ami_port: int) -> None:
        self.port = 0
        self._ami_port = ami_port
        self._told: list[Event] = []
        """By Asterisk: events and answers."""
        self._asked: list[Event] = []
        self._changed = asyncio.Event()

    def begin(self) -> None:
        self._told.clear()
        self._asked.clear()

    async def everybody_gone(self) -> None:
        """Until every channel and every dial that began has ended."""
        while not self._is_over():
            self._changed.clear()
            await self._changed.wait()

    def has_told(self, user_event: str) -> bool:
        return any(event.get("UserEvent") == user_event for event in self._told)

    def story(self) -> Story:
        names = Names()
        story: Story = defaultdict(list)
        for event in self._told:
            if event.name and not _races(event):
                story[_teller(event, names)].append(_compared(event, names))
        story["status"].sort()
        answers = {answer["ActionID"]: answer for answer in self._told if not answer.name}
        talked = {event["Uniqueid"] for event in self._told if event.name == "BridgeEnter"}
        for action in self._asked:
            if action["Action"] in ("Login", "Ping") or action.get("Variable") in OF_THE_HEARTBEAT:
                continue
            if action["Action"] == "Hangup" and action["Channel"] in talked:
                continue  # it races with Asterisk, which ends that leg, too
            answer = answers[action["ActionID"]]
            story["daemon"].append(_compared(action, names, Answer=answer.get("Message", answer["Response"])))
        return dict(story)

    def _is_over(self) -> bool:
        names = [event.name for event in self._told]
        dials = sum(action["Action"] == "Originate" for action in self._asked)
        return 0 < names.count("Newchannel") <= names.count("Hangup") and dials <= names.count("OriginateResponse")

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    async def _serve(self, daemon: asyncio.StreamReader, to_daemon: asyncio.StreamWriter) -> None:
        asterisk, to_asterisk = await asyncio.open_connection("127.0.0.1", self._ami_port)
        await asyncio.gather(
            self._pass_on(daemon, to_asterisk, self._asked), self._pass_on(asterisk, to_daemon, self._told)
        )

    async def _pass_on(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, said: list[Event]) -> None:
        buffer = b""
        try:
            while data := await source.read(65536):
                *messages, buffer = (buffer + data).split(b"\r\n\r\n")
                said += [_parsed(message.decode()) for message in messages]
                self._changed.set()
                to.write(data)
        except ConnectionError:
            pass
        finally:
            to.close()


def _parsed(message: str) -> Event:
    first, _, name = message.partition("\r\n")[0].partition(": ")
    return Event.parse(name if first == "Event" else "", message)


class Names:
    """The channels of a story, in the order in which they came: `caller 1`, `leg 1` …"""

    def __init__(self) -> None:
        self._of: dict[str, str] = {}
        self._count: Counter[str] = Counter()

    def of(self, identity: str) -> str:
        if identity not in self._of:
            kind = "leg" if identity.startswith("acd-") else "caller"
            self._count[kind] += 1
            self._of[identity] = f"{kind} {self._count[kind]}"
        return self._of[identity]


def _races(event: Event) -> bool:
    """Asterisk ends a leg that has talked, and the daemon may have ended it first."""
    return event.name == "SoftHangupRequest" and event["Uniqueid"].startswith("acd-")


def _teller(event: Event, names: Names) -> str:
    if event.name == "OriginateResponse":
        return "originate"
    if event.name in ("DialBegin", "DialState", "DialEnd"):
        return "dial"
    if event.name.startswith("Bridge"):
        return "bridge"
    if event.name.startswith("Status"):
        return "status"
    return names.of(event["Uniqueid"]) if "Uniqueid" in event else "system"


def _compared(event: Event, names: Names, **more: str) -> str:
    left_out = UNCOMPARED | UNCOMPARED_OF.get(event.name, set())
    said = {header: _same_word(header, value, names) for header, value in event.items() if header not in left_out}
    if event.name == "Status":
        said["Variable"] = " ".join(_same_word("Variable", one, names) for one in event.all("Variable"))
    return " ".join([event.name, *(f"{header}={value}" for header, value in {**said, **more}.items())]).strip()


def _same_word(header: str, value: str, names: Names) -> str:
    header = header.removeprefix("Dest")
    if header in ("Uniqueid", "Linkedid", "ChannelId"):
        return names.of(value)
    if header in ("Channel", "Channel1", "Channel2"):
        return value.partition("-")[0] if value.startswith("PJSIP/") else names.of(value)
    if header in ("BridgeUniqueid", "BridgeID"):
        return "bridge" if value else ""
    if header in ("Message", "Value"):
        return OF_OURS.sub("…", value)
    if header == "Variable":
        return ",".join(_same_variable(*pair.partition("="), names) for pair in value.split(","))
    return value


def _same_variable(name: str, is_set: str, value: str, names: Names) -> str:
    if (name == "ACD_JOINED" and value.partition(".")[0].isdigit()) or name in ("ACD_MESSAGE", "ACD_LEFT_AT"):
        value = "…"
    elif name in ("ACD_CALLER", "ACD_REQUEST") and value != "(null)":
        value = names.of(value)
    elif name == "BRIDGEPEER":
        value = value.partition("-")[0]
    return name + is_set + value
