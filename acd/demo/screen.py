"""The live picture in the terminal: agents, lines, what became of the last calls, and where the API is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich import box
from rich.align import Align
from rich.console import ConsoleDimensions, Group, RenderableType
from rich.layout import Layout
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from acd.api import models
from acd.center.model import MIDDLE_PRIORITY, AgentState, Outcome, RequestState
from acd.demo.watching import Picture, Tally

WIDE_COLUMNS, HIGH_ROWS = 116, 30
LINES_COLUMNS = 46
BAR_CELLS = 6
FRAME = "grey37"
FAINT = "grey58"

STATE_STYLES = {
    AgentState.LOGGED_OUT: "grey42",
    AgentState.AVAILABLE: "green",
    AgentState.CONNECTING: "bold yellow",
    AgentState.CONNECTED: "bold cyan",
    AgentState.WRAP_UP: "blue",
    AgentState.BUSY: "red",
    AgentState.NO_ANSWER: "magenta",
    AgentState.PAUSED: "grey62",
}


@dataclass(frozen=True)
class Signboard:
    """What stays the same all the time."""

    release: str
    url: str
    token: str
    began_at: datetime
    calls: int | None
    """How many there will be; None for no end."""


def drawn(picture: Picture, tally: Tally, sign: Signboard, size: ConsoleDimensions) -> Layout:
    is_wide = size.width >= WIDE_COLUMNS
    spare = 1 if size.height >= HIGH_ROWS else 0
    body = Layout(name="body")
    screen = Layout()
    screen.split_column(
        Layout(_head(picture, sign), size=1 + spare),
        Layout(_numbers(picture, tally), size=2 + spare),
        body,
        Layout(_foot(sign), size=2),
    )
    body_rows = size.height - 5 - 2 * spare
    agents_rows = len(picture.agents) + 3
    agents = Layout(_agents(picture, tally, with_queues=is_wide), size=agents_rows)
    if not is_wide:
        body.split_column(agents, Layout(_lines(picture, body_rows - agents_rows)))
        return screen
    left = Layout()
    left.split_column(agents, Layout(_endings(tally)))
    body.split_row(left, Layout(_lines(picture, body_rows), size=LINES_COLUMNS))
    return screen


# ---- Above and below


def _head(picture: Picture, sign: Signboard) -> RenderableType:
    head = Table.grid(expand=True)
    head.add_column()
    head.add_column(justify="right")
    name = Text.assemble((" acd ", "bold black on cyan"), f"  a call centre on Asterisk {sign.release}, live")
    head.add_row(name, Text(f"{_clock((picture.at - sign.began_at).total_seconds())} ", FAINT))
    return head


def _numbers(picture: Picture, tally: Tally) -> RenderableType:
    level = picture.service_level
    goal = max((queue.service_level.seconds for queue in picture.queues), default=0)
    lost = sum(tally.ended.values()) - tally.ended[Outcome.ANSWERED]
    numbers = [
        ("waiting", str(_count(picture, RequestState.WAITING)), "yellow"),
        ("ringing", str(_count(picture, RequestState.OFFERED)), "bold yellow"),
        ("talking", str(_count(picture, RequestState.ONGOING)), "bold cyan"),
        ("answered", str(tally.ended[Outcome.ANSWERED]), "bold green"),
        ("gave up", str(lost), "bold red" if lost else FAINT),
        ("mean wait", f"{tally.average_wait_seconds:.1f} s", "bold"),
        (f"in {goal:.0f} s", "-" if level is None else f"{level:.0%}", "bold"),
    ]
    row = Table.grid(expand=True)
    for _ in numbers:
        row.add_column(justify="center", ratio=1)
    row.add_row(*(Text(value, style) for _, value, style in numbers))
    row.add_row(*(Text(what, FAINT) for what, _, _ in numbers))
    return row


def _count(picture: Picture, state: RequestState) -> int:
    return sum(request.state is state for request in picture.live)


def _foot(sign: Signboard) -> RenderableType:
    curl = f'curl -H "Authorization: Bearer {sign.token}" {sign.url}/v1/agents'
    until = "Ctrl-C stops all of it" if sign.calls is None else f"ends by itself after {sign.calls} calls"
    return Group(
        Text.assemble(" ", (curl, "cyan"), no_wrap=True),
        Text.assemble((f" {until}", "bold"), (" · this screen is drawn from that API", FAINT), no_wrap=True),
    )


# ---- Agents


def _agents(picture: Picture, tally: Tally, *, with_queues: bool) -> RenderableType:
    callers = {request.id: request for request in picture.live}
    table = Table(box=None, expand=True, header_style=FAINT, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("agent", no_wrap=True)
    table.add_column("state", no_wrap=True, min_width=len("● connecting"))
    table.add_column("with", no_wrap=True, ratio=1, min_width=12)
    table.add_column("for", no_wrap=True, min_width=BAR_CELLS)
    table.add_column("calls", justify="right")
    if with_queues:
        table.add_column("queues", no_wrap=True)
    for agent in picture.agents:
        style = STATE_STYLES[agent.state]
        request = callers.get(agent.request or "")
        cells: list[RenderableType] = [
            Text(agent.name, "bold"),
            Text(f"● {agent.state.replace('_', ' ')}", style),
            Text(_name(request)) if request else Text(agent.reason or "", FAINT),
            _how_long(agent, picture.at, style),
            str(tally.answered_by[agent.name] or "·"),
        ]
        table.add_row(*cells, *([_queues_of(agent, request)] if with_queues else []))
    return _framed(table, "Agents")


def _name(request: models.Request) -> str:
    return request.caller.name or request.caller.number


def _queues_of(agent: models.Agent, request: models.Request | None) -> Text:
    """With the priority in each, and the one lit from which the caller comes."""
    served = request.queue if request else None
    queues = [(f"{name} {priority}", "cyan" if name == served else FAINT) for name, priority in agent.queues.items()]
    return Text(" ").join(Text(words, style) for words, style in queues)


def _how_long(agent: models.Agent, now: datetime, style: str) -> Text:
    """A bar that runs out where the state ends by itself, else the time that it lasts already."""
    if agent.since is None:
        return Text("")
    since = datetime.fromisoformat(agent.since)
    if agent.until is None:
        return Text(_clock((now - since).total_seconds()), FAINT)
    until = datetime.fromisoformat(agent.until)
    left = max(timedelta(), until - now) / max(until - since, timedelta(milliseconds=1))
    return _bar(min(left, 1.0), style)


def _bar(share: float, style: str) -> Text:
    full = round(share * BAR_CELLS)
    return Text.assemble(("━" * full, style), ("━" * (BAR_CELLS - full), "grey23"))


# ---- Lines


def _lines(picture: Picture, rows: int) -> RenderableType:
    """Each queue gets its share of the rows, and those next in it are seen."""
    share = (rows - 2) // max(1, len(picture.queues))
    parts = [part for queue in picture.queues for part in _line(queue, picture, share)]
    return _framed(Group(*parts), "Who waits")


def _line(queue: models.Queue, picture: Picture, rows: int) -> Iterable[RenderableType]:
    head = Table.grid(expand=True)
    head.add_column()
    head.add_column(justify="right")
    level = queue.service_level.share
    head.add_row(
        Text.assemble((queue.name, "bold"), (f"  {queue.strategy}", FAINT)),
        Text(f"{queue.waiting} waiting · {'-' if level is None else f'{level:.0%}'} in time", FAINT),
    )
    yield head
    waiting = [request for request in picture.live if request.queue == queue.name and request.place is not None]
    yield Padding(_places(waiting[: max(1, rows - 2)], queue.service_level.seconds), (0, 0, 0, 1))
    if len(waiting) < rows - 1:
        yield ""


def _places(waiting: list[models.Request], goal_seconds: float) -> RenderableType:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(justify="right", style=FAINT)
    table.add_column(no_wrap=True, ratio=1)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, min_width=len("☎ alice"))
    for request in waiting:
        favoured = " ★" if request.priority < MIDDLE_PRIORITY else ""
        table.add_row(
            str(request.place),
            Text.assemble(_name(request), (favoured, "bold yellow")),
            _waited(request.waited, goal_seconds),
            Text(f"☎ {request.agent}", "bold yellow") if request.state is RequestState.OFFERED else "",
        )
    return table


def _waited(seconds: float, goal_seconds: float) -> Text:
    share = seconds / goal_seconds if goal_seconds else 1.0
    style = "green" if share < 0.5 else "yellow" if share < 1 else "red"
    return Text.assemble(_bar(min(share, 1.0), style), (f" {_clock(seconds)}", style))


# ---- What became of the last calls


def _endings(tally: Tally) -> RenderableType:
    table = Table.grid(padding=(0, 2), expand=True)
    for ratio in (None, 2, 2, None, None):
        table.add_column(no_wrap=True, ratio=ratio)
    for request in tally.latest:
        if request.outcome is None:
            continue
        sign, style = ("✔", "green") if request.outcome is Outcome.ANSWERED else ("✘", "red")
        talked = f"talked {request.talked:.0f} s" if request.talked is not None else ""
        table.add_row(
            Text(sign, style),
            _name(request),
            Text.assemble(request.agent or str(request.outcome), (f"  {request.queue}", FAINT)),
            Text(f"waited {request.waited:.1f} s", FAINT),
            Text(talked, FAINT),
        )
    return _framed(table if tally.latest else Align.left(Text("none yet", FAINT)), "Last calls")


def _framed(content: RenderableType, title: str) -> Panel:
    return Panel(
        content, title=Text(title, "bold"), title_align="left", border_style=FRAME, box=box.ROUNDED, padding=(0, 1)
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    return f"{minutes}:{rest:02d}"
