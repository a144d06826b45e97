"""`acd pbx`: installs a private Asterisk, runs one in the foreground, and tells where it is."""

from __future__ import annotations

import asyncio
import secrets
import shlex
import signal
import sys
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from acd.asterisk import pbx, private
from acd.asterisk.packages import Say
from acd.asterisk.pbx import Endpoint, PbxSettings, PrivatePbx
from acd.asterisk.pbx_files import SHIPPED
from acd.asterisk.private import Installation, PrivatePbxError

T = TypeVar("T")

DEMO_DIALPLAN = SHIPPED / "dialplans" / "demo.conf"
PHONES = ("alice", "bob", "carol")

pbx_app = typer.Typer(no_args_is_help=True, help="A private Asterisk, which touches nothing of the machine's own.")
errors = Console(stderr=True, highlight=False, soft_wrap=True)

Release = Annotated[
    str | None, typer.Option(help="22 or 16. Default: the machine's own Asterisk if it has one, else 22.")
]


@pbx_app.command()
def install(
    release: Annotated[
        list[str] | None, typer.Option(help="22 or 16; may be given more than once. Default: 22.")
    ] = None,
    sipp: Annotated[bool, typer.Option("--sipp", help="SIPp as well, which makes calls by the thousand.")] = False,
) -> None:
    """Install Asterisk (and SIPp) in a cache of this user. What is there already is left as it is."""
    with one_line_of_error(), stopped_by_signals(), telling(errors) as say:
        found = [private.install(wanted, say) for wanted in release] if release else [private.install(say=say)]
        ready = [f"Asterisk {installation.release}" for installation in found]
        if sipp:
            private.install_sipp(say)
            ready.append("SIPp")
    sys.stdout.write(f"Ready: {', '.join(ready)}\n")


@pbx_app.command()
def path(release: Release = None) -> None:
    """Print the command that starts the installed Asterisk; exit status 1 if there is none."""
    with one_line_of_error():
        found = private.find(release)
        if found is None:
            raise PrivatePbxError(f"no Asterisk {release or ''}is installed; install one: acd pbx install")
    sys.stdout.write(f"{shlex.join(found.command())}\n")


@pbx_app.command()
def run(release: Release = None) -> None:
    """Run a private Asterisk with phones to register, until Ctrl-C. Nothing is left of it."""
    with one_line_of_error():
        with stopped_by_signals(), telling(errors) as say:
            installation = private.install(release, say)
        run_until_stopped(_run(installation))
    sys.stdout.write("Asterisk has stopped.\n")


async def _run(installation: Installation) -> None:
    password = secrets.token_hex(4)
    settings = PbxSettings(
        endpoints=tuple(Endpoint(name, password) for name in PHONES), dialplan=DEMO_DIALPLAN.read_text()
    )
    with tempfile.TemporaryDirectory(prefix="acd-pbx-") as folder:
        async with pbx.running(installation, Path(folder), settings) as running:
            secret_file = Path(folder) / "secret"
            secret_file.touch(mode=0o600)
            secret_file.write_text(running.secret)
            sys.stdout.write(_where_it_is(running, password, secret_file))
            sys.stdout.flush()
            await running.process.wait()
            raise PrivatePbxError(f"Asterisk ended by itself; its log said:\n{running.log()[-1000:]}")


def _where_it_is(running: PrivatePbx, password: str, secret_file: Path) -> str:
    return f"""\
Asterisk {running.installation.release} runs; Ctrl-C stops it.

Phones     {running.host}:{running.sip_port} (SIP over UDP): {", ".join(PHONES)}, each with the password {password}
Queues     100 sales, 200 support, 300 billing (dialplans/demo.conf)
Log        {running.log_path}

For acd.toml:

[asterisk.main]
host = "{running.host}"
port = {running.ami_port}
username = "{running.ami_user}"
secret = "file:{secret_file}"
"""


# ---- What commands that set up and run something have in common


@contextmanager
def one_line_of_error(*kinds: type[Exception]) -> Iterator[None]:
    """Shows what can be expected to go wrong in one line, and ends the command with status 1."""
    expected: tuple[type[Exception], ...] = (PrivatePbxError, *kinds)
    try:
        yield
    except expected as error:
        errors.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None


@contextmanager
def telling(console: Console) -> Iterator[Say]:
    """Shows what is being done at the moment: on one line that changes where a person looks, else line by line."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda words: console.print(words, markup=False)
        return
    status = Status("", console=console)

    def say(words: str) -> None:
        status.update(escape(words))
        status.start()

    try:
        yield say
    finally:
        status.stop()


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """SIGTERM, and a terminal that goes away, end work that blocks in the way in which Ctrl-C does."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in _stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_until_stopped(work: Coroutine[Any, Any, T]) -> T | None:
    """What it returns; None if Ctrl-C, SIGTERM or the end of the terminal stopped it. It has the time to tidy up."""

    async def watched() -> T | None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        told: list[bool] = []

        def stop() -> None:
            if not told:  # whoever is impatient must not stop the tidying up
                told.append(True)
                task.cancel()

        for number in _stop_signals():
            loop.add_signal_handler(number, stop)
        try:
            return await task
        except asyncio.CancelledError:
            if told:
                return None
            raise

    return asyncio.run(watched())


def _stop_signals() -> list[signal.Signals]:
    """Not SIGHUP for a program that was started with nohup."""
    ends_with_terminal = signal.getsignal(signal.SIGHUP) != signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if ends_with_terminal else [])]
