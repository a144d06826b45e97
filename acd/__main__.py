"""The command line."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from acd import config as configuration
from acd import daemon, logs
from acd.asterisk.pbx_command import pbx_app
from acd.checking.dialling import dialling_doubts, may_be_dialled
from acd.checking.differences import differences
from acd.checking.doubts import doubts
from acd.checking.live import look
from acd.demo.command import demo
from acd.dialling import DialRefused
from acd.journal import JournalError, last_rules
from acd.journal import export as export_journal
from acd.simulation.command import command as simulate

main = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="A call distributor for Asterisk."
)
main.add_typer(pbx_app, name="pbx")
main.command("demo")(demo)
main.command("simulate")(simulate)

ConfigFile = Annotated[Path, typer.Option("-c", "--config", metavar="FILE", help="The configuration (acd.toml).")]
errors = Console(stderr=True, highlight=False, soft_wrap=True)


@main.command()
def run(
    config: ConfigFile, log_level: Annotated[str, typer.Option(help="debug, info, warning or error")] = "info"
) -> None:
    """Run the daemon. SIGHUP takes over a changed configuration; SIGTERM stops it and leaves every call as it is."""
    logs.set_up(log_level)
    try:
        asyncio.run(daemon.serve(config))
    except (configuration.BadConfig, JournalError, daemon.CannotStart) as error:
        _fail(str(error))


@main.command()
def check(
    config: ConfigFile,
    live: Annotated[bool, typer.Option("--live", help="Ask the Asterisk servers, too.")] = False,
    number: Annotated[
        list[str] | None, typer.Option(help="A number: may it be dialled, or which rule refuses? Can be repeated.")
    ] = None,
) -> None:
    """Check a configuration: every mistake at once, with its line; exit status 1 if there is one.

    Then: what is allowed and cannot be meant, and what a reload would change, if there is a journal.

    With --number, what the dial policy says of it instead; exit status 1 if it may not be dialled.
    """
    try:
        checked = configuration.load(config)
        before = last_rules(checked.store.url)
    except (configuration.BadConfig, JournalError) as error:
        _fail(str(error))
    if number:
        _check_numbers(checked, number)
        return
    for warning in (*configuration.warnings(config), *doubts(checked.rules()), *dialling_doubts(checked)):
        errors.print(warning, style="yellow", markup=False)
    for change in differences(before, checked.rules()) if before else ():
        sys.stdout.write(f"a reload would change: {change}\n")
    logs.set_up("critical")  # what is wrong is told here
    if live and (troubles := asyncio.run(look(checked))):
        _fail("\n".join(troubles))
    sys.stdout.write(f"{config}: good: {len(checked.queue)} queues, {len(checked.agent)} agents\n")


def _check_numbers(checked: configuration.Config, numbers: list[str]) -> None:
    refusals = []
    for number in numbers:
        try:
            sys.stdout.write(f"{may_be_dialled(checked, number)}\n")
        except DialRefused as refused:
            refusals.append(f"refused: {refused}")
    if refusals:
        _fail("\n".join(refusals))


@main.command()
def export(
    config: ConfigFile,
    to: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Where to; default: acd-MOMENT.db, in the current folder.")
    ] = None,
) -> None:
    """Make a backup of the journal, while the daemon runs or not: all that is committed, read through, in one file."""
    target = to or Path(f"acd-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db")
    try:
        facts = export_journal(configuration.load(config).store.url, target)
    except (configuration.BadConfig, JournalError) as error:
        _fail(str(error))
    sys.stdout.write(f"{target}: {facts} facts\n")


@main.command()
def token() -> None:
    """Make a bearer token for the API: the token itself, and the line of its SHA-256 for the configuration."""
    made = secrets.token_urlsafe(32)
    digest = hashlib.sha256(made.encode()).hexdigest()
    sys.stdout.write(f'token:   {made}\n\n[[token]]\nname = ""\nsha256 = "{digest}"\nrole = "supervisor"\n')


def _fail(message: str) -> None:
    errors.print(message, style="red", markup=False)
    raise typer.Exit(1)


if __name__ == "__main__":
    main()
