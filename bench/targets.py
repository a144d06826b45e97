"""What must be true in the end, held against what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.comparison import Comparison, Measured, Plan
from bench.figures import Spread
from bench.office import ACD, APP_QUEUE

FREE_P50_MS, FREE_P99_MS = 2.0, 20.0
JOIN_P99_MS = 20.0
ANSWER_P99_MS = 20.0
TIMES_FASTER = 100.0
CPU_SHARE = 0.5

AT_LEAST = {
    "decisions/s, 10000 agents, 100000 waiting": 20_000.0,
    "decisions/s with skills, 10000 agents, 100000 waiting": 5_000.0,
    "whole daemon, log level info: calls/s on one core": 300.0,
    "simulated calls/s, 50 agents, a day on each core": 2_000.0,
}
AT_MOST = {
    "cost at 10000 agents beside 100, 100000 waiting": 2.0,
    "bytes a waiting request": 2_000.0,
    "bytes an agent": 4_000.0,
    "bytes a past request, over 1000000": 1.0,
    "start-up: seconds until steered, 1000 live calls": 2.0,
    "start-up: seconds until steered, 1000 live calls, 100000 past requests": 2.0,
    "snapshot: longest stall of the loop meanwhile, ms, 10000 agents, 100000 waiting": 50.0,
    "start-up: seconds to fold 1000000 facts, by that": 10.0,
}


@dataclass(frozen=True)
class Target:
    what: str
    wanted: str
    found: str
    met: bool


def judge(comparison: Comparison, plan: Plan) -> list[Target]:
    """At 25 calls/s: the crowd that comes to that rate for what an agent waits, the flow for what a caller waits."""
    crowd = next(crowd for crowd in plan.crowds if crowd.agents == 50)
    crowded, flowing = comparison.settings[crowd.title], comparison.settings[plan.flow.title]
    free, native = crowded[ACD].spreads["free_to_dial"], crowded[APP_QUEUE].spreads["free_to_dial"]
    return [
        _at_most("(a) agent free → next dial, p50", FREE_P50_MS, free, "p50"),
        _at_most("(a) agent free → next dial, p99", FREE_P99_MS, free, "p99"),
        _times_faster(free, native),
        _at_most("(b) caller joins → dial, p99", JOIN_P99_MS, flowing[ACD].spreads["join_to_dial"], "p99"),
        _at_most("(c) answer → bridged, p99", ANSWER_P99_MS, flowing[ACD].spreads["answer_to_bridge"], "p99"),
        _cpu(flowing[ACD]),
    ]


def judge_alone(figures: Mapping[str, float | str]) -> list[Target]:
    """Of what was measured: a quick run leaves some out."""
    found = {what: float(figures[what]) for what in (*AT_LEAST, *AT_MOST) if what in figures}
    return [
        *(
            _judged(what, "≥", limit, found[what], found[what] >= limit)
            for what, limit in AT_LEAST.items()
            if what in found
        ),
        *(
            _judged(what, "≤", limit, found[what], found[what] <= limit)
            for what, limit in AT_MOST.items()
            if what in found
        ),
    ]


def _judged(what: str, sign: str, limit: float, found: float, met: bool) -> Target:
    return Target(what, f"{sign} {limit:,g}", f"{found:,g}", met)


def _at_most(what: str, limit_ms: float, found: Spread | None, which: str) -> Target:
    value: float = getattr(found, which) if found else float("inf")
    return Target(what, f"≤ {limit_ms:g} ms", f"{value:.1f} ms", value <= limit_ms)


def _times_faster(free: Spread | None, native: Spread | None) -> Target:
    times = native.p50 / free.p50 if free and native else 0.0
    return Target("(a) p50, times faster than app_queue", f"≥ {TIMES_FASTER:g}", f"{times:.0f}", times >= TIMES_FASTER)


def _cpu(measured: Measured) -> Target:
    share = measured.daemon_cpu_seconds / (measured.asterisk_cpu_seconds or 1)
    return Target(
        "(e) the daemon's CPU per call, of Asterisk's", f"≤ {CPU_SHARE:g}", f"{share:.2f}", share <= CPU_SHARE
    )
