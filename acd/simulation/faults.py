"""What goes wrong in a simulated call centre, and when: drawn from the seed, and over in the end.

Each kind does to the daemon, to a server, or to the way between them what was seen to happen to real ones; several may
be under way at the same time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from acd.center.facts import CallbackPromised, CustomerDialled, RequestSetAside
from acd.center.inputs import ExtendWrapUp, FinishWrapUp, Input, LogIn, LogOut, MakeAvailable, Pause
from acd.center.model import AgentName
from acd.simulation.server import COMPARED_WITHIN_SECONDS, Server

if TYPE_CHECKING:
    from acd.simulation.run import Site

APART_SECONDS = 20.0
"""From the beginning of one fault to that of the next, on the average."""
TO_BE_KEPT = (RequestSetAside, CallbackPromised, CustomerDialled)
WRITES_SECONDS = 0.01
"""For so long it is open whether they are on disk."""
RINGS_SECONDS = 20.0
"""For so long it may be open what comes of them."""
SETTLES_SECONDS = COMPARED_WITHIN_SECONDS + 15
"""In the end, until everything that can be found out has been."""


class Faults:
    def __init__(self, kinds: tuple[str, ...], site: Site, chance: random.Random) -> None:
        self.told: list[str] = []
        """What has gone wrong so far."""
        self._kinds, self._site, self._chance = kinds, site, chance
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()
        self._next: asyncio.TimerHandle | None = None
        self._repairs: dict[asyncio.TimerHandle, Callable[[], None]] = {}
        """What ends a fault, and its timer."""

    def begin(self) -> None:
        if self._kinds:
            self._next = self._loop.call_later(self._chance.expovariate(1 / APART_SECONDS), self._strike)

    async def end(self) -> None:
        """Whatever is broken is mended, and found out."""
        if self._next is None:
            return
        self._next.cancel()
        self._site.daemon.dies_after = self._site.daemon.dies_of = None
        for server in self._site.servers.values():
            server.pbx.loses_next = server.pbx.shuffles_next = 0
        for timer, repair in list(self._repairs.items()):
            timer.cancel()
            repair()
        self._repairs.clear()
        await asyncio.sleep(SETTLES_SECONDS)

    def _strike(self) -> None:
        self.begin()
        kind = self._chance.choice(self._kinds)
        server = self._chance.choice(list(self._site.servers.values()))
        self._note(KINDS[kind](self, server))

    def _note(self, what: str) -> None:
        self.told.append(f"{self._loop.time() - self._began_at:8.3f} s: {what}")

    def _for(self, shortest: float, longest: float, repair: Callable[[], None]) -> float:
        """Until it is mended, in so many seconds."""
        seconds = self._chance.uniform(shortest, longest)

        def mend() -> None:
            del self._repairs[timer]
            repair()

        timer = self._loop.call_later(seconds, mend)
        self._repairs[timer] = repair
        return seconds

    # ---- The daemon

    def _kill(self, _: Server) -> str:
        """At once, or behind the so-and-so-many-th of the facts to come, in the middle of a turn; or soon after what
        has to be kept, perhaps while it is being written."""
        daemon = self._site.daemon
        if daemon.dead:
            return "there is no daemon to kill"
        facts = self._chance.choice((None, 0, 1, 2, 3, 5, 8, *TO_BE_KEPT))
        if facts is None:
            daemon.die()
            return "the daemon is killed"
        if not isinstance(facts, int):
            daemon.dies_of = facts, self._chance.uniform(0, self._chance.choice((WRITES_SECONDS, RINGS_SECONDS)))
            return f"the daemon is killed {daemon.dies_of[1]:.4f} s after the next {facts.__name__}"
        daemon.dies_after = facts
        return f"the daemon is killed {facts} facts from now"

    def _stop(self, _: Server) -> str:
        daemon = self._site.daemon
        if daemon.dead:
            return "there is no daemon to stop"
        self._leaving = self._loop.create_task(daemon.leave())
        return "the daemon is told to stop"

    def daemon_died(self) -> None:
        seconds = self._chance.choice((0.1, 1.0, 5.0, 30.0))
        self._for(seconds, seconds, self._starts_daemon)
        self._note(f"the daemon has died, for {seconds:g} s")

    def _starts_daemon(self) -> None:
        self._starting = self._loop.create_task(self._site.start_daemon())

    def _set_clock(self, _: Server) -> str:
        off_by = self._chance.choice((-3600.0, -60.0, -2.0, 0.0, 2.0, 60.0, 3600.0))
        self._site.set_clock(off_by)
        return f"the daemon's clock is off by {off_by:g} s"

    def _break_disk(self, _: Server) -> str:
        disk = self._site.disk
        disk.is_broken = True

        def mend() -> None:
            disk.is_broken = False

        return f"the disk fails for {self._for(0.5, 30, mend):.3f} s"

    # ---- The way to a server

    def _cut(self, server: Server) -> str:
        server.weather.cut()
        server.cut_at = self._loop.time()
        return f"the connection to {server.name} is cut"

    def _go_dark(self, server: Server) -> str:
        server.weather.go_dark()
        return f"the way to {server.name} is dark for {self._for(0.2, 30, server.weather.be_lit):.3f} s"

    def _be_slow(self, server: Server) -> str:
        server.weather.seconds = self._chance.choice((0.02, 0.3, 1.0, 2.5))

        def mend() -> None:
            server.weather.seconds = 0.0

        return f"{server.name} is {server.weather.seconds:g} s away for {self._for(1, 30, mend):.3f} s"

    def _be_piecemeal(self, server: Server) -> str:
        server.weather.piece = self._chance.choice((1, 7, 100))

        def mend() -> None:
            server.weather.piece = None

        return f"{server.weather.piece} bytes at a time come from {server.name} for {self._for(1, 10, mend):.3f} s"

    # ---- A server

    def _crash(self, server: Server) -> str:
        if server.weather.refuses:
            return f"{server.name} is down already"
        says_so = self._chance.random() < 0.3
        server.crash(says_so)
        seconds = self._for(0.5, 20, server.start_anew)
        return f"{server.name} {'shuts down' if says_so else 'crashes'} for {seconds:.3f} s"

    def _freeze(self, server: Server) -> str:
        if server.weather.refuses or server.pulse.is_stopped:
            return f"{server.name} does nothing already"
        server.pulse.stop()
        return f"{server.name} stands still for {self._for(0.2, 40, server.go_on):.3f} s"

    def _lose(self, server: Server) -> str:
        server.pbx.loses_next = self._chance.randint(1, 3)
        return f"{server.pbx.loses_next} events of {server.name} are lost"

    def _repeat(self, server: Server) -> str:
        server.pbx.repeats_next = self._chance.randint(1, 10)
        return f"{server.pbx.repeats_next} events of {server.name} are told twice"

    def _shuffle(self, server: Server) -> str:
        server.pbx.shuffles_next = self._chance.randint(2, 20)
        return f"{server.pbx.shuffles_next} events of {server.name} come up to 0.2 s late, each behind others"

    # ---- People

    def _unplug(self, server: Server) -> str:
        if not server.phones:
            return "no phone is left"
        dial = self._chance.choice(list(server.phones))
        phone = server.phones.pop(dial)

        def mend() -> None:
            server.phones[dial] = phone

        return f"{dial} is gone from {server.name} for {self._for(5, 60, mend):.3f} s"

    def _ask(self, _: Server) -> str:
        """An agent has it otherwise all of a sudden."""
        agent = self._chance.choice(list(self._site.center.state.agents))
        asked = self._chance.choice(ASKS)(agent)
        self._site.asks(asked)
        return str(asked)


ASKS: tuple[Callable[[AgentName], Input], ...] = (
    LogIn, LogIn, MakeAvailable, MakeAvailable, Pause, LogOut, ExtendWrapUp, FinishWrapUp,
)  # fmt: skip
KINDS: dict[str, Callable[[Faults, Server], str]] = {
    "kill": Faults._kill,
    "stop": Faults._stop,
    "disk": Faults._break_disk,
    "clock": Faults._set_clock,
    "cut": Faults._cut,
    "dark": Faults._go_dark,
    "slow": Faults._be_slow,
    "pieces": Faults._be_piecemeal,
    "crash": Faults._crash,
    "freeze": Faults._freeze,
    "lose": Faults._lose,
    "repeat": Faults._repeat,
    "shuffle": Faults._shuffle,
    "unplug": Faults._unplug,
    "ask": Faults._ask,
}
