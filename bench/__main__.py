"""The bench's command line: `all` is what `make bench` runs; the others are runs of their own."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from acd.asterisk import private
from acd.asterisk.private import PrivatePbxError
from bench import callbacks, daemon_alone, key, kills, machine, report, simulation, start_up, storm, targets
from bench.comparison import FULL, QUICK, Say, compare
from bench.daemon import BenchError
from bench.figures import percentile
from bench.load import Load, load
from bench.office import Office, open_office
from bench.profile import profile
from bench.soak import agents_for, soak

main = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

Keep = Annotated[bool, typer.Option("--keep", help="Keep the folder of the run: configurations, logs, SIPp's files.")]
Write = Annotated[bool, typer.Option("--write", help="Write what was found into docs/bench/.")]
Work = Callable[[Office, machine.Machine, Say], Awaitable[bool]]


@main.command("all")
def all_of_it(
    quick: Annotated[
        bool, typer.Option(help="Some four minutes: fewer and shorter blocks; nothing is written.")
    ] = False,
    keep: Keep = False,
) -> None:
    """acd beside app_queue, where the daemon's time goes, and the daemon alone. Writes docs/bench/."""
    plan = QUICK if quick else FULL

    async def work(office: Office, here: machine.Machine, say: Say) -> bool:
        comparison = await compare(office, plan, say)
        say("the daemon under cProfile")
        profiled = await profile(office, plan.flow)
        judged = targets.judge(comparison, plan)
        report.show_comparison(console, comparison)
        report.show_profile(console, profiled)
        report.show_targets(console, judged, "Targets, at 25 calls/s")
        if not quick:
            report.write_comparison(here, plan, comparison, judged, profiled)
            console.print("Written: docs/bench/app_queue.json, docs/bench/app_queue.svg")
        return True

    _run(lambda folder: _in_the_office(folder, plan.sizes, work), keep)
    _run(lambda _: _alone(quick, write=not quick), keep)


@main.command("alone")
def daemon_and_simulation_alone(
    quick: Annotated[bool, typer.Option(help="One minute: fewer and shorter.")] = False, write: Write = False
) -> None:
    """The daemon without telephones (decisions, memory, journal, start-up, calls), and the speed of simulated days."""
    _run(lambda _: _alone(quick, write), keep=False)


@main.command("load")
def acceptance_load(
    rate: Annotated[float, typer.Option(help="Calls a second.")] = 25,
    seconds: Annotated[float, typer.Option(help="For so long.")] = 60,
    agents: Annotated[int, typer.Option(help="Agents, all logged in.")] = 100,
    write: Write = False,
    keep: Keep = False,
) -> None:
    """The acceptance load: what must be true of it, each passed or failed; exit status 1 if one failed."""
    wanted = Load(rate, seconds, agents)

    async def work(office: Office, here: machine.Machine, say: Say) -> bool:
        verdict = await load(office, wanted, say)
        report.show_verdict(console, verdict)
        if write:
            report.write_verdict(here, verdict)
        return verdict.passed

    _run(lambda folder: _in_the_office(folder, [agents], work), keep)


@main.command("soak")
def soak_for(
    seconds: Annotated[float, typer.Option(help="For so long.")] = 3600,
    rate: Annotated[float, typer.Option(help="Calls a second.")] = 10,
    write: Write = False,
    keep: Keep = False,
) -> None:
    """Calls for hours, and what has grown: memory, descriptors, threads, channels; exit status 1 if something has."""
    agents = agents_for(rate)

    async def work(office: Office, here: machine.Machine, say: Say) -> bool:
        soaked = await soak(office, agents, rate, seconds, say)
        report.show_soak(console, soaked)
        if write:
            report.write_soak(here, soaked)
        return all(growth.passed for growth in soaked.growths)

    _run(lambda folder: _in_the_office(folder, [agents], work), keep)


@main.command("storm")
def storms(
    seconds: Annotated[float, typer.Option(help="For so long, each.")] = 60,
    events: Annotated[int, typer.Option(help="AMI events a second.")] = 10_000,
    joins: Annotated[int, typer.Option(help="Callers who join, a second.")] = 1_000,
) -> None:
    """Far too many events, then far too many callers, beside 25 calls/s; exit status 1 if a call was not carried."""

    async def work(_: Path) -> bool:
        figures = await asyncio.to_thread(storm.measure, seconds, events, joins)
        report.show_alone(console, figures)
        return storm.survived(figures)

    _run(work, keep=False)


@main.command("kills")
def kill_the_daemon(
    times: Annotated[int, typer.Option(help="So often.")] = 500,
    rate: Annotated[float, typer.Option(help="Calls a second.")] = 10,
    seed: Annotated[int, typer.Option(help="Of the moments of the kills.")] = 1,
    release: Annotated[str, typer.Option(help="Of Asterisk: 16 or 22.")] = private.DEFAULT_RELEASE,
    keep: Keep = False,
) -> None:
    """The daemon killed at random moments, under load: nobody may notice; exit status 1 if somebody did."""
    agents = kills.agents_for(rate)

    async def work(office: Office, here: machine.Machine, say: Say) -> bool:
        killed = await kills.kill_again_and_again(office, agents, rate, times, seed, say)
        report.show_kills(console, killed)
        return killed.passed

    _run(lambda folder: _in_the_office(folder, [agents], work, release), keep)


@main.command("key")
def keys_on_mobiles(
    calls: Annotated[int, typer.Option(help="So many calls.")] = 1000,
    rate: Annotated[float, typer.Option(help="Calls a second.")] = 5,
    release: Annotated[str, typer.Option(help="Of Asterisk: 16 or 22.")] = private.DEFAULT_RELEASE,
    keep: Keep = False,
) -> None:
    """From a key on a mobile to the talk; exit status 1 if p99 is above 20 ms, or a call was not taken."""
    agents = key.agents_for(rate)

    async def work(folder: Path) -> bool:
        say = _saying()
        async with key.office_with_mobiles(folder, release) as office:
            console.print(report.spelt(await _look(office)), markup=False)
            measured = await key.press_keys(office, key.Keys(calls, rate, agents), say)
        report.show_key(console, measured)
        return measured.passed

    _run(work, keep)


@main.command("callbacks")
def kill_the_daemon_among_callbacks(
    times: Annotated[int, typer.Option(help="So many callers, at least, leave a message.")] = 200,
    rate: Annotated[float, typer.Option(help="Calls a second.")] = 1.5,
    seed: Annotated[int, typer.Option(help="Of the moments of the kills.")] = 1,
    release: Annotated[str, typer.Option(help="Of Asterisk: 16 or 22.")] = private.DEFAULT_RELEASE,
    keep: Keep = False,
) -> None:
    """The daemon killed at random moments while callers leave messages and are called back: each is, once and in his
    turn; exit status 1 if not."""

    async def work(office: Office, here: machine.Machine, say: Say) -> bool:
        survived = await callbacks.survive(office, times, rate, seed, say)
        report.show_survived(console, survived)
        return survived.passed

    _run(lambda folder: _in_the_office(folder, [callbacks.AGENTS], work, release), keep)


def _run(work: Callable[[Path], Coroutine[Any, Any, bool]], keep: bool) -> None:
    """Ends the program, unless all is well."""
    folder = Path(tempfile.mkdtemp(prefix="acd-bench-"))
    passed = False
    try:
        passed = asyncio.run(work(folder))
    except (BenchError, PrivatePbxError) as error:
        errors.print(str(error), style="red", markup=False)
        keep = True
    except KeyboardInterrupt:
        errors.print("Stopped.")
    finally:
        if keep:
            errors.print(f"The folder of the run: {folder}", markup=False)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if not passed:
        raise typer.Exit(1)


async def _in_the_office(
    folder: Path, sizes: Sequence[int], work: Work, release: str = private.DEFAULT_RELEASE
) -> bool:
    say = _saying()
    async with open_office(folder, sizes, release) as office:
        here = await _look(office)
        console.print(report.spelt(here), markup=False)
        return await work(office, here, say)


async def _look(office: Office) -> machine.Machine:
    trips = sorted(await office.ruler.ping_seconds())
    release = (await office.pbx.command("core show version")).split(" built")[0].strip()
    return machine.look(release, percentile(trips, 50))


async def _alone(quick: bool, write: bool) -> bool:
    say = _saying()
    here = machine.look()
    console.print(report.spelt(here), markup=False)
    figures = await daemon_alone.measure(quick, say)
    figures |= await start_up.measure(quick, say)
    say("simulated days")
    figures |= await simulation.measure(quick)
    judged = targets.judge_alone(figures)
    report.show_alone(console, figures)
    report.show_targets(console, judged, "Targets of the daemon alone")
    if write:
        report.write_alone(here, figures, judged)
        console.print("Written: docs/bench/alone.json, docs/bench/alone.svg")
    return True


def _saying() -> Say:
    began = time.monotonic()
    return lambda what: console.print(f"[dim]{time.monotonic() - began:5.0f} s[/]  {what}")


if __name__ == "__main__":
    main()
