"""A private Asterisk: it boots as an operator's would, is reached, and is gone when it should be, whatever happens."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from exchange import Phone, both_releases, phones

from acd.asterisk import pbx as pbx_module
from acd.asterisk import ports
from acd.asterisk.pbx import PbxSettings, Ports, PrivatePbx, running
from acd.asterisk.private import Installation, PrivatePbxError
from acd.demo.softphone import CallState

SOON_SECONDS = 10.0
DIALPLAN = """
[from-phones]
exten => 100,1,Answer()
 same => n,Playback(hello-world)
 same => n,Wait(60)
exten => 101,1,Answer()
 same => n,Record(mine.wav,0,1)
"""
A_CHILD_THAT_NEVER_ENDS = """
import asyncio, sys
from pathlib import Path
from acd.asterisk import private
from acd.asterisk.pbx import running

async def main():
    async with running(private.find(sys.argv[1]), Path(sys.argv[2])) as pbx:
        print(pbx.process.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(endpoints=phones("alice", "bob"), dialplan=DIALPLAN)


def refusal(caught: pytest.ExceptionInfo[PrivatePbxError]) -> str:
    line = str(caught.value)
    assert "\n" not in line
    return line


def is_free(own: Ports) -> bool:
    return not ports.taken(own)


def lives(pid: int) -> bool:
    """A dead process whose parent has not looked yet is no process any more."""
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(SOON_SECONDS):
        while lives(pid):
            await asyncio.sleep(0.01)


# ---- At work


@both_releases
async def test_it_boots_and_takes_commands(pbx: PrivatePbx, release: str) -> None:
    assert (await pbx.command("core show version")).startswith(f"Asterisk {release}.")
    assert "fully booted" in await pbx.command("core waitfullybooted")


@both_releases
async def test_it_complains_of_nothing(pbx: PrivatePbx, phone: Phone) -> None:
    alice, bob = await phone("alice"), await phone("bob")
    calls = [alice.call("100"), bob.call("100")]
    for call in calls:
        await call.wait_for_async(CallState.ANSWERED, SOON_SECONDS)
        call.hangup()

    complaints = [line for line in pbx.log().splitlines() if re.search(r"\] (WARNING|ERROR)\[", line)]
    assert complaints == []
    assert "ERROR" not in (pbx.folder / "log" / "console").read_text()


@both_releases
async def test_the_shipped_user_logs_in_and_may_do_no_more_than_is_needed(pbx: PrivatePbx) -> None:
    reading, writing = await asyncio.open_connection(pbx.host, pbx.ami_port)
    try:
        await reading.readline()  # the banner
        assert "Authentication failed" in await ask(reading, writing, f"Login\nUsername: {pbx.ami_user}\nSecret: guess")
    finally:
        writing.close()
        await writing.wait_closed()
    reading, writing = await asyncio.open_connection(pbx.host, pbx.ami_port)
    try:
        await reading.readline()
        login = f"Login\nUsername: {pbx.ami_user}\nSecret: {pbx.secret}\nEvents: off"
        assert "Authentication accepted" in await ask(reading, writing, login)
        assert "Response: Success" in await ask(reading, writing, "CoreStatus")
        assert "Permission denied" in await ask(reading, writing, "Command\nCommand: core show version")
    finally:
        writing.close()
        await writing.wait_closed()


async def ask(reading: asyncio.StreamReader, writing: asyncio.StreamWriter, action: str) -> str:
    """The answer; events that come between are none."""
    writing.write(f"Action: {action}\n\n".replace("\n", "\r\n").encode())
    async with asyncio.timeout(SOON_SECONDS):
        while not (said := (await reading.readuntil(b"\r\n\r\n")).decode()).startswith("Response:"):
            pass
    return said


async def test_its_secret_is_nobody_elses_to_read_or_to_see(pbx: PrivatePbx, pbx_settings: PbxSettings) -> None:
    file = pbx.folder / "etc/manager.d/acd.conf"

    assert file.stat().st_mode & 0o777 == 0o600
    assert f"secret = {pbx.secret}\n" in file.read_text()
    assert pbx.secret not in repr(pbx_settings)


@both_releases
async def test_it_speaks_english(pbx: PrivatePbx, phone: Phone) -> None:
    call = (await phone("alice")).call("100")

    await call.wait_until_async(lambda call: call.heard_audio, SOON_SECONDS)


async def test_what_a_call_records_lands_in_its_own_folder(pbx: PrivatePbx, phone: Phone) -> None:
    call = (await phone("alice")).call("101")

    await call.wait_for_async(CallState.ENDED, SOON_SECONDS)

    assert (pbx.folder / "data/sounds/mine.wav").stat().st_size > 1000
    assert not list(pbx.installation.data.glob("sounds/**/mine*"))


async def test_several_run_at_once(pbx22: PrivatePbx, pbx16: PrivatePbx, tmp_path: Path) -> None:
    async with running(pbx22.installation, tmp_path) as third:
        own = [pbx22, pbx16, third]

        assert len({port for one in own for port in (one.sip_port, one.ami_port)}) == 6
        for one in own:
            assert one.installation.release in await one.command("core show version")


@both_releases
async def test_a_folder_with_a_long_path(own_installation: Installation, tmp_path: Path) -> None:
    """A socket's address has room for 107 bytes."""
    async with running(own_installation, tmp_path / ("long-" * 30)) as pbx:
        assert "Asterisk" in await pbx.command("core show version")
        (elsewhere,) = re.findall(r"astrundir = (.*)", (pbx.folder / "etc/asterisk.conf").read_text())
        assert Path(elsewhere).exists()

    assert not Path(elsewhere).exists()


async def test_a_folder_named_from_where_we_are(
    own_installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(own_installation, Path("here")) as pbx:
        assert pbx.folder == tmp_path / "here"


async def test_a_folder_is_used_again(own_installation: Installation, tmp_path: Path) -> None:
    for _ in range(2):
        async with running(own_installation, tmp_path) as pbx:
            assert "Asterisk" in await pbx.command("core show version")


# ---- What it is refused


@pytest.mark.parametrize("kind", ["SIP, UDP", "AMI, TCP"])
async def test_a_taken_port_is_one_clear_line(own_installation: Installation, tmp_path: Path, kind: str) -> None:
    with (
        ports.reserved() as free,
        socket.socket(type=socket.SOCK_DGRAM if "UDP" in kind else socket.SOCK_STREAM) as taken,
    ):
        port = free.sip if "UDP" in kind else free.ami
        taken.bind((ports.LOOPBACK, port))

        with pytest.raises(PrivatePbxError) as caught:
            async with running(own_installation, tmp_path, PbxSettings(ports=free)):
                pass

    assert refusal(caught) == (f"port {port} ({kind}) on 127.0.0.1 is taken: stop what uses it, or choose another port")


async def test_the_ports_that_were_asked_for_are_used(own_installation: Installation, tmp_path: Path) -> None:
    with ports.reserved() as free:
        async with running(own_installation, tmp_path, PbxSettings(ports=free)) as pbx:
            assert (pbx.ports, is_free(free)) == (free, False)


def test_two_who_reserve_ports_get_different_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    with ports.reserved() as ours:
        block = ours.sip // 1000 * 1000
        monkeypatch.setattr(ports, "BLOCKS", range(block, block + 1000, 1000))
        with pytest.raises(PrivatePbxError) as caught, ports.reserved():
            pass
    assert refusal(caught).startswith("no free block of ports on the loopback: stop some of the private Asterisks")

    with ports.reserved() as ours_again:
        assert ours_again == ours


@both_releases
async def test_an_asterisk_that_does_not_boot_has_last_words(
    own_installation: Installation, release: str, tmp_path: Path
) -> None:
    settings = PbxSettings(files={"modules.conf": "require = app_of_nobody.so\n"})
    with ports.reserved() as own:
        with pytest.raises(PrivatePbxError) as caught:
            async with running(own_installation, tmp_path, PbxSettings(ports=own, files=settings.files)):
                pass
        assert is_free(own)

    first, *more = str(caught.value).splitlines()
    assert first == f"Asterisk {release} did not start; its last words:"
    assert any("app_of_nobody" in line for line in more)


async def test_an_asterisk_that_hangs_while_it_boots_is_given_up(
    own_installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pbx_module, "BOOT_SECONDS", 0.001)

    with ports.reserved() as own:
        with pytest.raises(PrivatePbxError, match="did not start"):
            async with running(own_installation, tmp_path, PbxSettings(ports=own)):
                pass
        assert is_free(own)


async def test_a_command_to_one_that_is_gone_is_one_clear_line(own_installation: Installation, tmp_path: Path) -> None:
    async with running(own_installation, tmp_path) as pbx:
        pass

    with pytest.raises(PrivatePbxError) as caught:
        await pbx.command("core show version")
    assert refusal(caught).startswith("Asterisk did not take the command 'core show version': ")


# ---- Gone


@pytest.mark.parametrize("how", [None, KeyError, asyncio.CancelledError])
async def test_it_goes_with_the_block(
    own_installation: Installation, tmp_path: Path, how: type[BaseException] | None
) -> None:
    with suppress(KeyError, asyncio.CancelledError):
        async with running(own_installation, tmp_path) as pbx:
            if how:
                raise how

    assert pbx.process.returncode is not None
    assert not lives(pbx.process.pid)
    assert is_free(pbx.ports)


async def test_one_that_does_not_listen_is_killed(
    own_installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pbx_module, "GRACE_SECONDS", 0.05)
    async with running(own_installation, tmp_path) as pbx:
        os.kill(pbx.process.pid, signal.SIGSTOP)

    assert pbx.process.returncode == -signal.SIGKILL
    assert is_free(pbx.ports)


async def test_one_that_died_by_itself_is_no_trouble(own_installation: Installation, tmp_path: Path) -> None:
    async with running(own_installation, tmp_path) as pbx:
        pbx.process.kill()
        await pbx.process.wait()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_it_goes_with_its_parent_however_that_ends(
    own_installation: Installation, release: str, tmp_path: Path, how: signal.Signals
) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", A_CHILD_THAT_NEVER_ENDS, release, str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert parent.stdout
    pid = int(await parent.stdout.readline())
    try:
        assert lives(pid)

        parent.send_signal(how)
        await until_gone(pid)
    finally:
        with suppress(ProcessLookupError):
            parent.kill()
        await parent.wait()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_leash_lets_nothing_start_whose_parent_is_gone_already(tmp_path: Path) -> None:
    started = tmp_path / "started"
    nobody = subprocess.Popen(["true"])
    nobody.wait()

    subprocess.run(
        [sys.executable, "-I", "-S", pbx_module.LEASH, str(nobody.pid), "/bin/sh", "-c", f"touch {started}"], check=True
    )

    assert not started.exists()


def test_what_goes_wrong_while_ports_are_reserved_is_told_as_it_is() -> None:
    with pytest.raises(TimeoutError, match="too late"), ports.reserved():
        raise TimeoutError("too late")
