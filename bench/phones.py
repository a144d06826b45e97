"""The telephones: one SIPp process for all agents and one for all callers, the same for both contestants."""

from __future__ import annotations

import asyncio
import csv
import os
import random
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from acd.asterisk.pbx import LEASH
from acd.asterisk.ports import LOOPBACK
from acd.asterisk.private import Sipp

ARRIVALS = 5000
"""So many moments are drawn, then the same ones again."""
TALKS = 8
SPEECH_BYTES = 8000
"""A second of noise, played again and again."""
NEVER_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Agents:
    """How the people at the agents' phones behave."""

    answer_seconds: float = 0.2
    talk_seconds: float = 3.0
    """On average; then the agent hangs up."""
    varied: bool = True
    """From half of that to half as much again, drawn for each call; else they would all become free in step."""
    busy_at: str = ""
    """At numbers that end so, they are busy."""


@dataclass(frozen=True)
class Callers:
    """Who calls: at a rate, all of them or for ever, and never more at once than `at_once`."""

    rate: float
    extension: str
    total: int | None = None
    at_once: int = 100_000
    patience_seconds: float = NEVER_SECONDS
    """Then the caller hangs up, whether he waits or talks."""
    jitter_seconds: float = 2.0
    """SIPp starts its calls in even steps; each then waits for a moment of its own, so that they come as people do."""
    seed: int = 1
    first: int = 0
    """Their numbers count from here."""
    speak: bool = False
    """All the time, and loudly."""


@dataclass
class Phones:
    process: Process
    folder: Path

    async def done(self) -> None:
        await self.process.wait()

    def let_finish(self) -> None:
        """No new calls; those that there are go on to their ends."""
        self.process.send_signal(signal.SIGUSR1)

    def counts(self) -> dict[str, int]:
        """What SIPp itself counted, as of its last second: calls made, successful, failed."""
        with (self.folder / "stat.csv").open() as file:
            *_, last = csv.DictReader(file, delimiter=";")
        return {
            name: int(last[column])
            for name, column in (
                ("made", "TotalCallCreated"),
                ("successful", "SuccessfulCall(C)"),
                ("failed", "FailedCall(C)"),
            )
        }


@asynccontextmanager
async def agents_phones(sipp: Sipp, folder: Path, port: int, media: int, agents: Agents) -> AsyncIterator[Phones]:
    async with _running(sipp, folder, agent_scenario(agents), port, media, []) as phones:
        yield phones


@asynccontextmanager
async def callers_phones(
    sipp: Sipp, folder: Path, port: int, media: int, sip_port: int, callers: Callers
) -> AsyncIterator[Phones]:
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(callers.seed)
    rows = [
        f"{number_of(callers.first + nth)};{chance.uniform(0, 1000 * callers.jitter_seconds):.0f}"
        for nth in range(ARRIVALS)
    ]
    (folder / "arrivals.csv").write_text("\n".join(["SEQUENTIAL", *rows, ""]))
    rate, period = _rate(callers.rate)
    arguments = [
        *("-inf", str(folder / "arrivals.csv"), "-s", callers.extension),
        *("-r", rate, "-rp", period, "-l", str(callers.at_once)),
        *(("-m", str(callers.total)) if callers.total else ()),
        f"{LOOPBACK}:{sip_port}",
    ]
    speech = ""
    if callers.speak:
        (folder / "speech.ulaw").write_bytes(chance.randbytes(SPEECH_BYTES))
        speech = f'<nop><action><exec rtp_stream="{folder / "speech.ulaw"},-1,0"/></action></nop>'
    scenario = _CALLER.format(
        patience=int(1000 * callers.patience_seconds),
        audio="rtpstream_audio_port" if callers.speak else "media_port",
        speech=speech,
    )
    async with _running(sipp, folder, scenario, port, media, arguments) as phones:
        yield phones


def number_of(nth: int) -> str:
    """A caller's: a Dutch mobile's, as one dials it at home."""
    return f"061{nth:07}"


def agent_scenario(agents: Agents) -> str:
    never = "no such number"
    return _AGENT.format(answer=int(1000 * agents.answer_seconds), talk=_talk(agents), busy_at=agents.busy_at or never)


def _talk(agents: Agents) -> str:
    """SIPp's time-outs are constants, so there is a wait of its own for each length of a talk, and one is drawn."""
    shares = [0.5 + step / (TALKS - 1) for step in range(TALKS)] if agents.varied else [1.0]
    tests = "".join(
        f'<test assign_to="up_to_{nth}" variable="drawn" compare="less_than" value="{nth + 1}"/>'
        for nth in range(len(shares))
    )
    jumps = "".join(f'<nop test="up_to_{nth}" next="talk_{nth}"/>\n' for nth in range(len(shares)))
    waits = "".join(
        f'<label id="talk_{nth}"/>\n<recv request="BYE" timeout="{1000 * agents.talk_seconds * share:.0f}" '
        'ontimeout="hang_up" next="hung_up"/>\n'
        for nth, share in enumerate(shares)
    )
    draw = f'<sample assign_to="drawn" distribution="uniform" min="0" max="{len(shares)}"/>'
    return f"<nop><action>{draw}{tests}</action></nop>\n{jumps}{waits}"


def _rate(per_second: float) -> tuple[str, str]:
    """So many calls in so many milliseconds, both whole numbers."""
    return (str(round(per_second)), "1000") if per_second >= 20 else (str(round(per_second * 10)), "10000")


@asynccontextmanager
async def _running(
    sipp: Sipp, folder: Path, scenario: str, port: int, media: int, arguments: list[str]
) -> AsyncIterator[Phones]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenario.xml").write_text(scenario)
    common = [
        *("-sf", str(folder / "scenario.xml"), "-i", LOOPBACK, "-p", str(port), "-mi", LOOPBACK, "-mp", str(media)),
        *("-trace_stat", "-stf", str(folder / "stat.csv"), "-fd", "1"),
        *("-trace_err", "-error_file", str(folder / "errors.log")),
        *("-nostdin", "-max_socket", "5000", "-recv_timeout", "86400000"),
    ]
    with (folder / "console").open("wb") as console:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", LEASH, str(os.getpid())),
            *sipp.command(*common, *arguments),
            cwd=folder,
            env={**os.environ, "TERM": "dumb"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
        )
    try:
        yield Phones(process, folder)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


# Every wait is a receive with a time-out, so that whatever the other side does meanwhile finds somebody who listens.
_AGENT = """\
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="An agent: answers, talks, hangs up">
  <recv request="INVITE">
    <action>
      <ereg regexp=".*" search_in="hdr" header="From:" assign_to="them"/>
      <ereg regexp=".*" search_in="hdr" header="To:" assign_to="me"/>
      <ereg regexp="sip:[^>]*" search_in="hdr" header="Contact:" check_it="true" assign_to="target"/>
      <ereg regexp="{busy_at}@" search_in="hdr" header="To:" assign_to="busy"/>
    </action>
  </recv>
  <nop test="busy" next="busy"/>
  <send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag01[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
Content-Length: 0

]]></send>
  <recv request="CANCEL" timeout="{answer}" ontimeout="answer"/>
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag01[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
  <send next="over"><![CDATA[
SIP/2.0 487 Request Terminated
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag01[call_number]
[last_Call-ID:]
CSeq: [cseq] INVITE
Content-Length: 0

]]></send>
  <label id="answer"/>
  <send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag01[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=agent 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
]]></send>
  <recv request="ACK"/>
  {talk}
  <label id="hung_up"/>
  <send next="over"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
  <label id="hang_up"/>
  <send retrans="500"><![CDATA[
BYE [$target] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From:[$me];tag=[pid]SIPpTag01[call_number]
To:[$them]
[last_Call-ID:]
CSeq: 1 BYE
Content-Length: 0

]]></send>
  <recv response="200" next="over"/>
  <label id="busy"/>
  <send retrans="500"><![CDATA[
SIP/2.0 486 Busy Here
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag01[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
  <recv request="ACK"/>
  <label id="over"/>
  <Reference variables="them,me,target"/>
</scenario>
"""

_CALLER = """\
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="A caller: waits, is answered, is hung up on">
  <nop>
    <action>
      <assignstr assign_to="text" value="[field1]"/>
      <todouble assign_to="moment" variable="text"/>
    </action>
  </nop>
  <pause variable="moment"/>
  <send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=caller 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [{audio}] RTP/AVP 0
a=rtpmap:0 PCMU/8000
]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200"/>
  <send><![CDATA[
ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Content-Length: 0

]]></send>
  {speech}
  <recv request="BYE" timeout="{patience}" ontimeout="hang_up"/>
  <send next="over"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
  <label id="hang_up"/>
  <send retrans="500"><![CDATA[
BYE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Content-Length: 0

]]></send>
  <recv response="200"/>
  <label id="over"/>
</scenario>
"""
