"""What is allowed and yet cannot be meant: a queue that nobody can serve, a step that is never reached, a circle."""

from __future__ import annotations

from collections.abc import Iterator

from acd.center.model import MIDDLE_PRIORITY, AgentRules, Presence, QueueName, QueueRules, SiteRules
from acd.center.reach import DESK, MOBILE, Forward

STRICTNESS = (Presence.NOBODY, Presence.LOGGED_IN, Presence.READY, Presence.AVAILABLE)
MOST_PHONES_AT_ONCE = 50
"""That ring for one caller: more than that, and each call is a burst of INVITEs."""


def doubts(rules: SiteRules) -> list[str]:
    """One line each, in the order of the queues and agents that they are about."""
    return [
        *(f"queue {queue.name!r}: {doubt}" for queue in rules.queues for doubt in _of_queue(rules, queue)),
        *_of_ways_out(rules),
        *_of_agents(rules),
        *_of_callers(rules),
    ]


# ---- Queues


def _of_queue(rules: SiteRules, queue: QueueRules) -> Iterator[str]:
    members = [agent for agent in rules.agents if queue.name in agent.queues]
    if not members:
        yield "nobody can serve it: no agent has it among his queues"
    if queue.strategy == "ring_all" and len(members) > MOST_PHONES_AT_ONCE:
        yield f"ring_all rings up to {len(members)} phones for each caller"
    yield from _of_waiting(queue)
    yield from _of_easing(queue)
    yield from _of_wrap_up(queue, members)
    yield from _of_doors(queue)
    yield from _of_starving(rules, queue)


def _of_waiting(queue: QueueRules) -> Iterator[str]:
    longest = queue.max_wait_seconds
    if longest is None:
        return
    if longest < queue.service_level_seconds:
        yield f"nobody waits for the service level's {queue.service_level_seconds:g} s: max_wait_seconds is {longest:g}"
    if queue.preferred_agent_seconds >= longest:
        yield (
            f"who waits for his preferred agent may reach nobody else: preferred_agent_seconds "
            f"({queue.preferred_agent_seconds:g}) is not below max_wait_seconds ({longest:g})"
        )


def _of_easing(queue: QueueRules) -> Iterator[str]:
    longest = queue.max_wait_seconds
    previous = None
    for step in queue.easing:
        if longest is not None and step.after_seconds >= longest:
            yield f"the easing after {step.after_seconds:g} s is never reached: max_wait_seconds is {longest:g}"
        if previous is not None and step.level >= previous.level:
            yield (
                f"the easing after {step.after_seconds:g} s changes nothing: level {step.level} is not below level "
                f"{previous.level} of the step before"
            )
        previous = step


def _of_wrap_up(queue: QueueRules, members: list[AgentRules]) -> Iterator[str]:
    if any(agent.wrap_up_seconds for agent in members):
        return
    if queue.wrap_up_seconds == 0 and queue.wrap_up_step_seconds != QueueRules(queue.name).wrap_up_step_seconds:
        yield "wrap_up_step_seconds is never used: with wrap_up_seconds = 0 there is no wrap-up to extend"


def _of_doors(queue: QueueRules) -> Iterator[str]:
    if STRICTNESS.index(queue.join_needs) < STRICTNESS.index(queue.stay_needs):
        yield (
            f"who is let in may have to leave at once: join_needs ({queue.join_needs}) asks for less than stay_needs "
            f"({queue.stay_needs})"
        )
    if queue.leave_when_closed and queue.calendar is None:
        yield "leave_when_closed means nothing without a calendar"


def _of_starving(rules: SiteRules, queue: QueueRules) -> Iterator[str]:
    favoured = [known for known in rules.callers.values() if (known.priority or MIDDLE_PRIORITY) != MIDDLE_PRIORITY]
    if queue.order == "strict" and queue.max_wait_seconds is None and favoured:
        yield (
            "callers may starve: some numbers have another priority, the order is strict, and there is no "
            'max_wait_seconds; order = "head_start" bounds it'
        )


# ---- Ways out


def _of_ways_out(rules: SiteRules) -> Iterator[str]:
    ways = {queue.name: queue.ways_out for queue in rules.queues}
    told: set[frozenset[QueueName]] = set()
    for queue in rules.queues:
        path = [queue.name]
        while (way := ways[path[-1]].get("TIMEOUT")) and way.queue in ways and way.queue not in path:
            path.append(way.queue)
        circle = frozenset(path)
        if way and way.queue == queue.name and circle not in told:
            told.add(circle)
            yield f"callers go round in a circle when they have waited long enough: {' → '.join([*path, queue.name])}"


# ---- Agents


def _of_agents(rules: SiteRules) -> Iterator[str]:
    at_dial: dict[str, list[str]] = {}
    for agent in rules.agents:
        if not agent.queues:
            yield f"agent {agent.name!r}: serves no queue"
        yield from (f"agent {agent.name!r}: {doubt}" for doubt in _of_forwarding(rules, agent))
        desk = next((device for device in agent.devices if device.kind == DESK), None)
        if desk:
            at_dial.setdefault(desk.dial, []).append(agent.name)
    for dial, names in at_dial.items():
        if len(names) > 1:
            yield f"agents {', '.join(map(repr, names))}: share {dial}; only one of them can be logged in at a time"


def _of_forwarding(rules: SiteRules, agent: AgentRules) -> Iterator[str]:
    kinds = {device.kind for device in agent.devices}
    if MOBILE in kinds and not rules.trunks:
        yield "has a mobile, and no Asterisk server has a mobile_dial"
    modes = {agent.forwarding.forward, *(hours.forward for hours in agent.forwarding.by)} - {None}
    for mode in sorted(mode for mode in modes if mode is not None):
        if mode is not Forward.DESK and MOBILE not in kinds:
            yield f"is forwarded to {mode}, and has no mobile"
        if mode is not Forward.MOBILE and DESK not in kinds and not rules.seats:
            yield f"is forwarded to {mode}, and has no desk phone"
    if agent.forwarding.mobile_if_unreachable and MOBILE not in kinds:
        yield "mobile_if_unreachable means nothing without a mobile"


def _of_callers(rules: SiteRules) -> Iterator[str]:
    serving = {agent.name for agent in rules.agents if agent.queues}
    for number, known in rules.callers.items():
        if known.agent and known.agent not in serving:
            yield f"caller {number}: the preferred agent {known.agent!r} serves no queue"
