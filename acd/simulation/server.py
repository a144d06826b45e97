"""An Asterisk server that can fail: its process is stopped and goes on, or is gone and starts anew with nothing.

Its clock is the loop's. Stopped (SIGSTOP), it does nothing and misses nothing: what came meanwhile waits in its
sockets, and the timers that ran out are looked at when it goes on, in their order.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any, Protocol

from acd.simulation import ami
from acd.simulation.channels import Caller, Channel, Customer, Headers, Leg
from acd.simulation.network import Weather, WeatheredLoop
from acd.simulation.pbx import SimulatedPbx
from acd.simulation.people import Manner, Visitor
from acd.simulation.recordings import Recordings

PORT = 5038
CALLS_AGAIN_SECONDS = 1.0
COMPARED_WITHIN_SECONDS = 75.0
"""After that a lost event has been found out, where servers are compared with the books every minute."""
SHUFFLED_WITHIN_SECONDS = 0.2


class Onlooker(Protocol):
    """Sees what happens at the telephones."""

    def rings(self, leg: Leg) -> None: ...

    def goes_on(self, caller: Caller) -> None: ...

    def hears_that_it_is_kept(self, caller: Caller) -> None:
        """The message that he has left, and his place."""

    def chooses(self, caller: Caller) -> None:
        """What becomes of his callback."""

    def leaves(self, caller: Caller) -> None: ...

    def says(self, leg: Leg, what: str) -> None:
        """What an agent does with a callback."""

    def rings_outside(self, customer: Customer) -> None: ...

    def reaches(self, customer: Customer) -> None: ...


class StoppablePulse:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.is_stopped = False
        self._missed: list[Callable[[], object]] = []

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        timer: list[asyncio.TimerHandle] = []

        def due() -> None:
            ran_out = timer.pop()  # which holds this function: nothing is left for the garbage collector
            if self.is_stopped:
                self._missed.append(lambda: None if ran_out.cancelled() else callback(*args))
            else:
                callback(*args)

        timer.append(self._loop.call_later(delay, due))
        return timer[0]

    def call(self, what: Callable[[], object]) -> None:
        """At once, or when it goes on."""
        if self.is_stopped:
            self._missed.append(what)
        else:
            what()

    def stop(self) -> None:
        self.is_stopped = True

    def go_on(self) -> None:
        self.is_stopped = False
        missed, self._missed = self._missed, []
        for what in missed:
            what()


class Server:
    """One machine with an Asterisk on it, which is another process after each of its crashes."""

    def __init__(
        self,
        name: str,
        login: tuple[str, str],
        chance: random.Random,
        told: frozenset[str],
        onlooker: Onlooker,
        recordings: Recordings,
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, WeatheredLoop)  # noqa: S101
        self.name = name
        self.weather: Weather = loop.weather_at(name)
        self.phones: dict[str, Callable[[], Manner]] = {}
        self.recordings = recordings
        self.outside: Callable[[str], Manner | None] = lambda dial: None
        self._loop = loop
        self._login, self._chance, self._told, self._onlooker = login, chance, told, onlooker
        self.cut_at = 0.0
        """When its connection was last cut."""
        self.pulse: StoppablePulse
        self.pbx: UnreliablePbx
        self.start_anew()
        loop.listen(name, PORT, self._session)

    @property
    def troubled_until(self) -> float:
        """The latest moment until which what went wrong here, and was over at once, may not have been found out."""
        return max(self.cut_at, self.pbx.misled_at + COMPARED_WITHIN_SECONDS)

    @property
    def is_well(self) -> bool:
        return self.weather.is_fair and not self.pulse.is_stopped

    def call(self, visitor: Visitor) -> None:
        """Somebody calls in; where nobody answers his INVITE, his own exchange tries again."""
        if self.weather.refuses:
            self._loop.call_later(CALLS_AGAIN_SECONDS, self.call, visitor)
        else:
            pbx = self.pbx
            self.pulse.call(lambda: pbx.call(visitor))

    def crash(self, says_so: bool) -> None:
        """All its channels are gone, and nobody is told of any of them; `says_so`, it was asked to shut down."""
        self.go_on()
        if says_so:
            self.pbx.shuts_down()
        self.weather.refuses = True
        self.weather.cut()
        self.pbx.dies()

    def start_anew(self) -> None:
        self.weather.refuses = False
        self.pulse = StoppablePulse(self._loop)
        self.pbx = UnreliablePbx(self._loop.time, self._chance, told=self._told, pulse=self.pulse)
        self.pbx.phones, self.pbx.onlooker, self.pbx.tape = self.phones, self._onlooker, self.recordings
        self.pbx.outside = lambda dial: self.outside(dial)

    def go_on(self) -> None:
        if self.pulse.is_stopped:
            self.pulse.go_on()

    def _session(self) -> asyncio.BaseProtocol:
        return _Socket(ami.WireSession(self.pbx, *self._login), self.pulse)


class _Socket(asyncio.Protocol):
    """The kernel's side of a connection: it is there although the process stands still."""

    def __init__(self, session: ami.WireSession, pulse: StoppablePulse) -> None:
        self._session, self._pulse = session, pulse

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._pulse.call(lambda: self._session.connection_made(transport))

    def data_received(self, data: bytes) -> None:
        self._pulse.call(lambda: self._session.data_received(data))

    def connection_lost(self, exc: Exception | None) -> None:
        self._pulse.call(lambda: self._session.connection_lost(exc))


class UnreliablePbx(SimulatedPbx):
    """Of its events some are lost, or told twice, or behind others that came after them."""

    misled_at = 0.0
    """When the last of them was lost, or came late."""
    loses_next = 0
    repeats_next = 0
    shuffles_next = 0
    onlooker: Onlooker

    def dies(self) -> None:
        self.close()
        self.channels.clear()

    def shuts_down(self) -> None:
        self._say("Shutdown", "system", {"Shutdown": "Cleanly", "Restart": "False"})

    def _say(self, name: str, kind: str, headers: Headers) -> None:
        if self.loses_next:
            self.loses_next -= 1
            self.misled_at = self.now()
            return
        if self.shuffles_next:
            self.shuffles_next -= 1
            self.misled_at = self.now()
            self._loop.call_later(self._chance.uniform(0, SHUFFLED_WITHIN_SECONDS), super()._say, name, kind, headers)
            return
        super()._say(name, kind, headers)
        if self.repeats_next:
            self.repeats_next -= 1
            super()._say(name, kind, headers)

    def _awaits_its_person(self, leg: Leg) -> None:
        super()._awaits_its_person(leg)
        self.onlooker.rings(leg)

    def _goes(self, caller: Caller, context: str, exten: str) -> None:
        super()._goes(caller, context, exten)
        self.onlooker.goes_on(caller)

    def _hears_that_it_is_kept(self, caller: Caller) -> None:
        self.onlooker.hears_that_it_is_kept(caller)

    def _chooses(self, caller: Caller) -> None:
        self.onlooker.chooses(caller)

    def _says(self, leg: Leg, said: dict[str, str]) -> None:
        super()._says(leg, said)
        self.onlooker.says(leg, said["Do"])

    def _gone(self, channel: Channel, cause: int, tech_cause: str = "") -> None:
        super()._gone(channel, cause, tech_cause)
        if isinstance(channel, Caller):
            self.onlooker.leaves(channel)

    def _rings_outside(self, customer: Customer, seconds: float) -> None:
        super()._rings_outside(customer, seconds)
        self.onlooker.rings_outside(customer)

    def reach(self, customer: Customer) -> None:
        super().reach(customer)
        self.onlooker.reaches(customer)
