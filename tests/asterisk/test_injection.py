"""Whatever a caller writes, on any way by which it reaches acd, becomes no header, no action and no argument of the
dialplan: the real center and the real Calls, and what they would have Asterisk do.

`HYPOTHESIS_PROFILE=soak pytest tests/asterisk/test_injection.py` tries a million of them.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from test_link import as_asterisk_reads

from acd.asterisk.calls import Calls
from acd.asterisk.link import Answer, Event, Link
from acd.asterisk.means import Means
from acd.asterisk.wire import Pending, refuse_unsafe
from acd.center import Center
from acd.center.facts import AnyFact
from acd.center.inputs import Input, LogIn, PbxSurveyed, RulesLoaded
from acd.center.model import (
    AgentName,
    AgentRules,
    CallbackRules,
    PbxName,
    QueueName,
    QueueRules,
    SiteRules,
)
from acd.center.offers import leg_channel
from acd.center.reach import Device
from acd.dialling import Dialling, DialRules

MAIN, SALES, ALICE = PbxName("main"), QueueName("sales"), AgentName("alice")
RULES = SiteRules(
    queues=(QueueRules(SALES, callbacks=CallbackRules()),),
    agents=(AgentRules(ALICE, {SALES: 1}, (Device("desk", "PJSIP/alice"),), number="17"),),
)
CALLER = "1700000000.1"
CANARY = "☢"
"""In all that the caller writes; no action may hold it but as his name on a telephone's display."""
SHOWN = re.compile(r'"[^"\\<>\0\r\n]*" <[0-9A-Za-z+*#._-]*>')
CASES = {"ci": 400, "mutants": 100, "soak": 1_000_000}[os.environ.get("HYPOTHESIS_PROFILE", "ci")]
WORSE = (
    "\r\n\r\nAction: Logoff\r\n\r\n",
    "\n\n",
    "\0",
    ",",
    "|",
    "${SHELL(id)}",
    "$[1/0]",
    "/.*/",
    "&",
    "@",
    '"',
    "x" * 2000,
)
HOSTILE = st.builds(
    lambda before, worse, after: f"{before}{worse}{CANARY}{after}",
    st.text(max_size=10),
    st.sampled_from(WORSE) | st.text(max_size=30),
    st.text(max_size=10),
)
BY_HIM = ("number", "name", "queue", "priority", "max_wait", "skills", "agent", "typed", "callback")


class Asked:
    """A link that keeps what it is asked for, if Asterisk would read it as what is meant."""

    name = "main"

    def __init__(self) -> None:
        self.actions: list[tuple[str, dict[str, Any]]] = []

    def send(self, action: str, headers: Mapping[str, Any]) -> asyncio.Future[Answer]:
        refuse_unsafe(action, headers)
        self.actions.append((action, dict(headers)))
        return asyncio.get_running_loop().create_future()

    def handler_failed(self, about: str, error: Exception, channel: str | None = None) -> None:
        raise error


class Story:
    def __init__(self) -> None:
        self.center, self.asked = Center(), Asked()
        dialling = Dialling(lambda: 0.0)
        dialling.use(DialRules(home="NL", countries=frozenset({"NL"})), {})
        means = Means(self.center.state, dialling, None, on_disk=self._on_disk, can_promise=lambda: True, country="NL")
        self.calls = Calls(cast(Link, self.asked), tell=self.tell, now=lambda: 0.0, means=means)
        for told in (RulesLoaded(RULES), PbxSurveyed(MAIN, ()), LogIn(ALICE)):
            self.tell(told)

    async def _on_disk(self) -> bool:
        return True

    def tell(self, told: Input) -> list[AnyFact]:
        facts = self.center.decide(told, 1_700_000_000.0, seed=1)
        for fact in facts:
            self.calls.on_fact(fact)
        return facts

    def hears(self, name: str, channel: str, **headers: str) -> None:
        event = Event(name)
        event.update({"Uniqueid": channel, "Channel": f"PJSIP/{channel}-00000001", "ChannelState": "6", **headers})
        self.calls.on_event(event)

    def is_told(self, wrote: Mapping[str, str]) -> None:
        """He calls a queue of his own making, and one that there is; then he wants to be called back."""
        said = {what: quote(text, safe="") for what, text in wrote.items()}
        who = {"CallerIDNum": wrote["number"], "CallerIDName": wrote["name"]}
        wishes = {
            "CallerPriority": said["priority"],
            "MaxWait": said["max_wait"],
            "PreferredAgent": said["agent"],
        }
        self.hears("UserEvent", "1700000000.2", UserEvent="AcdJoin", Queue=said["queue"], **wishes, **who)
        self.hears("UserEvent", CALLER, UserEvent="AcdJoin", Queue="sales", **wishes, **who)
        self.hears("UserEvent", "1700000000.3", UserEvent="AcdJoin", Queue="sales", Skills=said["skills"], **who)
        (offer,) = self.center.state.offers
        leg = leg_channel(offer)
        self.hears("Newchannel", leg)
        self.hears("Newstate", leg)
        self.hears("UserEvent", leg, UserEvent="AcdAccept")
        self.hears("Hangup", leg, Cause="16", **{"Cause-txt": "Normal Clearing"})
        self.hears("UserEvent", CALLER, UserEvent="AcdMessage", Step="begin", **who)
        self.hears("UserEvent", CALLER, UserEvent="AcdMessage", Step="number", Typed=said["typed"])
        self.hears("UserEvent", CALLER, UserEvent="AcdMessage", Step="back")
        self.hears("UserEvent", CALLER, UserEvent="AcdChoice", Step="line", Typed=said["callback"], **who)
        self.hears("UserEvent", "1700000000.4", UserEvent="AcdFeature", Action="login", Typed=said["typed"], **who)
        self.hears("Hangup", CALLER, Cause=wrote["priority"], **{"Cause-txt": wrote["name"]})


@pytest.mark.timeout(0 if CASES > 1_000 else 120)
@settings(max_examples=CASES, deadline=None, database=None, derandomize=CASES <= 1_000)
@given(st.fixed_dictionaries(dict.fromkeys(BY_HIM, HOSTILE)))
async def test_what_a_caller_writes_is_shown_and_does_nothing(wrote: dict[str, str]) -> None:
    story = Story()

    with capture_logs():
        story.is_told(wrote)

    names = [action for action, _ in story.asked.actions]
    assert names.count("Originate") == 1
    assert {"Setvar", "Redirect", "Bridge"} <= set(names)
    for action, headers in story.asked.actions:
        (lines,) = as_asterisk_reads(str(Pending({"Action": action, **headers}, as_list=False)).encode())
        assert len(lines) == len(headers) + 2  # the action's name, and its id
        shown = headers.pop("CallerID", "")
        assert not shown or SHOWN.fullmatch(shown)
        assert CANARY not in "".join(headers.values())
    await story.calls.stop()
