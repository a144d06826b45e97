"""A state as it was, which stands for all the facts that led to it.

A snapshot holds what is so; what only serves to find it quickly is made anew from that. It may outlive the release that
took it, and the facts that it stands for: as with facts, a field may be added with a default (here, in `Agent`,
`Request` and `Offer`), never renamed or given another meaning.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from acd.center import devices
from acd.center.estimates import Handling
from acd.center.folding import lanes
from acd.center.folding.rules import order_lines, set_members
from acd.center.model import (
    Agent,
    AgentName,
    ChannelId,
    Kind,
    Offer,
    OfferId,
    PbxName,
    QueueName,
    QueueRules,
    Request,
    RequestId,
    RequestState,
    SiteRules,
)
from acd.center.state import GaveUp, KeptMessage, LastTalk, Queue, State


class QueueSnapshot(Struct, kw_only=True):
    """Named as in `state.Queue`; its line and its lanes follow from the requests, its members from the agents."""

    rules: QueueRules
    entered: int
    connected: int
    in_service_level: int
    ended: dict[str, int]
    offered: int
    handling: Handling
    calling_back: int
    drained: bool
    gave_up: dict[str, GaveUp]
    closing: bool


class Snapshot(Struct, kw_only=True):
    """Named as in `state.State`."""

    rules: SiteRules
    day: str
    queues: dict[QueueName, QueueSnapshot]
    agents: dict[AgentName, Agent]
    requests: dict[RequestId, Request]
    offers: dict[OfferId, Offer]
    calendars: dict[str, bool]
    last_agents: dict[str, tuple[AgentName, float]]
    last_talks: dict[str, LastTalk]
    agents_at: dict[str, list[AgentName]]
    phones: dict[str, set[tuple[PbxName, ChannelId]]]
    unsettled: dict[AgentName, RequestId]
    kept_messages: dict[RequestId, KeptMessage]
    unwanted: dict[str, PbxName] = {}
    dialled: list[tuple[float, str]]
    trunk_legs: dict[PbxName, int]
    trunk_room_since: dict[PbxName, float]
    steered: set[PbxName]
    started: dict[PbxName, str]
    hung_up: set[PbxName] = set()
    fell_back: dict[PbxName, dict[QueueName, int]] = {}
    at: float
    last_id: int


def take(state: State) -> Snapshot:
    """It shares its parts with the state: write it down before the next fact is folded."""
    queues = {name: QueueSnapshot(**_parts(queue, QueueSnapshot)) for name, queue in state.queues.items()}
    return Snapshot(**_parts(state, Snapshot) | {"queues": queues})


def restore(state: State, snapshot: Snapshot) -> None:
    """Into a state in which nothing has happened yet; its parts are the snapshot's from now on."""
    for name, part in _parts(snapshot, Snapshot).items():
        setattr(state, name, part)
    state.queues = {name: Queue(**_parts(queue, QueueSnapshot)) for name, queue in snapshot.queues.items()}
    requests = state.requests.values()
    state.request_of_channel = {(one.pbx, one.channel): one.id for one in requests if one.channel}
    state.callbacks = {(one.queue, one.number): one.id for one in requests if one.kind == Kind.CALLBACK}
    talks = (one for one in requests if one.state is RequestState.ONGOING)
    state.ongoing = dict.fromkeys(one.id for one in sorted(talks, key=lambda one: one.connected_at or 0))
    state.phone_of_channel = {where: dial for dial, channels in state.phones.items() for where in channels}
    state.by_trunk = {agent.name for agent in state.agents.values() if devices.is_by_trunk(agent)}
    state.seats = {seat.dial for seat in state.rules.seats}
    state.doors = set(state.queues)
    set_members(state)
    order_lines(state)
    lanes.fill(state)
    state.watch_all()


def _parts(whole: object, like: type[Struct]) -> dict[str, Any]:
    return {name: getattr(whole, name) for name in like.__struct_fields__}
