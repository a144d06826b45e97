"""`acd check`, `acd token`, and `acd run` that cannot start."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acd.__main__ import main

EXAMPLE = Path(__file__).parents[2] / "config" / "acd.toml"
CONFIG = """\
[asterisk.main]
host = "127.0.0.1"
secret = "not-to-be-told"

[store]
url = "sqlite:{folder}/acd.db"

[http]
listen = "127.0.0.1:{port}"
"""


@pytest.fixture
def acd() -> CliRunner:
    return CliRunner()


def test_the_example_configuration_is_good(acd: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACD_AMI_SECRET", "whatever")

    checked = acd.invoke(main, ["check", "-c", str(EXAMPLE)])

    assert (checked.exit_code, checked.stderr) == (0, "")
    assert checked.stdout == f"{EXAMPLE}: good: 2 queues, 2 agents\n"


def test_every_mistake_is_told_at_once_each_on_its_line(acd: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "acd.toml"
    file.write_text(
        CONFIG.format(folder=tmp_path, port=8088) + '[[queue]]\nname = "sales"\nring_secs = 5\nstrategy = "x"\n'
    )

    checked = acd.invoke(main, ["check", "-c", str(file)])

    assert checked.exit_code == 1
    assert checked.stdout == ""
    assert [line.partition(" ")[0] for line in checked.stderr.splitlines()] == [f"{file}:12:", f"{file}:13:"]


def test_a_secret_in_the_file_itself_is_warned_of_but_not_shown(acd: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "acd.toml"
    file.write_text(CONFIG.format(folder=tmp_path, port=8088))

    checked = acd.invoke(main, ["check", "-c", str(file)])

    assert checked.exit_code == 0
    assert "asterisk.main.secret" in checked.stderr
    assert "not-to-be-told" not in checked.output


def test_a_new_token_comes_with_the_lines_for_the_configuration(acd: CliRunner) -> None:
    made = acd.invoke(main, ["token"])

    first, _, lines = made.stdout.partition("\n")
    token = first.removeprefix("token:").strip()
    assert made.exit_code == 0
    assert tomllib.loads(lines)["token"] == [
        {"name": "", "sha256": hashlib.sha256(token.encode()).hexdigest(), "role": "supervisor"}
    ]


def test_two_tokens_are_never_the_same(acd: CliRunner) -> None:
    assert acd.invoke(main, ["token"]).stdout != acd.invoke(main, ["token"]).stdout


def test_a_daemon_whose_port_is_taken_says_so_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "acd.toml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file.write_text(CONFIG.format(folder=tmp_path, port=port))

        status, complaint = _run(file)

    assert status == 1
    assert f"cannot listen on 127.0.0.1:{port}: " in complaint.splitlines()[-1]
    assert "Traceback" not in complaint


def test_a_daemon_with_a_bad_configuration_starts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "acd.toml"
    file.write_text(CONFIG.format(folder=tmp_path, port=8088) + "[nonsense]\n")

    status, complaint = _run(file)

    assert (status, complaint) == (1, f"{file}:10: nonsense: there is no such key here\n")
    assert not (tmp_path / "acd.db").exists()


def _run(file: Path) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ACD_")}
    command = [sys.executable, "-m", "acd", "run", "-c", file]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    return ran.returncode, ran.stderr
