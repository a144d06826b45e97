"""The simulated Asterisk's manager interface: what goes over the wire, word for word as the real one has it.

The same `WireSession` serves TCP on the loopback (`listening`) and the wires of a `VirtualLoop`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from acd.simulation.channels import Caller, Channel, Headers, Leg, Originate, Status
from acd.simulation.pbx import SimulatedPbx

LOOPBACK = "127.0.0.1"
BANNER = "Asterisk Call Manager/11.0.0\r\n"
LONGEST_SECONDS = 30.0
"""An Originate without Timeout."""
_END = b"\r\n\r\n"
_CALLER_ID = re.compile(r'\s*"?(?P<name>[^"<]*?)"?\s*<(?P<number>[^>]*)>')

Action = dict[str, str]
"""Header, in lower case → value; of a repeated header the last."""


class Refused(Exception):
    """In Asterisk's own words."""


class Session:
    """What a client may ask for, once he has logged in; how the answers reach him is not said here."""

    def __init__(self, pbx: SimulatedPbx) -> None:
        self._pbx = pbx

    def answer(self, action: Action, headers: Headers, response: str = "Success") -> None:
        raise NotImplementedError

    def list(self, action: Action, name: str, listed: Sequence[Status]) -> None:
        raise NotImplementedError

    def carry_out(self, action: Action) -> None:
        try:
            _carrying_out(action.get("action", ""))(self, action)
        except Refused as refused:
            self.answer(action, {"Message": str(refused)}, "Error")

    def _ping(self, action: Action) -> None:
        self.answer(action, {"Ping": "Pong", "Timestamp": f"{self._pbx.now():.6f}"})

    def _set_variable(self, action: Action) -> None:
        channel = self._channel(action, "channel", "No such channel") if action.get("channel") else None
        variables = channel.variables if channel else self._pbx.variables
        variables[action.get("variable", "")] = action.get("value", "")
        self.answer(action, {"Message": "Variable Set"})

    def _get_variable(self, action: Action) -> None:
        name = action.get("variable", "")
        value = str(int(self._pbx.now())) if name == "EPOCH" else self._pbx.variables.get(name, "")
        self.answer(action, {"Variable": name, "Value": value})

    def _core_status(self, action: Action) -> None:
        started = datetime.fromtimestamp(self._pbx.started_at, UTC)
        day, time = f"{started:%Y-%m-%d}", f"{started:%H:%M:%S}"
        self.answer(
            action,
            {
                "CoreStartupDate": day,
                "CoreStartupTime": time,
                "CoreReloadDate": day,
                "CoreReloadTime": time,
                "CoreCurrentCalls": str(len(self._pbx.channels)),
            },
        )

    def _status(self, action: Action) -> None:
        names = [name for name in action.get("variables", "").split(",") if name]
        self.list(action, "Status", self._pbx.status(names))

    def _originate(self, action: Action) -> None:
        found = _CALLER_ID.match(action.get("callerid", ""))
        seconds = float(action["timeout"]) / 1000 if action.get("timeout") else LONGEST_SECONDS
        caller_id = (found["number"], found["name"]) if found else ("", "")
        pairs = (pair.partition("=") for pair in action.get("variable", "").split(","))
        asked = Originate(
            action_id=action.get("actionid", ""),
            channel_id=action.get("channelid", ""),
            dial=action.get("channel", ""),
            seconds=seconds,
            caller_id=caller_id,
            variables={name: value for name, is_set, value in pairs if is_set},
        )
        if (action.get("context"), action.get("exten")) != ("acd-agent", "s"):
            raise Refused("the simulated Asterisk has the extension s of acd-agent, and no other to call a phone for")
        self.answer(action, {"Message": "Originate successfully queued"})
        self._pbx.originate(asked)

    def _bridge(self, action: Action) -> None:
        if not (action.get("channel1") and action.get("channel2")):
            raise Refused("Missing channel parameter in request")
        one = self._channel(action, "channel1", f"Channel1 does not exist: {action['channel1']}")
        other = self._channel(action, "channel2", f"Channel2 does not exist: {action['channel2']}")
        if one.bridge and one.bridge is other.bridge:
            self._pbx.tear_apart(one, other)
            raise Refused(f"Unable to add Channel2 to bridge: {other.name}")
        self.answer(action, {"Message": "Channels have been bridged"})
        self._pbx.bridge(one, other)

    def _redirect(self, action: Action) -> None:
        channel = self._channel(action, "channel", f"Channel does not exist: {action.get('channel', '')}")
        where = action.get("context", ""), action.get("exten", ""), action.get("priority", "")
        if isinstance(channel, Leg) and where in _AGENTS_WAYS:
            self.answer(action, {"Message": "Redirect successful"})
            _AGENTS_WAYS[where](self._pbx, channel)
            return
        if not isinstance(channel, Caller):
            raise Refused(f"the simulated Asterisk redirects nobody but a caller to {' '.join(where)}")
        self.answer(action, {"Message": "Redirect successful"})
        if where in _CALLERS_WAYS:
            _CALLERS_WAYS[where](self._pbx, channel)
        elif where == ("acd-wait", "s", "leave"):
            self._pbx.redirect_out_of_the_line(channel, "from-phones", channel.visitor.queue)
        else:
            self._pbx.redirect_out_of_the_line(channel, *where[:2])

    def _hang_up(self, action: Action) -> None:
        channel = self._channel(action, "channel", "No such channel")
        self.answer(action, {"Message": "Channel Hungup"})
        self._pbx.hang_up_asked(channel, int(action.get("cause") or 0))

    def _channel(self, action: Action, header: str, otherwise: str) -> Channel:
        channel = self._pbx.find(action.get(header, ""))
        if channel is None:
            raise Refused(otherwise)
        return channel


def _carrying_out(name: str) -> Callable[[Session, Action], None]:
    try:
        return _ACTIONS[name]
    except KeyError:
        raise Refused(
            f"Invalid/unknown command: {name}. Use Action: ListCommands to show available commands."
        ) from None


_CALLERS_WAYS: dict[tuple[str, str, str], Callable[[SimulatedPbx, Caller], None]] = {
    ("acd-wait", "s", "1"): SimulatedPbx.redirect_to_the_door,
    ("acd-wait", "s", "again"): SimulatedPbx.redirect_into_the_line,
    ("acd-wait", "s", "offer"): SimulatedPbx.offer_a_message,
    ("acd-announce", "s", "1"): SimulatedPbx.announce,
    ("acd-callback-again", "s", "1"): SimulatedPbx.ask_about_his_callback,
}
_AGENTS_WAYS: dict[tuple[str, str, str], Callable[[SimulatedPbx, Leg], None]] = {
    ("acd-agent", "s", "elsewhere"): SimulatedPbx.says_why,
    ("acd-customer", "s", "1"): SimulatedPbx.dial_his_customer,
    ("acd-customer", "s", "told"): SimulatedPbx.ask_how_it_ended,
}
_ACTIONS: dict[str, Callable[[Session, Action], None]] = {
    "Ping": Session._ping,
    "Setvar": Session._set_variable,
    "Getvar": Session._get_variable,
    "CoreStatus": Session._core_status,
    "Status": Session._status,
    "Originate": Session._originate,
    "Bridge": Session._bridge,
    "Redirect": Session._redirect,
    "Hangup": Session._hang_up,
}


# ---- On a wire


class WireSession(Session, asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, pbx: SimulatedPbx, username: str, secret: str) -> None:
        super().__init__(pbx)
        self._login = (username, secret)
        self._buffer = b""
        self._classes: frozenset[str] = frozenset()
        self._logged_in = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        self._write(BANNER)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._logged_in:
            self._logged_in = False
            self._pbx.heard_by.remove(self._hear)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        *messages, self._buffer = (self._buffer + data).split(_END)
        for message in messages:
            self._receive(_parse(message.decode()))

    def _receive(self, action: Action) -> None:
        name = action.get("action", "")
        if name == "Login":
            self._log_in(action)
        elif not self._logged_in:
            self.answer(action, {"Message": "Permission denied"}, "Error")
        elif name == "Logoff":
            self.answer(action, {"Message": "Thanks for all the fish."}, "Goodbye")
            self.close()
        else:
            self.carry_out(action)

    def _log_in(self, action: Action) -> None:
        if (action.get("username"), action.get("secret")) != self._login:
            self.answer(action, {"Message": "Authentication failed"}, "Error")
            self.close()
            return
        self._classes = frozenset(action.get("events", "on").replace("on", "call,user,system").split(","))
        self.answer(action, {"Message": "Authentication accepted"})
        self._logged_in = True
        self._pbx.heard_by.append(self._hear)
        self._hear("FullyBooted", "system", {"Uptime": "0", "LastReload": "0", "Status": "Fully Booted"})

    def answer(self, action: Action, headers: Headers, response: str = "Success") -> None:
        self._write(f"Response: {response}\r\n{_id_line(action)}{_lines(headers)}\r\n")

    def list(self, action: Action, name: str, listed: Sequence[Status]) -> None:
        identity, count = _id_line(action), len(listed)
        self.answer(action, {"EventList": "start", "Message": f"Channel {name.lower()} will follow"})
        for headers, variables in listed:
            lines = _lines(headers) + "".join(map("Variable: %s\r\n".__mod__, variables))
            self._write(f"Event: {name}\r\nPrivilege: call,all\r\n{lines}{identity}\r\n")
        self._write(
            f"Event: {name}Complete\r\n{identity}EventList: Complete\r\nListItems: {count}\r\nItems: {count}\r\n\r\n"
        )

    def _hear(self, name: str, kind: str, headers: Headers) -> None:
        if kind in self._classes:
            self._write(f"Event: {name}\r\nPrivilege: {kind},all\r\n{_lines(headers)}\r\n")

    def _write(self, text: str) -> None:
        self._transport.write(text.encode())


def _parse(message: str) -> Action:
    lines = (line.partition(":") for line in message.split("\r\n"))
    return {header.lower(): value.lstrip() for header, found, value in lines if found}


def _lines(headers: Headers) -> str:
    return "".join(map("%s: %s\r\n".__mod__, headers.items()))


def _id_line(action: Action) -> str:
    return f"ActionID: {action['actionid']}\r\n" if action.get("actionid") else ""


@asynccontextmanager
async def listening(pbx: SimulatedPbx, username: str, secret: str, port: int = 0) -> AsyncIterator[int]:
    """On TCP, on the loopback, while the block lasts; says on which port (a free one if none is asked for)."""
    loop = asyncio.get_running_loop()
    sessions: list[WireSession] = []

    def session() -> WireSession:
        sessions.append(WireSession(pbx, username, secret))
        return sessions[-1]

    server = await loop.create_server(session, LOOPBACK, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for one in sessions:
            one.close()
        await server.wait_closed()
