"""What the center made of its inputs: the only output, the only thing written down, the only thing that changes state.

Each fact carries all that its readers need (the names, moments and durations that were decided), so that folding one
never has to know a rule. Facts are kept for years: a field may be added with a default, never renamed or given another
meaning.
"""

from __future__ import annotations

from acd.center.facts.agents import (
    AgentForwarded,
    AgentSeated,
    AgentStateChanged,
    AgentUnreachable,
    AgentWished,
    FeatureAnswered,
    PhoneFreed,
    PhoneTaken,
    WrapUpExtended,
)
from acd.center.facts.callbacks import (
    CallbackDue,
    CallbackOffered,
    CallbackPromised,
    CallbackReassigned,
    CallbackRenewed,
    CallbackReturned,
    CallbackScheduled,
    CallbackTakenToLine,
    CallbackUnsettled,
    CallerAnswered,
    CallerAsked,
    CustomerDialled,
    CustomerLeft,
    CustomerMissed,
    CustomerReached,
    MessageDeleted,
    NumberGiven,
    OfferPutOff,
    RequestResumed,
    RequestSetAside,
)
from acd.center.facts.doors import (
    CalendarChanged,
    QueueDrained,
)
from acd.center.facts.offers import (
    BridgeRepeated,
    LegEnding,
    LegGone,
    LegReleased,
    OfferAnswered,
    OfferEnded,
    OfferMade,
    OfferPickedUp,
    OfferProgressed,
)
from acd.center.facts.requests import (
    AnnouncementMade,
    AnnouncementsPlanned,
    CallerReleased,
    HoldEnded,
    KeyHeeded,
    RequestConnected,
    RequestEased,
    RequestEnded,
    RequestHandedOver,
    RequestMoved,
    RequestPassedOn,
    RequestQueued,
    RequestReprioritized,
    RequestRequeued,
)
from acd.center.facts.site import (
    CallersFellBack,
    ChangeMade,
    ContradictionFound,
    DayChanged,
    Fact,
    IdentitiesSkipped,
    MomentsMoved,
    PbxStateChanged,
    RulesChanged,
    Said,
)

__all__ = [
    "AgentForwarded",
    "AgentSeated",
    "AgentStateChanged",
    "AgentUnreachable",
    "AgentWished",
    "AnnouncementMade",
    "AnnouncementsPlanned",
    "AnyFact",
    "BridgeRepeated",
    "CalendarChanged",
    "CallbackDue",
    "CallbackOffered",
    "CallbackPromised",
    "CallbackReassigned",
    "CallbackRenewed",
    "CallbackReturned",
    "CallbackScheduled",
    "CallbackTakenToLine",
    "CallbackUnsettled",
    "CallerAnswered",
    "CallerAsked",
    "CallerReleased",
    "CallersFellBack",
    "ChangeMade",
    "ContradictionFound",
    "CustomerDialled",
    "CustomerLeft",
    "CustomerMissed",
    "CustomerReached",
    "DayChanged",
    "Fact",
    "FeatureAnswered",
    "HoldEnded",
    "IdentitiesSkipped",
    "KeyHeeded",
    "LegEnding",
    "LegGone",
    "LegReleased",
    "MessageDeleted",
    "MomentsMoved",
    "NumberGiven",
    "OfferAnswered",
    "OfferEnded",
    "OfferMade",
    "OfferPickedUp",
    "OfferProgressed",
    "OfferPutOff",
    "PbxStateChanged",
    "PhoneFreed",
    "PhoneTaken",
    "QueueDrained",
    "RequestConnected",
    "RequestEased",
    "RequestEnded",
    "RequestHandedOver",
    "RequestMoved",
    "RequestPassedOn",
    "RequestQueued",
    "RequestReprioritized",
    "RequestRequeued",
    "RequestResumed",
    "RequestSetAside",
    "RulesChanged",
    "Said",
    "WrapUpExtended",
]

AnyFact = (
    RulesChanged
    | ChangeMade
    | DayChanged
    | MomentsMoved
    | IdentitiesSkipped
    | PbxStateChanged
    | CallersFellBack
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
