"""What the operator wrote."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from acd.center.model.words import AgentName, AgentState, PbxName, QueueName
from acd.center.reach import Device, Forwarding, Trunk


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
    after_pbx_lost: bool = False
    """Who waits while his Asterisk goes down is called back, if his number is known: his place is kept."""
    not_possible_reasons: tuple[str, ...] = ()
    """In the order of their digits at the phone."""


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


class ClickToDialRules(Struct, frozen=True):
    """Calls that agents make by a click."""

    agent_state: AgentState = AgentState.CONNECTED
    """What the state of an agent who is in one is called; or BUSY."""


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
    click_to_dial: ClickToDialRules = ClickToDialRules()
    trunks: dict[PbxName, Trunk] = {}
    """Of the servers that reach mobiles."""
