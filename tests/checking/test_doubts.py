"""What is allowed and cannot be meant, and what a reload would change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from acd.center.model import (
    AgentName,
    AgentRules,
    AgentState,
    ClickToDialRules,
    EasingStep,
    KnownCaller,
    OfferRules,
    PbxName,
    Presence,
    QueueName,
    QueueRules,
    SiteRules,
    WayOut,
)
from acd.center.reach import Device, Forward, Forwarding, Hours, Trunk
from acd.checking.differences import differences
from acd.checking.doubts import doubts

SALES, SUPPORT = QueueName("sales"), QueueName("support")


def _agent(name: str, dial: str = "", **queues: int) -> AgentRules:
    serves = {QueueName(queue): priority for queue, priority in queues.items()}
    return AgentRules(AgentName(name), queues=serves, devices=(Device("desk", dial or f"PJSIP/{name}"),))


def _mobile(mobile: bool = True, desk: bool = True, **forwarding: Any) -> SiteRules:
    """alice, with these devices, and a trunk."""
    devices = [Device("desk", "PJSIP/alice")] * desk + [Device("mobile", number="+31612345678")] * mobile
    alice = AgentRules(AgentName("alice"), {SALES: 1}, tuple(devices), forwarding=Forwarding(**forwarding))
    return SiteRules(queues=(QueueRules(SALES),), agents=(alice,), trunks={PbxName("main"): Trunk()})


def _sales(**rules: Any) -> SiteRules:
    return SiteRules(queues=(QueueRules(SALES, **rules),), agents=(_agent("alice", sales=1),))


def test_what_makes_sense_raises_no_doubt() -> None:
    easing = (EasingStep(30, 2), EasingStep(60, 0))

    assert doubts(_sales(max_wait_seconds=300, easing=easing)) == []
    assert doubts(_mobile(forward=Forward.BOTH, mobile_if_unreachable=True)) == []
    assert doubts(_mobile(desk=False)) == []


def test_a_step_is_of_use_to_who_has_a_wrap_up_of_his_own() -> None:
    rules = _sales(wrap_up_seconds=0, wrap_up_step_seconds=60)
    (alice,) = rules.agents

    assert doubts(replace(rules, agents=(replace(alice, wrap_up_seconds=5),))) == []


@pytest.mark.parametrize(
    ("rules", "doubt"),
    [
        (
            replace(_mobile(), trunks={}),
            "agent 'alice': has a mobile, and no Asterisk server has a mobile_dial",
        ),
        (
            _mobile(mobile=False, forward=Forward.BOTH),
            "agent 'alice': is forwarded to both, and has no mobile",
        ),
        (
            _mobile(desk=False, by=(Hours("office", Forward.DESK),)),
            "agent 'alice': is forwarded to desk, and has no desk phone",
        ),
        (
            _mobile(mobile=False, mobile_if_unreachable=True),
            "agent 'alice': mobile_if_unreachable means nothing without a mobile",
        ),
        (
            SiteRules(queues=(QueueRules(SALES),)),
            "queue 'sales': nobody can serve it: no agent has it among his queues",
        ),
        (
            _sales(max_wait_seconds=50, easing=(EasingStep(60, 1),)),
            "queue 'sales': the easing after 60 s is never reached: max_wait_seconds is 50",
        ),
        (
            _sales(easing=(EasingStep(30, 1), EasingStep(60, 2))),
            "queue 'sales': the easing after 60 s changes nothing: level 2 is not below level 1 of the step before",
        ),
        (
            _sales(max_wait_seconds=15, preferred_agent_seconds=0),
            "queue 'sales': nobody waits for the service level's 20 s: max_wait_seconds is 15",
        ),
        (
            _sales(max_wait_seconds=60, preferred_agent_seconds=60),
            "queue 'sales': who waits for his preferred agent may reach nobody else: preferred_agent_seconds (60) is "
            "not below max_wait_seconds (60)",
        ),
        (
            _sales(wrap_up_seconds=0, wrap_up_step_seconds=60),
            "queue 'sales': wrap_up_step_seconds is never used: with wrap_up_seconds = 0 there is no wrap-up to extend",
        ),
        (
            _sales(stay_needs=Presence.READY),
            "queue 'sales': who is let in may have to leave at once: join_needs (nobody) asks for less than stay_needs "
            "(ready)",
        ),
        (_sales(leave_when_closed=True), "queue 'sales': leave_when_closed means nothing without a calendar"),
        (
            SiteRules(
                queues=(QueueRules(SALES),),
                agents=(_agent("alice", sales=1),),
                callers={"+31": KnownCaller(priority=1)},
            ),
            "queue 'sales': callers may starve: some numbers have another priority, the order is strict, and there is "
            'no max_wait_seconds; order = "head_start" bounds it',
        ),
        (
            SiteRules(
                queues=(
                    QueueRules(SALES, ways_out={"TIMEOUT": WayOut(SUPPORT)}),
                    QueueRules(SUPPORT, ways_out={"TIMEOUT": WayOut(SALES)}),
                ),
                agents=(_agent("alice", sales=1, support=1),),
            ),
            "callers go round in a circle when they have waited long enough: sales → support → sales",
        ),
        (SiteRules(agents=(_agent("alice"),)), "agent 'alice': serves no queue"),
        (
            SiteRules(
                queues=(QueueRules(SALES),),
                agents=(_agent("alice", "PJSIP/1", sales=1), _agent("bob", "PJSIP/1", sales=1)),
            ),
            "agents 'alice', 'bob': share PJSIP/1; only one of them can be logged in at a time",
        ),
        (
            SiteRules(callers={"+31612345678": KnownCaller(agent=AgentName("zoe"))}),
            "caller +31612345678: the preferred agent 'zoe' serves no queue",
        ),
    ],
)
def test_what_cannot_be_meant_is_doubted(rules: SiteRules, doubt: str) -> None:
    assert doubts(rules) == [doubt]


def test_a_reload_that_changes_nothing_says_nothing() -> None:
    assert differences(_sales(), _sales()) == []


def test_what_a_reload_would_change_is_told_line_by_line() -> None:
    old = SiteRules(
        queues=(QueueRules(SALES), QueueRules(SUPPORT)), agents=(_agent("alice", sales=1), _agent("bob", support=1))
    )
    new = SiteRules(
        queues=(QueueRules(SALES, ring_seconds=10), QueueRules(QueueName("billing"))),
        agents=(_agent("alice", sales=2), _agent("carol", sales=1)),
        offers=OfferRules(busy_seconds=5),
        click_to_dial=ClickToDialRules(AgentState.BUSY),
    )

    assert differences(old, new) == [
        "+ queue 'billing'",
        "~ queue 'sales': ring_seconds 20 → 10",
        "- queue 'support': takes nobody in any more; those who wait go on in the dialplan, those who talk talk on",
        '~ agent \'alice\': queues {"sales":1} → {"sales":2}',
        "- agent 'bob': is offered nothing any more, and is forgotten after the call that he is on",
        "+ agent 'carol'",
        "~ offers: busy_seconds 30 → 5",
        '~ click_to_dial: agent_state "connected" → "busy"',
    ]


def test_the_shipped_configuration_raises_no_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    from acd import config

    monkeypatch.setenv("ACD_AMI_SECRET", "x")
    shipped = config.load(Path(__file__).parents[2] / "config" / "acd.toml")

    assert doubts(shipped.rules()) == []
