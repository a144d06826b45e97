"""The daemon is killed again and again while callers leave messages and are called back: whose message was lost, who
was called twice, or out of turn.

SIPp plays the telephones, with speech on those of the callers. Their keys, and those of the agents, are pressed in
Asterisk itself (AMI's PlayDTMF, as if received), in answer to what each of them is told: SIPp alone hears no prompt.
Some callers hang up after a few seconds, wherever they are in the dialogue; so do agents. Kills fall at any moment, and
half of them within a few milliseconds of a step of which something has to be kept.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from bench import kills
from bench.comparison import ANSWER_SECONDS, Say
from bench.daemon import Daemon, Settings
from bench.figures import Spread, spread
from bench.office import CALLBACKS, TRUNK, Office, names
from bench.phones import Agents, Callers
from bench.promises import WANTED, Promises
from bench.ruler import Ruler

AGENTS = 20
AT_ONCE = 16
ATTEMPTS = 2
NIGHT = 30
"""So many messages have been left when the agents come."""
BUSY = "9"
"""Customers whose numbers end so are never reached."""
AT_WORK = Agents(ANSWER_SECONDS, talk_seconds=25.0)
"""Then they hang up, whatever they are at."""
CUSTOMERS = Agents(answer_seconds=0.4, talk_seconds=1.5, busy_at=BUSY)
HASTY = 0.25
"""The share of callers who hang up after PATIENCE_SECONDS."""
PATIENCE_SECONDS = 6.0
STEP_SECONDS = 5.0
"""For so long a kill waits for its step."""
AIM_SECONDS = 0.02
FINISH_SECONDS = 600.0
GRACE_SECONDS = 5.0

KEYS = {"offer": "5", "confirm": "1", "speak": "#", "review": "1", "again": "1", "message": "1", "menu": "1"}
"""What is pressed when it is said."""
HASTY_FIRST = 1_000_000
"""Their numbers are others'."""
QUEUE = """\
wrap_up_seconds = 0.5

[queue.callbacks]
offer_after_seconds = 0
retry_seconds = 60
attempts = {attempts}
at_once = {at_once}
"""
SITE = """\
[site]
country = "NL"

[dialling]
hours = "00:00-24:00"
"""
SPEAKS_SECONDS, THINKS_SECONDS = (2.0, 3.5), (0.2, 1.0)
HEEDED = ("BenchWord", "AcdMessage", "AcdCallback", "AcdDialled")
"""By these the dialplan tells that something has come of a key, or has been passed over."""
AGAIN_SECONDS = 1.5
"""Who sees nothing come of his key presses it again."""
STEPS: tuple[tuple[str, dict[str, str]], ...] = (
    ("UserEvent", {"UserEvent": "AcdMessage", "Step": "begin"}),
    ("UserEvent", {"UserEvent": "BenchWord", "Word": "speak"}),
    ("UserEvent", {"UserEvent": "AcdMessage", "Step": "recorded"}),
    ("UserEvent", {"UserEvent": "AcdMessage", "Step": "left"}),
    ("UserEvent", {"UserEvent": "BenchWord", "Word": "kept"}),
    ("UserEvent", {"UserEvent": "AcdAccept"}),
    ("UserEvent", {"UserEvent": "AcdCallback", "Do": "call"}),
    ("DialBegin", {}),
    ("DialEnd", {}),
    ("UserEvent", {"UserEvent": "AcdCallback", "Do": "done"}),
)
"""At which a kill may be aimed."""


class Keys:
    """Presses what people press when they are told something, and again while nothing comes of it."""

    def __init__(self, ruler: Ruler, chance: random.Random) -> None:
        self._ruler = ruler
        self._chance = chance
        self._hands: dict[str, asyncio.Task[None]] = {}
        self._reached: dict[str, bool] = {}
        """Whether the customer was, by agents' channels."""

    def hear(self, name: str, event: Mapping[str, str]) -> None:
        channel = event.get("Uniqueid", "")
        if name == "Hangup":
            self._rest(channel)
            self._reached.pop(channel, None)
        elif name == "UserEvent":
            self._hear_word(channel, event)

    def _hear_word(self, channel: str, event: Mapping[str, str]) -> None:
        word = event.get("Word", "")
        if event["UserEvent"] in HEEDED:
            self._rest(channel)
        if event["UserEvent"] == "AcdDialled":
            self._reached[channel] = event["Status"] == "ANSWER"
        elif event["UserEvent"] == "AcdMessage" and event["Step"] == "back":
            self._press(channel, KEYS["offer"], SPEAKS_SECONDS)
        elif word == "after":
            self._press(channel, "1" if self._reached.get(channel) else "2", THINKS_SECONDS)
        elif word in KEYS:
            self._press(channel, KEYS[word], SPEAKS_SECONDS if word == "speak" else THINKS_SECONDS)

    def _rest(self, channel: str) -> None:
        if hand := self._hands.pop(channel, None):
            hand.cancel()

    def _press(self, channel: str, key: str, within: tuple[float, float]) -> None:
        self._hands[channel] = asyncio.create_task(self._keep_pressing(channel, key, self._chance.uniform(*within)))

    async def _keep_pressing(self, channel: str, key: str, seconds: float) -> None:
        while channel in self._hands:
            await asyncio.sleep(seconds)
            await self._ruler.ask("PlayDTMF", Channel=channel, Digit=key, Duration="100", Receive="true")
            seconds = AGAIN_SECONDS


@dataclass
class Survived:
    kills: int
    aimed: int
    """So many of them at a step."""
    seed: int
    seconds: float
    promises: Promises
    stuck: set[str]
    recovery: Spread | None
    errors: list[str]

    @property
    def passed(self) -> bool:
        return not any(which for _, which in self.wrongs)

    @property
    def wrongs(self) -> list[tuple[str, list[str]]]:
        seen = self.promises
        return [
            ("callers lost, or promised what did not come", seen.lost),
            ("customers called twice", seen.twice),
            ("for another one, or booked as what it was not", seen.misplaced),
            ("out of turn", seen.overtaken),
            ("conversations cut", seen.cut),
            (f"more than {seen.at_once} called at a time", seen.flooded),
            ("files of nobody's, or not there", seen.orphans),
            ("stuck for more than 5 s after a start, or at the end", sorted(self.stuck)),
            ("errors in the daemon's log", self.errors),
        ]


class Run:
    """One in which so many messages are left."""

    def __init__(self, office: Office, daemon: Daemon, seed: int, say: Say) -> None:
        self.promises = Promises(office.pbx.folder / "spool" / "acd", AT_ONCE)
        self.stuck: set[str] = set()
        self.recoveries: list[float] = []
        self.aimed = 0
        self._daemon = daemon
        self._say = say
        self._chance = random.Random(seed)
        self._keys = Keys(office.ruler, random.Random(seed + 1))
        self._step: tuple[str, dict[str, str]] | None = None
        self._came = asyncio.Event()
        office.ruler.wanted, office.ruler.hear = WANTED, self._hear

    def _hear(self, at: float, name: str, event: dict[str, str]) -> None:
        self.promises.hear(at, name, event)
        self._keys.hear(name, event)
        if self._step and self._step[0] == name and self._step[1].items() <= event.items():
            self._came.set()

    async def night(self, messages: int) -> None:
        """Nobody is there until so many have been left."""
        await self._all_agents("pause")
        while len(self.promises.owed) < messages:
            await self.kill()
        await self._all_agents("available")

    async def _all_agents(self, what: str) -> None:
        for agent in names(AGENTS):
            async with self._daemon.http.post(f"/v1/agents/{agent}/{what}", json={}) as answer:
                answer.raise_for_status()

    async def kill(self) -> None:
        if self._chance.random() < 0.5:
            await self._comes_to_a_step()
        else:
            self.stuck |= await kills.watched(kills.lives(self._chance), self._stuck)
        await self._daemon.kill()
        await asyncio.sleep(self._chance.uniform(*kills.DEAD_SECONDS))
        started = time.monotonic()
        await self._daemon.start_again()
        self.recoveries.append(time.monotonic() - started)
        self._say(self._spelt())

    async def _comes_to_a_step(self) -> None:
        self._step = self._chance.choice(STEPS)
        self._came.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._came.wait(), STEP_SECONDS)
            self.aimed += 1
        self._step = None
        await asyncio.sleep(self._chance.uniform(0, AIM_SECONDS))

    async def _stuck(self) -> set[str]:
        long_ago = time.monotonic() - kills.STUCK_SECONDS
        states = await self._daemon.agents()
        idle = {agent for agent, since in self.promises.idle_since.items() if since < long_ago}
        stuck = {f"{agent}, idle but {states[agent]}" for agent in idle if states[agent] != "available"}
        if len(idle) > AGENTS - AT_ONCE:
            stuck |= {f"{caller.number}, beside idle agents" for caller in self.promises.waiting(long_ago)}
        return stuck

    async def is_over(self) -> bool:
        return not self.promises.on_the_line and not await self._daemon.listed("callbacks")

    async def settle(self, office: Office) -> None:
        await asyncio.sleep(GRACE_SECONDS)
        self.stuck |= {f"{channel} lives" for channel in await office.channels()}
        states = await self._daemon.agents()
        self.stuck |= {f"{agent} is {state}" for agent, state in states.items() if state != "available"}
        office.ruler.hear = None
        still_open = {one["number"] for one in await self._daemon.listed("callbacks")}
        self.stuck |= {f"{number} is still to be called" for number in still_open}
        ended = await self._daemon.listed("requests", state="ended", kind="callback")
        self.promises.settle(ended, still_open)

    def _spelt(self) -> str:
        seen = self.promises
        return (
            f"kill {len(self.recoveries):4}  {len(seen.callers):4} callers  {len(seen.owed):4} promised  "
            f"{len(seen.waiting()):3} waiting  lost {len(seen.lost)}  twice {len(seen.twice)}  "
            f"misplaced {len(seen.misplaced)}  overtaken {len(seen.overtaken)}  cut {len(seen.cut)}"
        )


async def survive(
    office: Office, messages: int, rate: float, seed: int, say: Say, attempts: int = ATTEMPTS
) -> Survived:
    """At least so many messages are left, and the daemon is killed until all who left them have been called."""
    began = time.monotonic()
    async with _people_and_daemon(office, attempts) as daemon:
        run = Run(office, daemon, seed, say)
        patient = Callers(rate * (1 - HASTY), CALLBACKS, speak=True, seed=seed)
        hasty = Callers(
            rate * HASTY, CALLBACKS, speak=True, seed=seed + 1, first=HASTY_FIRST, patience_seconds=PATIENCE_SECONDS
        )
        async with office.callers(patient) as some, office.callers(hasty, line=1) as others:
            await run.night(min(messages, NIGHT))
            while len(run.promises.owed) < messages:
                await run.kill()
            some.let_finish()
            others.let_finish()
            late = time.monotonic() + FINISH_SECONDS
            while run.promises.waiting() and time.monotonic() < late:
                await run.kill()
            while not await run.is_over() and time.monotonic() < late:
                await asyncio.sleep(kills.LOOK_SECONDS)
        await run.settle(office)
        errors = daemon.errors()
    recovery, seconds = spread(run.recoveries), time.monotonic() - began
    return Survived(len(run.recoveries), run.aimed, seed, seconds, run.promises, run.stuck, recovery, errors)


@asynccontextmanager
async def _people_and_daemon(office: Office, attempts: int) -> AsyncIterator[Daemon]:
    settings = Settings(
        asterisk=f'''mobile_dial = "PJSIP/{{number}}@{TRUNK}"\nmessages = "{office.pbx.folder}/spool/acd"''',
        queue=QUEUE.format(attempts=attempts, at_once=AT_ONCE),
        agent="callbacks = true",
        more=SITE,
    )
    async with (
        office.agents(AT_WORK),
        office.customers(CUSTOMERS),
        office.daemon(names(AGENTS), settings=settings) as daemon,
    ):
        yield daemon
