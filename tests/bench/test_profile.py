"""What is read out of cProfile's dump."""

from __future__ import annotations

import cProfile
from pathlib import Path

from bench.profile import TOP, top_lines


def busy() -> int:
    return sum(range(300_000))


def test_the_costliest_function_comes_first_with_its_share_of_a_call(tmp_path: Path) -> None:
    profile = cProfile.Profile()
    for _ in range(4):
        profile.runcall(busy)
    profile.dump_stats(tmp_path / "profile")
    first, *others = top_lines(tmp_path / "profile", calls=2)
    assert "sum" in first.function
    assert first.times_per_call == 2
    assert first.share_percent > 50
    assert len(others) < TOP
    assert not any(str(tmp_path.anchor) == line.function[:1] for line in [first, *others])
