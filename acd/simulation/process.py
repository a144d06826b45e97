"""What a daemon is inside, without its doors: a center, and for each server a link and its calls; no HTTP, and no clock
but the loop's. It can be stopped as a daemon stops, or killed at any instant."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol
from zoneinfo import ZoneInfo

from acd.asterisk.calls import Calls
from acd.asterisk.link import Event, Link
from acd.asterisk.means import Means
from acd.center import Center, survey
from acd.center.facts import AnyFact
from acd.center.inputs import (
    ClockStepped,
    Contradiction,
    DaemonStarted,
    DayBegan,
    Input,
    LiveChannel,
    RulesLoaded,
    TimePassed,
)
from acd.center.model import PbxName, Refused, SiteRules
from acd.clock import Alarm, Clock
from acd.dialling import Dialling, Purpose
from acd.messages import Messages

UTC = ZoneInfo("UTC")


class Killed(BaseException):
    """The process ends in the middle of what it does; nothing that it would still have done is done."""


class Journal(Protocol):
    def read(self) -> Iterator[AnyFact]: ...

    def append(self, facts: Sequence[AnyFact]) -> object: ...

    async def all_committed(self) -> None: ...

    @property
    def is_failing(self) -> bool: ...

    def close(self) -> None: ...

    def dies(self, chance: random.Random) -> None: ...


class Handlers(Protocol):
    """What a link tells."""

    def on_event(self, event: Event) -> None: ...

    def on_up(self) -> None: ...

    def on_down(self, why: str) -> None: ...


class Observer(Protocol):
    def began(self, center: Center, facts: Iterator[AnyFact]) -> None:
        """A process lives, which has read these facts."""

    def on_fact(self, fact: AnyFact) -> None: ...

    def after_a_turn(self) -> None: ...

    def broke(self, error: Exception) -> None:
        """What must not happen in there."""


class AnyNumber(Dialling):
    """In a simulated world every number may be dialled."""

    def number(self, text: str, purpose: Purpose, *, at_once: bool) -> str:
        return text

    def dial_string(self, pbx: str, number: str, purpose: Purpose) -> str:
        return self.dialled(number)

    @staticmethod
    def dialled(number: str) -> str:
        return f"PJSIP/{number}@trunk"


class Process:
    def __init__(
        self,
        links: Mapping[str, Callable[[Handlers], Link]],
        journal: Journal,
        chance: random.Random,
        observer: Observer,
        on_death: Callable[[], None],
        wall: Callable[[], float],
        messages: Mapping[str, Messages],
    ) -> None:
        """`wall` is the machine's clock, which may be set while it lives."""
        self.center = Center()
        self.dead = False
        self.dies_after: int | None = None
        """So many facts more."""
        self.dies_of: tuple[type[AnyFact], float] | None = None
        """What comes so many seconds before its death."""
        self._journal = journal
        self._chance = chance
        self._observer = observer
        self._on_death = on_death
        self._loop = asyncio.get_running_loop()
        self._clock = Clock(wall, self._loop.time)
        self._calls: dict[str, Calls] = {}
        self._links = {name: link(_Heard(self, name)) for name, link in links.items()}
        for name, link in self._links.items():
            means = Means(
                state=self.center.state,
                dialling=AnyNumber(self.now),
                messages=messages[name],
                on_disk=self._on_disk,
                can_promise=lambda: not self._journal.is_failing,
                zone=UTC,
            )
            self._calls[name] = Calls(
                link, tell=self.tell, now=self.now, means=means, contradictions=self._contradictions
            )
        self._deadline = Alarm(self.now, lambda: self.tell(TimePassed()))

    def now(self) -> float:
        return self._clock.now()

    async def _on_disk(self) -> bool:
        await self._journal.all_committed()
        return True

    async def start(self, rules: SiteRules, day: str) -> None:
        self.center.fold(self._journal.read())
        self._observer.began(self.center, self._journal.read())
        if (off := self.now() - self.center.state.at) < 0:
            self.tell(ClockStepped(by=off))
        self.tell(DaemonStarted())
        self.tell(RulesLoaded(rules=rules))
        self.tell(DayBegan(day=day))
        for link in self._links.values():
            await link.start()

    async def stop(self) -> None:
        """In the order in which a daemon stops on SIGTERM; what is heard meanwhile is still decided."""
        for calls in self._calls.values():
            await calls.stop()
        for link in self._links.values():
            await link.stop()
        self._deadline.stop()

    async def leave(self) -> None:
        """As on SIGTERM, all that was decided being written down; unless it is killed before it has come to that."""
        await self.stop()
        if not self.dead:
            self.dead = True
            self._journal.close()
            self._on_death()

    def die(self) -> None:
        """As by `kill -9`: what has been written to a connection arrives, and then its end."""
        if self.dead:
            return
        self.dead = True
        self._buried = self._loop.create_task(self.stop())
        self._journal.dies(self._chance)
        self._on_death()

    def follow_clock(self) -> None:
        """To be called every second, where the clock may be set."""
        if not self.dead and (stepped := self._clock.follow()):
            self._deadline.clock_stepped()
            self.tell(ClockStepped(by=stepped))

    def _contradictions(self, pbx: PbxName, channels: tuple[LiveChannel, ...]) -> frozenset[Contradiction]:
        return survey.contradictions(self.center.state, pbx, channels)

    def tell(self, told: Input) -> list[AnyFact]:
        """Raises Refused, and Killed for a process that dies of it."""
        if self.dead:
            return []
        try:
            facts = self.center.decide(told, self.now(), self._chance.getrandbits(64))
            self._publish(facts)
        except Refused:
            raise
        except Exception as error:
            self._observer.broke(error)
            raise
        self._deadline.set(self.center.next_deadline())
        return facts

    def _publish(self, facts: list[AnyFact]) -> None:
        if facts:
            self._journal.append(facts)
        for fact in facts:
            for calls in self._calls.values():
                calls.on_fact(fact)
            self._observer.on_fact(fact)
            self._may_die(fact)
        if facts:
            self._observer.after_a_turn()

    def _may_die(self, fact: AnyFact) -> None:
        if self.dies_of and isinstance(fact, self.dies_of[0]):
            self._loop.call_later(self.dies_of[1], self.die)
        if self.dies_after is None:
            return
        self.dies_after -= 1
        if self.dies_after < 0:
            self.die()
            raise Killed


class _Heard:
    """Of one server, for as long as the process lives."""

    def __init__(self, process: Process, name: str) -> None:
        self._process, self._name = process, name

    def on_event(self, event: Event) -> None:
        if not self._process.dead:
            self._hand_on(self._process._calls[self._name].on_event, event)

    def on_up(self) -> None:
        if not self._process.dead:
            self._hand_on(self._process._calls[self._name].link_up)

    def on_down(self, why: str) -> None:
        if not self._process.dead:
            self._hand_on(self._process._calls[self._name].link_down, why)

    def _hand_on(self, handler: Callable[..., None], *what: object) -> None:
        """A link survives what fails in here; the day must not."""
        try:
            handler(*what)
        except Exception as error:
            self._process._observer.broke(error)
            raise
