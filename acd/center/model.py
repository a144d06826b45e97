"""The words of the trade as types: what a site is told to be (rules), and what is so at this moment (state).

Rules come from the operator's configuration and never change by themselves. `Agent`, `Request` and `Offer` are what
`folding` makes of the facts; nothing else writes to them. Moments (`…_at`, `since`, `until`) are seconds of UTC since
1970; durations end in `_seconds`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, NewType

from msgspec import Struct, field

from acd.center.reach import DESK, MOBILE, Device, Failures, Forward, Forwarding, Trunk

QueueName = NewType("QueueName", str)
AgentName = NewType("AgentName", str)
RequestId = NewType("RequestId", str)
OfferId = NewType("OfferId", str)
PbxName = NewType("PbxName", str)
ChannelId = NewType("ChannelId", str)
"""What Asterisk calls a channel's Uniqueid."""

HIGHEST_PRIORITY, LOWEST_PRIORITY = 1, 100
MIDDLE_PRIORITY = 50
"""The priority of a caller of whom the dialplan said nothing."""


class Refused(Exception):
    """What was asked for cannot be done as things stand; the message says why, in words for the person who asked."""


class UnknownName(Refused):
    """There is no agent, queue or request of that name."""


class NotAllowed(Refused):
    """A value is not one of those that the rules allow."""


class AgentState(StrEnum):
    LOGGED_OUT = "logged_out"
    AVAILABLE = "available"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WRAP_UP = "wrap_up"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    PAUSED = "paused"


class RequestState(StrEnum):
    WAITING = "waiting"
    OFFERED = "offered"
    ONGOING = "ongoing"
    SCHEDULED = "scheduled"
    """A callback whose moment has yet to come."""
    ENDED = "ended"


class Reach(StrEnum):
    """How far an agent has come with calling a customer."""

    DIALLING = "dialling"
    TALKING = "talking"
    LEFT = "left"
    """They have talked, and the customer has hung up."""
    MISSED = "missed"


class Verdict(StrEnum):
    """How calling somebody back has ended, as the agent says."""

    DONE = "done"
    NOT_REACHED = "not_reached"
    NOT_POSSIBLE = "not_possible"


class OfferOutcome(StrEnum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NO_ANSWER = "no_answer"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Outcome(StrEnum):
    """How a request ended."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    TIMEOUT = "timeout"
    EMPTY = "empty"
    """There was no agent left to wait for."""
    CLOSED = "closed"
    """His queue closed, or was taken away, while he waited."""
    OVERFLOWED = "overflowed"
    """He went on to another queue, as the same request."""
    FALLBACK = "fallback"
    """The dialplan took him on while nobody steered."""
    PBX_LOST = "pbx_lost"
    """His Asterisk server went down under him."""
    CALLBACK = "callback"
    """He left a message that joined the callback which he has already."""
    NOT_REACHED = "not_reached"
    """He was called back for as often as his queue says, in vain."""
    NOT_POSSIBLE = "not_possible"
    """An agent says that he cannot be called back."""
    CANCELLED = "cancelled"
    """It was taken back, by him or for him."""


class Kind(StrEnum):
    """What a request is of."""

    CALL = "call"
    CALLBACK = "callback"
    """A caller who does not wait on the line: an agent calls him when it is his turn."""
    DIAL = "dial"
    """A call that an agent makes."""


class Difference(StrEnum):
    """In what a channel on an Asterisk server is not as the center has it."""

    CALLER_GONE = "caller_gone"
    CALLER_UNKNOWN = "caller_unknown"
    CALLER_WENT_ON = "caller_went_on"
    """He waits no more: he was led out, or went to the fallback."""
    CALLER_HAS_TALKED = "caller_has_talked"
    """And goes on in his dialplan."""
    CALLER_BACK = "caller_back"
    """He leaves no message any more, and waits."""
    CALLER_MARKED = "caller_marked"
    """As answered, for a bridge with one of our legs that there is not."""
    LEG_GONE = "leg_gone"
    LEG_UNKNOWN = "leg_unknown"
    LEG_FURTHER = "leg_further"
    """Answered, accepted or bridged; or of no further use and still there."""
    PHONE_IN_USE = "phone_in_use"
    PHONE_PUT_DOWN = "phone_put_down"


# ---- Rules: what the operator wrote


class Seat(Struct, frozen=True):
    """A telephone that belongs to nobody: an agent may log in there (hot desking)."""

    name: str
    dial: str


class Presence(StrEnum):
    """Who must be there for callers to join a queue, or to stay in it."""

    NOBODY = "nobody"
    LOGGED_IN = "logged_in"
    READY = "ready"
    """Logged in and not paused."""
    AVAILABLE = "available"
    """Free at this moment."""


class WayOut(Struct, frozen=True):
    """Where those go whom a queue does not take or keep: to another queue, or to a context of the dialplan."""

    queue: QueueName | None = None
    context: str | None = None


class EasingStep(Struct, frozen=True):
    """After so long, no skill need be better than this level; with level 0, none is needed."""

    after_seconds: float
    level: int


class CallbackRules(Struct, frozen=True):
    """How callers may leave a message instead of waiting, and how they are called back."""

    key: str = "2"
    """That a caller presses."""
    offer_after_seconds: float | None = None
    """When he is told of it; 0: on joining."""
    offer_above_seconds: float | None = None
    """He is told of it as soon as he is thought to wait for longer than that."""
    reserved_seconds: float = 900
    """For how long an appointment with one agent waits for him, if he is logged in."""
    retry_seconds: float = 1800
    attempts: int = 3
    """In vain; then it is closed."""
    put_off_seconds: float = 600
    """By how much an agent pushes one back with a key."""
    ring_seconds: float = 45
    """The customer's telephone."""
    calendar: str | None = None
    """Outside its hours nobody is called back."""
    at_once: int | None = None
    """So many agents at most are at work on callbacks, however many wait."""


class AnnounceRules(Struct, frozen=True):
    """How callers are told of their wait."""

    place: bool = True
    wait: bool = True
    """How long it is thought to be; where that is not known, it is left out."""
    on_joining: bool = True
    every_seconds: float | None = None


class PromptRules(Struct, frozen=True):
    """Sound files that callers hear from time to time, one after the other."""

    sounds: tuple[str, ...]
    every_seconds: float


class QueueRules(Struct, frozen=True):
    name: QueueName
    strategy: str = "priority"
    order: str = "strict"
    """`strict`: the priority, then the moment of entry. `head_start`: a priority is worth seconds of waiting."""
    head_start_seconds: float = 30
    """What each step of priority is worth, with the order `head_start`."""
    easing: tuple[EasingStep, ...] = ()
    """In the order of their moments."""
    preferred_agent_seconds: float = 20
    """How long a caller waits for the agent whom he is meant for, if that one is logged in."""
    ring_seconds: float = 20
    wrap_up_seconds: float = 15
    wrap_up_step_seconds: float = 30
    """By which an agent may extend it, as often as he wants."""
    service_level_seconds: float = 20
    max_wait_seconds: float | None = None
    max_waiting: int | None = None
    join_needs: Presence = Presence.NOBODY
    stay_needs: Presence = Presence.NOBODY
    calendar: str | None = None
    """Outside its hours nobody joins."""
    leave_when_closed: bool = False
    """At its closing hour those who wait leave; else they are served."""
    ways_out: dict[str, WayOut] = {}
    """By the status for which they are taken: FULL, EMPTY, CLOSED, TIMEOUT."""
    redial_seconds: float = 0
    """Who hung up while waiting and calls again within it has his old place back."""
    dropped_come_back: bool = False
    """Whose agent's telephone vanishes in the middle of a talk waits again, at the place that he had."""
    transfers_keep_entry: bool = False
    """Who is passed into it has the moment at which he first entered a line."""
    caller_id: str = ""
    """The number that mobiles are shown for its calls, where their server shows the queue's."""
    name_sound: str = ""
    """A sound that says its name, for who is asked whether he takes a call."""
    last_agent_days: float = 0
    """For how long the agent who talked with a number last is its preferred one."""
    callbacks: CallbackRules | None = None
    announce: AnnounceRules | None = None
    prompts: PromptRules | None = None
    whisper: str = ""
    """The sound file that an agent hears before he is connected."""


class AgentRules(Struct, frozen=True):
    name: AgentName
    queues: dict[QueueName, int]
    devices: tuple[Device, ...]
    skills: dict[str, int] = {}
    number: str = ""
    """By which he logs in at a seat's telephone."""
    callbacks: bool = False
    """He is offered callbacks too."""
    forwarding: Forwarding = Forwarding()
    wrap_up_seconds: float | None = None
    """His own, whichever queue a call came from; None: the queue's."""


class OfferRules(Struct, frozen=True):
    """What follows an offer that nobody took. Back-off: first, doubled at each failure in a row, up to the limit."""

    no_answer_seconds: float = 15
    pause_after_missed: int = 0
    """So many missed in a row pause an agent; 0: never."""
    busy_seconds: float = 30
    rejected_seconds: float = 30
    unreachable_first_seconds: float = 5
    unreachable_limit_seconds: float = 300
    accept_seconds: float = 15
    """Within which who has picked up must have pressed the key that he is asked for."""
    mobile_legs_per_agent: int = 1
    """How many of one agent's mobiles ring at once."""


class KnownCaller(Struct, frozen=True):
    """What is decided beforehand for a number; the dialplan's word goes before it."""

    priority: int | None = None
    agent: AgentName | None = None


class SiteRules(Struct, frozen=True):
    """All that the operator configured for one center."""

    queues: tuple[QueueRules, ...] = ()
    agents: tuple[AgentRules, ...] = ()
    seats: tuple[Seat, ...] = ()
    callers: dict[str, KnownCaller] = {}
    """By their numbers, as `Caller.key` has them."""
    pause_reasons: tuple[str, ...] = ()
    """Empty: whatever an agent says."""
    offers: OfferRules = OfferRules()
    trunks: dict[PbxName, Trunk] = {}
    """Of the servers that reach mobiles."""


# ---- State: what is so at this moment


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
