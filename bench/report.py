"""What was found: tables for the terminal, a JSON and a plot for the docs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import key, plot
from bench.callbacks import Survived
from bench.comparison import Comparison, Measured, Plan
from bench.daemon_alone import COST, SIZES, Figures
from bench.figures import Spread
from bench.kills import Killed
from bench.load import Verdict
from bench.machine import Machine
from bench.office import APP_QUEUE_SETTINGS, CONTESTANTS
from bench.profile import Profile
from bench.soak import Soaked
from bench.targets import Target

DOCS = Path(__file__).parents[1] / "docs" / "bench"
FIGURES = {
    "free_to_dial": "(a) agent free → dial",
    "join_to_dial": "(b) caller joins → dial",
    "answer_to_bridge": "(c) answer → bridged",
}
GOOD, BAD = "[green]yes[/]", "[red]no[/]"


def spelt(machine: Machine) -> str:
    asterisk = f", {machine.asterisk}" if machine.asterisk else ""
    ping = f", {machine.ami_ping_ms:g} ms for an AMI ping" if machine.ami_ping_ms else ""
    return (
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_gb:g} GB, Linux {machine.kernel}, Python "
        f"{machine.python}{asterisk}. Yardstick: {machine.python_loop_seconds:g} s for an empty Python loop "
        f"of five million steps{ping}. Load before: {machine.load_before:g}."
    )


# ---- In the terminal


def show_comparison(console: Console, comparison: Comparison) -> None:
    delays = Table(
        "setting", "figure", "contestant", *("n", "p50", "p90", "p99", "max"), title="Delays, in milliseconds"
    )
    for column in delays.columns[3:]:
        column.justify = "right"
    for title, contestants in comparison.settings.items():
        for figure, name in FIGURES.items():
            spreads = {who: measured.spreads[figure] for who, measured in contestants.items()}
            for who, spread in spreads.items():
                if any(spreads.values()):
                    delays.add_row(title, name, who, *_cells(spread))
        delays.add_section()
    console.print(delays)
    console.print(_costs(comparison))
    console.print(_rates(comparison))


def _cells(spread: Spread | None) -> list[str]:
    if spread is None:
        return ["0", *["-"] * 4]
    return [str(spread.count), *(f"{value:.1f}" for value in (spread.p50, spread.p90, spread.p99, spread.max))]


def _costs(comparison: Comparison) -> Table:
    costs = Table(
        *("setting", "contestant", "calls/s", "Asterisk", "daemon", "lost", "rung twice", "complaints"),
        title="(e) CPU per call, in milliseconds",
    )
    for title, contestants in comparison.settings.items():
        for who, measured in contestants.items():
            costs.add_row(
                title,
                who,
                f"{measured.calls / measured.seconds:.1f}",
                *(_cpu(measured, of) for of in (measured.asterisk_cpu_seconds, measured.daemon_cpu_seconds)),
                *(str(count) for count in (measured.lost, measured.rung_twice, len(measured.complaints))),
            )
    return costs


def _cpu(measured: Measured, seconds: float) -> str:
    cost = measured.ms_per_call(seconds)
    return f"{cost:.2f}" if cost else "-"


def _rates(comparison: Comparison) -> Table:
    rates = Table("calls/s", *CONTESTANTS, title="(d) Wait for an idle agent as the rate grows, p99 in milliseconds")
    waits = {
        who: {
            step.rate: f"{step.wait_ms or 0:.1f}" + ("" if step.carried else f" [red]not carried, {step.lost} lost[/]")
            for step in comparison.steps[who]
        }
        for who in CONTESTANTS
    }
    for rate in sorted({rate for of in waits.values() for rate in of}):
        rates.add_row(f"{rate:g}", *(waits[who].get(rate, "-") for who in CONTESTANTS))
    return rates


def show_targets(console: Console, targets: Sequence[Target], title: str) -> None:
    table = Table("target", "wanted", "found", "met", title=title)
    for target in targets:
        table.add_row(target.what, target.wanted, target.found, GOOD if target.met else BAD)
    console.print(table)


def show_alone(console: Console, figures: Figures) -> None:
    table = Table("figure", "found", title="The daemon alone, and simulated days")
    table.columns[1].justify = "right"
    for what, found in figures.items():
        table.add_row(what, str(found) if isinstance(found, str) else f"{found:,}")
    console.print(table)


def show_profile(console: Console, profile: Profile) -> None:
    table = Table(
        *("function", "times a call", "own µs a call", "%"),
        title=f"Where the daemon's time goes at {profile.rate:g} calls/s, under cProfile ({profile.calls} calls; "
        f"main thread: {profile.main_thread_percent:g} % of its CPU)",
    )
    for line in profile.top:
        table.add_row(line.function, f"{line.times_per_call:g}", f"{line.own_us_per_call:g}", f"{line.share_percent:g}")
    console.print(table)


def show_verdict(console: Console, verdict: Verdict) -> None:
    table = Table("criterion", "found", "passed", title="The acceptance load")
    for criterion in verdict.criteria:
        table.add_row(criterion.what, criterion.found, GOOD if criterion.passed else BAD)
    console.print(table)
    for name, spread in (("caller joins → dial", verdict.join_to_dial), ("answer → bridged", verdict.answer_to_bridge)):
        console.print(f"{name}, ms: n, p50, p90, p99, max = {', '.join(_cells(spread))}", highlight=False)
    for complaint in verdict.complaints[:10]:
        console.print(complaint, markup=False, style="yellow", soft_wrap=True)


def show_soak(console: Console, soaked: Soaked) -> None:
    table = Table(
        "what", "before", "after", "no growth", title=f"The soak: {soaked.calls:,} calls in {soaked.seconds:g} s"
    )
    for growth in soaked.growths:
        table.add_row(growth.what, f"{growth.before:g}", f"{growth.after:g}", GOOD if growth.passed else BAD)
    console.print(table)
    console.print(f"{soaked.connected:,} of {soaked.calls:,} callers were connected; the others hung up themselves.")
    for complaint in soaked.complaints[:10]:
        console.print(complaint, markup=False, style="yellow", soft_wrap=True)


def show_kills(console: Console, killed: Killed) -> None:
    wrongs = killed.wrongs
    title = f"{killed.kills} kills (seed {killed.seed}) in {killed.seconds:.0f} s: {wrongs.joined:,} callers, "
    title += f"{wrongs.connected:,} talks"
    found = [
        ("callers lost", wrongs.lost),
        ("conversations cut", wrongs.cut),
        ("callers offered twice at a time", wrongs.offered_twice),
        ("agents rung twice at a time", wrongs.rung_twice),
        ("stuck for more than 5 s after a start", sorted(killed.stuck)),
        ("errors in the daemon's log", killed.errors),
    ]
    _show_wrongs(console, title, found, killed.recovery)


def show_survived(console: Console, survived: Survived) -> None:
    seen = survived.promises
    title = f"{survived.kills} kills, {survived.aimed} of them at a step (seed {survived.seed}), in "
    title += f"{survived.seconds:.0f} s: {len(seen.callers)} callers, {len(seen.owed)} messages, {seen.reached} called "
    title += f"back, {seen.in_vain} in vain"
    _show_wrongs(console, title, survived.wrongs, survived.recovery)


def _show_wrongs(
    console: Console, title: str, found: Sequence[tuple[str, Sequence[str]]], recovery: Spread | None
) -> None:
    table = Table("what", "times", "which", title=title)
    for what, which in found:
        table.add_row(what, f"[{'red' if which else 'green'}]{len(which)}[/]", "\n".join(which[:5]))
    console.print(table)
    console.print(f"From start to steering, ms: n, p50, p90, p99, max = {', '.join(_cells(recovery))}")


def show_key(console: Console, measured: key.Measured) -> None:
    table = Table("figure", *("n", "p50", "p90", "p99", "max"), title="A key on a mobile, in milliseconds")
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row("key released → taken by the dialplan", *_cells(measured.to_accept))
    table.add_row("key released → both hear each other", *_cells(measured.to_talk))
    console.print(table)
    console.print(f"p99 ≤ {key.P99_MS:g} ms, and all {measured.calls} calls taken: {GOOD if measured.passed else BAD}")
    for complaint in measured.complaints[:10]:
        console.print(complaint, markup=False, style="yellow", soft_wrap=True)


# ---- For the docs


def write_comparison(
    machine: Machine, plan: Plan, comparison: Comparison, targets: Sequence[Target], profile: Profile
) -> None:
    _write_json(
        "app_queue.json",
        {
            "machine": asdict(machine),
            "plan": asdict(plan),
            "app_queue_settings": APP_QUEUE_SETTINGS,
            "settings": {
                title: {who: _measured(measured) for who, measured in contestants.items()}
                for title, contestants in comparison.settings.items()
            },
            "steps": {who: [asdict(step) for step in steps] for who, steps in comparison.steps.items()},
            "carried_calls_per_second": {who: comparison.carried(who) for who in CONTESTANTS},
            "targets": [asdict(target) for target in targets],
            "profile": asdict(profile),
        },
    )
    panels: list[plot.Panel] = [
        (f"{name.partition(' ')[0]} {title}", {who: getattr(measured, figure) for who, measured in of.items()})
        for title, of in comparison.settings.items()
        for figure, name in FIGURES.items()
        if any(getattr(measured, figure) for measured in of.values())
    ]
    caption = (
        "Share of cases that took no longer. "
        + "; ".join(FIGURES.values())
        + f". {machine.cpu}, {machine.cores} cores."
    )
    (DOCS / "app_queue.svg").write_text(plot.draw(panels, caption))


def _measured(measured: Measured) -> dict[str, Any]:
    return {
        "seconds": round(measured.seconds, 1),
        **{name: getattr(measured, name) for name in ("calls", "lost", "rung_twice", "complaints")},
        "asterisk_cpu_ms_per_call": measured.ms_per_call(measured.asterisk_cpu_seconds),
        "daemon_cpu_ms_per_call": measured.ms_per_call(measured.daemon_cpu_seconds),
        **{f"{name}_ms": spread and asdict(spread) for name, spread in measured.spreads.items()},
    }


def write_alone(machine: Machine, figures: Figures, targets: Sequence[Target]) -> None:
    _write_json(
        "alone.json",
        {"machine": asdict(machine), "figures": figures, "targets": [asdict(target) for target in targets]},
    )
    curves = {
        f"{waiting:,} callers waiting": {
            agents: float(figures[COST.format(agents=agents, waiting=waiting)]) for agents, of in SIZES if of == waiting
        }
        for waiting in sorted({waiting for _, waiting in SIZES})
    }
    caption = f"CPU of a decision in µs, by the number of agents. {machine.cpu}."
    (DOCS / "alone.svg").write_text(plot.draw_growth(curves, caption))


def write_verdict(machine: Machine, verdict: Verdict) -> None:
    _write_json("load.json", {"machine": asdict(machine), "passed": verdict.passed, **asdict(verdict)})


def write_soak(machine: Machine, soaked: Soaked) -> None:
    _write_json("soak.json", {"machine": asdict(machine), **asdict(soaked)})


def _write_json(name: str, content: dict[str, Any]) -> None:
    DOCS.mkdir(parents=True, exist_ok=True)
    dated = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), **content}
    (DOCS / name).write_text(json.dumps(dated, indent=1, ensure_ascii=False) + "\n")
