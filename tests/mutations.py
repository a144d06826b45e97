"""Whether the fast tests notice a bug: each mutant is the code with one mistake in it, and must turn them red.

    python tests/mutations.py              the mutants of tests/mutants.py, one after the other
    python tests/mutations.py 7 12         some of them, by their numbers
    python tests/mutations.py --sample 100 --seed 1 acd/center
                                           so many, drawn by lot out of all that `mistakes` can make of these files

Each is tried in a copy of its own; nothing here is touched. Status 1 if one survives.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
COPIED = ("acd", "tests", "config", "dialplans", "deploy", "docs", "pyproject.toml")
TESTS = (
    "tests/center",
    "tests/asterisk/test_reading.py",
    "tests/asterisk/test_calls.py",
    "tests/asterisk/test_dialogues.py",
    "tests/asterisk/test_lost_callers.py",
    "tests/asterisk/test_link.py",
    "tests/simulation",
)
"""The fast ones, those that know most of the center and the Asterisk edge; a real Asterisk is not needed."""
NO_TESTS = 5
"""That pytest was to run: all of them need a real Asterisk."""
LONGEST_CPU_SECONDS = 150
"""A mutant that hangs is noticed, too."""


class Stale(Exception):
    """The code that a mutant would change is not there any more."""


class Mutant(NamedTuple):
    file: str
    old: str
    """Stands once in the file; or, of those drawn by lot, at `at`."""
    new: str
    at: int | None = None

    def applied_to(self, text: str) -> str:
        at = self.at
        if at is None:
            if text.count(self.old) != 1:
                raise Stale(f"{self.file}: stands there {text.count(self.old)} times, not once: {self.old!r}")
            at = text.index(self.old)
        return text[:at] + self.new + text[at + len(self.old) :]

    def __str__(self) -> str:
        line = 0 if self.at is None else (ROOT / self.file).read_text()[: self.at].count("\n") + 1
        return f"{self.file}{f':{line}' if line else ''}: {_short(self.old)} → {_short(self.new) or '(nothing)'}"


def _short(text: str) -> str:
    return " ".join(text.split())[:100]


# ---- Trying one


def survives(mutant: Mutant, tests: Sequence[str] = TESTS) -> bool:
    """Whether the tests stay green."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / name)
        file = copy / mutant.file
        file.write_text(mutant.applied_to(file.read_text()))
        return all(_are_green(copy, some) for some in (_its_own_tests(mutant.file), tests) if some)


def _are_green(copy: Path, tests: Sequence[str]) -> bool:
    run = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", "-p", "no:cacheprovider", "-m", "not pbx", *tests]
    own = {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(run, cwd=copy, env={**os.environ, **own}, capture_output=True, preexec_fn=_hurry)
    if done.returncode not in (0, 1, 2, NO_TESTS, -signal.SIGXCPU):  # 2: it cannot even be imported
        raise RuntimeError(done.stdout.decode() + done.stderr.decode())
    return done.returncode in (0, NO_TESTS)


def _its_own_tests(file: str) -> list[str]:
    """They know first."""
    name = f"test_{Path(file).stem}.py"
    own = (f"tests/{folder}/{name}" for folder in ("center", "asterisk"))
    return [test for test in own if (ROOT / test).exists()]


def _hurry() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_CPU_SECONDS, LONGEST_CPU_SECONDS + 1))


# ---- Mistakes by rule

_COMPARISONS = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
_TURNED_ROUND = {ast.Lt: ">", ast.LtE: ">=", ast.Gt: "<", ast.GtE: "<="}
_SUMS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/"}
_EXTREMES = {"min": "max", "max": "min"}


def mistakes(file: str) -> list[Mutant]:
    """What somebody could have mistyped or forgotten there: a comparison, a sign, a number, a condition, a line, an
    `await`, the order of two arguments."""
    text = (ROOT / file).read_text()
    source = _Source(file, text)
    found: list[Mutant] = []
    for function in _functions(ast.parse(text)):
        for node in ast.walk(function):
            found += source.mistakes_at(node)
    return found


def _functions(tree: ast.Module) -> Iterator[ast.AST]:
    """Not those within another one, which are walked with it."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from (one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


class _Source:
    def __init__(self, file: str, text: str) -> None:
        self._file, self._text = file, text
        self._starts = [0]
        for line in text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line.encode()))
        self._bytes = text.encode()

    def mistakes_at(self, node: ast.AST) -> Iterator[Mutant]:
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            for operators in (_COMPARISONS, _TURNED_ROUND):
                if operator := operators.get(type(node.ops[0])):
                    yield self._between(node.left, node.comparators[0], f" {operator} ")
        elif isinstance(node, ast.BinOp) and type(node.op) in _SUMS and not isinstance(node.left, ast.Constant):
            yield self._between(node.left, node.right, f" {_SUMS[type(node.op)]} ")
        elif isinstance(node, ast.BoolOp):
            yield self._between(*node.values[:2], " or " if isinstance(node.op, ast.And) else " and ")
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield self._instead_of(node, self._said(node.operand))
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield self._instead_of(node, str(node.value + 1))
            yield self._instead_of(node, f"({node.value - 1})")
        elif isinstance(node, ast.Constant) and type(node.value) is bool:
            yield self._instead_of(node, str(not node.value))
        elif isinstance(node, ast.If | ast.IfExp):
            yield self._instead_of(node.test, "True")
            yield self._instead_of(node.test, "False")
        elif isinstance(node, ast.Call):
            yield from self._mistakes_in_a_call(node)
        elif isinstance(node, ast.Await):
            yield self._instead_of(node, self._said(node.value))
        elif _can_be_forgotten(node):
            yield self._instead_of(node, "pass")

    def _mistakes_in_a_call(self, node: ast.Call) -> Iterator[Mutant]:
        if isinstance(node.func, ast.Name) and node.func.id in _EXTREMES:
            yield self._instead_of(node.func, _EXTREMES[node.func.id])
        if len(node.args) > 1 and not any(isinstance(one, ast.Starred) for one in node.args[:2]):
            first, second = node.args[:2]
            (start, ends), (begins, end) = self._span(first), self._span(second)
            between = self._bytes[ends:begins].decode()
            yield self._mutant(start, end, self._said(second) + between + self._said(first))

    def _said(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._bytes[start:end].decode()

    def _span(self, node: ast.AST) -> tuple[int, int]:
        start = self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def _instead_of(self, node: ast.AST, new: str) -> Mutant:
        return self._mutant(*self._span(node), new)

    def _between(self, left: ast.AST, right: ast.AST, new: str) -> Mutant:
        (_, start), (end, _) = self._span(left), self._span(right)
        closing = self._bytes[start:end].decode()
        before = ")" * closing.count(")")
        after = "(" * closing.count("(")
        return self._mutant(start, end, before + new + after)

    def _mutant(self, start: int, end: int, new: str) -> Mutant:
        at = len(self._bytes[:start].decode())
        return Mutant(self._file, self._bytes[start:end].decode(), new, at)


def _can_be_forgotten(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call | ast.Await)
    if isinstance(node, ast.Return):
        return node.value is None
    return isinstance(node, ast.Assign | ast.AugAssign | ast.Delete | ast.Continue | ast.Break)


def drawn(folders: Sequence[str], count: int, seed: int) -> list[Mutant]:
    files = sorted(
        str(file.relative_to(ROOT))
        for folder in folders
        for file in ([ROOT / folder] if folder.endswith(".py") else (ROOT / folder).rglob("*.py"))
    )
    possible = [mutant for file in files for mutant in mistakes(file)]
    return random.Random(seed).sample(possible, min(count, len(possible)))


# ---- The command


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("which", nargs="*", help="numbers of mutants; or, with --sample, files and folders")
    asked.add_argument("--sample", type=int, metavar="N")
    asked.add_argument("--seed", type=int, default=1)
    arguments = asked.parse_args()
    if arguments.sample:
        mutants = drawn(arguments.which or ["acd/center", "acd/asterisk"], arguments.sample, arguments.seed)
    else:
        from mutants import MUTANTS

        mutants = [MUTANTS[int(number) - 1] for number in arguments.which] or MUTANTS
    return 1 if _try(mutants) else 0


def _try(mutants: Sequence[Mutant]) -> int:
    """Says how many survive, or can no longer be made."""
    alive = 0
    for number, mutant in enumerate(mutants, 1):
        began = time.monotonic()
        try:
            is_alive = survives(mutant)
        except Stale as stale:
            print(f"{number:4} STALE     {stale}", flush=True)
            alive += 1
            continue
        alive += is_alive
        took = time.monotonic() - began
        print(f"{number:4} {'SURVIVED' if is_alive else 'killed  '} {took:5.1f} s  {mutant}", flush=True)
    print(f"{len(mutants) - alive} killed, {alive} survived")
    return alive


if __name__ == "__main__":
    sys.exit(main())
