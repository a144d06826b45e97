"""What is heard while a server is surveyed is kept, but not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from fake_ami import FakeAmi, answers_nothing, lists

from acd.asterisk import calls
from acd.asterisk.calls import WANTED_EVENTS, Calls
from acd.asterisk.link import AmiServer, Link
from acd.asterisk.means import Means
from acd.center.facts import AnyFact
from acd.center.inputs import Input, PbxLost, PbxSurveyed
from acd.center.state import State
from acd.dialling import Dialling


async def _at_once() -> bool:
    return True


async def test_a_flood_during_a_survey_begins_it_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MOST_HELD", 100)
    told: asyncio.Queue[Input] = asyncio.Queue()
    async with FakeAmi() as ami:
        ami.replies["Status"] = answers_nothing

        def tell(said: Input) -> Sequence[AnyFact]:
            told.put_nowait(said)
            return ()

        link = Link(
            AmiServer("main", "127.0.0.1", ami.port, "acd", "secret"),
            on_event=lambda event: own.on_event(event),
            on_up=lambda: own.link_up(),
            on_down=lambda why: own.link_down(why),
            wanted=WANTED_EVENTS,
        )
        means = Means(State(), Dialling(None, {}), None, on_disk=_at_once, can_promise=lambda: True)
        own = Calls(link, tell=tell, now=lambda: 0.0, means=means)
        await link.start()
        session = await ami.session()
        await session.next("Status")
        ami.replies["Status"] = lists("Status", [])
        for number in range(101):
            session.tell("Hangup", f"Uniqueid: 1.{number}", "Channel: PJSIP/x-1")

        async with asyncio.timeout(20):
            assert isinstance(await told.get(), PbxLost)
            assert await told.get() == PbxSurveyed(pbx=own.pbx, channels=())
        assert link.counts.losses == 1
        await own.stop()
        await link.stop()
