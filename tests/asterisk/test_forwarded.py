"""A telephone, or a trunk, that answers "call this number instead" (302): nobody is called whom the dial policy has not
seen, whatever the endpoint's `redirect_method` makes of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from callcentre import DIALPLAN, CallCentre, agent, configuration, open_centre, queue
from exchange import Phone, both_releases, phones
from refusing_trunk import RefusingTrunk, refusing_trunk
from structlog.testing import capture_logs

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.facts import CustomerMissed, LegGone, OfferEnded, RequestEnded
from acd.center.inputs import PlaceCall
from acd.center.model import AgentName, PbxName
from acd.demo.softphone import CallState

PREMIUM = "0900123456"
"""Where those telephones send their calls, and what theirs and the trunk's context would dial."""
OWN_DIALPLAN = f"""
[from-phones](+)
exten => {PREMIUM},1,UserEvent(DialledPremium)
 same => n,Answer()
 same => n,Wait(60)
"""
CUSTOMER = "+31201234567"


@pytest.fixture(scope="module")
def forwards() -> Iterator[RefusingTrunk]:
    with refusing_trunk() as started:
        started.moved_to |= {"1": f"PJSIP%2F{PREMIUM}%40refuses", "2": f"Local%2F{PREMIUM}%40from-phones"}
        yield started


@pytest.fixture(scope="module")
def pbx_settings(forwards: RefusingTrunk) -> PbxSettings:
    endpoints = (
        *phones("alice", "bob", "caller"),
        forwards.telephone("at-once", f"302.{PREMIUM}"),
        forwards.telephone("after-ringing", f"180-302.{PREMIUM}"),
        forwards.telephone("to-an-address", f"302.{PREMIUM}", "redirect_method = uri_core"),
        forwards.telephone("over-the-trunk", "302.1"),
        forwards.telephone("by-the-dialplan", "302.2"),
        forwards.endpoint,
    )
    return PbxSettings(endpoints=endpoints, dialplan=DIALPLAN + OWN_DIALPLAN)


@pytest.fixture
async def centre_of(pbx: PrivatePbx, tmp_path: Path) -> AsyncIterator[Any]:
    """A call centre in which the trunk sends each number on to PREMIUM."""
    async with AsyncExitStack() as stack:

        async def opened(*agents: dict[str, Any]) -> CallCentre:
            main = configuration(pbx, tmp_path).asterisk["main"].model_dump() | {
                "secret": pbx.secret,
                "mobile_dial": f"PJSIP/302.{PREMIUM}-{{digits}}@refuses",
            }
            tables = {
                "asterisk": {"main": main},
                "site": {"country": "NL"},
                "dialling": {"hours": "00:00-24:00"},
                "agent": list(agents),
                "queue": [queue("sales", ring_seconds=60)],
                "offers": {"unreachable_first_seconds": 60, "no_answer_seconds": 60},
            }
            centre = await stack.enter_async_context(open_centre(pbx, tmp_path, **tables))
            centre.log_in(*(agent["name"] for agent in agents))
            return centre

        yield opened


def _was_never_called(centre: CallCentre) -> bool:
    return not [event for event in centre.events if event.get("UserEvent") == "DialledPremium"]


@pytest.mark.parametrize(
    ("phone_of_alice", "outcome", "state"),
    [("at-once", "failed", "busy"), ("after-ringing", "no_answer", "no_answer")],
)
@both_releases
async def test_who_has_his_telephone_send_calls_elsewhere_is_passed_over(
    centre_of: Any, phone: Phone, phone_of_alice: str, outcome: str, state: str
) -> None:
    bob, caller = await phone("bob"), await phone("caller")
    centre = await centre_of(agent("alice", f"PJSIP/{phone_of_alice}", sales=1), agent("bob", sales=2))

    with capture_logs() as logs:
        call = caller.call("sales")
        ring = await bob.wait_for_ring_async(10)

    ended = await centre.told(OfferEnded, agent="alice")
    assert (ended.outcome, ended.cause, centre.state_of("alice")) == (outcome, "23 forwarded", state)
    (told,) = [line for line in logs if line["event"] == "offer.forwarded"]
    assert (told["agent"], told["device"], told["to"]) == ("alice", f"PJSIP/{phone_of_alice}", PREMIUM)
    ring.answer()
    await call.wait_until_async(lambda call: call.heard_voice, 5)
    assert _was_never_called(centre)
    call.hangup()
    await ring.wait_for_async(CallState.ENDED, 5)


@pytest.mark.parametrize("phone_of_alice", ["to-an-address", "over-the-trunk", "by-the-dialplan"])
@both_releases
async def test_what_a_telephone_has_called_by_an_answer_that_asterisk_takes_at_its_word_is_hung_up_at_once(
    centre_of: Any, phone: Phone, phone_of_alice: str
) -> None:
    caller = await phone("caller")
    centre = await centre_of(agent("alice", f"PJSIP/{phone_of_alice}", sales=1))

    call = caller.call("sales")
    ended = await centre.told(OfferEnded)
    await centre.told(LegGone)

    assert (ended.outcome, ended.cause) == ("failed", "23 forwarded")
    begun = await centre.heard("DialBegin", times=2)
    async with asyncio.timeout(2):
        await centre.heard("Hangup", Uniqueid=begun["DestUniqueid"])
    assert not [event for event in centre.events if event.get("UserEvent") == "AcdAccept"]
    call.hangup()


@both_releases
async def test_nor_does_a_trunk_say_who_is_called_in_place_of_a_mobile(centre_of: Any, phone: Phone) -> None:
    caller = await phone("caller")
    devices = [{"kind": "mobile", "number": "+31612345678"}]
    centre = await centre_of(agent("alice", sales=1) | {"devices": devices})

    call = caller.call("sales")
    ended = await centre.told(OfferEnded)
    await centre.told(LegGone)

    assert (ended.outcome, ended.device, ended.cause) == ("failed", "mobile", "23 forwarded")
    assert _was_never_called(centre)
    call.hangup()


@both_releases
async def test_or_in_place_of_a_customer(centre_of: Any, phone: Phone) -> None:
    alice = await phone("alice")
    centre = await centre_of(agent("alice", sales=1))

    centre.daemon.tell(PlaceCall(AgentName("alice"), CUSTOMER, PbxName("main")))
    ring = await alice.wait_for_ring_async(5)
    ring.answer()

    await centre.told(CustomerMissed)
    assert (await centre.told(RequestEnded)).outcome == "not_reached"
    assert _was_never_called(centre)
    await ring.wait_for_async(CallState.ENDED, 5)
