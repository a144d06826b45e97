"""What the soak calls growth."""

from __future__ import annotations

from dataclasses import replace

from bench.soak import Sample, growths

IDLE = Sample(
    at_seconds=0,
    calls=0,
    daemon_bytes=60_000_000,
    daemon_descriptors=12,
    daemon_threads=3,
    asterisk_bytes=90_000_000,
    asterisk_channels=0,
    asterisk_surrogates=0,
    live_calls=0,
)


def grown(samples: list[Sample], after: Sample = IDLE) -> list[str]:
    return [growth.what for growth in growths(IDLE, samples, after) if not growth.passed]


def test_memory_that_is_filled_once_and_then_stays_has_not_grown() -> None:
    assert grown([IDLE] * 10 + [replace(IDLE, daemon_bytes=80_000_000)] * 30) == []


def test_memory_that_goes_on_growing_has_grown() -> None:
    leak = [replace(IDLE, daemon_bytes=60_000_000 + 200_000 * nth) for nth in range(40)]
    assert grown(leak) == ["the daemon's memory, MB"]


def test_calls_in_progress_are_no_growth_and_a_channel_that_stays_is() -> None:
    busy = [replace(IDLE, asterisk_channels=60, daemon_descriptors=14)] * 40
    assert grown(busy) == []
    assert grown(busy, replace(IDLE, asterisk_channels=1, asterisk_surrogates=9, daemon_descriptors=40)) == [
        "the daemon's descriptors",
        "Asterisk's channels",
        "surrogates left by Asterisk",
    ]


def test_a_short_soak_of_one_sample_is_judged_too() -> None:
    assert grown([IDLE]) == []
