"""The API held against its own description by schemathesis: `python -m fuzz.api SECONDS`.

A real daemon beside the simulated Asterisk, with callers who come and go, so that there is something to see and to act
upon. It ends with status 1 if something was found, or if the daemon's own log or metrics tell of a failure.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acd import config as configuration
from bench.daemon_alone import everybody_logs_in, exchange_running, tables, toml
from bench.storm import Stormy, free_port, metrics, until_ready

AGENTS, JOINS_A_SECOND = 10, 5
TOKEN = secrets.token_urlsafe(16)
ENDLESS = "/v1/events"
"""Its answer has no end, for which schemathesis would wait."""


@contextmanager
def _daemon(folder: Path) -> Iterator[tuple[str, Path]]:
    """Its address, and the file of its log."""
    with exchange_running(AGENTS, Stormy) as (port, tell, _):
        listen = f"127.0.0.1:{free_port()}"
        table: dict[str, Any] = tables(port, folder, AGENTS) | {"http": {"listen": listen}}
        text = toml(table) + (
            f'[[token]]\nname = "fuzz"\nsha256 = "{hashlib.sha256(TOKEN.encode()).hexdigest()}"\nrole = "admin"\n'
        )
        file, log = folder / "acd.toml", folder / "log"
        file.write_text(text)
        asyncio.run(everybody_logs_in(configuration.load(file)))
        with log.open("wb") as stderr:
            daemon = subprocess.Popen([sys.executable, "-m", "acd", "run", "-c", file], stderr=stderr)
        try:
            asyncio.run(until_ready(f"http://{listen}"))
            tell("flood", JOINS_A_SECOND)
            yield f"http://{listen}", log
        finally:
            daemon.terminate()
            daemon.wait(30)


CONFIGURATION = """
[checks]
ignored_auth.enabled = false
""" + "".join(
    f"""
[[operations]]
include-name = "POST {path}"

[operations.checks]
positive_data_acceptance.enabled = false
"""
    for path in ("/v1/agents/{agent}/login", "/v1/agents/{agent}/forward", "/v1/callbacks", "/v1/calls")
)
"""Wrong tokens are not tried: after ten of them all that is new gets 429, as it should. Which devices an agent may log
in at, which members go together, and which numbers are dialled, stands in no description: 422 for others is right."""


def _fuzz(api: str, seconds: int, folder: Path) -> bool:
    """Whether nothing was found."""
    (folder / "schemathesis.toml").write_text(CONFIGURATION)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{api}/v1/openapi.json", "--url", api),
        *("--header", f"Authorization: Bearer {TOKEN}", "--exclude-path", ENDLESS, "--max-time", str(seconds)),
        *("--continue-on-failure", "--no-color"),
    ]
    return subprocess.run(command, cwd=folder, check=False).returncode == 0


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    with tempfile.TemporaryDirectory() as folder, _daemon(Path(folder)) as (api, log):
        is_clean = _fuzz(api, seconds, Path(folder))
        errors = metrics(api, TOKEN)["errors"]
        wrong = [line for line in log.read_text().splitlines() if '"level":"error"' in line or "Traceback" in line]
    for line in wrong[:20]:
        sys.stderr.write(f"{line}\n")
    sys.stderr.write(f"acd_errors_total: {errors:g}; errors in the log: {len(wrong)}\n")
    sys.exit(not is_clean or bool(errors or wrong))


if __name__ == "__main__":
    main()
