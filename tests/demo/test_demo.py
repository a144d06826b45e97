"""`acd demo`, from the first caller to the last process."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from started import SOON_SECONDS, Started, needs_an_asterisk, processes_with, started

pytestmark = [pytest.mark.pbx, needs_an_asterisk]

OPEN = "The call centre is open"


def test_three_calls_are_answered_and_summed_up(tmp_path: Path) -> None:
    with started(tmp_path, "demo", "--calls", "3") as demo:
        status, said = demo.ends()

        assert status == 0, demo.complained()
        assert "3 calls, 3 answered by an agent, in " in said
        assert re.search(r"^waited   p50 [\d.]+ s, max [\d.]+ s$", said, re.MULTILINE)
        assert demo.leftovers() == []


def test_the_api_that_is_announced_can_be_asked(tmp_path: Path) -> None:
    with started(tmp_path, "demo") as demo:
        url, token = _announced(demo)
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            agents = json.load(answer)["agents"]

    assert "alice" in [agent["name"] for agent in agents]
    assert "logged_out" not in [agent["state"] for agent in agents]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_stops_all_of_it_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path, "demo") as demo:
        demo.said(OPEN)
        demo.said("talking")

        demo.process.send_signal(number)

        status, said = demo.ends()
        assert (status, said.splitlines()[-1]) == (0, "Stopped; nothing is left running.")
        assert demo.leftovers() == []


def test_ctrl_c_while_it_sets_up_leaves_nothing_either(tmp_path: Path) -> None:
    with started(tmp_path, "demo") as demo:
        _wait_for_process(demo, "acd", "run", "-c")

        demo.process.send_signal(signal.SIGINT)

        assert demo.ends() == (0, "Stopped; nothing is left running.\n")
        assert demo.leftovers() == []


def test_calls_that_were_stopped_are_no_success(tmp_path: Path) -> None:
    with started(tmp_path, "demo", "--calls", "20") as demo:
        demo.said(OPEN)

        demo.process.send_signal(signal.SIGINT)

        assert demo.ends()[0] == 1
        assert demo.complained().splitlines()[-1] == "stopped before all 20 calls were over; nothing is left running"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("run", "-c"), "acd run ended with status -9: "),
        (("asterisk.conf",), "Asterisk ended with status -9: "),
    ],
    ids=["daemon", "asterisk"],
)
def test_whatever_dies_is_named_in_one_line(tmp_path: Path, words: tuple[str, ...], complaint: str) -> None:
    with started(tmp_path, "demo") as demo:
        demo.said(OPEN)

        os.kill(_wait_for_process(demo, *words), signal.SIGKILL)

        assert demo.ends()[0] == 1
        assert demo.complained().splitlines()[-1].startswith(complaint)
        assert demo.leftovers() == []


def test_nothing_outlives_a_demo_that_is_killed(tmp_path: Path) -> None:
    with started(tmp_path, "demo") as demo:
        demo.said(OPEN)
        assert len(processes_with(str(tmp_path / "tmp"))) >= 2

        demo.process.kill()
        demo.process.wait()

        deadline = time.monotonic() + SOON_SECONDS
        while left := processes_with(str(tmp_path / "tmp")):
            assert time.monotonic() < deadline, left


def test_a_terminal_gets_a_screen_and_has_it_back_at_the_end(tmp_path: Path) -> None:
    screen, terminal = pty.openpty()
    os.set_blocking(screen, False)
    with subprocess.Popen(
        [sys.executable, "-m", "acd", "demo", "--calls", "1"],
        env={**os.environ, "TMPDIR": str(tmp_path), "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "32"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as demo:
        os.close(terminal)
        shown = _read_all(screen)
        status = demo.wait(SOON_SECONDS)
    os.close(screen)

    enters, leaves = shown.index("\x1b[?1049h"), shown.index("\x1b[?1049l")
    assert status == 0
    assert "Who waits" in shown[enters:leaves]
    assert "1 calls, 1 answered by an agent" in shown[leaves:]


def _announced(demo: Started) -> tuple[str, str]:
    line = demo.said(OPEN)
    found = re.search(r"(http://\S+), with the bearer token (\S+)", line)
    assert found, line
    return found[1], found[2]


def _wait_for_process(demo: Started, *words: str) -> int:
    deadline = time.monotonic() + SOON_SECONDS
    while not (found := processes_with(str(demo.folder / "tmp"), *words)):
        assert time.monotonic() < deadline, f"no process with {words}"
        time.sleep(0.01)
    return found[0]


def _read_all(screen: int) -> str:
    """What is shown until the last process lets go of the terminal."""
    shown = b""
    os.set_blocking(screen, True)
    while True:
        try:
            more = os.read(screen, 65536)
        except OSError:  # what Linux says at the end of a pseudo-terminal
            return shown.decode()
        shown += more
