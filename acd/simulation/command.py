"""`acd simulate`: how a day with so many calls would go under this configuration, in seconds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from acd import config as configuration
from acd import logs
from acd.asterisk.pbx_command import one_line_of_error
from acd.center.model import AgentName, Outcome, QueueName, SiteRules
from acd.simulation.arrivals import Callers
from acd.simulation.faults import KINDS
from acd.simulation.report import Report
from acd.simulation.run import Day, Result, simulate
from acd.simulation.watch import LawBroken

DEFAULT = Callers(calls_per_hour=0)


class NothingToSimulate(Exception):
    """Of this configuration no day can be told."""


class NoSuchFault(Exception):
    """What is asked for cannot go wrong here."""


def command(
    config: Annotated[Path, typer.Option("-c", "--config", metavar="FILE", help="The configuration (acd.toml).")],
    calls_per_hour: Annotated[float, typer.Option(min=0, help="On the average of the day, in all queues together.")],
    hours: Annotated[float, typer.Option(min=0.1, max=24)] = 8,
    seed: Annotated[int, typer.Option(help="The same seed, the same day.")] = 1,
    talk_seconds: Annotated[float, typer.Option(min=1, help="Length of the average talk.")] = DEFAULT.talk_seconds,
    patience_seconds: Annotated[
        float, typer.Option(min=1, help="How long callers would wait, on the average.")
    ] = DEFAULT.patience_seconds,
    faults: Annotated[
        str, typer.Option(metavar="KINDS", help=f"What goes wrong: all, or some of {', '.join(KINDS)}.")
    ] = "",
) -> None:
    """Try a configuration on a simulated day: waits, service level, abandonment, and how busy agents are."""
    logs.set_up("error")
    with one_line_of_error(configuration.BadConfig, NothingToSimulate, NoSuchFault, LawBroken):
        loaded = configuration.load(config)
        rules = loaded.rules()
        if not any(agent.queues for agent in rules.agents):
            raise NothingToSimulate(f"{config}: no agent serves any queue")
        callers = Callers(calls_per_hour, talk_seconds, patience_seconds=patience_seconds)
        day = Day(rules, callers, hours=hours, seed=seed, pbxs=tuple(loaded.asterisk), faults=_kinds(faults))
        began = time.perf_counter()
        result = simulate(day)
    _show(rules, result, time.perf_counter() - began)


def _kinds(faults: str) -> tuple[str, ...]:
    if faults == "all":
        return tuple(KINDS)
    kinds = tuple(filter(None, faults.split(",")))
    for kind in kinds:
        if kind not in KINDS:
            raise NoSuchFault(f"--faults: there is no {kind!r}; allowed: all, or some of {', '.join(KINDS)}")
    return kinds


def _show(rules: SiteRules, result: Result, took_seconds: float) -> None:
    console = Console(highlight=False, width=None if Console().is_terminal else 120)
    console.print(_queues(result.report, [queue.name for queue in rules.queues]))
    console.print(_agents(result.report, [agent.name for agent in rules.agents]))
    if result.faults:
        console.print(f"{len(result.faults)} faults, and nobody was lost")
    calls = result.report.calls
    console.print(f"{calls} calls in {took_seconds:.1f} s: {calls / took_seconds:.0f} calls/s. Facts: {result.sha256}")


def _queues(report: Report, names: list[QueueName]) -> Table:
    table = Table(*("queue", "calls", "answered", "in time", "gave up", "waits p50", "p90", "p99"), box=None)
    for name in names:
        queue = report.queues[name]
        answered = queue.outcomes[Outcome.ANSWERED]
        waits = [f"{queue.wait(percent):.1f} s" for percent in (50, 90, 99)]
        table.add_row(
            name, str(queue.calls), str(answered), f"{queue.service_level:.1%}", f"{queue.abandonment:.1%}", *waits
        )
    return table


def _agents(report: Report, names: list[AgentName]) -> Table:
    table = Table("agent", "calls", "occupancy", box=None)
    for name in names:
        agent = report.agents[name]
        table.add_row(name, str(agent.calls), f"{agent.occupancy:.1%}")
    return table
