"""A day of a call centre in seconds: the real center and the real Calls (and AMI link), in time that jumps.

Only the telephones, the people, the clock and the disk are ours. The same seed gives the same facts, byte for byte.
What breaks a law ends the run with LawBroken, which names the seed that shows it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from acd.asterisk.calls import WANTED_EVENTS
from acd.asterisk.link import AmiServer, Link, Patience
from acd.center import Center
from acd.center.facts import AnyFact
from acd.center.inputs import CancelRequest, Input
from acd.center.model import Refused, RequestId, SiteRules
from acd.simulation.arrivals import Agents, Callers, Customers, lots
from acd.simulation.channels import Caller, Customer, Leg
from acd.simulation.crowd import Crowd
from acd.simulation.direct import DirectLink
from acd.simulation.disk import Disk, GroupedJournal, Memory, Store
from acd.simulation.faults import Faults
from acd.simulation.network import WeatheredLoop
from acd.simulation.process import Handlers, Killed, Process
from acd.simulation.promises import Promises
from acd.simulation.recordings import Recordings
from acd.simulation.report import Report
from acd.simulation.server import PORT, Server
from acd.simulation.watch import LawBroken, Watch

BEGINS_AT, DAY = 1_764_576_000.0, "2025-12-01"
"""A Monday, 8:00 UTC."""
WATCH_SECONDS, STORM_WATCH_SECONDS = 60.0, 5.0
SETTLE_SECONDS = 1.0
ASKS_AGAIN_SECONDS = 5.0
CLOCK_SECONDS = 1.0
PING_SECONDS = 600.0
"""More often there is nothing to learn where nothing freezes. It would be half of the work."""
LOGIN = ("acd", "nobody is kept out")
AGENTS = Agents()
CUSTOMERS = Customers()


@dataclass(frozen=True, slots=True)
class Day:
    rules: SiteRules
    callers: Callers
    agents: Agents = AGENTS
    customers: Customers = CUSTOMERS
    hours: float = 8
    seed: int = 1
    pbxs: tuple[str, ...] = ("main",)
    over_the_wire: bool = False
    """With the real AMI link in between: the same day, only slower."""
    faults: tuple[str, ...] = ()
    """Kinds of what goes wrong (`acd.simulation.faults.KINDS`), in the whole of it; such a day is over the wire."""


@dataclass(frozen=True, slots=True)
class Result:
    report: Report
    sha256: str
    """Of all facts in the journal, each a line of JSON."""
    faults: tuple[str, ...] = ()
    """What went wrong, and when."""


def simulate(
    day: Day, on_fact: Callable[[AnyFact], None] = lambda _: None, store: Callable[[], Store] = Memory
) -> Result:
    """Lives through a day. LawBroken."""
    with asyncio.Runner(loop_factory=lambda: WeatheredLoop(BEGINS_AT)) as runner:
        try:
            return runner.run(_live(day, on_fact, Disk(store())))
        except Exception as broken:
            with_faults = f" with --faults {','.join(day.faults)}" if day.faults else ""
            what = str(broken) if isinstance(broken, LawBroken) else repr(broken)
            raise LawBroken(f"seed {day.seed}{with_faults}: {what}") from broken


async def _live(day: Day, on_fact: Callable[[AnyFact], None], disk: Disk) -> Result:
    site = Site(day, on_fact, disk)
    await _or_break(site, site.open())
    crowd = Crowd(day, site, BEGINS_AT)
    crowd.come()
    faults = Faults(day.faults, site, lots("faults", day.seed))
    site.on_death = faults.daemon_died
    faults.begin()
    await _or_break(site, asyncio.sleep(day.hours * 3600))
    await _or_break(site, faults.end())
    await _or_break(site, crowd.everybody_leaves())
    await site.close()
    return Result(site.report(), site.disk.digest.hexdigest(), tuple(faults.told))


async def _or_break(site: Site, living: Coroutine[Any, Any, None]) -> None:
    """What goes wrong in the middle of the day goes wrong in callbacks, whose callers survive it."""
    task = asyncio.ensure_future(living)
    await asyncio.wait([task, site.broken], return_when=asyncio.FIRST_COMPLETED)
    if site.broken.done():
        task.cancel()
        site.broken.result()
    await task


class Site:
    """The servers, and the daemon: one process, or one after the other."""

    def __init__(self, day: Day, on_fact: Callable[[AnyFact], None], disk: Disk) -> None:
        self.disk = disk
        self.clock_is_off_by = 0.0
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self._break(context.get("exception")))
        self.broken: asyncio.Future[None] = loop.create_future()
        """Ends by the exception of whatever went wrong inside."""
        self._loop = loop
        self._day = day
        self._on_fact = on_fact
        self._chance = lots("center", day.seed)
        self._jitter = lots("jitter", day.seed)
        self._recordings = {name: Recordings(lambda: disk.is_broken) for name in day.pbxs}
        self.servers = {name: self._server(name) for name in day.pbxs}
        self._journal: GroupedJournal
        self._process: Process
        self._watch: Watch
        heard, kept = "lose" not in day.faults, "disk" not in day.faults
        self._promises = Promises(self.servers, all_is_heard=heard, all_is_kept=kept)
        self.on_death: Callable[[], None] = lambda: None
        self._watch_seconds = STORM_WATCH_SECONDS if day.faults else WATCH_SECONDS
        self._rounds = self._loop.call_later(self._watch_seconds, self._look_around)

    # ---- Its life

    async def open(self) -> None:
        await self.start_daemon()
        while len(self.center.state.steered) < len(self.servers):  # noqa: ASYNC110 - waiting costs nothing here
            await asyncio.sleep(SETTLE_SECONDS)

    async def start_daemon(self) -> None:
        self._journal = GroupedJournal(self.disk)
        links = {name: self._link_to(server) for name, server in self.servers.items()}
        self._process = Process(
            links, self._journal, self._chance, self, lambda: self.on_death(), self._wall_clock, self._recordings
        )
        with suppress(Killed):
            await self._process.start(self._day.rules, DAY)

    def _wall_clock(self) -> float:
        return self._loop.time() + self.clock_is_off_by

    def set_clock(self, off_by: float) -> None:
        """The one that the daemon goes by; each Asterisk has its own. The daemon looks within a second."""
        self.clock_is_off_by = off_by
        self._loop.call_later(CLOCK_SECONDS, self._process.follow_clock)

    @property
    def daemon(self) -> Process:
        """The one that lives, or died last."""
        return self._process

    async def close(self) -> None:
        await asyncio.sleep(SETTLE_SECONDS)
        self._watch.at_the_end()
        self._promises.at_the_end()
        self._rounds.cancel()
        await self._process.stop()
        self._journal.close()
        for server in self.servers.values():
            server.pbx.close()

    @property
    def center(self) -> Center:
        return self._process.center

    def is_busy(self) -> bool:
        return bool(self.center.state.offers) or any(server.pbx.channels for server in self.servers.values())

    def report(self) -> Report:
        report = Report()
        for fact in self.disk.store.read():
            report.on_fact(fact)
        return report

    def asks(self, asked: Input) -> None:
        """Of the daemon; where none lives, again after a while. Who is refused leaves it at that."""
        if self._process.dead:
            self._loop.call_later(ASKS_AGAIN_SECONDS, self.asks, asked)
            return
        if isinstance(asked, CancelRequest):
            self._promises.is_taken_back(asked.request)
        with suppress(Refused, Killed):
            self._process.tell(asked)

    # ---- What is seen of the daemon, and of the telephones

    def began(self, center: Center, facts: Iterator[AnyFact]) -> None:
        self._watch = Watch(center.state, self.servers, with_faults=bool(self._day.faults))
        self._promises.begins(center.state, self._watch.line)
        for fact in facts:
            self._promises.on_fact(fact, anew=False)
            self._watch.on_fact(fact)
        self._promises.has_begun()

    def on_fact(self, fact: AnyFact) -> None:
        self._promises.on_fact(fact)
        self._watch.on_fact(fact)
        self._on_fact(fact)

    def after_a_turn(self) -> None:
        self._watch.after_a_turn()
        self._promises.after_a_turn()

    def rings(self, leg: Leg) -> None:
        self._look(lambda: self._watch.rings(leg))

    def goes_on(self, caller: Caller) -> None:
        self._look(lambda: self._watch.goes_on(caller))

    def hears_that_it_is_kept(self, caller: Caller) -> None:
        self._look(lambda: self._promises.is_kept(caller, daemon_lives=not self._process.dead))

    def chooses(self, caller: Caller) -> None:
        if caller.visitor.chooses == "cancel":
            self._promises.is_taken_back(RequestId(caller.variables["ACD_CALLBACK"]))

    def leaves(self, caller: Caller) -> None:
        self._promises.leaves(caller)

    def says(self, leg: Leg, what: str) -> None:
        self._promises.says(leg, what)

    def rings_outside(self, customer: Customer) -> None:
        self._look(lambda: self._promises.rings(customer, daemon_lives=not self._process.dead))

    def reaches(self, customer: Customer) -> None:
        self._promises.reaches(customer)

    def _look(self, look: Callable[[], None]) -> None:
        try:
            look()
        except LawBroken as broken:
            self._break(broken)

    def broke(self, error: Exception) -> None:
        self._break(error)

    def _break(self, error: BaseException | None) -> None:
        if not self.broken.done() and not isinstance(error, Killed):
            self.broken.set_exception(error or RuntimeError("something broke, and did not say what"))

    def _look_around(self) -> None:
        if not self._process.dead:
            self._watch.from_time_to_time(self._loop.time(), self._process.now())
            self._promises.from_time_to_time()
        self._rounds = self._loop.call_later(self._watch_seconds, self._look_around)

    # ---- Servers, and the ways to them

    def _server(self, name: str) -> Server:
        chance = lots(f"pbx {name}", self._day.seed)
        return Server(name, LOGIN, chance, WANTED_EVENTS, onlooker=self, recordings=self._recordings[name])

    def _link_to(self, server: Server) -> Callable[[Handlers], Link]:
        if not (self._day.over_the_wire or self._day.faults):
            return lambda heard: cast(Link, DirectLink(server.name, server.pbx, heard, wanted=WANTED_EVENTS))
        username, secret = LOGIN
        patience = Patience() if self._day.faults else Patience(ping_seconds=PING_SECONDS)
        return lambda heard: Link(
            AmiServer(name=server.name, host=server.name, port=PORT, username=username, secret=secret),
            on_event=heard.on_event,
            on_up=heard.on_up,
            on_down=heard.on_down,
            wanted=WANTED_EVENTS,
            patience=patience,
            draw=self._jitter.uniform,
        )
