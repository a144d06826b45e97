"""Two agents who answer the same call in the same millisecond, on a real Asterisk: one of them has it.

    ACD_TOGETHER=500 pytest -n 0 -s tests/asterisk/test_together.py

tries it on each release until it was the same millisecond so many times, and tells how it went.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from statistics import quantiles

import pytest
from callcentre import DIALPLAN, CallCentre, agent, open_centre, queue
from exchange import Phone, both_releases, phones

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.facts import AgentStateChanged, OfferEnded, RequestConnected, RequestEnded
from acd.demo.softphone import Call, CallState

TIMES = int(os.environ.get("ACD_TOGETHER", "20"))
SECONDS_EACH = 5
TOLD_LATE = """
[acd-elsewhere-custom]
exten => s,1,UserEvent(Elsewhere)
 same => n,Return()
"""
"""What is said to who has picked up too late; in one word, for there are five hundred of them."""
TOLD_BY_SIP = "Call completed elsewhere"


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(endpoints=phones("alice", "bob", "caller"), dialplan=DIALPLAN + TOLD_LATE)


@both_releases
@pytest.mark.timeout(120 + SECONDS_EACH * TIMES)
async def test_of_two_who_answer_in_the_same_millisecond_one_has_the_call_and_the_other_is_available(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, release: str
) -> None:
    caller, alice, bob = [await phone(name) for name in ("caller", "alice", "bob")]
    async with open_centre(
        pbx,
        tmp_path,
        queue=[queue("sales", strategy="ring_all", wrap_up_seconds=0)],
        agent=[agent("alice", sales=1), agent("bob", sales=1)],
    ) as centre:
        centre.log_in("alice", "bob")
        apart: list[float] = []
        won: Counter[str] = Counter()
        told: Counter[str] = Counter()
        while _within_a_millisecond(apart) < TIMES:
            times = len(apart) + 1
            call = caller.call("sales")
            rings = {"alice": await alice.wait_for_ring_async(5), "bob": await bob.wait_for_ring_async(5)}
            for ring in list(rings.values())[:: 1 if times % 2 else -1]:
                ring.answer()

            winner = (await centre.told(RequestConnected, times=times)).agent
            loser = "bob" if winner == "alice" else "alice"
            await call.wait_until_async(lambda call: call.heard_voice, 5)
            await centre.until_is(loser, "available")
            assert centre.state_of(winner) == "connected"
            told[await _how_he_was_told(centre, rings[loser], told)] += 1
            assert rings[winner].state == CallState.ANSWERED
            call.hangup()
            await rings[winner].wait_for_async(CallState.ENDED, 5)
            await centre.until(lambda state: not state.requests and not state.offers)
            await centre.until(lambda _: centre.state_of("alice") == centre.state_of("bob") == "available")
            apart.append(abs(rings["alice"].moments[CallState.ANSWERED] - rings["bob"].moments[CallState.ANSWERED]))
            won[winner] += 1

        outcomes = Counter(fact.outcome.value for fact in centre.told_so_far(OfferEnded))
        assert outcomes == {"accepted": times, "cancelled": times}
        assert len(centre.told_so_far(RequestEnded, outcome="answered")) == times
        states = {fact.state.value for fact in centre.told_so_far(AgentStateChanged)}
        assert states.isdisjoint({"no_answer", "busy", "paused"})
        assert "0 active channels" in await pbx.command("core show channels count")
        _tell(release, apart, won, told)


async def _how_he_was_told(centre: CallCentre, ring: Call, before: Counter[str]) -> str:
    """That somebody else has the call: by his telephone's display, or by a voice if he had picked up already."""
    await ring.wait_for_async(CallState.ENDED, 5)
    if TOLD_BY_SIP in ring.reason:
        return "by SIP"
    await centre.heard("UserEvent", times=before["by a voice"] + 1, UserEvent="Elsewhere")
    return "by a voice"


def _within_a_millisecond(apart: list[float]) -> int:
    return sum(seconds < 0.001 for seconds in apart)


def _tell(release: str, apart: list[float], won: Counter[str], told: Counter[str]) -> None:
    marks = quantiles(apart, n=100)
    within = _within_a_millisecond(apart)
    sys.stdout.write(
        f"\nAsterisk {release}: {len(apart)} times, the answers {1e6 * marks[49]:.0f} µs apart (p50), "
        f"{1e6 * marks[98]:.0f} µs (p99), {within} within a millisecond; won {dict(won)}; told {dict(told)}\n"
    )
