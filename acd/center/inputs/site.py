"""What the daemon and the Asterisk servers tell."""

from __future__ import annotations

from msgspec import Struct

from acd.center.model import (
    AgentName,
    Caller,
    ChannelId,
    Difference,
    Needs,
    OfferId,
    PbxName,
    QueueName,
    RequestId,
    SiteRules,
)


class Input(Struct, frozen=True):
    """Anything that the center can be asked to decide on."""


class DaemonStarted(Input, frozen=True):
    """The journal has been folded; of no Asterisk server is it known yet what lives there."""


class ClockStepped(Input, frozen=True):
    """The wall clock was set, by so many seconds; the moments of inputs are by the new time from this one on."""

    by: float


class RulesLoaded(Input, frozen=True):
    rules: SiteRules


class DayBegan(Input, frozen=True):
    """At the site's own midnight, and when the daemon starts."""

    day: str
    """As ISO 8601 writes it: 2026-11-24."""


class CalendarTurned(Input, frozen=True):
    """A calendar opens or closes, or is told for the first time."""

    calendar: str
    open: bool


class Drain(Input, frozen=True):
    """A queue (None: all of them) takes nobody in any more and finishes what it has, or (False) is a queue again."""

    queue: QueueName | None
    drain: bool


class TimePassed(Input, frozen=True):
    """A deadline that `Center.next_deadline` named has come."""


class PbxLost(Input, frozen=True):
    pbx: PbxName


class PbxShutDown(Input, frozen=True):
    """It was told to stop, and has hung up on everybody."""

    pbx: PbxName


class LiveChannel(Struct, frozen=True):
    """One channel that lives on a server, and what its variables say of it."""

    channel: ChannelId
    bridged: bool
    dial: str = ""
    """The telephone at its end, as in PhoneUsed."""
    talks: bool = True
    caller: Caller = Caller()
    queue: QueueName = QueueName("")
    """Where it waits or waited; empty for a channel that never entered a line."""
    status: str = ""
    never_bridged: bool = False
    """It has been in no bridge since it entered the line."""
    agent: AgentName | None = None
    """Of a leg: whose phone it is to ring, at which device, for which caller's channel and request; and whether he has
    taken it."""
    device: str = ""
    rings_for: ChannelId | None = None
    request: RequestId | None = None
    accepted: bool = False
    attempt: str = ""
    """The last one, made on this leg, to reach a customer: its name (`customers.attempt`), and how it has ended: empty
    while it goes on, `answered`, or as in CustomerNotReached."""
    attempt_ended: str = ""
    joined_at: float | None = None
    priority: int | None = None
    max_wait_seconds: float | None = None
    needs: Needs = ()
    preferred_agent: AgentName | None = None
    aside: bool = False
    """He is leaving a message."""
    hears_music: bool = False
    """It waits in the line, and nothing is being said to it."""


class PbxSurveyed(Input, frozen=True):
    """The server can be steered (again), and this is all that lives on it."""

    pbx: PbxName
    channels: tuple[LiveChannel, ...]
    started: str = ""
    """The moment at which this Asterisk was started, in its own words; empty if it does not say."""
    fell_back: dict[QueueName, int] = {}
    """How many callers have gone to the fallback since then."""
    may_call: dict[str, str | None] = {}
    """Of `lost.numbers`, where all that lived there is gone: those that may be called, each with the calendar of
    the times for it (None: always). Empty also while nothing can be promised."""
    attempts: dict[OfferId, str] = {}
    """How those ended to reach a customer whose end was not heard, and whose leg is gone; as in LiveChannel."""


class Contradiction(Struct, frozen=True):
    kind: Difference
    channel: ChannelId


class PbxContradicted(Input, frozen=True):
    """These channels live on a server that is steered, and so much in them is to be believed."""

    pbx: PbxName
    channels: tuple[LiveChannel, ...]
    believed: frozenset[Contradiction]
