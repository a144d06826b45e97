"""The link against an AMI server that misbehaves in every way that was seen or read of."""

from __future__ import annotations

import asyncio
import io
import logging
import random
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_ami import (
    PATIENCE_SECONDS,
    FakeAmi,
    Session,
    answers_nothing,
    is_shutting_down,
    lists,
    message,
    pongs,
    refuses_login,
    takes_login,
    takes_login_while_starting,
)
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.traceback import Traceback
from structlog.testing import capture_logs

from acd.asterisk.link import (
    ActionRefused,
    ActionTimeout,
    AmiServer,
    Backoff,
    Event,
    Link,
    LinkCounts,
    LinkDown,
    Patience,
    UnsafeValue,
)
from acd.asterisk.wire import INCOMING_LIMIT_BYTES, Pending, Protocol, refuse_unsafe

SECRET = "canary-d41d8cd98f"
HASTY = Patience(
    connect_seconds=0.2,
    action_seconds=PATIENCE_SECONDS,
    list_seconds=PATIENCE_SECONDS,
    ping_seconds=0.02,
    pong_seconds=PATIENCE_SECONDS,
    boot_seconds=0.02,
    retry_seconds=(0.01, 0.02),
    refused_seconds=(0.01, 0.04),
)


class Heard:
    """What a link told, in the order in which it told it."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.handle: Callable[[Event], None] = lambda event: None
        self.greet: Callable[[], None] = lambda: None

    def on_event(self, event: Event) -> None:
        self.told.put_nowait(("event", event))
        self.handle(event)

    def on_up(self) -> None:
        self.told.put_nowait(("up", None))
        self.greet()

    def on_down(self, why: str) -> None:
        self.told.put_nowait(("down", why))

    async def next(self, kind: str) -> Any:
        async with asyncio.timeout(PATIENCE_SECONDS):
            told, what = await self.told.get()
        assert told == kind, what
        return what

    async def up(self) -> None:
        await self.next("up")

    async def down(self) -> str:
        return str(await self.next("down"))

    async def event(self) -> Event:
        event: Event = await self.next("event")
        return event


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def ami() -> AsyncIterator[FakeAmi]:
    async with FakeAmi() as ami:
        yield ami


def server(port: int, **changes: Any) -> AmiServer:
    return replace(AmiServer("main", "127.0.0.1", port, "acd", SECRET), **changes)


def a_link(port: int, heard: Heard, patience: Patience = HASTY, **options: Any) -> Link:
    return Link(
        server(port),
        on_event=heard.on_event,
        on_up=heard.on_up,
        on_down=heard.on_down,
        patience=patience,
        **options,
    )


@asynccontextmanager
async def started(link: Link) -> AsyncIterator[Link]:
    await link.start()
    try:
        yield link
    finally:
        await link.stop()


@asynccontextmanager
async def up(
    ami: FakeAmi, heard: Heard, patience: Patience = HASTY, **options: Any
) -> AsyncIterator[tuple[Link, Session]]:
    async with started(a_link(ami.port, heard, patience, **options)) as link:
        session = await ami.session()
        await heard.up()
        yield link, session


async def logged(logs: list[Any], event: str) -> dict[str, Any]:
    """The first log line of that event, as soon as it is there."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            for line in logs:
                if line["event"] == event:
                    return dict(line)
            await asyncio.sleep(0)


def timers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, asyncio.TimerHandle]]:
    """Whatever is planned from here on, and after how many seconds."""
    loop, planned = asyncio.get_running_loop(), list[tuple[float, asyncio.TimerHandle]]()
    usual = loop.call_later

    def plans(seconds: float, *what: Any, **more: Any) -> asyncio.TimerHandle:
        planned.append((seconds, usual(seconds, *what, **more)))
        return planned[-1][1]

    monkeypatch.setattr(loop, "call_later", plans)
    return planned


# ---- Coming up


async def test_the_link_is_up_once_asterisk_has_booted(ami: FakeAmi, heard: Heard) -> None:
    ami.replies["Login"] = takes_login_while_starting
    async with started(a_link(ami.port, heard)) as link:
        session = await ami.session()
        await session.next("Ping")
        await session.next("Ping")
        assert not link.up
        with pytest.raises(LinkDown):
            await link.send("Originate", {"Channel": "PJSIP/alice"})
        assert "Originate" not in session.names
        session.boot()
        await heard.up()
        assert link.up


async def test_a_link_that_is_up_says_so_once_however_often_it_is_answered(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard) as (link, session):
        for _ in range(4):
            await session.next("Ping")
        session.boot()
        await link.send("Marker")
        assert heard.told.empty()


async def test_an_asterisk_that_does_not_boot_is_told_of(ami: FakeAmi, heard: Heard) -> None:
    ami.replies["Login"] = takes_login_while_starting
    with capture_logs() as logs:
        async with started(a_link(ami.port, heard)):
            line = await logged(logs, "ami.not_booted")
    assert line["pbx"] == "main"
    assert "read = system" in line["hint"]


async def test_whether_an_asterisk_boots_is_looked_at_no_more_when_its_connection_is_gone(
    ami: FakeAmi, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = timers(monkeypatch)
    ami.replies["Login"] = takes_login_while_starting
    async with started(a_link(ami.port, heard, replace(HASTY, boot_seconds=77.0))):
        await (await ami.session()).next("Ping")
        assert [timer.cancelled() for seconds, timer in planned if seconds == 77.0] == [False]
    assert [timer.cancelled() for seconds, timer in planned if seconds == 77.0] == [True]


async def test_a_link_that_was_up_comes_up_again_only_when_asterisk_has_booted_and_answers(
    ami: FakeAmi, heard: Heard
) -> None:
    async with up(ami, heard) as (link, session):
        ami.replies["Login"] = takes_login_while_starting
        session.close()
        await heard.down()
        session = await ami.session()
        await session.next("Ping")
        await session.next("Ping")
        assert not link.up, "it has answered, and not booted"

        ami.replies["Login"], ami.replies["Ping"] = takes_login, answers_nothing
        session.close()
        session = await ami.session()
        ping = await session.next("Ping")
        assert heard.told.empty(), "it has booted, and not answered"
        ami.replies["Ping"] = pongs
        pongs(session, ping)
        await heard.up()


async def test_a_loss_is_seen_at_once_and_pings_go_on_in_their_time(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard, replace(HASTY, ping_seconds=77.0)) as (link, session):
        session.close()
        await heard.down()
        await heard.up()
        session = await ami.session()
        for _ in range(20):
            await link.send("Marker")
        assert session.names.count("Ping") == 1


async def test_it_logs_in_with_its_user_and_event_classes(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard) as (_, session):
        (login,) = [action for action in session.received if action["Action"] == ["Login"]]
        assert login["Username"] == ["acd"]
        assert login["Secret"] == [SECRET]
        assert login["Events"] == ["call,user,system"]


async def test_packets_are_sent_at_once(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard) as (link, _):
        assert link._protocol
        connection = link._protocol.transport.get_extra_info("socket")
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_what_happens_before_it_is_up_is_not_told(ami: FakeAmi, heard: Heard) -> None:
    ami.replies["Login"] = takes_login_while_starting
    async with started(a_link(ami.port, heard)):
        session = await ami.session()
        await session.next("Ping")
        session.tell("Newchannel", "Uniqueid: early")
        session.boot()
        await heard.up()
        session.tell("Newchannel", "Uniqueid: later")
        assert (await heard.event())["Uniqueid"] == "later"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("needs openssl to make a certificate")
    pem = tmp_path / "asterisk.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", pem, "-out", pem]
    subprocess.run([*command, *subject], check=True, capture_output=True)
    # `req` writes key and certificate to the same file, one after the other.
    return pem


async def test_tls_is_spoken_and_the_certificate_checked(
    certificate: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    patience = replace(HASTY, connect_seconds=PATIENCE_SECONDS)
    async with FakeAmi(tls=context) as ami:
        place = server(ami.port, host="localhost", tls=True)
        told = {"on_event": heard.on_event, "on_up": heard.on_up, "on_down": heard.on_down}
        with capture_logs() as logs:
            async with started(Link(place, patience=patience, **told)):
                assert "certificate verify failed" in (await logged(logs, "ami.unreachable"))["why"]
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with started(Link(place, patience=patience, **told)) as link:
            await heard.up()
            assert (await link.send("Ping"))["Ping"] == "Pong"


# ---- Nothing comes back from the dead


async def test_what_was_pending_when_the_link_dropped_fails_and_is_never_sent_again(ami: FakeAmi, heard: Heard) -> None:
    ami.replies["Originate"] = ami.replies["Hangup"] = answers_nothing
    async with up(ami, heard) as (link, session):
        dial, hangup = link.send("Originate", {"Channel": "PJSIP/alice"}), link.send("Hangup", {"Channel": "x"})
        await session.next("Hangup")
        session.close()
        with pytest.raises(LinkDown):
            await dial
        with pytest.raises(LinkDown):
            await hangup
        assert await heard.down() == "closed by the peer"
        await heard.up()
        after = await ami.session()
        await link.send("Marker")
        assert set(after.names) == {"Login", "Ping", "Marker"}


async def test_a_link_that_is_cut_is_down_and_begins_anew(ami: FakeAmi, heard: Heard) -> None:
    ami.replies["Originate"] = answers_nothing
    async with up(ami, heard) as (link, session):
        dial = link.send("Originate", {"Channel": "PJSIP/alice"})
        link.cut("its survey failed")
        assert not link.up
        assert await heard.down() == "its survey failed"
        with pytest.raises(LinkDown, match="its survey failed"):
            await dial
        assert link.trouble == "its survey failed"
        await asyncio.wait_for(session.closed.wait(), PATIENCE_SECONDS)
        await heard.up()
        assert link.trouble == ""
        await link.send("Marker")
        assert set(ami.sessions[-1].names) == {"Login", "Ping", "Marker"}


async def test_a_link_that_is_lost_says_so_once(ami: FakeAmi, heard: Heard) -> None:
    with capture_logs() as logs:
        async with up(ami, heard) as (link, session):
            session.close()
            await heard.down()
            await heard.up()
            assert link.counts.losses == 1
    assert [line["event"] for line in logs[:3]] == ["ami.up", "ami.down", "ami.up"]


async def test_what_comes_behind_the_end_of_a_connection_is_heard_no_more(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard) as (link, session):
        behind = message("Event: FullyBooted") + message("Event: Hangup", "Uniqueid: 1")
        session.write(message("Event: Shutdown") + behind)
        await heard.down()
        assert not link.up
        assert heard.told.empty()
        await heard.up()
        await link.send("Marker")


async def test_what_is_sent_while_the_link_is_down_fails_and_is_never_sent_later(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard) as (link, _):
        await ami.vanish()
        await heard.down()
        with pytest.raises(LinkDown):
            await link.send("Originate", {"Channel": "PJSIP/alice"})
        with pytest.raises(LinkDown):
            await link.ask("Status")
        await ami.listen()
        await heard.up()
        await link.send("Marker")
        assert set(ami.sessions[-1].names) == {"Login", "Ping", "Marker"}
        assert link.counts.actions["Originate", "down"] == 1


async def test_sending_before_the_link_is_started_is_a_link_that_is_down(heard: Heard) -> None:
    link = a_link(1, heard)
    with pytest.raises(LinkDown):
        await link.send("Ping")
    await link.stop()


async def test_nobody_is_obliged_to_look_at_a_failed_action(heard: Heard, caplog: pytest.LogCaptureFixture) -> None:
    a_link(1, heard).send("Ping")
    assert not caplog.records


# ---- Only what is meant reaches Asterisk


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Value": "a\n\nAction: Ping"}, "line break"),
        ({"Value": "a\r\nAction: Ping"}, "line break"),
        ({"Value": "a\r"}, "line break"),
        ({"Value": "a\0b"}, "NUL"),
        ({"Variable": ["A=1", "B=\n"]}, "line break"),
        ({"Val\nue": "a"}, "no name"),
        ({"Value:": "a"}, "no name"),
        ({"": "a"}, "no name"),
        ({"Value": "x" * 1_011}, "longer"),
        ({"Value": "é" * 506}, "longer"),
        ({"Value": "\ud800"}, "half a character"),
        ({"Variable": [f"V{n}=1" for n in range(127)]}, "headers"),
        ({"Channel": "/.*/"}, "begins with"),
        ({"channel": " \t\x01/.*/"}, "begins with"),
        ({"ActionID": "1"}, "set by the link"),
        ({"action": "Ping"}, "set by the link"),
    ],
)
async def test_what_asterisk_would_misread_is_refused(
    headers: dict[str, Any], why: str, ami: FakeAmi, heard: Heard
) -> None:
    async with up(ami, heard) as (link, session):
        with pytest.raises(UnsafeValue, match=why):
            link.send("Setvar", headers)
        with pytest.raises(UnsafeValue, match=why):
            await link.ask("Setvar", headers)
        await link.send("Marker")
        assert "Setvar" not in session.names
        assert link.counts.actions["Setvar", "unsafe"] == 2


async def test_an_unsafe_value_is_refused_when_the_link_is_down_as_well(heard: Heard) -> None:
    with pytest.raises(UnsafeValue, match="Action"):
        a_link(1, heard).send("Ping\nAction: Hangup")


def test_a_user_or_secret_that_cannot_be_sent_is_refused_and_not_shown(heard: Heard) -> None:
    with pytest.raises(UnsafeValue) as refused:
        Link(
            AmiServer("main", "127.0.0.1", 1, "acd", SECRET + "\n"),
            on_event=heard.on_event,
            on_up=heard.on_up,
            on_down=heard.on_down,
        )
    assert SECRET not in str(refused.value)


async def test_the_longest_line_and_the_most_headers_pass(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard) as (link, session):
        longest, many = "é" * 505, [f"V{n}=1" for n in range(125)]
        await link.send("Setvar", {"Value": longest, "Variable": many})
        action = await session.next("Setvar")
        assert action["Value"] == [longest]
        assert action["Variable"] == many


async def test_actions_are_written_in_the_order_of_the_calls(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard) as (link, session):
        for number in range(100):
            link.send("Setvar", {"Value": str(number)})
        await link.send("Bridge", {"Channel1": "a", "Channel2": "b"})
        sent = [action["Value"][0] for action in session.received if action["Action"] == ["Setvar"]]
        assert sent == [str(number) for number in range(100)]


async def test_an_action_says_what_it_is_to_say_and_nothing_else(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard) as (link, session):
        await link.send("Hangup", {"Channel": "a", "Cause": "26"})
        action = await session.next("Hangup")
        assert action == {"Action": ["Hangup"], "ActionID": action["ActionID"], "Channel": ["a"], "Cause": ["26"]}


def as_asterisk_reads(wire: bytes) -> list[list[bytes]]:
    """get_input() in manager.c: a line ends at LF, with or without CR, an empty one ends the action."""
    actions: list[list[bytes]] = [[]]
    for line in wire.split(b"\n")[:-1]:
        line = line.removesuffix(b"\r").partition(b"\0")[0]
        if line:
            actions[-1].append(line)
        else:
            actions.append([])
    return actions[:-1]


@given(st.dictionaries(st.text(max_size=8), st.one_of(st.text(), st.lists(st.text(), max_size=3)), max_size=4))
async def test_whatever_is_not_refused_arrives_as_one_action_with_the_headers_that_were_meant(
    headers: dict[str, Any],
) -> None:
    try:
        refuse_unsafe("Setvar", headers)
    except UnsafeValue:
        return
    (lines,) = as_asterisk_reads(str(Pending({"Action": "Setvar", **headers}, as_list=False)).encode())
    values = [value for group in headers.values() for value in ([group] if isinstance(group, str) else group)]
    assert len(lines) <= 2 + len(values)
    assert {line.partition(b": ")[2].decode() for line in lines} >= set(values)


# ---- Every action ends


async def test_an_action_without_an_answer_times_out_and_leaves_nothing_behind(ami: FakeAmi, heard: Heard) -> None:
    ami.replies["Setvar"] = answers_nothing
    async with up(ami, heard, replace(HASTY, action_seconds=0.05)) as (link, session):
        sent = [link.send("Setvar", {"Value": str(number)}) for number in range(10_000)]
        outcomes = await asyncio.gather(*sent, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {ActionTimeout}
        assert link.counts.actions["Setvar", "timeout"] == 10_000
        assert link.pending <= 1, "the link's own ping at most"
        # The answers come after all: nobody is disturbed.
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(10_000):
                session.answer(await session.next("Setvar"))
        await link.send("Marker")
        assert link.counts.late_answers == 10_000
        assert link.up


async def test_an_action_that_is_answered_is_waited_for_no_more(
    ami: FakeAmi, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = timers(monkeypatch)
    patience = replace(HASTY, ping_seconds=77.0, action_seconds=88.0, list_seconds=99.0)
    ami.replies["Status"] = lists("Status", [])
    async with up(ami, heard, patience) as (link, _):
        await link.send("Setvar")
        await link.ask("Status")
        assert [timer.cancelled() for seconds, timer in planned if seconds == 88.0] == [True, True], "login and action"
        assert [timer.cancelled() for seconds, timer in planned if seconds == 99.0] == [True]
        assert {seconds for seconds, timer in planned if not timer.cancelled()} <= {77.0, HASTY.boot_seconds}


async def test_a_refused_action_says_what_asterisk_said(ami: FakeAmi, heard: Heard) -> None:
    ami.replies["Hangup"] = lambda session, action: session.refuse(action, "No such channel")
    async with up(ami, heard) as (link, _):
        with pytest.raises(ActionRefused, match="No such channel"):
            await link.send("Hangup", {"Channel": "gone"})
        assert link.counts.actions["Hangup", "refused"] == 1


async def test_whoever_stops_waiting_for_an_answer_disturbs_nothing(ami: FakeAmi, heard: Heard) -> None:
    ami.replies["Setvar"] = answers_nothing
    async with up(ami, heard) as (link, session):
        waiting = link.send("Setvar")
        waiting.cancel()
        assert link.pending >= 1
        session.answer(await session.next("Setvar"))
        await link.send("Marker")
        assert link.up
        assert link.pending <= 1, "the link's own ping at most"


async def test_originate_is_answered_at_once_and_its_outcome_is_an_event(ami: FakeAmi, heard: Heard) -> None:
    def originates(session: Session, action: dict[str, list[str]]) -> None:
        session.answer(action, "Message: Originate successfully queued")
        session.tell("OriginateResponse", f"ActionID: {action['ActionID'][0]}", "Response: Failure", "Uniqueid: leg-1")

    ami.replies["Originate"] = originates
    async with up(ami, heard) as (link, session):
        answer = await link.send("Originate", {"Channel": "PJSIP/alice", "ChannelId": "leg-1"})
        assert answer["Message"] == "Originate successfully queued"
        assert (await session.next("Originate"))["Async"] == ["true"]
        outcome = await heard.event()
        assert outcome.name == "OriginateResponse"
        assert outcome["Response"] == "Failure"


async def test_an_event_is_never_taken_for_the_answer_to_an_action(ami: FakeAmi, heard: Heard) -> None:
    def originates(session: Session, action: dict[str, list[str]]) -> None:
        session.tell("OriginateResponse", f"ActionID: {action['ActionID'][0]}", "Response: Failure")
        session.answer(action, "Message: Originate successfully queued")

    ami.replies["Originate"] = originates
    async with up(ami, heard) as (link, _):
        answer = await link.send("Originate", {"Channel": "PJSIP/alice"})
        assert answer["Message"] == "Originate successfully queued"
        assert (await heard.event()).name == "OriginateResponse"


# ---- Lists


async def test_a_list_of_a_thousand_channels_is_told_to_whoever_asked(ami: FakeAmi, heard: Heard) -> None:
    channels = [{"Uniqueid": f"{number:04}", "Variable": "ACD_QUEUE=sales"} for number in range(1_000)]
    ami.replies["Status"] = lists("Status", channels)
    async with up(ami, heard) as (link, session):
        listed = await link.ask("Status", {"Variables": "ACD_QUEUE"})
        assert [channel["Uniqueid"] for channel in listed] == [channel["Uniqueid"] for channel in channels]
        session.tell("Hangup", "Uniqueid: 0001")
        assert (await heard.event()).name == "Hangup", "of the list itself on_event was told nothing"


async def test_the_rest_of_the_world_goes_on_while_a_list_comes_in(ami: FakeAmi, heard: Heard) -> None:
    ami.replies["Status"] = answers_nothing
    async with up(ami, heard, wanted=frozenset({"Hangup"})) as (link, session):
        asked = asyncio.ensure_future(link.ask("Status"))
        status = await session.next("Status")
        session.tell("Hangup", "Uniqueid: a")
        session.answer(status, "EventList: start")
        session.tell("Hangup", "Uniqueid: b")
        lists("Status", [{"Uniqueid": "c"}])(session, status)
        session.tell("Hangup", "Uniqueid: d", "ActionID: nobody's")
        assert [channel["Uniqueid"] for channel in await asked] == ["c"]
        assert [(await heard.event())["Uniqueid"] for _ in range(3)] == ["a", "b", "d"]


async def test_a_list_that_never_completes_times_out(ami: FakeAmi, heard: Heard) -> None:
    def forgets_the_end(session: Session, action: dict[str, list[str]]) -> None:
        session.answer(action, "EventList: start")
        session.tell("Status", f"ActionID: {action['ActionID'][0]}", "Uniqueid: a")

    ami.replies["Status"] = forgets_the_end
    patience = replace(HASTY, list_seconds=0.05)
    async with up(ami, heard, patience, wanted=frozenset()) as (link, session):
        with pytest.raises(ActionTimeout, match=r"Status within 0\.05 s"):
            await link.ask("Status")
        status = await session.next("Status")
        session.tell("StatusComplete", f"ActionID: {status['ActionID'][0]}", "EventList: Complete", "ListItems: 1")
        await link.send("Marker")
        outcomes = {outcome for (action, outcome) in link.counts.actions if action == "Status"}
        assert outcomes == {"timeout"}, "its end comes too late"


async def test_a_list_that_is_refused_says_so(ami: FakeAmi, heard: Heard) -> None:
    ami.replies["Status"] = lambda session, action: session.refuse(action, "Permission denied")
    async with up(ami, heard) as (link, _):
        with pytest.raises(ActionRefused, match="Permission denied"):
            await link.ask("Status")


async def test_a_list_that_is_cut_off_is_not_a_list(ami: FakeAmi, heard: Heard) -> None:
    def breaks_off(session: Session, action: dict[str, list[str]]) -> None:
        session.tell("Status", f"ActionID: {action['ActionID'][0]}", "Uniqueid: a")
        session.close()

    ami.replies["Status"] = breaks_off
    async with up(ami, heard) as (link, _):
        with pytest.raises(LinkDown):
            await link.ask("Status")


# ---- Dead and dying peers


async def test_a_frozen_peer_is_found_and_connected_to_again(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard, replace(HASTY, pong_seconds=0.1)) as (link, session):
        session.freeze()
        assert await heard.down() == "no sign of life for 0.1 s"
        assert not link.up
        await heard.up()


async def test_a_peer_that_never_answers_a_ping_but_goes_on_talking_is_found_too(ami: FakeAmi, heard: Heard) -> None:
    def chatters(session: Session, ping: dict[str, list[str]]) -> None:
        if not session.closed.is_set():
            session.tell("Noise")
            asyncio.get_running_loop().call_later(0.02, chatters, session, ping)

    async with up(ami, heard, replace(HASTY, pong_seconds=0.2), wanted=frozenset()):
        ami.replies["Ping"] = chatters
        assert await heard.down() == "no answer to Ping within 0.4 s"


async def test_a_busy_peer_whose_pong_is_late_is_not_taken_for_dead(ami: FakeAmi, heard: Heard) -> None:
    def answers_behind_a_burst(session: Session, ping: dict[str, list[str]], events: int = 40) -> None:
        if events:
            session.tell("Noise")
            asyncio.get_running_loop().call_later(0.02, answers_behind_a_burst, session, ping, events - 1)
        else:
            pongs(session, ping)

    async with up(ami, heard, replace(HASTY, pong_seconds=0.5), wanted=frozenset()) as (link, _):
        ami.replies["Ping"] = answers_behind_a_burst
        answered = link.counts.actions["Ping", "ok"]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while link.counts.actions["Ping", "ok"] < answered + 2:
                assert link.up
                await asyncio.sleep(0.01)


async def test_a_peer_that_does_not_read_is_cut_off_before_memory_fills(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard) as (link, session):
        session.freeze()
        for _ in range(40_000):
            link.send("Setvar", {"Value": "x" * 1_000})
            if not link.up:
                break
            await asyncio.sleep(0)
        assert await heard.down() == "the peer does not read"
        await heard.up()


async def test_a_connection_that_nobody_takes_is_given_up(heard: Heard) -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for client in (first, second):  # the kernel's queue is full: it drops whoever comes next
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        with capture_logs() as logs:
            async with started(a_link(full.getsockname()[1], heard)):
                assert (await logged(logs, "ami.unreachable"))["why"] == "no connection within 0.2 s"


async def test_a_login_that_is_never_answered_is_given_up(ami: FakeAmi, heard: Heard) -> None:
    ami.replies["Login"] = answers_nothing
    with capture_logs() as logs:
        async with started(a_link(ami.port, heard, replace(HASTY, action_seconds=0.05))):
            assert (await logged(logs, "ami.unreachable"))["why"] == "no answer to Login within 0.05 s"
            ami.replies["Login"] = takes_login
            await heard.up()


async def test_a_message_without_an_end_is_cut_at_the_limit(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard) as (_, session):
        session.write(b"Event: Endless\r\n" + b"x" * (INCOMING_LIMIT_BYTES + 1))
        assert "a message of more than" in await heard.down()
        await heard.up()


async def test_a_message_in_tiny_pieces_costs_no_more_than_its_length() -> None:
    stream = Stream()
    for _ in range(INCOMING_LIMIT_BYTES // 4):
        stream.feed(b"xxxx")
    assert stream.lost == []
    stream.feed(b"x")
    assert len(stream.lost) == 1


# ---- Shutting down


async def test_an_asterisk_that_shuts_down_is_down_before_its_connection_is(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard) as (link, _):
        ami.replies["Originate"] = is_shutting_down
        with pytest.raises(LinkDown, match="Asterisk is shutting down"):
            await link.send("Originate", {"Channel": "PJSIP/alice"})
        assert await heard.down() == "Asterisk is shutting down"


async def test_the_announcement_of_a_shutdown_is_enough(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard) as (_, session):
        session.tell("Shutdown", "Shutdown: Cleanly", "Restart: False")
        assert await heard.down() == "Asterisk is shutting down"


@pytest.mark.parametrize("refused", ["Login", "Ping"])
async def test_no_call_is_dialled_on_an_asterisk_that_is_shutting_down(
    refused: str, ami: FakeAmi, heard: Heard
) -> None:
    usual, ami.replies[refused] = ami.replies[refused], is_shutting_down
    with capture_logs() as logs:
        async with started(a_link(ami.port, heard)) as link:
            for _ in range(3):
                await (await ami.session()).next(refused)
                with pytest.raises(LinkDown):
                    await link.send("Originate", {"Channel": "PJSIP/alice"})
            ami.replies[refused] = usual
            await heard.up()
    assert [line["event"] for line in logs[:2]] == ["ami.unreachable", "ami.up"]
    assert logs[0]["why"] == "Asterisk is shutting down"


# ---- Refused, and trying again


async def test_a_refused_login_says_so_and_never_says_the_secret(ami: FakeAmi, heard: Heard) -> None:
    ami.replies["Login"] = refuses_login
    with capture_logs() as logs:
        async with started(a_link(ami.port, heard)):
            line = await logged(logs, "ami.login_refused")
    assert (line["pbx"], line["user"], line["answer"]) == ("main", "acd", "Authentication failed")
    assert line["log_level"] == "error"
    assert SECRET not in repr(logs)


async def test_refused_logins_are_tried_at_longer_and_longer_intervals(ami: FakeAmi, heard: Heard) -> None:
    ami.replies["Login"] = refuses_login
    with capture_logs() as logs:
        async with started(a_link(ami.port, heard, replace(HASTY, refused_seconds=(0.1, 0.8)))):
            for _ in range(4):
                await (await ami.session()).next("Login")
            ami.replies["Login"] = takes_login
            await heard.up()
    pauses = [line["retry_in_seconds"] for line in logs if line["event"] == "ami.login_refused"]
    assert [low <= pause <= 2 * low for low, pause in zip([0.1, 0.2, 0.4, 0.4], pauses, strict=True)] == [True] * 4


def test_by_default_a_login_is_tried_again_after_2_to_60_seconds() -> None:
    backoff = Backoff(*Patience().refused_seconds)
    pauses = [backoff.pause() for _ in range(2_000)]
    assert all(low <= pause <= 2 * low for low, pause in zip([2, 4, 8, 16, 30], pauses, strict=False))
    assert all(30 <= pause <= 60 for pause in pauses[4:])
    assert len(set(pauses)) == len(pauses), "no two links keep step"
    backoff.reset()
    assert 2 <= backoff.pause() <= 4


def test_by_default_an_asterisk_that_is_back_is_found_within_5_seconds() -> None:
    backoff = Backoff(*Patience().retry_seconds)
    pauses = [backoff.pause() for _ in range(2_000)]
    assert 0.2 <= pauses[0] <= 0.4
    assert max(pauses) <= 5


def test_by_default_a_dead_peer_is_found_within_10_seconds() -> None:
    patience = Patience()
    assert patience.ping_seconds + 2 * patience.pong_seconds <= 10


@pytest.mark.parametrize(("settled_seconds", "starts_again"), [(0.0, True), (PATIENCE_SECONDS, False)])
async def test_only_a_link_that_was_up_for_a_while_starts_from_the_shortest_pause_again(
    settled_seconds: float, starts_again: bool, ami: FakeAmi, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: low)
    slept: list[float] = []
    patience = replace(HASTY, settled_seconds=settled_seconds, retry_seconds=(0.001, 1.0))
    async with up(ami, heard, patience) as (link, session):
        usual = link._after_failure.pause
        monkeypatch.setattr(link._after_failure, "pause", lambda: slept.append(usual()) or slept[-1])
        for _ in range(3):
            session.close()
            await heard.down()
            session = await ami.session()
            await heard.up()
    assert slept == ([0.001] * 3 if starts_again else [0.001, 0.002, 0.004])


@pytest.mark.parametrize(("settled_seconds", "starts_again"), [(0.0, True), (PATIENCE_SECONDS, False)])
async def test_only_a_login_that_was_good_for_a_while_is_refused_from_the_shortest_pause_again(
    settled_seconds: float, starts_again: bool, ami: FakeAmi, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: low)
    patience = replace(HASTY, settled_seconds=settled_seconds, refused_seconds=(0.1, 0.8))
    ami.replies["Login"] = refuses_login
    with capture_logs() as logs:
        async with started(a_link(ami.port, heard, patience)):
            await (await ami.session()).next("Login")
            ami.replies["Login"] = takes_login
            await heard.up()
            ami.replies["Login"] = refuses_login
            (await ami.session()).close()
            await heard.down()
            await (await ami.session()).next("Login")
            ami.replies["Login"] = takes_login
            await heard.up()
    pauses = [line["retry_in_seconds"] for line in logs if line["event"] == "ami.login_refused"]
    assert pauses == ([0.1, 0.1] if starts_again else [0.1, 0.2])


async def test_an_outage_is_logged_once_not_at_every_attempt(ami: FakeAmi, heard: Heard) -> None:
    ami.replies["Login"] = lambda session, login: session.close()
    with capture_logs() as logs:
        async with started(a_link(ami.port, heard)):
            for _ in range(5):
                await (await ami.session()).next("Login")
            ami.replies["Login"] = takes_login
            await heard.up()
    assert [line["event"] for line in logs[:2]] == ["ami.unreachable", "ami.up"]
    assert logs[0]["why"] == "closed by the peer"


async def test_an_asterisk_that_is_not_there_is_tried_at_the_links_own_pauses_only(
    ami: FakeAmi, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ami.vanish()
    with capture_logs() as logs, monkeypatch.context() as watched:
        planned = timers(watched)
        async with started(a_link(ami.port, heard)):
            assert "Connect call failed" in (await logged(logs, "ami.unreachable"))["why"]
            while len(planned) < 3:
                await asyncio.sleep(0)
    low, high = HASTY.retry_seconds
    assert [low <= seconds <= 2 * high for seconds, _ in planned] == [True] * len(planned)


async def test_stopping_during_an_outage_really_stops(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard) as (link, _):
        await ami.vanish()
        await heard.down()
        await link.stop()
        await ami.listen()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(20 * HASTY.retry_seconds[1]):
                await ami.session()


@pytest.mark.parametrize("moment", ["connecting", "logging in", "booting"])
async def test_stopping_while_coming_up_really_stops(
    moment: str, ami: FakeAmi, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    replies = {"logging in": answers_nothing, "booting": takes_login_while_starting}
    ami.replies["Login"] = replies.get(moment, takes_login)
    link = a_link(ami.port, heard)
    await link.start()
    if moment == "connecting":
        await asyncio.sleep(0)
    else:
        await (await ami.session()).next("Login")
    await link.stop()
    assert heard.told.empty()
    for session in ami.sessions:
        await asyncio.wait_for(session.closed.wait(), PATIENCE_SECONDS)
    assert not caplog.records, "nobody stumbles over what has been stopped"


async def test_stopping_ends_what_is_pending_and_tells_that_the_link_is_down(ami: FakeAmi, heard: Heard) -> None:
    ami.replies["Originate"] = answers_nothing
    async with up(ami, heard) as (link, session):
        dial = link.send("Originate", {"Channel": "PJSIP/alice"})
        await link.stop()
        with pytest.raises(LinkDown):
            await dial
        assert await heard.down() == "stopped"
        assert not link.up
        await asyncio.wait_for(session.closed.wait(), PATIENCE_SECONDS)


# ---- What comes in


class NoSocket(asyncio.Transport):
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is ever written."""

    def abort(self) -> None:
        """There is nothing to cut."""


class Stream:
    """A connection without a socket, for what is about bytes alone."""

    def __init__(self, wanted: frozenset[str] | None = None) -> None:
        self.events: list[Event] = []
        self.lost: list[str] = []
        self.counts = LinkCounts()
        protocol = Protocol(
            wanted=wanted,
            counts=self.counts,
            action_seconds=1,
            on_event=self.events.append,
            on_lost=self.lost.append,
        )
        protocol.connection_made(NoSocket())
        self.feed = protocol.data_received


MULLER = message(
    "Event: Newchannel",
    "Privilege: call,all",
    "CallerIDName: Müller 📞: the second",
    "ChanVariable: ACD_QUEUE=sales",
    "ChanVariable: ACD_PRIORITY=",
    "Uniqueid: 1764000000.1",
    "AccountCode: ",
)


async def test_a_message_is_read_as_it_was_meant_wherever_it_is_cut() -> None:
    for cut in range(len(MULLER)):
        stream = Stream()
        stream.feed(MULLER[:cut])
        stream.feed(MULLER[cut:])
        (event,) = stream.events
        assert event.name == "Newchannel"
        assert event["CallerIDName"] == "Müller 📞: the second"
        assert event.all("ChanVariable") == ["ACD_QUEUE=sales", "ACD_PRIORITY="]
        assert event.all("Uniqueid") == ["1764000000.1"]
        assert event.all("Nothing") == []
        assert event["AccountCode"] == ""


@given(st.lists(st.integers(1, 80)))
async def test_a_stream_cut_anywhere_is_the_same_stream(cuts: list[int]) -> None:
    stream, data = Stream(), b"Asterisk Call Manager/9.0.0\r\n" + MULLER * 5
    for cut in cuts:
        stream.feed(data[:cut])
        data = data[cut:]
    stream.feed(data)
    assert len(stream.events) == 5
    assert all(event == stream.events[0] for event in stream.events)


async def test_of_a_repeated_header_the_first_counts() -> None:
    stream = Stream()
    stream.feed(message("Event: UserEvent", "Uniqueid: mine", "UserEvent: AcdJoin", "Uniqueid: another's"))
    assert stream.events[0]["Uniqueid"] == "mine"
    assert stream.events[0].all("Uniqueid") == ["mine", "another's"]


async def test_bytes_that_are_no_utf8_are_replaced_in_their_own_message_only() -> None:
    stream = Stream()
    stream.feed(b"Event: Newchannel\r\nCallerIDName: M\xfcller\xe2\x82\r\n\r\n" + MULLER)
    assert [event["CallerIDName"] for event in stream.events] == ["M\ufffdller\ufffd", "Müller 📞: the second"]


async def test_what_is_no_message_is_passed_over() -> None:
    stream = Stream()
    stream.feed(b"\r\n\r\nHTTP/1.1 400 Bad Request\r\n\r\n\r\nEvent: Hangup\r\nnonsense\r\nUniqueid: 1\r\n\r\n")
    (event,) = stream.events
    assert event == {"Event": "Hangup", "Uniqueid": "1"}


async def test_an_event_that_nobody_wants_is_counted_and_dropped() -> None:
    stream = Stream(wanted=frozenset({"Hangup"}))
    stream.feed(message("Event: VarSet", "Value: 1") + message("Event: Hangup"))
    assert [event.name for event in stream.events] == ["Hangup"]
    assert stream.counts.events == {"VarSet": 1, "Hangup": 1}


async def test_names_of_events_cannot_fill_the_memory() -> None:
    stream = Stream()
    for number in range(10_000):
        stream.feed(message(f"Event: Made{number}Up"))
    assert len(stream.counts.events) <= 251
    assert stream.counts.events["other"] == 10_000 - 250


async def test_events_are_told_in_the_order_in_which_they_came(ami: FakeAmi, heard: Heard) -> None:
    async with up(ami, heard) as (_, session):
        for number in range(1_000):
            session.tell("Newstate", f"Number: {number}")
        assert [(await heard.event())["Number"] for _ in range(1_000)] == [str(number) for number in range(1_000)]


async def test_an_exception_in_a_handler_costs_neither_the_link_nor_an_event(ami: FakeAmi, heard: Heard) -> None:
    def stumbles(event: Event) -> None:
        if event["Uniqueid"] == "2":
            raise KeyError("no such call")

    heard.handle = stumbles
    async with up(ami, heard) as (link, session):
        with capture_logs() as logs:
            session.write(b"".join(message("Event: Hangup", f"Uniqueid: {number}") for number in range(5)))
            assert [(await heard.event())["Uniqueid"] for _ in range(5)] == ["0", "1", "2", "3", "4"]
        (line,) = logs
        assert (line["event"], line["about"], line["channel"]) == ("ami.handler_failed", "Hangup", "2")
        assert link.up
        assert link.counts.handler_errors == 1


async def test_an_exception_in_what_is_done_when_it_comes_up_costs_nothing_either(ami: FakeAmi, heard: Heard) -> None:
    def stumbles() -> None:
        raise KeyError("no such queue")

    heard.greet = stumbles
    with capture_logs() as logs:
        async with up(ami, heard) as (link, _):
            await link.send("Marker")
            assert link.counts.handler_errors == 1
    assert (await logged(logs, "ami.handler_failed"))["about"] == "up"


# ---- The secret stays one


async def test_the_secret_is_in_no_log_no_repr_and_no_traceback(
    ami: FakeAmi, heard: Heard, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    tracebacks: list[BaseException] = []
    usual = Link._failed
    monkeypatch.setattr(Link, "_failed", lambda link, why: tracebacks.append(being_handled()) or usual(link, why))
    ami.replies["Login"] = lambda session, login: session.close()
    with capture_logs() as logs:
        async with started(a_link(ami.port, heard)) as link:
            await logged(logs, "ami.unreachable")
            ami.replies["Login"] = refuses_login
            await logged(logs, "ami.login_refused")
            ami.replies["Login"] = takes_login
            await heard.up()
    shown = io.StringIO()
    for error in tracebacks:
        trace = Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True)
        Console(file=shown, width=1_000).print(trace)
    assert "_connection" in shown.getvalue()
    pending = Pending({"Action": "Login", "Secret": SECRET}, as_list=False)
    everything = [
        repr(logs),
        caplog.text,
        shown.getvalue(),
        repr(link.server),
        repr(link),
        repr(pending),
        repr(tracebacks),
    ]
    assert SECRET not in "".join(everything)


def being_handled() -> BaseException:
    error = sys.exc_info()[1]
    assert error
    return error
