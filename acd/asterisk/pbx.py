"""A private Asterisk at work: started in a folder of its own, and gone for certain when it is no longer needed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from acd.asterisk import pbx_files, ports
from acd.asterisk.pbx_files import AMI_USER, Endpoint, PbxSettings
from acd.asterisk.ports import LOOPBACK, Ports
from acd.asterisk.private import Installation, PrivatePbxError

__all__ = ["Endpoint", "PbxSettings", "Ports", "PrivatePbx", "running"]

LEASH = Path(__file__).with_name("leash.py")
BOOT_SECONDS = 30.0
GRACE_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 0.01
LONGEST_SOCKET_PATH = 107
"""What fits into a sockaddr_un, unix(7)."""
LAST_LINES = 10


@dataclass(frozen=True)
class PrivatePbx:
    """An Asterisk that has booted, and where it is reached."""

    installation: Installation
    folder: Path
    ports: Ports
    secret: str
    process: Process
    host: str = LOOPBACK
    ami_user: str = AMI_USER

    @property
    def ami_port(self) -> int:
        return self.ports.ami

    @property
    def sip_port(self) -> int:
        return self.ports.sip

    @property
    def log_path(self) -> Path:
        return self.folder / "log" / "messages.log"

    def log(self) -> str:
        """Notices, warnings and errors so far."""
        return self.log_path.read_text(errors="replace")

    async def command(self, text: str) -> str:
        """What `asterisk -rx` prints. PrivatePbxError."""
        return await _command(self.installation, self.folder, text)


@asynccontextmanager
async def running(
    installation: Installation, folder: Path, settings: PbxSettings | None = None
) -> AsyncIterator[PrivatePbx]:
    """An Asterisk of our own while the block lasts, booted before it begins. PrivatePbxError.

    It goes with the block, and also with the thread that started it, however that ends.
    """
    settings = settings or PbxSettings()
    folder = folder.absolute()  # noqa: ASYNC240 - it asks no disk
    with ExitStack() as stack:
        own_ports = stack.enter_context(nullcontext(settings.ports) if settings.ports else ports.reserved())
        if problem := ports.taken(own_ports):
            raise PrivatePbxError(f"{problem}: stop what uses it, or choose another port")
        run = stack.enter_context(_socket_folder(folder))
        config = pbx_files.write(folder, installation, settings, own_ports, run)
        process = await _start(installation, folder, config)
        try:
            await _boot(installation, folder, run / "asterisk.ctl", process)
            yield PrivatePbx(installation, folder, own_ports, settings.secret, process)
        finally:
            await stop_process(process)


@contextmanager
def _socket_folder(folder: Path) -> Iterator[Path]:
    """Where the control socket lies: in the folder, unless its path would be too long for a socket's address."""
    run = folder / "run"
    if len(os.fsencode(run / "asterisk.ctl")) <= LONGEST_SOCKET_PATH:
        run.mkdir(parents=True, exist_ok=True)
        yield run
        return
    with tempfile.TemporaryDirectory(prefix="acd-") as elsewhere:
        yield Path(elsewhere)


async def _start(installation: Installation, folder: Path, config: Path) -> Process:
    with (folder / "log" / "console").open("wb") as console:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", LEASH, str(os.getpid())),
            *installation.command("-f", "-C", str(config)),
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,  # Ctrl-C is for us: we stop it in good order
        )


async def _boot(installation: Installation, folder: Path, control: Path, process: Process) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(BOOT_SECONDS):
            while process.returncode is None and not _listens(control):  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
            # This one does not ask again and again: Asterisk answers when all modules are up.
            if process.returncode is None and "fully booted" in await _command(
                installation, folder, "core waitfullybooted"
            ):
                return
    raise PrivatePbxError(f"Asterisk {installation.release} did not start; {_last_words(folder)}")


def _listens(control: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(control)) == 0


def _last_words(folder: Path) -> str:
    logs = [path for path in (folder / "log" / "messages.log", folder / "log" / "console") if path.exists()]
    lines = [line for path in logs for line in path.read_text(errors="replace").splitlines()[-LAST_LINES:]]
    return "its last words:\n" + "\n".join(lines) if lines else "it said nothing"


async def stop_process(process: Process) -> None:
    """Ends one that leads a session: in good order within GRACE_SECONDS, else by force, with all that it started."""
    try:
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                await process.wait()
    finally:
        # Whatever it started itself, and itself if it did not listen or if we were told to hurry.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _command(installation: Installation, folder: Path, text: str) -> str:
    client = await asyncio.create_subprocess_exec(
        *installation.command("-C", str(folder / "etc" / "asterisk.conf"), "-rx", text),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        printed = (await client.communicate())[0].decode(errors="replace")
    finally:
        if client.returncode is None:
            client.kill()
            await client.wait()
    if client.returncode:
        raise PrivatePbxError(f"Asterisk did not take the command {text!r}: {printed.strip()}")
    return printed
