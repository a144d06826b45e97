"""The rules of the house that a machine can check."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
CENTER = sorted((ROOT / "acd" / "center").glob("**/*.py"))
WHAT_THE_CENTER_IS_MADE_OF = {
    "__future__",
    "acd",
    "bisect",
    "collections",
    "enum",
    "heapq",
    "itertools",
    "math",
    "msgspec",
    "typing",
}
LONGEST_FILE = 400


def test_imports_point_inward_and_the_center_is_pure() -> None:
    checked = subprocess.run([LINT_IMPORTS, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("file", CENTER, ids=lambda file: file.name)
def test_the_center_is_made_of_little(file: Path) -> None:
    """The import contracts name what is forbidden; this is all that is allowed."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])

    assert found <= WHAT_THE_CENTER_IS_MADE_OF


@pytest.mark.parametrize("file", CENTER, ids=lambda file: file.name)
def test_a_file_of_the_center_has_one_subject(file: Path) -> None:
    lines = len(file.read_text().splitlines())

    assert lines <= LONGEST_FILE, f"{file.name} has {lines} lines: find the names of its two subjects"
