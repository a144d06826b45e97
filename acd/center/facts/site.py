"""Facts of the site: its rules, its clock, its servers, its doors, and who changed something."""

from __future__ import annotations

from msgspec import Struct

from acd.center.model import (
    AgentName,
    ChannelId,
    Difference,
    PbxName,
    QueueName,
    RequestId,
    SiteRules,
)

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


class IdentitiesSkipped(Fact, frozen=True, tag=True, kw_only=True):
    """The clock is behind what has been made, of which something may have been lost before it was written down: what is
    made from now on has identities behind this one."""

    upto: str


class PbxStateChanged(Fact, frozen=True, tag=True, kw_only=True):
    """An Asterisk server can be steered from now on, or no longer can."""

    pbx: PbxName
    up: bool
    started: str = ""
    """The moment at which it was started itself, in its own words, if it says so."""
    hung_up: bool = False
    """It was told to stop, and has hung up on everybody."""


class CallersFellBack(Fact, frozen=True, tag=True, kw_only=True):
    """So many more went to the fallback of a queue, on a server that nobody steered."""

    pbx: PbxName
    queue: QueueName
    callers: int


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
