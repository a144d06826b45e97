"""docs/failures.md names nothing that there is not: no test, no run, no metric, no line of the log."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.__main__ import main

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "failures.md").read_text()
QUOTED = re.findall(r"`([^`]+)`", PAGE)
SOURCE = "".join(path.read_text() for path in (ROOT / "acd").rglob("*.py"))
METRICS = (ROOT / "docs" / "metrics.md").read_text()
"""Which is held against the metrics themselves in test_metrics.py."""


def _tests() -> list[Path]:
    """One without a folder is in that of the one before it."""
    named, folder = [], ROOT
    for word in QUOTED:
        if re.fullmatch(r"tests/[\w/.]*", word):
            named.append(ROOT / word)
            folder = named[-1].parent
        elif re.fullmatch(r"test_\w+\.py", word):
            named.append(folder / word)
    return named


def _runs() -> list[str]:
    return [word for word in QUOTED if word.startswith(("make ", "python -m bench "))]


def _log_events() -> list[str]:
    files = (".py", ".toml", ".md", ".conf")
    return [word for word in QUOTED if re.fullmatch(r"[a-z]+\.[a-z_]+", word) and not word.endswith(files)]


def test_it_names_some_of_each() -> None:
    assert len(_tests()) > 40
    assert len(_runs()) > 2
    assert len(_log_events()) > 15


@pytest.mark.parametrize("path", sorted(set(_tests())), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_test_that_it_names_is_there(path: Path) -> None:
    assert path.exists()


@pytest.mark.parametrize("run", sorted(set(_runs())))
def test_a_run_that_it_names_can_be_made(run: str) -> None:
    what = run.split()[-1]
    if run.startswith("make "):
        assert re.search(rf"^{what}:", (ROOT / "Makefile").read_text(), re.M)
    else:
        assert what in {command.name for command in main.registered_commands}


@pytest.mark.parametrize("event", sorted(set(_log_events())))
def test_a_line_of_the_log_that_it_names_is_one(event: str) -> None:
    assert f'"{event}"' in SOURCE


@pytest.mark.parametrize("metric", sorted(set(re.findall(r"\bacd_\w+", PAGE))))
def test_a_metric_that_it_names_is_one(metric: str) -> None:
    assert re.search(rf"`{metric}[`{{]", METRICS)
