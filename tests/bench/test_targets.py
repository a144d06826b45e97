"""The targets at 25 calls/s, held against what was measured."""

from __future__ import annotations

from bench.comparison import QUICK, Comparison, Measured
from bench.office import ACD, APP_QUEUE
from bench.targets import AT_LEAST, AT_MOST, judge, judge_alone


def compared(acd: Measured, app_queue: Measured) -> Comparison:
    titles = [*(crowd.title for crowd in QUICK.crowds), QUICK.flow.title]
    return Comparison({title: {ACD: acd, APP_QUEUE: app_queue} for title in titles}, {})


def measured(ms: float, daemon_cpu_seconds: float = 0.4) -> Measured:
    delays = [ms / 1000] * 100
    return Measured(
        calls=100,
        asterisk_cpu_seconds=1.0,
        daemon_cpu_seconds=daemon_cpu_seconds,
        free_to_dial=delays,
        join_to_dial=delays,
        answer_to_bridge=delays,
    )


def missed(comparison: Comparison) -> list[str]:
    return [target.what for target in judge(comparison, QUICK) if not target.met]


def test_what_is_within_all_limits_misses_none() -> None:
    assert missed(compared(measured(2), measured(200))) == []


def test_a_daemon_that_is_fast_but_not_a_hundred_times_faster_misses_that() -> None:
    assert missed(compared(measured(2), measured(199))) == ["(a) p50, times faster than app_queue"]


def test_a_daemon_that_takes_more_than_half_of_asterisks_cpu_misses_that() -> None:
    assert missed(compared(measured(1, daemon_cpu_seconds=0.51), measured(200))) == [
        "(e) the daemon's CPU per call, of Asterisk's"
    ]


def test_what_was_not_measured_is_missed() -> None:
    assert len(missed(compared(Measured(), measured(200)))) == 5


def test_of_the_daemon_alone_only_what_was_measured_is_judged() -> None:
    assert [target.what for target in judge_alone({"bytes an agent": 4_000, "something else": 1})] == ["bytes an agent"]


def test_the_daemon_alone_misses_a_limit_by_a_little_more_or_less() -> None:
    within = {what: limit for limits in (AT_LEAST, AT_MOST) for what, limit in limits.items()}
    beyond = {what: limit - 1 for what, limit in AT_LEAST.items()} | {
        what: limit + 1 for what, limit in AT_MOST.items()
    }
    assert all(target.met for target in judge_alone(within))
    assert not any(target.met for target in judge_alone(beyond))
    assert len(judge_alone(beyond)) == len(AT_LEAST) + len(AT_MOST)
