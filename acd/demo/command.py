"""`acd demo`: opens the call centre, lets callers in, shows what happens, and puts everything away again."""

from __future__ import annotations

import sys
from contextlib import suppress
from types import ModuleType
from typing import Annotated

import typer

from acd import logs
from acd.asterisk import private
from acd.asterisk.pbx_command import errors, one_line_of_error, run_until_stopped, stopped_by_signals, telling
from acd.demo.daemon_process import DemoFailed


def demo(
    calls: Annotated[
        int | None, typer.Option(min=1, help="End after so many calls: status 0 if an agent answered all of them.")
    ] = None,
) -> None:
    """Watch a call centre: a private Asterisk, the daemon, simulated agents and callers. Ctrl-C stops all of it."""
    with one_line_of_error(DemoFailed, OSError):
        show = _show()
        logs.set_up("critical")  # of the phones' own doings; the daemon writes its log elsewhere
        report = None
        with suppress(KeyboardInterrupt):
            with stopped_by_signals(), telling(errors) as say:
                installation = private.install(say=say)
            report = run_until_stopped(show.run(installation, calls))
        if report is None:
            _tell_stopped(calls)
            return
        sys.stdout.write(report.text)
        if report.failures:
            raise DemoFailed("\n".join(report.failures))


def _show() -> ModuleType:
    """Not before it is needed: a machine that only serves calls has no simulated phones."""
    try:
        from acd.demo import show
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("pyVoIP", "audioop"):
            raise
        raise DemoFailed("the simulated phones are missing; in acd's checkout: pip install '.[demo]'") from None
    return show


def _tell_stopped(calls: int | None) -> None:
    if calls is not None:
        raise DemoFailed(f"stopped before all {calls} calls were over; nothing is left running")
    sys.stdout.write("Stopped; nothing is left running.\n")
