"""`acd pbx`: installs, finds and runs a private Asterisk."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
from started import needs_an_asterisk, started
from typer.testing import CliRunner

from acd.__main__ import main
from acd.asterisk import private
from acd.demo.softphone import Softphone


@pytest.fixture
def acd() -> CliRunner:
    return CliRunner()


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Asterisk of its own, an empty cache, and not even apt-get."""
    monkeypatch.setenv("ACD_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(private, "SYSTEM_PROGRAMS", str(tmp_path))


@pytest.mark.usefixtures("bare_machine")
def test_a_machine_without_asterisk_is_told_how_to_get_one(acd: CliRunner) -> None:
    found = acd.invoke(main, ["pbx", "path"])

    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr == "no Asterisk is installed; install one: acd pbx install\n"


@pytest.mark.usefixtures("bare_machine")
def test_an_installation_that_fails_says_why_in_one_line(acd: CliRunner, tmp_path: Path) -> None:
    installed = acd.invoke(main, ["pbx", "install"])

    assert installed.exit_code == 1
    assert installed.stderr.splitlines()[-1].endswith(
        "apt-get was not found on the PATH; it belongs to every Debian and Ubuntu"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["asterisk-22.lock"]


def test_a_release_that_there_is_not_is_refused(acd: CliRunner) -> None:
    installed = acd.invoke(main, ["pbx", "install", "--release", "99"])

    assert installed.exit_code == 1
    assert installed.stderr == "there is no private Asterisk 99: the releases are 22 and 16\n"


@pytest.mark.pbx
@needs_an_asterisk
def test_what_is_there_already_is_not_fetched_again(acd: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(private, "_fetch")
    release = _installed_release()

    installed = acd.invoke(main, ["pbx", "install", "--release", release])

    assert (installed.exit_code, installed.stderr) == (0, "")
    assert installed.stdout == f"Ready: Asterisk {release}\n"


@pytest.mark.pbx
@needs_an_asterisk
def test_the_path_is_a_command_that_starts_asterisk(acd: CliRunner) -> None:
    found = acd.invoke(main, ["pbx", "path"])

    said = subprocess.run([*shlex.split(found.stdout), "-V"], capture_output=True, text=True).stdout
    assert said.startswith(f"Asterisk {_installed_release()}.")


@pytest.mark.pbx
@needs_an_asterisk
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
async def test_a_phone_registers_with_what_was_printed_and_the_end_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    with started(tmp_path, "pbx", "run") as asterisk:
        phones = re.search(r"([\d.]+):(\d+) .*: alice, .* password (\w+)", asterisk.said("Phones"))
        secret_file = Path(asterisk.said("secret = ").partition("file:")[2].strip().strip('"'))
        assert phones
        alice = Softphone(phones[1], int(phones[2]), "alice", phones[3])
        await alice.start_async()
        await alice.stop_async()
        assert secret_file.stat().st_mode & 0o077 == 0
        assert secret_file.read_text() in (secret_file.parent / "etc/manager.d/acd.conf").read_text()

        asterisk.process.send_signal(number)

        assert asterisk.ends() == (0, "Asterisk has stopped.\n")
        assert asterisk.leftovers() == []


def _installed_release() -> str:
    found = private.find()
    assert found
    return found.release
