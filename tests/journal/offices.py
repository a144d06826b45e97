"""A daemon as an operator starts it, in a process of its own, on a disk that can be spoilt; the Asterisk is simulated.

async with Office(tmp_path, journal) as office:
    await office.serves(5)      # five callers, each of whom talks with alice
    await office.until_not_ready("the journal cannot be written")
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp

from acd.asterisk.ports import reserved
from acd.simulation import ami
from acd.simulation.channels import Headers
from acd.simulation.pbx import SimulatedPbx
from acd.simulation.people import Manner, Visitor

PATIENCE_SECONDS = 30.0
TOKEN = "a-token-for-tests"
AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}
ACD = """
[asterisk.main]
host = "127.0.0.1"
port = {ami_port}
secret = "env:ACD_TEST_SECRET"

[store]
url = "sqlite:{journal}"

[http]
listen = "127.0.0.1:{port}"

[[token]]
name = "test"
sha256 = "{sha256}"
role = "admin"

[[queue]]
name = "sales"
wrap_up_seconds = 0

[[agent]]
name = "alice"
queues = {{ sales = 1 }}
devices = [ {{ kind = "desk", dial = "PJSIP/alice" }} ]
"""
USUAL = "import sys; from acd.__main__ import main; main()"


class Office:
    def __init__(self, folder: Path, journal: Path, program: str = USUAL) -> None:
        self.folder = folder
        self.journal = journal
        self.process: Process
        self.calls = 0
        """Callers who were served so far."""
        self._program = program
        self._a_talk_is_over = asyncio.Event()

    async def __aenter__(self) -> Office:
        async with AsyncExitStack() as opened:
            self._pbx = SimulatedPbx(time.time, random.Random(1))
            self._pbx.phones["PJSIP/alice"] = lambda: Manner(answers_after_seconds=0, talk_seconds=0)
            self._pbx.heard_by.append(self._hear)
            opened.callback(self._pbx.close)
            ami_port = await opened.enter_async_context(ami.listening(self._pbx, "acd", "secret"))
            port = opened.enter_context(reserved()).spare[0]
            self._url = f"http://127.0.0.1:{port}"
            self._config = self.folder / "acd.toml"
            digest = hashlib.sha256(TOKEN.encode()).hexdigest()
            self._config.write_text(ACD.format(ami_port=ami_port, journal=self.journal, port=port, sha256=digest))
            self._http = await opened.enter_async_context(aiohttp.ClientSession(headers=AUTHORIZATION))
            self.process = await self.starts()
            opened.push_async_callback(self.stops)
            await self.until_ready()
            await self._http.post(f"{self._url}/v1/agents/alice/login")
            self._opened = opened.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    async def starts(self) -> Process:
        with (self.folder / "acd.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", self._program, "run", "-c", str(self._config)),
                env={**os.environ, "ACD_TEST_SECRET": "secret"},
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def stops(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), PATIENCE_SECONDS)
            finally:
                if self.process.returncode is None:
                    self.process.kill()

    # ---- What happens

    async def serves(self, callers: int) -> None:
        """One after the other."""
        for number in range(self.calls + 1, self.calls + 1 + callers):
            self._pbx.call(Visitor("sales", number=f"+3161{number:07}", name="A Caller"))
            async with asyncio.timeout(PATIENCE_SECONDS):
                while self.calls < number:
                    self._a_talk_is_over.clear()
                    await self._a_talk_is_over.wait()

    def _hear(self, name: str, kind: str, headers: Headers) -> None:
        if name == "BridgeDestroy":
            self.calls += 1
            self._a_talk_is_over.set()

    # ---- What is seen

    async def why_not_ready(self) -> list[str]:
        try:
            async with self._http.get(f"{self._url}/readyz") as answer:
                return [] if answer.ok else (await answer.json())["reasons"]
        except aiohttp.ClientError as error:
            return [str(error)]

    async def until_ready(self) -> None:
        await self._until([])

    async def until_not_ready(self, *reasons: str) -> None:
        await self._until(list(reasons))

    async def _until(self, reasons: list[str]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (found := await self.why_not_ready()) != reasons:
                assert self.process.returncode is None, self.log()
                await asyncio.sleep(0.05)
        assert found == reasons

    async def served_according_to_the_disk(self) -> set[str]:
        """The past requests at a moment at which nothing waits for the disk."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                past = {request["id"] for request in await self.past_requests()}
                if not await self.metric("acd_journal_backlog"):
                    return past
                await asyncio.sleep(0.01)

    async def metric(self, name: str) -> float:
        async with self._http.get(f"{self._url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))

    async def past_requests(self) -> list[dict[str, Any]]:
        async with self._http.get(f"{self._url}/v1/requests?state=ended&limit=500") as answer:
            return (await answer.json())["requests"]

    def log(self) -> str:
        return (self.folder / "acd.log").read_text()

    def events(self) -> list[str]:
        """Of the log, those of the journal, but for that of the start."""
        names = [entry["event"] for entry in self._logged()]
        return [name for name in names if name.startswith("journal.") and name != "journal.folded"]

    def begun_with(self) -> int:
        """The number of the fact at which the snapshot was taken that the last start began with."""
        return [entry for entry in self._logged() if entry["event"] == "journal.folded"][-1]["snapshot"]

    def _logged(self) -> list[dict[str, Any]]:
        whole_lines = self.log().splitlines(keepends=True)
        return [json.loads(line) for line in whole_lines if line.startswith("{") and line.endswith("\n")]
