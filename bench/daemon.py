"""The real daemon, as an operator runs it: `acd run -c FILE` in a process of its own, on a journal of its own."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import secrets
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from acd.asterisk.pbx import LEASH, PrivatePbx
from acd.asterisk.ports import LOOPBACK

QUEUE = "bench"
READY_SECONDS = 30.0
STOP_SECONDS = 20.0
LOOK_AGAIN_SECONDS = 0.02


class BenchError(Exception):
    """Why nothing could be measured, in one line that says what to do."""


@dataclass(frozen=True)
class Settings:
    """What a block's configuration has besides what all have, as lines of TOML."""

    asterisk: str = ""
    queue: str = "wrap_up_seconds = 0"
    agent: str = ""
    """Of each."""
    devices: Mapping[str, str] = field(default_factory=dict)
    """Where agents are reached who have no desk phone."""
    more: str = ""
    """Tables of their own."""


@dataclass
class Daemon:
    process: Process
    folder: Path
    http: aiohttp.ClientSession
    program: Sequence[str] = ("acd",)

    @property
    def pid(self) -> int:
        return self.process.pid

    def complaints(self) -> list[str]:
        """Warnings and errors of its log; and whatever it wrote there that is no line of a log."""
        lines = (self.folder / "log").read_text(errors="replace").splitlines()
        return [line for line in lines if _level(line) not in ("debug", "info")]

    def errors(self) -> list[str]:
        return [line for line in self.complaints() if _level(line) != "warning"]

    async def counter(self, metric: str) -> float:
        """The sum over a metric's labels."""
        async with self.http.get("/metrics") as answer:
            text = await answer.text()
        found = re.findall(rf"(?m)^{metric}(?:{{[^}}]*}})? (\S+)", text)
        if not found:
            raise BenchError(f"the daemon shows no metric {metric}")
        return sum(map(float, found))

    async def kill(self) -> None:
        """With SIGKILL: it has no time for anything more."""
        self.process.kill()
        await self.process.wait()

    async def start_again(self) -> None:
        """Returns when it steers."""
        self.process = await _start(self.folder, self.program)
        await _ready(self)

    async def agents(self) -> dict[str, str]:
        """Their states, by their names; with a reason, if there is one."""
        agents = await self.listed("agents")
        return {agent["name"]: " ".join(filter(None, (agent["state"], agent["reason"]))) for agent in agents}

    async def listed(self, what: str, **parameters: str) -> list[dict[str, Any]]:
        """All that its API lists of them, page by page."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            async with self.http.get(f"/v1/{what}", params=parameters | cursor) as answer:
                page = await answer.json()
            found += page[what]
            if not page.get("next"):
                return found
            cursor = {"cursor": page["next"]}

    async def log_in(self, agents: Sequence[str]) -> None:
        for agent in agents:
            async with self.http.post(f"/v1/agents/{agent}/login") as answer:
                if answer.status != HTTPStatus.OK:
                    raise BenchError(f"{agent} could not log in: {await answer.text()}")


def _level(line: str) -> str:
    try:
        return str(json.loads(line)["level"])
    except (ValueError, TypeError, KeyError):
        return "none"


@asynccontextmanager
async def running_daemon(
    pbx: PrivatePbx,
    folder: Path,
    http_port: int,
    agents: Sequence[str],
    profile_to: Path | None,
    settings: Settings,
) -> AsyncIterator[Daemon]:
    """The daemon, connected, with all agents logged in."""
    folder.mkdir(parents=True)
    token = secrets.token_urlsafe(24)
    (folder / "acd.toml").write_text(_config(pbx, folder, http_port, token, agents, settings))
    program = ("bench.profiled", str(profile_to)) if profile_to else ("acd",)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(f"http://{LOOPBACK}:{http_port}", headers=headers) as http:
        daemon = Daemon(await _start(folder, program), folder, http, program)
        try:
            await _ready(daemon)
            await daemon.log_in(agents)
            yield daemon
        finally:
            await _stop(daemon.process)


async def _start(folder: Path, program: Sequence[str]) -> Process:
    with (folder / "log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", LEASH, str(os.getpid())),
            *(sys.executable, "-m", *program, "run", "-c", str(folder / "acd.toml")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


async def _ready(daemon: Daemon) -> None:
    until = time.monotonic() + READY_SECONDS
    while daemon.process.returncode is None and time.monotonic() < until:
        with suppress(aiohttp.ClientConnectionError):
            async with daemon.http.get("/readyz") as answer:
                if answer.status == HTTPStatus.OK:
                    return
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    last = "\n".join((daemon.folder / "log").read_text(errors="replace").splitlines()[-5:])
    raise BenchError(f"the daemon did not become ready; its last words:\n{last}")


async def _stop(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    with suppress(TimeoutError):
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _config(
    pbx: PrivatePbx, folder: Path, http_port: int, token: str, agents: Sequence[str], settings: Settings
) -> str:
    tables = [
        f"""\
[asterisk.main]
host = "{pbx.host}"
port = {pbx.ami_port}
username = "{pbx.ami_user}"
secret = "{pbx.secret}"
{settings.asterisk}

[store]
url = "sqlite:{folder / "acd.db"}"

[http]
listen = "{LOOPBACK}:{http_port}"

[[token]]
name = "bench"
sha256 = "{hashlib.sha256(token.encode()).hexdigest()}"
role = "admin"

{settings.more}

[[queue]]
name = "{QUEUE}"
strategy = "priority"
ring_seconds = 20
{settings.queue}
"""
    ]
    tables += [
        f"""\
[[agent]]
name = "{agent}"
queues = {{ {QUEUE} = 1 }}
devices = [ {settings.devices.get(agent) or _desk(agent)} ]
{settings.agent}
"""
        for agent in agents
    ]
    return "\n".join(tables)


def _desk(agent: str) -> str:
    return f'{{ kind = "desk", dial = "PJSIP/{agent}" }}'
