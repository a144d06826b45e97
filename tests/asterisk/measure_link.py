"""How many events a second a link takes in: `python tests/asterisk/measure_link.py [EVENTS]`.

A process of its own plays Asterisk on the loopback and writes as fast as the link reads: rounds of the events of one
queued call, of which some are wanted and the others are not. The figure is that of the link's process alone.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import sys
import time
from collections.abc import Sequence

from acd.asterisk.link import AmiServer, Event, Link

CALL = (
    *[
        "Newchannel",
        "Newstate",
        "NewCallerid",
        "NewConnectedLine",
        "UserEvent",
        "MusicOnHoldStart",
        "DeviceStateChange",
    ],
    *["Newchannel", "DialBegin", "Newstate", "DeviceStateChange", "DialEnd", "Newstate", "BridgeCreate"],
    *["BridgeEnter", "MusicOnHoldStop", "BridgeEnter", "OriginateResponse", "BridgeLeave", "HangupRequest"],
    *["BridgeLeave", "BridgeDestroy", "Hangup", "SoftHangupRequest", "Hangup"],
)
WANTED = frozenset(
    ["Newchannel", "Newstate", "UserEvent", "Rename", "BridgeEnter", "BridgeLeave", "Hangup", "OriginateResponse"]
)
CHANNEL = (
    *["Privilege: call,all", "Channel: PJSIP/alice-0000001a", "ChannelState: 6", "ChannelStateDesc: Up"],
    *["CallerIDNum: 0612345678", "CallerIDName: Müller", "ConnectedLineNum: 100", "ConnectedLineName: <unknown>"],
    *["Language: en", "AccountCode: ", "Context: acd-wait", "Exten: s", "Priority: 5", "Uniqueid: 1764000000.123"],
    *["Linkedid: 1764000000.123", "ChanVariable: ACD_QUEUE=sales", "ChanVariable: ACD_PRIORITY="],
)


def message(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def play_asterisk(listening: socket.socket, rounds: int) -> None:
    connection, _ = listening.accept()
    for number in range(2):  # the login, and the first ping
        identity = connection.recv(4096).partition(b"ActionID: ")[2].partition(b"\r\n")[0].decode()
        connection.sendall(message("Response: Success", f"ActionID: {identity}"))
        if number == 0:
            connection.sendall(message("Event: FullyBooted"))
    connection.sendall(b"".join(message(f"Event: {name}", *CHANNEL) for name in CALL) * rounds)
    connection.sendall(message("Event: Last", "Uniqueid: the last"))
    connection.recv(4096)


async def measure(port: int, wanted: frozenset[str] | None) -> tuple[float, float, int]:
    """Seconds of the clock, seconds of CPU, events handled."""
    done, handled = asyncio.Event(), 0

    def on_event(event: Event) -> None:
        nonlocal handled
        handled += 1
        if event["Uniqueid"] == "the last":
            done.set()

    def on_up() -> None:
        nonlocal clock, cpu
        clock, cpu = time.perf_counter(), time.process_time()

    clock = cpu = 0.0
    server = AmiServer("measured", "127.0.0.1", port, "acd", "secret")
    link = Link(server, on_event=on_event, on_up=on_up, on_down=lambda why: None, wanted=wanted)
    await link.start()
    await done.wait()
    spent = time.perf_counter() - clock, time.process_time() - cpu
    await link.stop()
    return *spent, handled


def main(arguments: Sequence[str]) -> None:
    rounds = int(arguments[0] if arguments else 100_000) // len(CALL)
    events = rounds * len(CALL)
    for title, wanted in (
        ("every event wanted", None),
        ("those of call control", WANTED),
        ("none of them", frozenset[str]()),
    ):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            asterisk = multiprocessing.Process(target=play_asterisk, args=(listening, rounds))
            asterisk.start()
            last = None if wanted is None else wanted | {"Last"}
            clock, cpu, handled = asyncio.run(measure(listening.getsockname()[1], last))
            asterisk.join()
        print(
            f"{title:22} {events / clock:9,.0f} events/s {cpu / events * 1e6:6.1f} µs CPU/event "
            f"({events:,} events, {handled:,} handled)"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
