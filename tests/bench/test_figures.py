"""Percentiles."""

from __future__ import annotations

from bench.figures import percentile, spread


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert [percentile([1.0, 2.0, 3.0, 4.0], percent) for percent in (1, 25, 50, 51, 99, 100)] == [1, 1, 2, 3, 4, 4]


def test_one_in_a_hundred_shows_in_the_maximum_and_not_in_the_99th_percentile() -> None:
    found = spread([0.001] * 99 + [5.0])
    assert found and (found.p50, found.p99, found.max, found.count) == (1.0, 1.0, 5000.0, 100)


def test_the_order_of_measuring_does_not_matter() -> None:
    assert spread([0.003, 0.001, 0.002]) == spread([0.001, 0.002, 0.003])


def test_nothing_measured_is_no_figure() -> None:
    assert spread([]) is None
