"""Percentiles, and what is said of many delays in four numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True)
class Spread:
    """How long something took, many times: in milliseconds."""

    count: int
    p50: float
    p90: float
    p99: float
    max: float


def spread(seconds: Sequence[float]) -> Spread | None:
    """None if nothing was measured."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    p50, p90, p99, most = (round(1000 * percentile(ordered, percent), 3) for percent in (50, 90, 99, 100))
    return Spread(len(ordered), p50, p90, p99, most)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """By nearest rank: a value that was really measured, and never a smaller one than that share lies below."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]
