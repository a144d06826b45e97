"""`acd check` as an operator runs it: doubts, and what a reload would change, beside a daemon that is running."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from acd import config
from acd.__main__ import main
from acd.center.facts import RulesChanged
from acd.journal.sqlite import SqliteStore
from acd.journal.store import row_of

ACD = """
[asterisk.main]
host = "127.0.0.1"
secret = "env:ACD_AMI_SECRET"

[store]
url = "sqlite:{folder}/acd.db"

[[queue]]
name = "sales"
ring_seconds = {ring_seconds}

[[agent]]
name = "alice"
queues = {{ sales = 1 }}
devices = [ {{ kind = "desk", dial = "PJSIP/alice" }} ]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACD_AMI_SECRET", "x")
    file = tmp_path / "acd.toml"
    file.write_text(ACD.format(folder=tmp_path, ring_seconds=20))
    return file


def test_before_there_is_a_journal_nothing_is_compared(file: Path) -> None:
    checked = CliRunner().invoke(main, ["check", "-c", str(file)])

    assert (checked.exit_code, checked.stdout) == (0, f"{file}: good: 1 queues, 1 agents\n")
    assert not (file.parent / "acd.db").exists()


def test_what_a_reload_would_change_is_told_while_the_journal_is_in_use(file: Path) -> None:
    store = SqliteStore(file.parent / "acd.db")
    store.write([row_of(1, RulesChanged(at=0, rules=config.load(file).rules()))])
    file.write_text(ACD.format(folder=file.parent, ring_seconds=5))

    checked = CliRunner().invoke(main, ["check", "-c", str(file)])

    store.close()
    assert checked.exit_code == 0
    assert "a reload would change: ~ queue 'sales': ring_seconds 20.0 → 5.0\n" in checked.stdout


def test_a_journal_that_is_somebody_else_s_is_told(file: Path) -> None:
    (file.parent / "acd.db").write_bytes(b"not a database at all, and long enough to be looked at" * 20)

    checked = CliRunner().invoke(main, ["check", "-c", str(file)])

    assert checked.exit_code == 1
    assert "acd.db" in checked.stderr


def test_a_doubt_is_told_and_is_no_mistake(file: Path) -> None:
    file.write_text(file.read_text() + '[[queue]]\nname = "lonely"\n')

    checked = CliRunner().invoke(main, ["check", "-c", str(file)])

    assert checked.exit_code == 0
    assert "queue 'lonely': nobody can serve it" in checked.stderr
