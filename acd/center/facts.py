"""What the center made of its inputs: the only output, the only thing written down, the only thing that changes state.

Each fact carries all that its readers need (the names, moments and durations that were decided), so that folding one
never has to know a rule. Facts are kept for years: a field may be added with a default, never renamed or given another
meaning.
"""

from __future__ import annotations

from msgspec import Struct

from acd.center.model import (
    AgentName,
    AgentState,
    Caller,
    ChannelId,
    Difference,
    Message,
    Needs,
    OfferId,
    OfferOutcome,
    Outcome,
    PbxName,
    QueueName,
    RequestId,
    SiteRules,
)
from acd.center.reach import Device, Forward

Said = str | int | float | bool | list[str] | None


class Fact(Struct, frozen=True, tag_field="fact", kw_only=True):
    """`at` is the moment of the input that was decided, in seconds of UTC."""

    at: float


class RulesChanged(Fact, frozen=True, tag=True, kw_only=True):
    """From now on these are the rules: queues, agents and what else the operator wrote."""

    rules: SiteRules


class DayChanged(Fact, frozen=True, tag=True, kw_only=True):
    """What is counted by the day begins anew."""

    day: str


class MomentsMoved(Fact, frozen=True, tag=True, kw_only=True):
    """The clock has stepped by so many seconds: what has been so for a minute has been so for a minute still, and what
    was due in a minute is. `at` is by the new time."""

    by: float


class PbxStateChanged(Fact, frozen=True, tag=True, kw_only=True):
    """An Asterisk server can be steered from now on, or no longer can."""

    pbx: PbxName
    up: bool
    started: str = ""
    """The moment at which it was started itself, in its own words, if it says so."""


class ContradictionFound(Fact, frozen=True, tag=True, kw_only=True):
    """Asterisk says otherwise; what follows from it are facts of their own."""

    pbx: PbxName
    kind: Difference
    channel: ChannelId
    believed: str
    found: str
    comparing: bool
    """While the link was up, and should have told; else it was looked for since the link had been down."""


class ChangeMade(Fact, frozen=True, tag=True, kw_only=True):
    """Somebody has changed something by an act of the API, or the operator by the configuration."""

    by: str
    """The name of the token; empty for the configuration."""
    act: str
    """As the API has it: `POST /v1/agents/{agent}/pause`; or `configuration`."""
    agent: AgentName | None = None
    queue: QueueName | None = None
    request: RequestId | None = None
    before: dict[str, Said] = {}
    """What was otherwise."""
    after: dict[str, Said] = {}


# ---- Agents


class AgentStateChanged(Fact, frozen=True, tag=True, kw_only=True):
    """An agent is in another state, or in the same one for another reason or until another moment."""

    agent: AgentName
    state: AgentState
    was: AgentState
    reason: str | None = None
    until: float | None = None
    """When the state ends by itself; None if something else must happen."""
    idle_since: float
    queue: QueueName | None = None
    """Of wrap_up: the queue whose call it was."""


class WrapUpExtended(Fact, frozen=True, tag=True, kw_only=True):
    """An agent's wrap-up lasts longer."""

    agent: AgentName
    until: float


class AgentSeated(Fact, frozen=True, tag=True, kw_only=True):
    """An agent is reached at this device until he logs out."""

    agent: AgentName
    device: Device


class PhoneTaken(Fact, frozen=True, tag=True, kw_only=True):
    """A telephone at which agents are reached is used for something that is none of our requests."""

    dial: str
    pbx: PbxName
    channel: ChannelId


class PhoneFreed(Fact, frozen=True, tag=True, kw_only=True):
    """One of those channels has ended."""

    dial: str
    pbx: PbxName
    channel: ChannelId


class FeatureAnswered(Fact, frozen=True, tag=True, kw_only=True):
    """What came of a feature code: its own name if it was done, else `refused`."""

    pbx: PbxName
    channel: ChannelId
    dial: str
    result: str


class AgentWished(Fact, frozen=True, tag=True, kw_only=True):
    """An agent on a call asked to be paused or logged out after it, or (None) no longer wishes it."""

    agent: AgentName
    wish: AgentState | None
    reason: str | None = None


class AgentUnreachable(Fact, frozen=True, tag=True, kw_only=True):
    """Of an agent's device: how often in a row it could not be reached; 0, it could again."""

    agent: AgentName
    in_a_row: int
    cause: str = ""
    device: str = ""
    """Its dial, or its number."""
    until: float | None = None
    """For how long it is left alone; None, it may be tried."""


class AgentForwarded(Fact, frozen=True, tag=True, kw_only=True):
    """His calls go elsewhere from now on, or do so for another reason."""

    agent: AgentName
    forward: Forward
    was: Forward
    chosen: bool
    """By himself, until he logs out."""


# ---- Requests


class RequestQueued(Fact, frozen=True, tag=True, kw_only=True):
    """A request has entered a queue, and waits."""

    request: RequestId
    kind: str
    queue: QueueName
    priority: int
    entered_at: float
    caller: Caller
    pbx: PbxName
    channel: ChannelId
    """The caller's; empty for one who does not wait on the line."""
    came_to: QueueName | None = None
    """The queue whose door led him here, if he came to another one."""
    leave_at: float | None = None
    needs: Needs = ()
    ease_at: float | None = None
    """When it will need less."""
    held_for: AgentName | None = None
    held_until: float | None = None
    estimated_seconds: float | None = None
    """The wait that half of its like stay below; None if it is not known."""
    offer_at: float | None = None
    """When he is to be told that he may leave a message."""
    number: str = ""
    """Of the customer whom an agent is to call."""
    hours: str | None = None
    comment: str = ""
    announce_at: float | None = None
    """When he is first told of his wait; and when he hears the first prompt."""
    prompt_at: float | None = None


class RequestEased(Fact, frozen=True, tag=True, kw_only=True):
    """It has waited long enough to need less of an agent."""

    request: RequestId
    needs: Needs
    ease_at: float | None
    queue: QueueName | None = None


class HoldEnded(Fact, frozen=True, tag=True, kw_only=True):
    """It has waited for its preferred agent for long enough, or in vain: anyone may have it."""

    request: RequestId
    queue: QueueName | None = None


class RequestReprioritized(Fact, frozen=True, tag=True, kw_only=True):
    """A request has another priority, and so another place."""

    request: RequestId
    queue: QueueName
    priority: int
    was: int


class RequestRequeued(Fact, frozen=True, tag=True, kw_only=True):
    """An offer came to nothing; the request is open again, at the place that it never lost."""

    request: RequestId
    queue: QueueName
    pbx: PbxName
    channel: ChannelId


class RequestConnected(Fact, frozen=True, tag=True, kw_only=True):
    """Caller and agent hear each other."""

    request: RequestId
    kind: str
    queue: QueueName
    agent: AgentName | None
    """None: somebody who is no agent has picked the call up."""
    offer: OfferId
    waited_seconds: float
    connect_seconds: float
    """From the agent's answer to the common bridge."""
    in_service_level: bool
    device: str = ""
    """The kind of the one that took it."""
    estimated_seconds: float | None = None
    """How long it was thought to wait when it entered, if it has had that place ever since."""


class RequestEnded(Fact, frozen=True, tag=True, kw_only=True):
    """The whole of a past request: who, where, how long, and how it ended."""

    request: RequestId
    kind: str
    queue: QueueName
    outcome: Outcome
    ended_by: str
    """`caller`, `agent`, or `acd`."""
    priority: int
    caller: Caller
    entered_at: float
    waited_seconds: float
    offers: int
    agent: AgentName | None = None
    device: str = ""
    """The kind of the one that took it."""
    connected_at: float | None = None
    talk_seconds: float | None = None
    pbx: PbxName
    channel: ChannelId
    number: str = ""
    """Of the customer who was, or was to be, called."""
    attempts: int = 0
    message: Message | None = None
    comment: str = ""


class RequestPassedOn(Fact, frozen=True, tag=True, kw_only=True):
    """Its agent has passed it on: the talk goes on with somebody else, who may be an agent."""

    request: RequestId
    was: AgentName | None
    agent: AgentName | None
    queue: QueueName | None = None


class RequestHandedOver(Fact, frozen=True, tag=True, kw_only=True):
    """Another caller stands in the place of the one who held it: an agent asked a colleague, and then passed his own
    caller on to him, or into the line."""

    request: RequestId
    pbx: PbxName
    was: ChannelId
    channel: ChannelId
    caller: Caller
    entered_at: float
    queue: QueueName | None = None


class RequestMoved(Fact, frozen=True, tag=True, kw_only=True):
    """It waits in another queue from now on; its moment of entry goes with it."""

    request: RequestId
    kind: str
    was: QueueName
    queue: QueueName
    status: str
    """Why: FULL, EMPTY, CLOSED, TIMEOUT."""
    waited_seconds: float
    pbx: PbxName
    channel: ChannelId
    leave_at: float | None = None
    announce_at: float | None = None
    prompt_at: float | None = None


class CallerReleased(Fact, frozen=True, tag=True, kw_only=True):
    """A caller who waits, or was not let in, goes on in the dialplan, with this `ACD_STATUS`."""

    pbx: PbxName
    channel: ChannelId
    queue: QueueName
    status: str
    context: str | None = None
    """Where he goes on; None: behind the Gosub that brought him."""
    refused: bool = False
    """He was never let in."""


# ---- What callers hear while they wait


class AnnouncementMade(Fact, frozen=True, tag=True, kw_only=True):
    """A caller who waits is told his place, his wait, or something else; what is None, he is not told."""

    request: RequestId
    queue: QueueName
    pbx: PbxName
    channel: ChannelId
    place: int | None = None
    minutes: int | None = None
    """For which he is thought to wait still; 0: for less than one."""
    prompt: str | None = None
    """A sound file."""
    announce_at: float | None = None
    """When he is next told of his wait, at the earliest."""
    prompt_at: float | None = None


class AnnouncementsPlanned(Fact, frozen=True, tag=True, kw_only=True):
    """When a caller who waits is next told something."""

    request: RequestId
    announce_at: float | None
    prompt_at: float | None
    spoken_to: bool = False


class KeyHeeded(Fact, frozen=True, tag=True, kw_only=True):
    """The dialplan is about a key of a caller who waits: he is told nothing until it has done."""

    request: RequestId


# ---- Callbacks: a caller leaves a message, and his place is kept


class CallbackOffered(Fact, frozen=True, tag=True, kw_only=True):
    """A caller who waits is told that he may leave a message, and with which key."""

    request: RequestId
    queue: QueueName
    pbx: PbxName
    channel: ChannelId
    key: str


class OfferPutOff(Fact, frozen=True, tag=True, kw_only=True):
    """It is not yet time to tell a caller that he may leave a message."""

    request: RequestId
    offer_at: float


class RequestSetAside(Fact, frozen=True, tag=True, kw_only=True):
    """The caller is leaving a message: his place is kept, and the next one is served."""

    request: RequestId
    queue: QueueName
    pbx: PbxName
    channel: ChannelId
    message: str
    """The name for its file."""
    number: str
    """At which he would be called back, unless he gives another one; empty if that is not known."""


class NumberGiven(Fact, frozen=True, tag=True, kw_only=True):
    request: RequestId
    number: str


class RequestResumed(Fact, frozen=True, tag=True, kw_only=True):
    """He waits again, having left no message."""

    request: RequestId
    queue: QueueName


class CallbackPromised(Fact, frozen=True, tag=True, kw_only=True):
    """A caller need not wait on the line any more: the request is a callback from now on, at the place that it has."""

    request: RequestId
    queue: QueueName
    pbx: PbxName
    channel: ChannelId
    number: str
    message: Message | None
    hours: str | None
    needs: Needs


class CallbackRenewed(Fact, frozen=True, tag=True, kw_only=True):
    """Somebody who has a callback coming has left another message, or asked again: the latest word counts."""

    request: RequestId
    message: Message | None
    was: Message | None
    comment: str


class CallerAsked(Fact, frozen=True, tag=True, kw_only=True):
    """Somebody whose callback is still to come calls again: will he keep it, wait on the line, or have it cancelled?"""

    request: RequestId
    queue: QueueName
    pbx: PbxName
    channel: ChannelId
    place: int | None


class CallerAnswered(Fact, frozen=True, tag=True, kw_only=True):
    """What came of a caller's word about his callback."""

    pbx: PbxName
    channel: ChannelId
    result: str


class CallbackTakenToLine(Fact, frozen=True, tag=True, kw_only=True):
    """He waits on the line after all, at the place that his callback had."""

    request: RequestId
    queue: QueueName
    pbx: PbxName
    channel: ChannelId
    caller: Caller
    needs: Needs


class CustomerDialled(Fact, frozen=True, tag=True, kw_only=True):
    """The agent who has the request is to be connected with its customer. It is on disk before anything is dialled."""

    request: RequestId
    kind: str
    queue: QueueName
    offer: OfferId
    pbx: PbxName
    channel: ChannelId
    """The agent's leg."""
    number: str
    attempt: int
    ring_seconds: float
    queue_number: str = ""
    """That the customer is shown."""


class CustomerReached(Fact, frozen=True, tag=True, kw_only=True):
    """Agent and customer hear each other."""

    request: RequestId
    pbx: PbxName
    channel: ChannelId
    """The customer's; empty if that was not heard of."""


class CustomerLeft(Fact, frozen=True, tag=True, kw_only=True):
    """He has hung up; the agent has yet to say how it ended."""

    request: RequestId
    pbx: PbxName
    channel: ChannelId


class CustomerMissed(Fact, frozen=True, tag=True, kw_only=True):
    request: RequestId
    queue: QueueName
    how: str
    cause: str


class CallbackUnsettled(Fact, frozen=True, tag=True, kw_only=True):
    """The agent has hung up; until his wrap-up is over he may say how it ended."""

    request: RequestId
    agent: AgentName


class CallbackReturned(Fact, frozen=True, tag=True, kw_only=True):
    """The agent has hung up without having called: it waits again at its place."""

    request: RequestId
    queue: QueueName
    agent: AgentName


class CallbackScheduled(Fact, frozen=True, tag=True, kw_only=True):
    request: RequestId
    queue: QueueName
    due_at: float
    reserved_for: AgentName | None = None
    comment: str = ""


class CallbackDue(Fact, frozen=True, tag=True, kw_only=True):
    """Its moment has come: it stands in line, at the place of that moment."""

    request: RequestId
    queue: QueueName
    placed_at: float
    held_for: AgentName | None = None
    held_until: float | None = None


class CallbackReassigned(Fact, frozen=True, tag=True, kw_only=True):
    """It is meant for this agent, or (None) for anyone."""

    request: RequestId
    held_for: AgentName | None
    held_until: float | None


class MessageDeleted(Fact, frozen=True, tag=True, kw_only=True):
    """The audio of a message is gone, by its age or on request."""

    message: str


class QueueDrained(Fact, frozen=True, tag=True, kw_only=True):
    """By somebody's order a queue takes nobody in any more, or (False) does again."""

    queue: QueueName
    drained: bool


class CalendarChanged(Fact, frozen=True, tag=True, kw_only=True):
    """A calendar has opened or closed."""

    calendar: str
    open: bool


# ---- Offers


class OfferMade(Fact, frozen=True, tag=True, kw_only=True):
    """A request is presented to an agent: his phone rings."""

    offer: OfferId
    request: RequestId
    queue: QueueName
    agent: AgentName
    device: Device
    caller: Caller
    pbx: PbxName
    channel: ChannelId
    """The leg's: the channel that is to ring the agent's phone."""
    ring_seconds: float
    ready_at: float
    """Since when both the request and the agent could have had each other."""
    queue_number: str = ""
    """That the device may be shown in place of the caller's."""
    name_sound: str = ""
    """That says the queue's name."""
    shared: bool = False
    """Others may be offered the request at the same time."""
    kind: str = "call"
    message: Message | None = None
    """What the caller has left for the agent to hear."""
    caller_channel: ChannelId = ChannelId("")
    found: bool = False
    """Its leg lives already: it was made before, and the journal did not keep it."""
    whisper: str = ""
    """The sound file that the agent hears before he is connected."""


class OfferProgressed(Fact, frozen=True, tag=True, kw_only=True):
    """A mobile's network is at it, or the mobile rings."""

    offer: OfferId
    rings: bool


class OfferAnswered(Fact, frozen=True, tag=True, kw_only=True):
    """An agent has picked up his phone, and has not accepted yet."""

    offer: OfferId
    deadline: float
    """By when the agent must have accepted: he may have a whisper to hear, or a key to press."""
    queue: QueueName | None = None
    agent: AgentName | None = None
    unheard: bool = False
    """He was found to have answered, nobody knows when."""


class OfferPickedUp(Fact, frozen=True, tag=True, kw_only=True):
    """Another telephone has picked it up, and its channel is the leg from now on."""

    offer: OfferId
    request: RequestId
    queue: QueueName
    was: AgentName
    agent: AgentName | None
    """Who has it now; None: that telephone is no agent's, and the offer stays with `was` until they talk."""
    device: Device
    pbx: PbxName
    channel: ChannelId
    deadline: float


class OfferEnded(Fact, frozen=True, tag=True, kw_only=True):
    """An offer was accepted, or came to nothing."""

    offer: OfferId
    request: RequestId
    queue: QueueName
    agent: AgentName
    outcome: OfferOutcome
    cause: str = ""
    device: str = ""
    """Its kind."""
    pbx: PbxName
    channel: ChannelId
    caller_channel: ChannelId
    deadline: float
    """By when the next thing must have happened: the bridge if it was accepted, else the end of the leg."""
    comes_back_if_dropped: bool = False
    """If the agent's telephone vanishes, the caller waits again."""
    found_bridged: bool = False
    """Of one that was accepted: caller and agent hear each other already."""


class BridgeRepeated(Fact, frozen=True, tag=True, kw_only=True):
    """An accepted offer is to be bridged once more: nobody knows whether the first order was carried out."""

    offer: OfferId
    pbx: PbxName
    channel: ChannelId
    caller_channel: ChannelId
    deadline: float
    comes_back_if_dropped: bool = False


class LegReleased(Fact, frozen=True, tag=True, kw_only=True):
    """An agent's leg has no further use: it is to be hung up."""

    offer: OfferId
    pbx: PbxName
    channel: ChannelId
    deadline: float
    answered_elsewhere: bool = False
    """Somebody else has the call, or another device: the phone is not to show a missed one."""
    linger_seconds: float = 0
    """For so long it may ring on: who is just picking up is to hear why nobody is there."""


class LegEnding(Fact, frozen=True, tag=True, kw_only=True):
    """A talk is over, and the agent's leg goes on in the dialplan to its own end; by the deadline it is told to."""

    offer: OfferId
    deadline: float


class LegGone(Fact, frozen=True, tag=True, kw_only=True):
    """An agent's leg has ended."""

    offer: OfferId
    overdue: bool = False
    """Nobody heard of its end; it was given up."""


AnyFact = (
    RulesChanged
    | ChangeMade
    | DayChanged
    | MomentsMoved
    | PbxStateChanged
    | ContradictionFound
    | AgentStateChanged
    | WrapUpExtended
    | AgentSeated
    | PhoneTaken
    | PhoneFreed
    | FeatureAnswered
    | AgentWished
    | AgentUnreachable
    | AgentForwarded
    | RequestQueued
    | RequestEased
    | HoldEnded
    | RequestReprioritized
    | RequestRequeued
    | RequestConnected
    | RequestEnded
    | RequestPassedOn
    | RequestHandedOver
    | RequestMoved
    | CallerReleased
    | AnnouncementMade
    | AnnouncementsPlanned
    | KeyHeeded
    | CallbackOffered
    | OfferPutOff
    | RequestSetAside
    | NumberGiven
    | RequestResumed
    | CallbackPromised
    | CallbackRenewed
    | CallerAsked
    | CallerAnswered
    | CallbackTakenToLine
    | CustomerDialled
    | CustomerReached
    | CustomerLeft
    | CustomerMissed
    | CallbackUnsettled
    | CallbackReturned
    | CallbackScheduled
    | CallbackDue
    | CallbackReassigned
    | MessageDeleted
    | QueueDrained
    | CalendarChanged
    | OfferMade
    | OfferProgressed
    | OfferAnswered
    | OfferPickedUp
    | OfferEnded
    | BridgeRepeated
    | LegReleased
    | LegEnding
    | LegGone
)
"""Every fact there is; what the journal reads and writes."""
