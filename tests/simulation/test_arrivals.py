"""Arrivals, talks and patience are as many, as long and as spread as they were asked to be."""

from __future__ import annotations

import itertools
import random
from statistics import fmean, median

import pytest

from acd.simulation.arrivals import Agents, Callers


def test_as_many_call_as_were_asked_for_and_most_of_them_in_the_busy_hours() -> None:
    callers = Callers(calls_per_hour=1000, shape=(1, 3))

    moments = list(callers.moments(8, random.Random(1)))

    assert moments == sorted(moments)
    assert len(moments) == pytest.approx(8000, rel=0.05)
    busy = sum(moment >= 4 * 3600 for moment in moments)
    assert busy / (len(moments) - busy) == pytest.approx(3, rel=0.1)


def test_gaps_are_those_of_chance() -> None:
    """Of an exponential distribution the deviation is as large as the mean; of a metronome it is none."""
    moments = list(Callers(calls_per_hour=3600, shape=(1,)).moments(3, random.Random(1)))
    gaps = [after - before for before, after in itertools.pairwise(moments)]
    mean = fmean(gaps)

    assert fmean((gap - mean) ** 2 for gap in gaps) ** 0.5 == pytest.approx(mean, rel=0.05)


def test_nobody_calls_where_no_call_was_asked_for() -> None:
    assert list(Callers(calls_per_hour=0).moments(8, random.Random(1))) == []


def test_talks_and_patience_have_their_averages() -> None:
    callers, chance = Callers(1, talk_seconds=200, patience_seconds=90), random.Random(1)
    talks = [callers.talk(chance) for _ in range(20_000)]
    patience = [callers.patience(chance) for _ in range(20_000)]

    assert fmean(talks) == pytest.approx(200, rel=0.03)
    assert median(talks) == pytest.approx(200 * 0.78, rel=0.03)
    assert fmean(patience) == pytest.approx(90, rel=0.03)


def test_breaks_do_not_overlap_and_end_within_the_day() -> None:
    breaks = list(Agents().breaks(10, random.Random(1)))

    assert len(breaks) >= 3
    assert all(ends <= begins for (_, ends), (begins, _) in itertools.pairwise(breaks))
    assert breaks[-1][1] <= 10 * 3600
