"""Attempts to reach a customer, on a real Asterisk, of which the daemon does not hear what becomes: the next start
finds it out, and nobody is called again who has been talked with.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import pytest
from callcentre import DIALPLAN, MAIN, PATIENCE_SECONDS, CallCentre, agent, open_centre, queue, talk
from exchange import Phone, both_releases, phones

from acd.asterisk.callbacks import Callbacks
from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.facts import CustomerDialled, CustomerLeft, CustomerMissed, CustomerReached, RequestEnded
from acd.center.inputs import AskForCallback
from acd.center.model import QueueName
from acd.demo.softphone import Call, CallState, Softphone

NUMBER = "+31201234567"


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(endpoints=phones("alice", "outside"), dialplan=DIALPLAN)


def started(pbx: PrivatePbx, folder: Path) -> AbstractAsyncContextManager[CallCentre]:
    server = {"host": pbx.host, "port": pbx.ami_port, "username": pbx.ami_user, "secret": pbx.secret}
    return open_centre(
        pbx,
        folder,
        asterisk={MAIN: server | {"mobile_dial": "PJSIP/{number}@outside", "messages": str(pbx.folder / "spool/acd")}},
        site={"country": "NL"},
        dialling={"hours": "00:00-24:00"},
        queue=[queue("sales", callbacks={})],
        agent=[agent("alice", sales=1) | {"callbacks": True}],
    )


async def takes_a_callback(centre: CallCentre, phone: Phone) -> Call:
    alice = await phone("alice")
    centre.daemon.tell(AskForCallback(QueueName("sales"), NUMBER, MAIN))
    centre.log_in("alice")
    ring = await alice.wait_for_ring_async(5)
    ring.answer()
    await centre.heard("UserEvent", UserEvent="AcdAccept")
    ring.press("1")
    return ring


async def presses_until_it_rings(hers: Call, outside: Softphone) -> Call:
    """She hears the menu again when nothing has come of her first key."""
    for _ in range(PATIENCE_SECONDS):
        hers.press("1")
        with suppress(TimeoutError):
            return await outside.wait_for_ring_async(1)
    raise TimeoutError("the key does nothing")


@both_releases
async def test_who_talked_and_hung_up_while_the_daemon_was_away_has_reached_him(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    outside = await phone("outside")
    async with started(pbx, tmp_path) as centre:
        hers = await takes_a_callback(centre, phone)
        ring = await outside.wait_for_ring_async(10)
    ring.answer()
    await talk(ring)
    hers.hangup()
    await ring.wait_for_async(CallState.ENDED, 5)

    async with started(pbx, tmp_path) as centre:
        ended = await centre.told(RequestEnded)
        assert (ended.outcome, ended.attempts) == ("answered", 1)
        assert centre.told_so_far(CustomerDialled) == []


@both_releases
async def test_who_gave_up_while_the_daemon_was_away_has_not(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    outside = await phone("outside")
    async with started(pbx, tmp_path) as centre:
        hers = await takes_a_callback(centre, phone)
        ring = await outside.wait_for_ring_async(10)
    hers.hangup()
    await ring.wait_for_async(CallState.ENDED, 5)

    async with started(pbx, tmp_path) as centre:
        assert (await centre.told(CustomerMissed)).how == "no_answer"
        await centre.until(lambda state: [one.state for one in state.requests.values()] == ["scheduled"])


@both_releases
async def test_a_customer_who_hung_up_while_the_daemon_was_away_was_reached(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    outside = await phone("outside")
    async with started(pbx, tmp_path) as centre:
        hers = await takes_a_callback(centre, phone)
        ring = await outside.wait_for_ring_async(10)
    ring.answer()
    await talk(ring)
    ring.hangup()

    async with started(pbx, tmp_path) as centre:
        await centre.told(CustomerLeft)
        hers.press("1")
        assert (await centre.told(RequestEnded)).outcome == "answered"


@both_releases
@pytest.mark.parametrize("status", [486, 603])
async def test_one_who_was_busy_while_the_daemon_was_away_can_be_called_again_by_key(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, status: int
) -> None:
    outside = await phone("outside")
    async with started(pbx, tmp_path) as centre:
        hers = await takes_a_callback(centre, phone)
        ring = await outside.wait_for_ring_async(10)
    ring.reject(status)
    await ring.wait_for_async(CallState.ENDED, 5)

    async with started(pbx, tmp_path) as centre:
        assert (await centre.told(CustomerMissed)).how == "busy"
        hers.press("4")
        (await outside.wait_for_ring_async(10)).answer()
        assert (await centre.told(CustomerDialled)).attempt == 2
        await centre.told(CustomerReached)


@both_releases
async def test_an_attempt_that_was_written_down_and_never_made_can_be_made_by_key(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = await phone("outside")

    async def dies(*_: object) -> None:
        """Between the disk and the order."""

    async with started(pbx, tmp_path) as centre:
        with monkeypatch.context() as changed:
            changed.setattr(Callbacks, "_dial", dies)
            hers = await takes_a_callback(centre, phone)
            await centre.told(CustomerDialled)

    async with started(pbx, tmp_path) as centre:
        assert (await centre.told(CustomerMissed)).how == "failed"
        (await presses_until_it_rings(hers, outside)).answer()
        await centre.told(CustomerReached)


@both_releases
async def test_who_rings_when_the_daemon_is_back_is_still_being_called(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    outside = await phone("outside")
    async with started(pbx, tmp_path) as centre:
        await takes_a_callback(centre, phone)
        ring = await outside.wait_for_ring_async(10)

    async with started(pbx, tmp_path) as centre:
        ring.answer()
        await centre.told(CustomerReached)
        assert centre.told_so_far(CustomerMissed) == []
