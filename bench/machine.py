"""The machine that a figure was measured on, and its yardstick: what the same small work costs on each."""

from __future__ import annotations

import os
import platform
import re
import time
from dataclasses import dataclass
from pathlib import Path

LOOP_STEPS = 5_000_000
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Machine:
    cpu: str
    cores: int
    memory_gb: float
    kernel: str
    python: str
    asterisk: str | None
    """None where none takes part."""
    load_before: float
    """Others' work, as the load average of one minute before the run."""
    python_loop_seconds: float
    """An empty loop of five million steps in plain Python, best of three."""
    ami_ping_ms: float | None
    """Round trip of an AMI Ping on the loopback, p50."""


def look(asterisk: str | None = None, ami_ping_seconds: float | None = None) -> Machine:
    load = os.getloadavg()[0]
    return Machine(
        cpu=_first(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo")) or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(int(_first(r"MemTotal:\s*(\d+)", Path("/proc/meminfo")) or 0) / 2**20, 1),
        kernel=platform.release(),
        python=platform.python_version(),
        asterisk=asterisk,
        load_before=round(load, 2),
        python_loop_seconds=round(min(_loop_seconds() for _ in range(3)), 3),
        ami_ping_ms=None if ami_ping_seconds is None else round(1000 * ami_ping_seconds, 3),
    )


def _first(pattern: str, file: Path) -> str:
    found = re.search(pattern, file.read_text())
    return found[1] if found else ""


def _loop_seconds() -> float:
    began = time.perf_counter()
    for _ in range(LOOP_STEPS):
        pass
    return time.perf_counter() - began


# ---- A process on it


def cpu_seconds(pid: int) -> float:
    """User and system time of all its threads so far, in steps of a clock tick (10 ms)."""
    return _cpu_seconds(Path(f"/proc/{pid}/stat"))


def main_thread_seconds(pid: int) -> float:
    return _cpu_seconds(Path(f"/proc/{pid}/task/{pid}/stat"))


def _cpu_seconds(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()  # proc(5): utime and stime are fields 14 and 15
    return (int(fields[11]) + int(fields[12])) * TICK_SECONDS


def memory_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))
