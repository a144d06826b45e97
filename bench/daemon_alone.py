"""The daemon alone, without telephones: what a decision costs, what is kept in memory, how soon it is back, and how
many calls it carries beside the simulated Asterisk.

Each figure is taken in a process of its own, so that none of them inherits another's memory.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from acd import config as configuration
from acd import logs
from acd.center import Center, inputs
from acd.center.facts import AnyFact, OfferMade
from acd.center.model import Caller, ChannelId, Need, Needs, OfferId, PbxName, QueueName, RequestState, SiteRules
from acd.daemon import Daemon
from acd.journal import Journal, open_journal
from acd.simulation import ami
from acd.simulation.channels import Headers
from acd.simulation.pbx import SimulatedPbx
from acd.simulation.people import Manner, Visitor
from bench.machine import cpu_seconds, memory_bytes
from bench.simulation import LEVELS, QUEUES, SKILLS, office, skilled

MAIN = PbxName("main")
START = 1_764_000_000.0
USER, SECRET = "acd", "a secret of the bench"
Figures = dict[str, float | str]
SIZES = ((100, 1_000), (1_000, 1_000), (10_000, 1_000), (100, 100_000), (1_000, 100_000), (10_000, 100_000))
"""Agents, and callers who wait."""
LARGEST = SIZES[-1]
COST = "CPU µs a decision, {agents} agents, {waiting} waiting"


# ---- A center with its hands full


class Office:
    """A center with so many agents, all of whom talk, and so many callers who wait; it goes on for as long as asked."""

    def __init__(self, rules: SiteRules, waiting: int, needs_of: Callable[[int], Needs] = lambda _: ()) -> None:
        self.center = Center()
        self.decisions = 0
        self.now = START
        self._callers = 0
        self._talking: dict[OfferId, ChannelId] = {}
        self._needs_of = needs_of
        self.tell(inputs.DaemonStarted())
        self.tell(inputs.RulesLoaded(rules))
        self.tell(inputs.PbxSurveyed(pbx=MAIN, channels=()))
        for _ in range(waiting + len(rules.agents)):
            self.caller_joins()
        for agent in rules.agents:
            self.picks_up(self.tell(inputs.LogIn(agent.name)))

    def tell(self, told: inputs.Input) -> list[AnyFact]:
        self.now += 0.01
        self.decisions += 1
        facts = self.center.decide(told, self.now, self.decisions)
        self.center.next_deadline()  # the daemon asks for it after each input
        return facts

    def caller_joins(self) -> list[AnyFact]:
        self._callers += 1
        number = self._callers
        return self.tell(
            inputs.CallerJoined(
                pbx=MAIN,
                channel=ChannelId(f"{int(self.now)}.{number}"),
                queue=QueueName(QUEUES[number % len(QUEUES)]),
                caller=Caller(number=f"+3161{number:07}", name=f"Caller {number}"),
                priority=(10, 50, 50, 50)[number * 7 % 4],
                needs=self._needs_of(number),
            )
        )

    def call(self) -> None:
        """The longest talk ends, its agent has the next caller, and a new one joins: six decisions."""
        offer, caller = next(iter(self._talking.items()))
        del self._talking[offer]
        self.tell(inputs.ChannelGone(MAIN, caller))
        self.picks_up(self.tell(inputs.LegEnded(offer, inputs.LegEnd.HUNG_UP)))
        self.caller_joins()

    def picks_up(self, facts: list[AnyFact]) -> None:
        for made in [fact for fact in facts if isinstance(fact, OfferMade)]:
            self._talking[made.offer] = self.center.state.requests[made.request].channel
            self.tell(inputs.LegAnswered(made.offer))
            self.tell(inputs.LegAccepted(made.offer))
            self.tell(inputs.CallBridged(made.offer))


def _decisions(agents: int, waiting: int, calls: int) -> tuple[float, float]:
    """Decisions/s of CPU, and microseconds of CPU each."""
    return _speed(Office(office(agents, wrap_up_seconds=0), waiting), calls)


def _skilled_decisions(agents: int, waiting: int, calls: int) -> tuple[float, float]:
    return _speed(Office(skilled(office(agents, wrap_up_seconds=0)), waiting, _needs), calls)


def _needs(number: int) -> Needs:
    """One skill or two, each at some level: in all of a queue, a few hundred different needs."""
    chance = random.Random(number)
    skills = sorted(chance.sample(SKILLS, chance.choice((1, 1, 2))))
    return tuple(Need(skill, chance.randint(1, LEVELS)) for skill in skills)


def _speed(busy: Office, calls: int) -> tuple[float, float]:
    _live(busy, calls // 10)
    busy.decisions = 0
    gc.freeze()
    began = time.process_time()
    _live(busy, calls)
    took = time.process_time() - began
    return busy.decisions / took, took / busy.decisions * 1e6


def _live(busy: Office, calls: int) -> None:
    for _ in range(calls):
        busy.call()


def _decision_figures(quick: bool) -> Figures:
    figures: Figures = {}
    calls = 2_000 if quick else 20_000
    cost = {}
    for agents, waiting in SIZES:
        speed, cost[agents, waiting] = apart(_decisions, agents, waiting, calls)
        figures[f"decisions/s, {agents} agents, {waiting} waiting"] = round(speed)
        figures[COST.format(agents=agents, waiting=waiting)] = round(cost[agents, waiting], 2)
    figures["cost at 10000 agents beside 100, 100000 waiting"] = round(cost[LARGEST] / cost[100, LARGEST[1]], 2)
    speed, each = apart(_skilled_decisions, *LARGEST, calls)
    figures["decisions/s with skills, 10000 agents, 100000 waiting"] = round(speed)
    figures["CPU µs a decision with skills, 10000 agents, 100000 waiting"] = round(each, 2)
    return figures


# ---- Memory


def _memory(agents: int, waiting: int) -> int:
    gc.collect()
    before = memory_bytes(os.getpid())
    kept = Office(office(agents, wrap_up_seconds=0), waiting)
    gc.collect()
    after = memory_bytes(os.getpid())
    assert kept.center.state.agents  # noqa: S101
    return after - before


def _growth(calls: int) -> float:
    """Bytes for each past request, after a tenth of them."""
    busy = Office(office(100, wrap_up_seconds=0), waiting=100)
    _live(busy, calls // 10)
    gc.collect()
    before = memory_bytes(os.getpid())
    _live(busy, calls - calls // 10)
    gc.collect()
    return (memory_bytes(os.getpid()) - before) / (calls - calls // 10)


def _memory_figures(quick: bool) -> Figures:
    agents, waiting = (2_000, 20_000) if quick else (10_000, 100_000)
    past = 50_000 if quick else 1_000_000
    nothing = apart(_memory, 1, 1)
    return {
        "bytes an agent": round((apart(_memory, agents, 1) - nothing) / agents),
        "bytes a waiting request": round((apart(_memory, 1, waiting) - nothing) / waiting),
        f"bytes a past request, over {past}": round(apart(_growth, past), 2),
    }


# ---- The journal


def turns(calls: int) -> Iterator[list[AnyFact]]:
    """What a day leaves behind, from the first fact on."""
    center = Center()
    rules, now = office(50), START
    told: list[inputs.Input] = [
        inputs.DaemonStarted(),
        inputs.RulesLoaded(rules),
        inputs.PbxSurveyed(pbx=MAIN, channels=()),
        *(inputs.LogIn(agent.name) for agent in rules.agents),
    ]
    yield from (center.decide(one, now, 0) for one in told)
    for number in range(calls):
        channel, queue = ChannelId(f"{int(now)}.{number}"), QueueName(QUEUES[number % len(QUEUES)])
        caller = Caller(number=f"+3161{number:07}", name=f"Caller {number}")
        yield center.decide(inputs.CallerJoined(MAIN, channel, queue, caller), now, number)
        offer = max(center.state.offers)
        rest = [
            (3.1, inputs.LegAnswered(offer)),
            (0.001, inputs.LegAccepted(offer)),
            (0.002, inputs.CallBridged(offer)),
            (180.5, inputs.ChannelGone(MAIN, channel)),
            (0.003, inputs.LegEnded(offer, inputs.LegEnd.HUNG_UP)),
            (15.0, inputs.TimePassed()),
        ]
        for seconds, one in rest:
            now += seconds
            yield center.decide(one, now, number)


async def _write(journal: Journal, facts: int) -> tuple[int, float, float]:
    """How many were written, facts/s, and microseconds of CPU each."""
    made: list[list[AnyFact]] = []
    count = 0
    for turn in turns(facts):
        if count >= facts:
            break
        made.append(turn)
        count += len(turn)
    began, cpu = time.perf_counter(), time.process_time()
    last = 0
    for number, turn in enumerate(made):
        last = journal.append(turn)
        if number % 100 == 0:
            await asyncio.sleep(0)
    await journal.committed(last)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    return count, count / took, cpu / count * 1e6


async def _promises(journal: Journal, count: int) -> list[float]:
    turn = list(turns(1))[-2]
    took = []
    for _ in range(count):
        began = time.perf_counter()
        await journal.committed(journal.append(turn))
        took.append(time.perf_counter() - began)
        await asyncio.sleep(0.002)
    return sorted(took)


def _journal(facts: int, promises: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_journal_in(Path(folder), facts, promises))


async def _journal_in(folder: Path, facts: int, promises: int) -> Figures:
    journal = open_journal(f"sqlite:{folder / 'acd.db'}")
    count, speed, cpu = await _write(journal, facts)
    await journal.close()
    size = sum(file.stat().st_size for file in folder.iterdir())
    journal = open_journal(f"sqlite:{folder / 'acd.db'}")
    began = time.perf_counter()
    Center().fold(journal.read())
    folding = time.perf_counter() - began
    took = await _promises(journal, promises)
    await journal.close()
    return {
        "journal: facts/s with grouped commits": round(speed),
        "journal: CPU µs a fact": round(cpu, 1),
        "journal: bytes a fact": round(size / count),
        "journal: promised to on disk, p50 ms": round(took[len(took) // 2] * 1e3, 2),
        "journal: promised to on disk, p99 ms": round(took[int(len(took) * 0.99)] * 1e3, 2),
        f"start-up: seconds to fold {count} facts (no snapshot)": round(folding, 2),
        "start-up: seconds to fold 1000000 facts, by that": round(folding / count * 1_000_000, 2),
    }


# ---- The whole daemon, beside the simulated Asterisk in a process of its own


class Exchange:
    """The simulated Asterisk: keeps so many callers in the line, or on the phone, for as long as it lives."""

    def __init__(self, agents: int) -> None:
        self.done = self.events = 0
        """Calls that were answered, and are over."""
        self.pbx = SimulatedPbx(time.time, random.Random(1))
        for number in range(agents):
            self.pbx.phones[f"PJSIP/agent-{number:05}"] = lambda: Manner(answers_after_seconds=0, talk_seconds=0)
        self._callers = 0
        self.pbx.heard_by.append(self._hear)
        self._keeps_calling = False

    async def serve(self, orders: Connection) -> None:
        async with ami.listening(self.pbx, USER, SECRET) as port:
            orders.send(port)
            while (order := await asyncio.to_thread(orders.recv)) is not None:
                orders.send(self.obey(*order))
        self.pbx.close()

    def obey(self, order: str, count: int) -> int:
        if order == "steered":
            self.pbx.variables["ACD_HEARTBEAT"] = str(int(time.time()))
        elif order in ("waiting", "calling"):
            self._keeps_calling = order == "calling"
            for _ in range(count):
                self._call()
        return self.events if order == "events" else self.done

    def _call(self) -> None:
        self._callers += 1
        queue = QUEUES[self._callers % len(QUEUES)]
        self.pbx.call(Visitor(queue, number=f"+3161{self._callers:07}", name="A Caller"))

    def _hear(self, name: str, kind: str, headers: Headers) -> None:
        self.events += 1
        if name == "BridgeDestroy":
            self.done += 1
        elif name == "Hangup" and not headers["Uniqueid"].startswith("acd-") and self._keeps_calling:
            asyncio.get_running_loop().call_soon(self._call)


def _exchange(orders: Connection, agents: int, kind: type[Exchange]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_served(orders, agents, kind))


async def _served(orders: Connection, agents: int, kind: type[Exchange]) -> None:
    await kind(agents).serve(orders)


@contextmanager
def exchange_running(
    agents: int, kind: type[Exchange] = Exchange
) -> Iterator[tuple[int, Callable[[str, int], int], int]]:
    """Its AMI port, how to give it an order, and its process."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_exchange, args=(theirs, agents, kind), daemon=True)
    process.start()

    def order(what: str, count: int = 0) -> int:
        ours.send((what, count))
        done: int = ours.recv()
        return done

    try:
        assert process.pid  # noqa: S101
        yield ours.recv(), order, process.pid
    finally:
        ours.send(None)
        process.join(5)
        process.kill()


def tables(port: int, folder: Path, agents: int) -> dict[str, Any]:
    return {
        "asterisk": {"main": {"host": "127.0.0.1", "port": port, "username": USER, "secret": SECRET}},
        "store": {"url": f"sqlite:{folder / 'acd.db'}"},
        "http": {"listen": "127.0.0.1:0"},
        "queue": [{"name": name, "wrap_up_seconds": 0} for name in QUEUES],
        "agent": [
            {
                "name": agent.name,
                "queues": dict(agent.queues),
                "devices": [{"kind": "desk", "dial": agent.devices[0].dial}],
            }
            for agent in office(agents).agents
        ],
    }


def _start_up(callers: int) -> Figures:
    logs.set_up("error")
    with tempfile.TemporaryDirectory() as folder, exchange_running(agents=100) as (port, order, _):
        order("steered", 0)
        order("waiting", callers)
        config = configuration.Config(**tables(port, Path(folder), 100))
        took, found = asyncio.run(seconds_to_start(config))
    return {
        f"start-up: seconds until steered, {callers} live calls": round(took, 3),
        f"start-up: requests known then, of {callers}": found,
    }


async def seconds_to_start(config: configuration.Config) -> tuple[float, int]:
    began = time.perf_counter()
    daemon = Daemon(config, open_journal(config.store.url))
    await daemon.start()
    while not daemon.state.steered:
        await asyncio.sleep(0.005)
    took = time.perf_counter() - began
    found = sum(request.state is RequestState.WAITING for request in daemon.state.requests.values())
    await daemon.stop()
    return took, found


def _carry(agents: int, at_a_time: int, seconds: float, log_level: str) -> Figures:
    with tempfile.TemporaryDirectory() as name, exchange_running(agents) as (port, order, exchange):
        folder = Path(name)
        file = folder / "acd.toml"
        config = tables(port, folder, agents)
        file.write_text(toml(config))
        asyncio.run(everybody_logs_in(configuration.load(file)))
        return asyncio.run(_carried(file, order, exchange, at_a_time, seconds, log_level))


async def everybody_logs_in(config: configuration.Config) -> None:
    """Before the daemon is there, in its journal."""
    journal = open_journal(config.store.url)
    center = Center()
    told = [inputs.RulesLoaded(config.rules()), *(inputs.LogIn(agent.name) for agent in config.rules().agents)]
    for one in told:
        journal.append(center.decide(one, time.time(), 0))
    await journal.close()


async def _carried(
    file: Path, order: Callable[[str, int], int], exchange: int, at_a_time: int, seconds: float, log_level: str
) -> Figures:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "acd", "run", "-c", str(file), "--log-level", log_level), stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        await asyncio.sleep(3)
        order("calling", at_a_time)
        await asyncio.sleep(1)
        before = _counted(order, process.pid, exchange)
        await asyncio.sleep(seconds)
        after = _counted(order, process.pid, exchange)
    finally:
        await end(process)
    calls, events, wall, cpu, cpu_exchange = (now - then for now, then in zip(after, before, strict=True))
    if not calls:
        raise RuntimeError("the daemon carried no call at all")
    what = f"whole daemon, log level {log_level}"
    return {
        f"{what}: calls/s carried, the simulated Asterisk beside it": round(calls / wall, 1),
        f"{what}: CPU ms a call": round(cpu / calls * 1e3, 3),
        f"{what}: calls/s on one core": round(calls / cpu, 1),
        f"{what}: AMI events/s on one core": round(events / cpu),
        f"{what}: share of a core used": round(cpu / wall, 2),
        "simulated Asterisk: CPU ms a call": round(cpu_exchange / calls * 1e3, 3),
    }


def _counted(order: Callable[[str, int], int], daemon: int, exchange: int) -> tuple[float, ...]:
    return order("calls", 0), order("events", 0), time.perf_counter(), cpu_seconds(daemon), cpu_seconds(exchange)


async def end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


def toml(config: dict[str, Any]) -> str:
    """JSON's strings, numbers and lists are TOML's; tables need a line of their own."""
    main = config["asterisk"]["main"]
    lines = ["[asterisk.main]", *_pairs(main)]
    for table in ("store", "http"):
        lines += [f"[{table}]", *_pairs(config[table])]
    for table in ("queue", "agent"):
        for row in config[table]:
            lines += [f"[[{table}]]", *_pairs(row)]
    return "\n".join(lines) + "\n"


def _pairs(table: dict[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items()]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_pairs(value)) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)


# ---- All of it


def apart(work: Callable[..., Any], *what: Any) -> Any:
    """In a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *what).result()


def _parts(quick: bool) -> dict[str, Callable[[], Figures]]:
    facts, promises = (50_000, 200) if quick else (1_000_000, 2_000)
    seconds = 3 if quick else 20
    return {
        "what a decision costs": partial(_decision_figures, quick),
        "memory": partial(_memory_figures, quick),
        "the journal": partial(apart, _journal, facts, promises),
        "start-up": partial(apart, _start_up, 1_000),
        "calls through the whole daemon": partial(_carry, 200, 100, seconds, "info"),
        "the same, with a quieter log": partial(_carry, 200, 100, seconds, "warning"),
    }


async def measure(quick: bool, say: Callable[[str], None]) -> Figures:
    logs.set_up("error")
    figures: Figures = {}
    for what, part in _parts(quick).items():
        say(f"the daemon alone: {what}")
        figures |= await asyncio.to_thread(part)
    return figures
