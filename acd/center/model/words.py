"""The names and the words: identities, states, outcomes."""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

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


OUTGOING_CALL = "outgoing_call"
"""The reason of the state of an agent who is in a call that he makes himself."""


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


class Missed(StrEnum):
    """How an attempt to reach a customer has failed."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    REFUSED = "refused"
    """By the dial policy: nothing was dialled."""
    MACHINE = "machine"
    """Something answered, and the agent says that it was nobody."""


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
    """The callback which he has already stands for him: his message has joined it, or his Asterisk server is gone."""
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
