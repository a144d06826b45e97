"""Storms, in the small: calls are carried while far too much is said or asked for."""

from __future__ import annotations

import pytest

from bench import storm


@pytest.mark.parametrize(("order", "a_second"), [("storm", 2_000), ("flood", 200)])
def test_calls_are_carried_in_a_storm(order: str, a_second: int) -> None:
    figures = {what.partition(": ")[2]: float(figure) for what, figure in storm.weather(order, a_second, 2).items()}

    assert figures["calls/s carried meanwhile"] > 5
    assert figures["AMI events/s heard"] > a_second / 2
    assert figures["links lost"] == figures["failures of acd"] == 0
    assert figures["memory at its end, MB"] < figures["memory before, MB"] + 100


def test_who_lost_a_call_has_not_survived() -> None:
    good = {"storm: calls/s carried meanwhile": 25.0, "storm: links lost": 0, "storm: failures of acd": 0}

    assert storm.survived(good)
    assert not storm.survived(good | {"storm: calls/s carried meanwhile": 20.0})
    assert not storm.survived(good | {"storm: links lost": 1})
    assert not storm.survived(good | {"storm: failures of acd": 2})
