"""The office that both contestants work in: one Asterisk, N agents' phones, and one extension for each contestant. In a
third one callers leave messages; customers are called back at a trunk."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from acd.asterisk import pbx, ports, private
from acd.asterisk.pbx import Endpoint, PbxSettings, PrivatePbx
from acd.asterisk.ports import LOOPBACK
from bench.daemon import QUEUE, BenchError, Daemon, Settings, running_daemon
from bench.phones import Agents, Callers, Phones, agents_phones, callers_phones
from bench.ruler import ACCOUNT, Ruler
from bench.story import Story

ACD, APP_QUEUE = "acd", "app_queue"
CONTESTANTS = (APP_QUEUE, ACD)
EXTENSION = {APP_QUEUE: "native", ACD: "acd"}
CALLBACKS = "callbacks"
TRUNK = "outside"
AUDIO = range(61000, 65500)
"""Two ports a leg: the reserved block is for some two hundred calls only."""
SURROGATE = "Surrogate/"
"""What Asterisk puts in a channel's place while pulling it into a bridge. About one in a thousand stays in its books
when it is over, with no thread that would serve it, and no hang-up reaches it: they are counted apart."""
CLEAR_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.2

# The native queue has another name than acd's: acd's fallback must not be able to hide that the daemon failed.
_DIALPLAN = f"""\
[from-trunk]
exten => native,1,Answer()
 same => n,UserEvent(BenchJoin)
 same => n,Queue(native-${{NATIVE_AGENTS}})
 same => n,Hangup()

exten => acd,1,Answer()
 same => n,UserEvent(BenchJoin)
 same => n,Gosub(acd-queue,{QUEUE},1)
 same => n,Hangup()

exten => {CALLBACKS},1,Answer()
 same => n,UserEvent(BenchJoin)
 same => n,Gosub(acd-queue,{QUEUE},1)
 same => n,UserEvent(BenchLeft,Status: ${{ACD_STATUS}})
 same => n,Hangup()

; Short words, each of which tells who listens what is asked of whom. (To say when a message was left takes ten
; seconds.)
[acd-callback-words-custom]
exten => message,1,UserEvent(BenchWord,Word: message,Message: ${{ACD_MESSAGE}})
 same => n,Set(ACD_LEFT_AT=0,UTC,'beep')
 same => n,Set(ACD_SAY=beep)
 same => n,Return()
exten => _[a-zA-Z][a-zA-Z]!,1,UserEvent(BenchWord,Word: ${{EXTEN}},Message: ${{ACD_MESSAGE}})
 same => n,Set(ACD_SAY=beep)
 same => n,Return()
"""
APP_QUEUE_SETTINGS = {
    "strategy": "leastrecent",
    "autofill": "yes",
    "ringinuse": "no",
    "timeout": "20",
    "retry": "1",
    "wrapuptime": "0",
    "memberdelay": "0",
    "joinempty": "yes",
    "leavewhenempty": "no",
    "announce-frequency": "0",
}
"""The best that it can do here: `retry` takes nothing below 1; the agent idle longest is what acd is set to as well."""


@dataclass
class Office:
    pbx: PrivatePbx
    ruler: Ruler
    folder: Path
    sipp: private.Sipp
    blocks: int = 0

    @property
    def pid(self) -> int:
        return self.pbx.process.pid

    def next_folder(self, what: str) -> Path:
        self.blocks += 1
        return self.folder / f"{self.blocks:02}-{what}"

    @asynccontextmanager
    async def daemon(
        self, agents: Sequence[str], profile_to: Path | None = None, settings: Settings | None = None
    ) -> AsyncIterator[Daemon]:
        folder, port = self.next_folder("daemon"), self.pbx.ports.spare[0]
        async with running_daemon(self.pbx, folder, port, agents, profile_to, settings or Settings()) as daemon:
            yield daemon

    @asynccontextmanager
    async def agents(self, agents: Agents) -> AsyncIterator[Phones]:
        spare = self.pbx.ports.spare
        async with agents_phones(self.sipp, self.next_folder("agents"), _agents_port(spare), spare[10], agents) as sat:
            yield sat

    @asynccontextmanager
    async def customers(self, customers: Agents) -> AsyncIterator[Phones]:
        """Whoever is called at the trunk."""
        spare = self.pbx.ports.spare
        folder, port = self.next_folder("customers"), _customers_port(spare)
        async with agents_phones(self.sipp, folder, port, spare[15], customers) as customers_phones:
            yield customers_phones

    @asynccontextmanager
    async def callers(self, callers: Callers, line: int = 0) -> AsyncIterator[Phones]:
        """Several `line`s may call at once."""
        spare = self.pbx.ports.spare
        async with callers_phones(
            self.sipp,
            self.next_folder("callers"),
            spare[2 + line],
            spare[20 + 10 * line],
            self.pbx.sip_port,
            callers,
        ) as calling:
            yield calling

    async def watch(self, agents: Sequence[str], backlog: int = 0) -> Story:
        """A story that begins now, with all of these agents idle."""
        story = Story(frozenset(agents), backlog)
        self.ruler.hear = story.hear
        return story

    async def clear(self) -> None:
        """Hangs up whatever is left, and waits until Asterisk has nothing more to do."""
        self.ruler.hear = None
        await self.pbx.command("channel request hangup all")
        try:
            async with asyncio.timeout(CLEAR_SECONDS):
                while not all(channel.startswith(SURROGATE) for channel in await self.channels()):
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)
        except TimeoutError:
            raise BenchError("Asterisk has not hung up all calls after a block: is this machine overloaded?") from None

    async def channels(self) -> list[str]:
        """The names of those that live."""
        lines = (await self.pbx.command("core show channels concise")).splitlines()
        return [line.partition("!")[0] for line in lines if "!" in line]

    async def use_native_queue(self, agents: int) -> None:
        await self.pbx.command(f"dialplan set global NATIVE_AGENTS {agents}")


def names(agents: int) -> list[str]:
    return [f"agent{number:04}" for number in range(1, agents + 1)]


@asynccontextmanager
async def open_office(
    folder: Path,
    sizes: Sequence[int],
    release: str = private.DEFAULT_RELEASE,
    trunks: tuple[Endpoint, ...] = (),
    classes: str = "call,user",
) -> AsyncIterator[Office]:
    """An Asterisk with as many agents as the largest size, a native queue for each size, and these trunks; the ruler
    hears events of these classes."""
    installation, sipp = private.find(release), private.find_sipp()
    if installation is None or sipp is None:
        raise BenchError(f"Asterisk and SIPp are needed: .venv/bin/acd pbx install --release {release} --sipp")
    secret = secrets.token_urlsafe(16)
    async with AsyncExitStack() as stack:
        own = stack.enter_context(ports.reserved())
        settings = PbxSettings(
            endpoints=(
                *(
                    Endpoint(agent, contact=f"sip:{agent}@{LOOPBACK}:{_agents_port(own.spare)}")
                    for agent in names(max(sizes))
                ),
                Endpoint(TRUNK, contact=f"sip:{LOOPBACK}:{_customers_port(own.spare)}"),
                *trunks,
            ),
            dialplan=_DIALPLAN,
            ports=replace(own, rtp=AUDIO),
            files={"queues.conf": _queues(sizes), "manager.d/bench.conf": ACCOUNT.format(secret=secret)},
        )
        running = await stack.enter_async_context(pbx.running(installation, folder / "pbx", settings))
        ruler = await Ruler.listening(running.host, running.ami_port, secret, classes)
        stack.callback(ruler.close)
        yield Office(running, ruler, folder, sipp)


def _agents_port(spare: range) -> int:
    return spare[1]


def _customers_port(spare: range) -> int:
    return spare[9]


def _queues(sizes: Sequence[int]) -> str:
    settings = "".join(f"{name} = {value}\n" for name, value in APP_QUEUE_SETTINGS.items())
    return "".join(
        f"\n[native-{size}]\n{settings}" + "".join(f"member => PJSIP/{agent}\n" for agent in names(size))
        for size in sorted(set(sizes))
    )
