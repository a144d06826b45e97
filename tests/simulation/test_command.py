"""`acd simulate`, as an operator uses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from acd.simulation.command import command

CONFIG = """
[asterisk.main]
host = "127.0.0.1"
secret = "a secret"

[[queue]]
name = "sales"

[[agent]]
name = "alice"
devices = [ { kind = "desk", dial = "PJSIP/alice" } ]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "acd.toml"
    file.write_text(CONFIG + "queues = { sales = 1 }\n")
    return file


def simulate(config: Path, *more: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, ["-c", str(config), "--calls-per-hour", "12", "--hours", "2", *more])
    return result.exit_code, result.output


def test_it_tells_of_each_queue_and_each_agent(config: Path) -> None:
    status, output = simulate(config)

    assert status == 0
    assert re.search(r"^ sales +\d+ +\d+ +[\d.]+% +[\d.]+% +[\d.]+ s +[\d.]+ s +[\d.]+ s", output, re.M)
    assert re.search(r"^ alice +\d+ +[\d.]+%", output, re.M)


def test_the_same_seed_prints_the_same_day(config: Path) -> None:
    first, again, other = (simulate(config, "--seed", seed)[1].split("Facts: ")[1] for seed in ("5", "5", "6"))

    assert first == again != other


def test_whoever_leaves_a_message_is_called_back_by_the_evening(tmp_path: Path) -> None:
    """Far too many call for one agent: it takes her half the night."""
    file = tmp_path / "acd.toml"
    site = '[site]\ncountry = "NL"\n'
    server = CONFIG.replace(
        "[asterisk.main]", '[asterisk.main]\nmobile_dial = "PJSIP/{number}@trunk"\nmessages = "/tmp"'
    )
    offered = server.replace('name = "sales"', 'name = "sales"\ncallbacks = { offer_after_seconds = 30 }')
    file.write_text(site + offered + "queues = { sales = 1 }\ncallbacks = true\n")

    status, output = simulate(file, "--calls-per-hour", "60", "--hours", "4")

    assert status == 0
    assert re.search(r"^ alice +\d+ +[89]\d\.\d%", output, re.M)


def test_a_configuration_in_which_nobody_serves_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "acd.toml"
    file.write_text(CONFIG)

    status, output = simulate(file)

    assert status == 1
    assert output.strip().splitlines()[-1].endswith("no agent serves any queue")


def test_a_mistake_in_the_configuration_is_told_as_by_check(tmp_path: Path) -> None:
    file = tmp_path / "acd.toml"
    file.write_text(CONFIG + "queues = { nosuch = 1 }\n")

    status, output = simulate(file)

    assert status == 1
    assert "there is no queue 'nosuch'" in output
