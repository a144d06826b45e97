"""Whatever Asterisk, or who pretends to be it, might send: `python -m fuzz.ami SECONDS`.

Bytes go through the real reader, the real translation and the real center, in pieces cut anywhere. Nothing may break
but a message that lacks a header which it must have, and that no more than itself (the link logs and counts it).
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["acd"]):
    from acd.asterisk.calls import WANTED_EVENTS, Calls
    from acd.asterisk.means import Means
    from acd.asterisk.wire import Event, LinkCounts, Protocol
    from acd.center import Center, inputs
    from acd.center.facts import AnyFact
    from acd.center.model import AgentName, AgentRules, Caller, ChannelId, PbxName, QueueName, QueueRules, SiteRules
    from acd.center.reach import Device
    from acd.dialling import Dialling, DialRules

import structlog

MAIN = PbxName("main")
RULES = SiteRules(
    queues=(QueueRules(name=QueueName("sales"), max_wait_seconds=30),),
    agents=(
        AgentRules(
            name=AgentName("alice"), queues={QueueName("sales"): 1}, devices=(Device(kind="desk", dial="PJSIP/alice"),)
        ),
    ),
)
LONGEST = 4096
_CHANNEL = (
    "Channel: PJSIP/{0}-00000001\r\nChannelState: {2}\r\nChannelStateDesc: Up\r\nCallerIDNum: 1\r\nCallerIDName: a\r\n"
    "ConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\nLanguage: en\r\nAccountCode: \r\n"
    "Context: acd-wait\r\nExten: s\r\nPriority: 1\r\nUniqueid: {1}\r\nLinkedid: {1}\r\n"
)
SEEDS = [
    f"Event: {name}\r\nPrivilege: call,all\r\n{_CHANNEL.format(endpoint, uniqueid, state)}{more}\r\n"
    for endpoint, uniqueid in (("trunk", "1.1"), ("alice", "acd-{offer}"))
    for name, state, more in (
        ("UserEvent", 6, "UserEvent: AcdJoin\r\nQueue: sales\r\nCallerPriority: 5\r\nMaxWait: 3\r\nSkills: a%3A3\r\n"),
        ("UserEvent", 6, "UserEvent: AcdAccept\r\n"),
        ("UserEvent", 6, "UserEvent: AcdMessage\r\nStep: begin\r\nTyped: 0612345678\r\n"),
        ("UserEvent", 6, "UserEvent: AcdMessage\r\nStep: number\r\nTyped: 0612345678\r\n"),
        ("UserEvent", 6, "UserEvent: AcdCallback\r\nDo: appointment\r\nWhen: 24120930\r\nWith: 1\r\n"),
        ("UserEvent", 6, "UserEvent: AcdDialled\r\nStatus: ANSWER\r\nCause: 16\r\n"),
        ("Newchannel", 0, ""),
        ("Newstate", 6, ""),
        ("BridgeEnter", 6, "BridgeUniqueid: b\r\n"),
        ("HangupRequest", 6, "Cause: 16\r\n"),
        ("Hangup", 6, "Cause: 16\r\nCause-txt: Normal Clearing\r\n"),
    )
] + [
    "Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nActionID: 1\r\nMessage: Authentication accepted\r\n\r\n",
    "Event: OriginateResponse\r\nResponse: Failure\r\nReason: 5\r\nUniqueid: acd-{offer}\r\n\r\n",
    "Event: Shutdown\r\n\r\nEvent: FullyBooted\r\n\r\n",
    "Event: Rename\r\nNewname: PJSIP/x-1\r\nUniqueid: 1.1\r\n\r\n",
]


NOW = 1_700_000_000.0
DIALLING = Dialling(lambda: NOW)
DIALLING.use(DialRules(home="NL", countries=frozenset({"NL"})), {MAIN: "PJSIP/{number}@trunk"})


async def _at_once() -> bool:
    return True


class Deaf:
    """A link that takes every action and answers none."""

    name = MAIN

    def __init__(self) -> None:
        self.failures: list[Exception] = []

    def send(self, action: str, headers: Mapping[str, Any]) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()

    def handler_failed(self, about: str, error: Exception, channel: str | None = None) -> None:
        self.failures.append(error)

    def cut(self, why: str) -> None:
        raise AssertionError(why)


async def _read(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    center = Center()
    now = NOW

    def tell(told: inputs.Input) -> Sequence[AnyFact]:
        nonlocal now
        now += 1
        facts = center.decide(told, now, 1)
        for fact in facts:
            own.on_fact(fact)
        while (due := center.next_deadline()) is not None and due <= now:
            center.decide(inputs.TimePassed(), now, 1)
        return facts

    means = Means(center.state, DIALLING, None, on_disk=_at_once, can_promise=lambda: True, country="NL")
    link = Deaf()
    own = Calls(link, tell, lambda: now, means)  # type: ignore[arg-type]
    for told in (inputs.RulesLoaded(RULES), inputs.PbxSurveyed(MAIN, ()), inputs.LogIn(AgentName("alice"))):
        tell(told)
    tell(inputs.CallerJoined(MAIN, ChannelId("9.9"), QueueName("sales"), Caller("1")))
    offer = next(iter(center.state.offers))

    def hear(event: Event) -> None:
        try:
            own.on_event(event)
        except KeyError as missing:
            if str(missing.args[0]) in event or not str(missing.args[0])[:1].isupper():
                raise  # that was no header

    counts = LinkCounts()
    wire = Protocol(wanted=WANTED_EVENTS, counts=counts, action_seconds=1, on_event=hear, on_lost=lambda why: None)
    wire.closed, wire.responses = False, {}
    for _ in range(provider.ConsumeIntInRange(1, 6)):
        piece = provider.ConsumeBytes(provider.ConsumeIntInRange(0, LONGEST))
        wire.data_received(piece.replace(b"{offer}", offer.encode()))
    # What is no UTF-8 is kept as U+FFFD, three bytes for one.
    await own.stop()
    for failure in link.failures:
        raise failure
    if len(wire._buffer) > 4 * len(data) + LONGEST:
        raise AssertionError("it keeps more than it was sent")


def main() -> None:
    seconds = sys.argv[1] if len(sys.argv) > 1 else "600"
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory(), processors=[lambda *_: ""])
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS):
            (Path(folder) / str(number)).write_bytes(seed.encode() + bytes([1, 0, 16, 0]))
        (Path(folder) / "all").write_bytes("".join(SEEDS).encode())
        options = [
            f"-max_total_time={seconds}",
            f"-artifact_prefix={tempfile.gettempdir()}/fuzz-ami-",
            f"-max_len={6 * LONGEST}",
            "-rss_limit_mb=2048",
            folder,
        ]
        atheris.Setup([sys.argv[0], *options], lambda data: loop.run_until_complete(_read(data)))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
