"""The real thing for a few seconds: an Asterisk, the daemon and SIPp, measured by the bench's own ruler."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.comparison import Crowd, Flow, Measured, measure_crowd, measure_flow
from bench.load import NO_SURROGATES, Load, load
from bench.office import ACD, APP_QUEUE, open_office


@pytest.mark.pbx
async def test_both_contestants_work_in_the_same_office(tmp_path: Path) -> None:
    flow = Flow(agents=10, rate=5, talk_seconds=0.5, seconds=2, rounds=1)
    crowd = Crowd(agents=3, waiting=8, talk_seconds=0.3, rate=20, seconds=2, rounds=1)
    async with open_office(tmp_path, [10, 3]) as office:
        for contestant in (APP_QUEUE, ACD):
            flowing, crowded = Measured(), Measured()
            await measure_flow(office, flow, contestant, flowing)
            await measure_crowd(office, crowd, contestant, crowded)
            assert flowing.join_to_dial and flowing.answer_to_bridge, contestant
            assert crowded.free_to_dial, contestant
            assert flowing.asterisk_cpu_seconds > 0
            assert (flowing.daemon_cpu_seconds > 0) == (contestant == ACD)
            assert (flowing.lost, flowing.rung_twice, crowded.lost, crowded.rung_twice) == (0, 0, 0, 0)


@pytest.mark.pbx
async def test_the_acceptance_load_judges_each_criterion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.load.CROWD_SECONDS", 2.0)
    monkeypatch.setattr("bench.load.CROWD_WAITING", 10)
    async with open_office(tmp_path, [8]) as office:
        verdict = await load(office, Load(rate=4, seconds=2, agents=8, talk_seconds=0.5), say=lambda _: None)
    # Asterisk forgets one surrogate in about a thousand calls: too seldom to be a test's, too often not to be told.
    counted = [each for each in verdict.criteria if "ms" not in each.found and each.what != NO_SURROGATES]
    assert [criterion for criterion in counted if not criterion.passed] == []
    assert verdict.join_to_dial and verdict.join_to_dial.count == 8
