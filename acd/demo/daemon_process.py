"""The daemon of the demo: `acd run -c FILE` as everybody starts it, in a process of its own that cannot outlive us."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from acd.asterisk.pbx import LEASH, stop_process

START_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 0.05


class DemoFailed(Exception):
    """What went wrong and what to do about it, in one line for people."""


@dataclass(frozen=True)
class DaemonProcess:
    url: str
    log: Path
    process: Process

    async def fails(self) -> None:
        """Returns never, and raises DemoFailed when the daemon ends before its time."""
        status = await self.process.wait()
        raise DemoFailed(f"acd run ended with status {status}: {self.last_words()}")

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


@asynccontextmanager
async def running(config: Path, url: str) -> AsyncIterator[DaemonProcess]:
    """`acd run -c CONFIG` while the block lasts, ready to route before it begins. Raises DemoFailed."""
    log = config.with_name("daemon.log")
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", LEASH, str(os.getpid())),
            *(sys.executable, "-m", "acd", "run", "-c", config),
            cwd=config.parent,
            env=_environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for us: we stop it in good order
        )
    daemon = DaemonProcess(url, log, process)
    try:
        await _becomes_ready(daemon)
        yield daemon
    finally:
        await stop_process(process)


def _environment() -> dict[str, str]:
    """Ours, but for what would win over the demo's own configuration."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ACD_")}


async def _becomes_ready(daemon: DaemonProcess) -> None:
    why_not = ""
    try:
        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as client:
            while why_not := await _why_not_ready(client, daemon.url):
                if daemon.process.returncode is not None:
                    await daemon.fails()
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
    except TimeoutError:
        raise DemoFailed(f"acd run was not ready after {START_SECONDS:.0f} s: {why_not}") from None


async def _why_not_ready(client: aiohttp.ClientSession, url: str) -> str:
    try:
        async with client.get(f"{url}/readyz") as answer:
            return "" if answer.ok else str((await answer.json()).get("detail"))
    except aiohttp.ClientError as error:
        return str(error)
