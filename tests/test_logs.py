"""Logs: a line for each event; and a log that cannot be written costs nobody his call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SAYS_HELLO = """
import structlog
from acd import logs
logs.set_up()
structlog.get_logger().info("hello", request="1")
print("goes on")
"""


def test_a_line_is_one_event_as_json() -> None:
    done = subprocess.run([sys.executable, "-c", SAYS_HELLO], capture_output=True, text=True)

    assert done.stderr.startswith('{"request":"1","event":"hello","level":"info","timestamp":"')
    assert done.stderr.count("\n") == 1


def test_a_log_on_a_full_disk_stops_nothing() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", SAYS_HELLO], stdout=subprocess.PIPE, stderr=full, text=True)

    assert done.stdout == "goes on\n"
