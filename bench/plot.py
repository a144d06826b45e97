"""The plots: which share of the cases took no longer than how long, and what a decision costs. SVG, drawn by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10

WIDTH, HEIGHT = 300, 200
LEFT, TOP, RIGHT, BOTTOM = 44, 34, 14, 36
COLUMNS = 3
SHORTEST_MS, LONGEST_MS = 0.1, 10_000.0
TICKS = {0.1: "0.1", 1.0: "1 ms", 10.0: "10", 100.0: "100", 1000.0: "1 s", 10_000.0: "10 s"}
COLOURS = {"acd": "#0b7a4b", "app_queue": "#c2410c"}
POINTS = 200

Panel = tuple[str, Mapping[str, Sequence[float]]]
"""A title, and the seconds of each contestant."""


def draw(panels: Sequence[Panel], caption: str) -> str:
    rows = -(-len(panels) // COLUMNS)
    width, height = WIDTH * COLUMNS, HEIGHT * rows + 54
    drawn = "\n".join(
        f'<g transform="translate({WIDTH * (nth % COLUMNS)},{HEIGHT * (nth // COLUMNS) + 30})">{_panel(*panel)}</g>'
        for nth, panel in enumerate(panels)
    )
    legend = "".join(
        f'<line x1="{14 + 110 * nth}" y1="18" x2="{38 + 110 * nth}" y2="18" stroke="{colour}" stroke-width="3"/>'
        f'<text x="{44 + 110 * nth}" y="22">{name}</text>'
        for nth, (name, colour) in enumerate(COLOURS.items())
    )
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">
<rect width="{width}" height="{height}" fill="white"/>
{legend}
{drawn}
<text x="14" y="{height - 10}" fill="#555">{_escaped(caption)}</text>
</svg>
"""


def _panel(title: str, seconds_of: Mapping[str, Sequence[float]]) -> str:
    ticks = "".join(
        f'<line x1="{_x(ms):.1f}" y1="{TOP}" x2="{_x(ms):.1f}" y2="{_y(0):.1f}" stroke="#ddd"/>'
        f'<text x="{_x(ms):.1f}" y="{_y(0) + 14:.1f}" text-anchor="middle" fill="#555">{name}</text>'
        for ms, name in TICKS.items()
    )
    shares = "".join(
        f'<text x="{LEFT - 4}" y="{_y(share) + 4:.1f}" text-anchor="end" fill="#555">{share * 100:.0f} %</text>'
        for share in (0, 0.5, 1)
    )
    lines = "".join(
        f'<polyline points="{_curve(seconds)}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>'
        for name, seconds in seconds_of.items()
        if seconds
    )
    heading = f'<text x="{LEFT}" y="{TOP - 12}" font-weight="bold">{_escaped(title)}</text>'
    return heading + ticks + shares + lines


def _curve(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    ranks = sorted({round(nth * (len(ordered) - 1) / POINTS) for nth in range(POINTS + 1)})
    return " ".join(f"{_x(1000 * ordered[rank]):.1f},{_y((rank + 1) / len(ordered)):.1f}" for rank in ranks)


# ---- What a decision costs, the more agents there are

GROWTH_COLOURS = ("#0b7a4b", "#1d4ed8")


def draw_growth(curves: Mapping[str, Mapping[int, float]], caption: str) -> str:
    """Of each curve, a height for each number of agents; these grow tenfold from one to the next."""
    width, height = 2 * WIDTH, HEIGHT + 80
    agents = sorted({number for curve in curves.values() for number in curve})
    highest = 1.25 * max(value for curve in curves.values() for value in curve.values())

    def x(number: int) -> float:
        return LEFT + (width - LEFT - 3 * RIGHT) * agents.index(number) / max(1, len(agents) - 1)

    def y(value: float) -> float:
        return TOP + HEIGHT * (1 - value / highest)

    lines = "".join(
        f'<polyline points="{" ".join(f"{x(number):.1f},{y(value):.1f}" for number, value in sorted(curve.items()))}" '
        f'fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<text x="{LEFT + 180 * nth}" y="20" fill="{colour}">{_escaped(name)}</text>'
        + "".join(
            f'<text x="{x(number):.1f}" y="{y(value) - 6:.1f}" text-anchor="middle" fill="{colour}">{value:g}</text>'
            for number, value in curve.items()
        )
        for nth, ((name, curve), colour) in enumerate(zip(curves.items(), GROWTH_COLOURS, strict=False))
    )
    ticks = "".join(
        f'<text x="{x(number):.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle" fill="#555">{number:,}</text>'
        for number in agents
    )
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">
<rect width="{width}" height="{height}" fill="white"/>
<line x1="{LEFT}" y1="{TOP + HEIGHT}" x2="{width - RIGHT}" y2="{TOP + HEIGHT}" stroke="#999"/>
{lines}
{ticks}
<text x="14" y="{height - 10}" fill="#555">{_escaped(caption)}</text>
</svg>
"""


def _x(ms: float) -> float:
    within = min(max(ms, SHORTEST_MS), LONGEST_MS)
    return LEFT + (WIDTH - LEFT - RIGHT) * log10(within / SHORTEST_MS) / log10(LONGEST_MS / SHORTEST_MS)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
