"""What is so at this moment: what folding makes of the facts."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct, field

from acd.center.model.words import (
    OUTGOING_CALL,
    AgentName,
    AgentState,
    ChannelId,
    Kind,
    Missed,
    OfferId,
    OfferOutcome,
    PbxName,
    QueueName,
    Reach,
    RequestId,
    RequestState,
)
from acd.center.reach import DESK, MOBILE, Device, Failures, Forward, Forwarding


class Caller(Struct, frozen=True):
    """Who calls, as his PBX says; both parts are whatever the caller sent and are only ever shown, never executed."""

    number: str = ""
    name: str = ""
    e164: str = ""
    """The number as the whole world writes it, if it is one of a telephone."""

    @property
    def key(self) -> str:
        """The same for two calls from one number, however each of them was written; empty if it is withheld."""
        return self.e164 or self.number


class Need(NamedTuple):
    """A skill that a request needs, and the least level of it."""

    skill: str
    level: int


Needs = tuple[Need, ...]
"""In the order of their skills."""


CALLS_BACK = Need("(callbacks)", 1)
"""To take callbacks is a skill like others, under a name that no operator can give to one."""


class Message(Struct, frozen=True):
    """What a caller has left: an audio file of that name, on the server where he called."""

    name: str
    seconds: float
    left_at: float


class Agent(Struct):
    name: AgentName
    queues: dict[QueueName, int]
    devices: tuple[Device, ...]
    skills: dict[str, int] = field(default_factory=dict)
    wrap_up_seconds: float | None = None
    seat: Device | None = None
    """Where he has logged in, if not at a device of his own."""
    state: AgentState = AgentState.LOGGED_OUT
    reason: str | None = None
    since: float = 0
    until: float | None = None
    idle_since: float = 0
    """Since when he waits for his turn: kept when an offer to him is withdrawn, renewed by everything else."""
    free_since: float | None = None
    """Since when he could have been offered a request; None while he cannot: his state, or a leg not yet gone."""
    request: RequestId | None = None
    offers: list[OfferId] = field(default_factory=list)
    """Those to him whose legs are not yet gone."""
    wish: AgentState | None = None
    """`paused` or `logged_out`, asked for during a call: takes effect when he would become available."""
    wish_reason: str | None = None
    wrap_up_queue: QueueName | None = None
    forwarding: Forwarding = Forwarding()
    forward: Forward = Forward.DESK
    forward_chosen: bool = False
    """By himself, until he logs out."""
    tried: set[str] = field(default_factory=set)
    """The names of his devices that ring, or have rung, for the request that he is offered."""
    failures: dict[str, Failures] = field(default_factory=dict)
    """Of his devices that could not be reached when they were last tried, by their names."""
    missed_in_a_row: int = 0
    offered_at: dict[QueueName, float] = field(default_factory=dict)
    """When he was last offered a request of each queue."""
    taken_at: float = 0
    """When his phone last began to ring for one."""
    taken_today: int = 0
    retired: bool = False
    """He stands in the rules no more, and is forgotten when the call that he is on has ended."""

    @property
    def desk(self) -> Device | None:
        """The telephone at which he sits."""
        return self.seat or next((device for device in self.devices if device.kind == DESK), None)

    @property
    def calls_back(self) -> bool:
        """He is offered callbacks too."""
        return self.has((CALLS_BACK,))

    @property
    def mobiles(self) -> list[Device]:
        return [device for device in self.devices if device.kind == MOBILE]

    @property
    def is_on_a_call(self) -> bool:
        """One of our requests rings for him, or he has it; be it that his state is called busy meanwhile."""
        return self.state in (AgentState.CONNECTING, AgentState.CONNECTED) or self.is_busy_with_a_call

    @property
    def is_busy_with_a_call(self) -> bool:
        """That he makes himself: whatever happens to him, happens as if he were connected."""
        return self.state is AgentState.BUSY and self.reason == OUTGOING_CALL

    def has(self, needs: Needs) -> bool:
        return all(self.skills.get(skill, 0) >= level for skill, level in needs)

    @property
    def load(self) -> int:
        """Requests that he has now."""
        return 1 if self.request else 0


PlaceKey = tuple[float, float, RequestId]
"""Places compare by it: a priority, a moment, and the id to tell apart two of the same moment."""


class Request(Struct):
    id: RequestId
    kind: str
    queue: QueueName
    priority: int
    entered_at: float
    caller: Caller
    pbx: PbxName
    channel: ChannelId
    place_key: PlaceKey = (0, 0, RequestId(""))
    """By the order of his queue, all of which is known to folding."""
    leave_at: float | None = None
    """When the caller has waited for as long as his queue allows."""
    needs: Needs = ()
    ease_at: float | None = None
    """When he will need less."""
    held_for: AgentName | None = None
    """The agent whom he waits for, and until when; then anyone may have him."""
    held_until: float | None = None
    turned_down_by: set[AgentName] = field(default_factory=set)
    """Agents who refused or missed him, or could not be reached: others come first."""
    state: RequestState = RequestState.WAITING
    open_since: float = 0
    """Since when he could have been offered to somebody: his entry, his last offer's end, or the link's coming back."""
    offers: list[OfferId] = field(default_factory=list)
    """Those that ring, or the one that was accepted."""
    shared: bool = False
    """It may be offered to several agents at once."""
    accepted: OfferId | None = None
    agent: AgentName | None = None
    """Who has accepted it."""
    connected_at: float | None = None
    offers_made: int = 0
    estimated_seconds: float | None = None
    """The wait that half of its like were thought to stay below, when it entered."""
    aside: bool = False
    """He is leaving a message: his place is kept, and he is offered to nobody."""
    number: str = ""
    """Of the customer whom an agent is to call, in E.164."""
    message: Message | None = None
    hours: str | None = None
    """The calendar of the times at which his number may be called."""
    placed_at: float | None = None
    """The moment by which its place goes, if that is not its entry: when it was due."""
    due_at: float | None = None
    """When a scheduled one has its moment."""
    attempts: int = 0
    missed: Missed | None = None
    """How the last of them failed, if it did."""
    reach: Reach | None = None
    """How far the agent who has it now has come."""
    talked_since: float | None = None
    talked_seconds: float = 0
    """With the customer who was called; a talk that goes on is not counted yet."""
    offer_at: float | None = None
    """When he is to be told that he may leave a message."""
    announce_at: float | None = None
    """When he is to be told his place and his wait."""
    prompt_at: float | None = None
    """When he is to hear the next prompt, and how many he has heard."""
    prompts_heard: int = 0
    spoken_to: bool = False
    """Something is said to him, or a key of his is heeded: until he hears music again, he is told nothing more."""
    preferred: AgentName | None = None
    """Who has it if he is free when its turn comes."""
    comment: str = ""

    @property
    def is_outgoing(self) -> bool:
        """A call that an agent makes: it stands in no line, and is none of those who came to the queue."""
        return self.kind == Kind.DIAL

    @property
    def speak_at(self) -> float | None:
        """When he is to be told anything of his wait."""
        return min((at for at in (self.announce_at, self.prompt_at) if at is not None), default=None)


class Offer(Struct):
    """One request presented to one agent on one device. It stays until its leg, the agent's channel, is gone."""

    id: OfferId
    request: RequestId
    queue: QueueName
    agent: AgentName
    pbx: PbxName
    channel: ChannelId
    device: Device
    made_at: float
    deadline: float | None
    """What must have happened by then: ringing answered, the answer accepted, the acceptance bridged, the leg of an
    ended offer gone. It is on hold while nobody steers the offer's server; a conversation has none."""
    answered_at: float | None = None
    progressed: bool = False
    """Its network is at it; of mobiles only."""
    rang: bool = False
    """It has rung; of mobiles only."""
    kept_waiting: bool = False
    """He has answered while nobody listened: if he hangs up now, it is not his doing."""
    outcome: OfferOutcome | None = None
    connected_at: float | None = None
    released: bool = False
    """Its leg has been told to end."""
    picked_up: bool = False
    """By another telephone, whose channel is the leg."""
    by_stranger: bool = False
    """That telephone is no agent's: whose own rang still has it, until they talk."""
