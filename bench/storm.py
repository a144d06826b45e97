"""Storms: the whole daemon beside the simulated Asterisk, while that says or is asked for far more than it should.

Calls are carried all the time, and what they take is measured before and in the storm. Memory must stay bounded, and
routing must go on; `acd_loop_lag_seconds` and `acd_ami_events_total` tell of it.
"""

from __future__ import annotations

import asyncio
import re
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from acd import config as configuration
from acd.asterisk.ports import LOOPBACK
from acd.simulation.channels import Channel, ChannelState, Headers
from acd.simulation.people import Visitor
from bench.daemon_alone import Exchange, Figures, end, everybody_logs_in, exchange_running, tables, toml
from bench.machine import cpu_seconds, memory_bytes
from bench.simulation import QUEUES

AGENTS, CALLS_A_SECOND = 100, 25
TICK_SECONDS = 0.01
PATIENCE_SECONDS = 1.0
"""Of a caller of the flood: he joins, waits, and is gone."""

NOISE = (
    "Newchannel",
    "NewConnectedLine",
    "DialState",
    "Newstate",
    "MusicOnHoldStart",
    "UserEvent",
    "BridgeEnter",
    "Hangup",
)
"""Of channels that have nothing to do with us. acd listens to five of the eight."""
_MORE: dict[str, Headers] = {
    "UserEvent": {"UserEvent": "Other"},
    "Hangup": {"Cause": "16", "Cause-txt": "Normal Clearing"},
}


class Stormy(Exchange):
    def __init__(self, agents: int) -> None:
        super().__init__(agents)
        self._doing: dict[str, asyncio.Task[None]] = {}
        self._told = 0

    def obey(self, order: str, count: int) -> int:
        """Also: so many calls, events, or joins a second (0: no more)."""
        act = {"calls a second": self._call, "storm": self._say, "flood": self._flood}.get(order)
        if act:
            if order in self._doing:
                self._doing.pop(order).cancel()
            if count:
                self._doing[order] = asyncio.get_running_loop().create_task(self._often(count, act))
        return super().obey(order, count)

    async def _often(self, a_second: int, act: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        began, done = loop.time(), 0
        while True:
            due = int((loop.time() - began) * a_second)
            for _ in range(due - done):
                act()
            done = due
            await asyncio.sleep(TICK_SECONDS)

    def _say(self) -> None:
        self._told += 1
        name = NOISE[self._told % len(NOISE)]
        number = self._told // len(NOISE)
        channel = Channel(f"PJSIP/other-{number:08x}", f"99.{number}", ChannelState.UP, exten="s")
        channel.number, channel.caller_name, channel.context = str(number), "Other", "other"
        headers = channel.shown() | _MORE.get(name, {})
        if name == "BridgeEnter":
            headers["BridgeUniqueid"] = f"other-{number}"
        for hear in self.pbx.heard_by:
            hear(name, "user" if name == "UserEvent" else "call", headers)

    def _flood(self) -> None:
        self._told += 1
        queue = QUEUES[self._told % len(QUEUES)]
        self.pbx.call(Visitor(queue, number=f"+3162{self._told % 10_000_000:07}", patience_seconds=PATIENCE_SECONDS))


def weather(order: str, a_second: int, seconds: float) -> Figures:
    """What the daemon makes of so many events ("storm") or joins ("flood") a second, for so long."""
    with tempfile.TemporaryDirectory() as name, exchange_running(AGENTS, Stormy) as (port, tell, _):
        folder = Path(name)
        listen = f"{LOOPBACK}:{free_port()}"
        table: dict[str, Any] = tables(port, folder, AGENTS) | {"http": {"listen": listen, "open_metrics": True}}
        file = folder / "acd.toml"
        file.write_text(toml(table))
        asyncio.run(everybody_logs_in(configuration.load(file)))
        return asyncio.run(_weathered(file, f"http://{listen}", tell, order, a_second, seconds))


async def _weathered(
    file: Path, api: str, tell: Callable[[str, int], int], order: str, a_second: int, seconds: float
) -> Figures:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "acd", "run", "-c", str(file), "--log-level", "warning"), stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        await until_ready(api)
        tell("calls a second", CALLS_A_SECOND)
        await asyncio.sleep(2)
        before, calls_before, memory_before = metrics(api), tell("calls", 0), memory_bytes(process.pid)
        cpu_before = cpu_seconds(process.pid)
        tell(order, a_second)
        memory = []
        for _ in range(10):
            await asyncio.sleep(seconds / 10)
            memory.append(memory_bytes(process.pid))
        after, calls, cpu = metrics(api), tell("calls", 0), cpu_seconds(process.pid)
        tell(order, 0)
        tell("calls a second", 0)
    finally:
        await end(process)
    what = f"{order} of {a_second}/s"
    return {
        f"{what}: AMI events/s heard": round((after["events"] - before["events"]) / seconds),
        f"{what}: calls/s carried meanwhile": round((calls - calls_before) / seconds, 1),
        f"{what}: share of a core used": round((cpu - cpu_before) / seconds, 2),
        f"{what}: ring delay, mean ms": _mean_ms(before, after, "ring_delay"),
        f"{what}: loop lag, mean ms": _mean_ms(before, after, "loop_lag"),
        f"{what}: memory before, MB": round(memory_before / 2**20, 1),
        f"{what}: memory at its half, MB": round(memory[4] / 2**20, 1),
        f"{what}: memory at its end, MB": round(memory[-1] / 2**20, 1),
        f"{what}: links lost": 1 - after["up"],
        f"{what}: failures of acd": after["errors"],
    }


async def until_ready(api: str) -> None:
    for _ in range(200):
        await asyncio.sleep(0.1)
        try:
            await asyncio.to_thread(_read, f"{api}/readyz")
        except OSError:
            continue
        return
    raise RuntimeError("the daemon was never ready")


def _read(url: str, token: str = "") -> str:
    asked = Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - an address of our own
    with urlopen(asked, timeout=30) as answer:  # noqa: S310
        text: str = answer.read().decode()
    return text


def metrics(api: str, token: str = "") -> dict[str, float]:
    text = _read(f"{api}/metrics", token)

    def total(pattern: str) -> float:
        return sum(float(value) for value in re.findall(rf"^{pattern}(?:{{.*}})? (\S+)$", text, re.M))

    found = {"events": total("acd_ami_events_total"), "errors": total("acd_errors_total"), "up": total("acd_ami_up")}
    for name in ("ring_delay", "loop_lag"):
        for part in ("sum", "count"):
            found[f"{name}_{part}"] = total(f"acd_{name}_seconds_{part}")
    return found


def _mean_ms(before: dict[str, float], after: dict[str, float], name: str) -> float:
    count = after[f"{name}_count"] - before[f"{name}_count"]
    return round(1e3 * (after[f"{name}_sum"] - before[f"{name}_sum"]) / count, 2) if count else float("nan")


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind((LOOPBACK, 0))
        port: int = tried.getsockname()[1]
    return port


def measure(seconds: float, events_a_second: int, joins_a_second: int) -> Figures:
    return weather("storm", events_a_second, seconds) | weather("flood", joins_a_second, seconds)


def survived(figures: Figures) -> bool:
    """Every call of the ordinary load was carried, on a link that was never lost, and nothing of acd failed."""
    wanted = {"calls/s carried meanwhile": CALLS_A_SECOND * 0.95, "links lost": 0, "failures of acd": 0}
    return all(
        float(figure) >= limit if limit else float(figure) == 0
        for what, figure in figures.items()
        for end_of_it, limit in wanted.items()
        if what.endswith(end_of_it)
    )
