"""Days of a call centre, as the turns of facts that they leave behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from acd.center import Center, inputs
from acd.center.facts import AnyFact
from acd.center.model import AgentName, AgentRules, Caller, ChannelId, PbxName, QueueName, QueueRules, SiteRules
from acd.center.reach import Device

MAIN = PbxName("main")
QUEUES = [QueueName(name) for name in ("sales", "support", "billing", "returns")]
AGENTS = [AgentName(f"agent-{number:02}") for number in range(20)]
RULES = SiteRules(
    queues=tuple(QueueRules(name=name) for name in QUEUES),
    agents=tuple(
        AgentRules(name=name, queues=dict.fromkeys(QUEUES, 1), devices=(Device(kind="desk", dial=f"PJSIP/{name}"),))
        for name in AGENTS
    ),
)
START = 1_764_000_000.123456


def turns(calls: int, center: Center | None = None) -> Iterator[Sequence[AnyFact]]:
    """Agents log in, and take one call after the other; `center`, if given, lives through it."""
    center, now, seed = center or Center(), START, 1
    for told in [
        inputs.DaemonStarted(),
        inputs.RulesLoaded(RULES),
        inputs.PbxSurveyed(MAIN, ()),
        *map(inputs.LogIn, AGENTS),
    ]:
        yield center.decide(told, now, seed)
    for number in range(calls):
        for after_seconds, told in _call(center, number):
            now, seed = now + after_seconds, seed + 1
            yield center.decide(told, now, seed)


def _call(center: Center, number: int) -> Iterator[tuple[float, inputs.Input]]:
    channel = ChannelId(f"{1_764_000_000 + number}.{number}")
    who = Caller(number=f"+3161{number:07}", name=f"Caller {number}")
    yield 1.307411, inputs.CallerJoined(MAIN, channel, QUEUES[number % len(QUEUES)], who)
    offer = max(center.state.offers)
    yield 2.104233, inputs.LegAnswered(offer)
    yield 0.000817, inputs.LegAccepted(offer)
    yield 0.014302, inputs.CallBridged(offer)
    yield 3.240117, inputs.ChannelGone(MAIN, channel)
    yield 0.003108, inputs.LegEnded(offer, inputs.LegEnd.HUNG_UP)
    yield 0.000001, inputs.TimePassed()
