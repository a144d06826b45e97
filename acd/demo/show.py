"""The demo from the first caller to the last, on the screen or in plain lines, and the report at its end."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live

from acd.asterisk.pbx_command import errors, telling
from acd.asterisk.private import Installation
from acd.center.model import Outcome, RequestState
from acd.demo import call_centre, people, screen
from acd.demo.call_centre import STAFF, CallCentre
from acd.demo.crowd import ENDLESS_PATIENCE, SHORT_OF_PATIENCE, Crowd
from acd.demo.daemon_process import DemoFailed
from acd.demo.screen import Signboard
from acd.demo.together import first_of
from acd.demo.watching import Api, Picture, Tally

LOOK_SECONDS = 0.25
PLAIN_LINE_SECONDS = 5.0
SETTLE_SECONDS = 5.0
"""How long after the last caller's end the API may still tell of his call."""
WORK_SECONDS, BREAK_SECONDS = 25.0, 12.0
LAST_BREATH_SECONDS = 1.0

Show = Callable[[Picture, Tally], None]


@dataclass(frozen=True)
class Report:
    text: str
    failures: list[str]


async def run(installation: Installation, calls: int | None) -> Report:
    """So many calls, or (None) calls without end. Raises DemoFailed and PrivatePbxError, with nothing left running."""
    async with AsyncExitStack() as stack:
        with telling(errors) as say:
            centre = await stack.enter_async_context(call_centre.opened(installation, say))
        crowd = Crowd(centre.customers, SHORT_OF_PATIENCE if calls is None else ENDLESS_PATIENCE)
        began_at = datetime.now(UTC)
        sign = Signboard(installation.release, centre.daemon.url, centre.token, began_at, calls)
        with _display(Console(highlight=False), sign) as show:
            await _until_over(centre, crowd, calls, show)
        return _report(crowd, centre.api.tally, (datetime.now(UTC) - began_at).total_seconds())


async def _until_over(centre: CallCentre, crowd: Crowd, calls: int | None, show: Show) -> None:
    try:
        await first_of(centre.fails(), _watch(centre.api, crowd, calls, show), _take_breaks(centre.api, calls))
    except DemoFailed:
        # Whoever asks the API may notice a dead daemon first; why it died says more.
        await first_of(centre.fails(), asyncio.sleep(LAST_BREATH_SECONDS))
        raise


async def _watch(api: Api, crowd: Crowd, calls: int | None, show: Show) -> None:
    callers = asyncio.create_task(crowd.call_in(calls))
    settled_at: float | None = None
    try:
        while True:
            picture = await api.look()
            show(picture, api.tally)
            if callers.done():
                settled_at = settled_at or time.monotonic() + SETTLE_SECONDS
                if not picture.live or time.monotonic() > settled_at:
                    return callers.result()
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        callers.cancel()
        await asyncio.wait([callers])


async def _take_breaks(api: Api, calls: int | None) -> None:
    """Without end, the agents take breaks in turns; with a number of calls there is no time for that."""
    if calls is not None:
        await asyncio.Event().wait()
    for seat in itertools.cycle(STAFF):
        await asyncio.sleep(WORK_SECONDS)
        await api.pause(seat.name, "coffee")
        await asyncio.sleep(BREAK_SECONDS)
        await api.make_available(seat.name)


# ---- What is shown


@contextmanager
def _display(console: Console, sign: Signboard) -> Iterator[Show]:
    if not console.file.isatty() or console.is_dumb_terminal:
        yield _PlainLines(console, sign).show
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:
        yield lambda picture, tally: live.update(screen.drawn(picture, tally, sign, console.size), refresh=True)


class _PlainLines:
    """For logs and pipes: a line now and then, with nothing that moves."""

    def __init__(self, console: Console, sign: Signboard) -> None:
        self._console = console
        self._began_at = sign.began_at
        self._next_at = 0.0
        self._print(f"The call centre is open: {sign.url}/v1/agents, with the bearer token {sign.token}")

    def show(self, picture: Picture, tally: Tally) -> None:
        passed = (picture.at - self._began_at).total_seconds()
        if passed < self._next_at:
            return
        self._next_at = passed + PLAIN_LINE_SECONDS
        states = Counter(request.state for request in picture.live)
        self._print(
            f"{passed:4.0f} s: {states[RequestState.WAITING]} waiting, {states[RequestState.OFFERED]} ringing, "
            f"{states[RequestState.ONGOING]} talking; {tally.ended[Outcome.ANSWERED]} answered, "
            f"average wait {tally.average_wait_seconds:.1f} s"
        )

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)


# ---- What is told at the end


def _report(crowd: Crowd, tally: Tally, seconds: float) -> Report:
    talked = sum(outcome is people.Outcome.TALKED for _, outcome in crowd.outcomes)
    lines = [f"{crowd.called} calls, {talked} answered by an agent, in {seconds:.0f} s"]
    if tally.waits:
        lines.append(f"waited   p50 {statistics.median(tally.waits):.1f} s, max {max(tally.waits):.1f} s")
        lines.append("agents   " + ", ".join(f"{name} {count}" for name, count in tally.answered_by.most_common()))
    return Report("\n".join(lines) + "\n", list(_failures(crowd, tally, talked)))


def _failures(crowd: Crowd, tally: Tally, talked: int) -> Iterator[str]:
    unlucky = [f"{name} ({outcome})" for name, outcome in crowd.outcomes if outcome is not people.Outcome.TALKED]
    if unlucky:
        yield f"{len(unlucky)} of {crowd.called} calls were not answered: {', '.join(unlucky)}"
    if tally.ended[Outcome.ANSWERED] != talked:
        yield f"the API tells of {tally.ended[Outcome.ANSWERED]} answered calls, the callers of {talked}"
