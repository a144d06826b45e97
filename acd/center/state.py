"""What is so at this moment, and the indexes that find it quickly. `folding` alone writes to it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from heapq import heappop, heappush
from itertools import chain

from msgspec import Struct, field

from acd.center import devices, folding
from acd.center.estimates import Handling
from acd.center.facts import AnyFact
from acd.center.line import Lane, Line
from acd.center.model import (
    Agent,
    AgentName,
    AgentState,
    ChannelId,
    Needs,
    Offer,
    OfferId,
    PbxName,
    QueueName,
    QueueRules,
    Request,
    RequestId,
    RequestState,
    SiteRules,
    UnknownName,
)
from acd.center.strategies import STRATEGIES, Pool

ID_LENGTH = 16
"""Hexadecimal digits of an id of ours."""
AT_ONCE_SECONDS = 0.001
"""Ids are so little ahead of the clock where several were given out in one turn."""
MOST_IDS_LOST = 1_000_000
"""Far more than are given out before they are written down, also where a disk fails for an hour."""


class GaveUp(Struct, frozen=True):
    entered_at: float
    at: float


class KeptMessage(Struct, frozen=True):
    """Of a callback that has ended."""

    name: str
    pbx: PbxName
    queue: QueueName
    ended_at: float


class LastTalk(Struct, frozen=True):
    entered_at: float
    priority: int
    needs: Needs


class Queue(Struct):
    """One queue: its rules, its line, the lanes of those who can be offered, and its counts since the first day."""

    rules: QueueRules
    line: Line = field(default_factory=Line)
    lanes: dict[Needs, Lane] = field(default_factory=dict)
    """By what those in it need; there is always one for those who need nothing."""
    held: dict[AgentName, Lane] = field(default_factory=dict)
    """Those who wait for one agent, by his name."""
    members: set[AgentName] = field(default_factory=set)
    entered: int = 0
    connected: int = 0
    in_service_level: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    in_states: dict[AgentState, int] = field(default_factory=dict)
    """How many of its members are in each."""
    offered: int = 0
    """How many of those in its line are being offered."""
    handling: Handling = field(default_factory=Handling)
    calling_back: int = 0
    """How many agents are at work on callbacks of it."""
    drained: bool = False
    """It takes nobody in and finishes those it has, until somebody says otherwise."""
    gave_up: dict[str, GaveUp] = field(default_factory=dict)
    """Who hung up while waiting, by number, the latest last."""
    closing: bool = False
    """It stands in the rules no more: it takes nobody in and finishes those it has."""

    def all_lanes(self) -> Iterator[Lane]:
        return chain(self.lanes.values(), self.held.values())

    def lanes_of(self, agent: Agent) -> Iterator[Lane]:
        """Those whose requests he can serve."""
        yield from (lane for needs, lane in self.lanes.items() if agent.has(needs))
        if agent.name in self.held:
            yield self.held[agent.name]

    def pool(self) -> Pool:
        """An empty one."""
        return Pool(STRATEGIES[self.rules.strategy], self.rules.name)


class Timer(StrEnum):
    """Whose moment a deadline is."""

    AGENT = "agent"
    OFFER = "offer"
    REQUEST = "request"
    EASING = "easing"
    HOLD = "hold"
    DUE = "due"
    MESSAGE = "message"
    DEVICE = "device"
    ANNOUNCEMENT = "announcement"


class State:
    def __init__(self) -> None:
        self.rules = SiteRules()
        self.at = 0.0
        """The moment of the last fact."""
        self.day = ""
        """Of the site, as ISO 8601 writes it."""
        self.queues: dict[QueueName, Queue] = {}
        self.agents: dict[AgentName, Agent] = {}
        self.requests: dict[RequestId, Request] = {}
        """Those that have not ended; the past ones are the journal's."""
        self.ongoing: dict[RequestId, None] = {}
        """Those of them that are in no line any more, and not scheduled; in their order."""
        self.offers: dict[OfferId, Offer] = {}
        self.request_of_channel: dict[tuple[PbxName, ChannelId], RequestId] = {}
        self.calendars: dict[str, bool] = {}
        """Which of them are open."""
        self.last_agents: dict[str, tuple[AgentName, float]] = {}
        """Who talked with a number last, and until when; the latest last."""
        self.last_talks: dict[str, LastTalk] = {}
        """What a caller who may come back to his queue had before his talk, by server and channel; the latest last."""
        self.agents_at: dict[str, list[AgentName]] = {}
        """Who is reached at a telephone, by its dial. (Two may share one, and log in one after the other.)"""
        self.by_trunk: set[AgentName] = set()
        """Agents who are reached at mobiles alone, as things stand."""
        self.trunk_legs: dict[PbxName, int] = {}
        """How many mobiles' legs live on each server."""
        self.trunk_room_since: dict[PbxName, float] = {}
        """Since when there is room on a trunk that was full."""
        self.seats: set[str] = set()
        """The dials of the telephones that belong to nobody."""
        self.phones: dict[str, set[tuple[PbxName, ChannelId]]] = {}
        """The channels of those telephones that are used for something else."""
        self.phone_of_channel: dict[tuple[PbxName, ChannelId], str] = {}
        self.callbacks: dict[tuple[QueueName, str], RequestId] = {}
        """Those that have not ended, by the customer's number."""
        self.dialled: list[tuple[float, str]] = []
        """Customers' numbers of the last day, the oldest first."""
        self.kept_messages: dict[RequestId, KeptMessage] = {}
        self.unwanted: dict[str, PbxName] = {}
        """Messages that are nobody's any more, by name, each with its server: their files are to be deleted."""
        self.unsettled: dict[AgentName, RequestId] = {}
        """Callbacks of which these agents, in their wrap-up, have yet to say how they ended."""
        self.steered: set[PbxName] = set()
        """The Asterisk servers whose link is up and whose calls are known."""
        self.hung_up: set[PbxName] = set()
        """Those that have hung up on everybody: when they are next surveyed, who waited there has been lost."""
        self.started: dict[PbxName, str] = {}
        """When each of them was started itself, in its own words."""
        self.fell_back: dict[PbxName, dict[QueueName, int]] = {}
        """How many of its callers have gone to the fallback since then."""
        self.touched: set[Lane] = set()
        """Lanes in which a request or an agent has become free since somebody last looked for pairs."""
        self.doors: set[QueueName] = set()
        """Queues of which somebody must look whether they still keep those who wait in them."""
        self._deadlines: list[tuple[float, Timer, str]] = []
        self.last_id = 0

    def fold(self, fact: AnyFact) -> None:
        folding.fold(self, fact)
        self.at = fact.at

    # ---- Finding

    def agent(self, name: AgentName) -> Agent:
        """Raises UnknownName."""
        agent = self.agents.get(name)
        if agent is None:
            raise UnknownName(f"there is no agent {name!r}")
        return agent

    def is_on_phone(self, agent: Agent) -> bool:
        """The telephone at which he is rung is used for something that is none of our requests."""
        return agent.desk is not None and agent.desk.dial in self.phones and devices.at_his_desk(agent)

    def request_on(self, pbx: PbxName, channel: ChannelId) -> Request | None:
        request = self.request_of_channel.get((pbx, channel))
        return self.requests[request] if request else None

    def callback_with(self, message: str) -> Request | None:
        """The one that is open."""
        callbacks = (self.requests[name] for name in self.callbacks.values())
        return next((one for one in callbacks if one.message and one.message.name == message), None)

    def place_of(self, request: Request) -> int | None:
        """1 = next; None for one that no longer waits, or never did."""
        if request.state not in (RequestState.WAITING, RequestState.OFFERED) or request.is_outgoing:
            return None
        return self.queues[request.queue].line.place_of(request.place_key)

    # ---- Identities

    def next_id(self, now: float) -> str:
        """Unique for ever, in the order of making, and of one length: Asterisk compares channel ids by prefix.

        The microsecond of making, in 16 hex digits, counted on when two fall into the same one.
        """
        self.last_id = max(self.last_id + 1, int(now * 1_000_000))
        return f"{self.last_id:0{ID_LENGTH}x}"

    def ids_to_skip(self, now: float) -> str | None:
        """Up to which one, where by a clock that was set back some could be given out that were lost before they were
        written down; None where the clock makes new ones."""
        if self.last_id < (now + AT_ONCE_SECONDS) * 1_000_000:
            return None
        return f"{self.last_id + MOST_IDS_LOST:0{ID_LENGTH}x}"

    def remember_id(self, identity: str) -> None:
        self.last_id = max(self.last_id, int(identity, 16))

    # ---- Deadlines: a heap whose stale entries are passed over. Those of a server that nobody steers are on hold:
    # ---- nothing could be done there, and what happens meanwhile is found out when it is steered again.

    def watch(self, at: float | None, whose: Timer, name: str) -> None:
        if at is not None:
            heappush(self._deadlines, (at, whose, name))

    def watch_wait(self, request: Request) -> None:
        """What is due while it waits."""
        self.watch(request.leave_at, Timer.REQUEST, request.id)
        self.watch_speech(request)

    def watch_speech(self, request: Request) -> None:
        """What is to be said to him while he waits."""
        self.watch(request.offer_at, Timer.MESSAGE, request.id)
        self.watch(request.speak_at, Timer.ANNOUNCEMENT, request.id)

    def watch_all(self) -> None:
        """Anew."""
        self._deadlines.clear()
        for agent in self.agents.values():
            self.watch(agent.until, Timer.AGENT, agent.name)
            for failures in agent.failures.values():
                self.watch(failures.until, Timer.DEVICE, agent.name)
        for offer in self.offers.values():
            self.watch(offer.deadline, Timer.OFFER, offer.id)
        for request in self.requests.values():
            self.watch_wait(request)
            self.watch(request.ease_at, Timer.EASING, request.id)
            self.watch(request.held_until, Timer.HOLD, request.id)
            self.watch(request.due_at, Timer.DUE, request.id)

    def next_deadline(self) -> float | None:
        while self._deadlines:
            at, whose, name = self._deadlines[0]
            if self._still_stands(at, whose, name):
                return at
            heappop(self._deadlines)
        return None

    def due(self, now: float) -> Iterator[tuple[Timer, str]]:
        while (at := self.next_deadline()) is not None and at <= now:
            _, whose, name = heappop(self._deadlines)
            yield whose, name

    def _still_stands(self, at: float, whose: Timer, name: str) -> bool:
        if whose is Timer.AGENT:
            agent = self.agents.get(AgentName(name))
            return agent is not None and agent.until == at
        if whose is Timer.DEVICE:
            agent = self.agents.get(AgentName(name))
            return agent is not None and any(failures.until == at for failures in agent.failures.values())
        if whose is Timer.OFFER:
            offer = self.offers.get(OfferId(name))
            return offer is not None and offer.deadline == at and offer.pbx in self.steered
        request = self.requests.get(RequestId(name))
        if request is None:
            return False
        if whose is Timer.EASING:
            return request.ease_at == at
        if whose is Timer.HOLD:
            return request.held_until == at
        if whose is Timer.DUE:
            return request.due_at == at
        waits = request.state is RequestState.WAITING and not request.aside and request.pbx in self.steered
        if whose is Timer.MESSAGE:
            return request.offer_at == at and waits and not request.spoken_to
        if whose is Timer.ANNOUNCEMENT:
            return request.speak_at == at and waits and not request.spoken_to
        return request.leave_at == at and waits
