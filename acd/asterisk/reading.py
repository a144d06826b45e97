"""What an AMI message says, in the center's words; whatever a caller could have written into it is checked here.

Causes are those of ITU-T Q.850, as Asterisk makes them of SIP answers (`hangup_sip2cause` in its res_pjsip).
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from urllib.parse import unquote

import structlog

from acd import numbers
from acd.asterisk.link import Event
from acd.center.customers import ANSWERED
from acd.center.inputs import CallerJoined, FeatureDialled, LegEnd, LiveChannel
from acd.center.model import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    AgentName,
    Caller,
    ChannelId,
    Missed,
    Need,
    Needs,
    PbxName,
    QueueName,
    RequestId,
)

log = structlog.get_logger()

VARIABLES = (
    "ACD_QUEUE",
    "ACD_STATUS",
    "ACD_JOINED",
    "ACD_PRIORITY",
    "ACD_MAX_WAIT",
    "ACD_SKILLS",
    "ACD_PREFERRED_AGENT",
    "ACD_ASIDE",
    "BRIDGEPEER",
    "ACD_AGENT",
    "ACD_DEVICE",
    "ACD_CALLER",
    "ACD_REQUEST",
    "ACD_ACCEPTED",
    "ACD_TRIED",
    "ACD_DIALLED",
)
"""The channel variables by which a waiting caller and an agent's leg are recognised."""
_NONE_SET = dict.fromkeys(VARIABLES, "")
NOBODY = "nobody"
"""What `acd-wait` sets BRIDGEPEER to. A bridge overwrites it, and takes it away when it ends."""
DIALS, UP = "4", "6"
"""ChannelState of a telephone that dials, and of an answered channel (AST_STATE_RING and _UP in channelstate.h)."""
LONGEST_NUMBER, LONGEST_NAME, LONGEST_SKILLS = 40, 80, 500

FORWARDED = "23 forwarded"
"""AST_CAUSE_REDIRECTED_TO_NEW_DESTINATION, which not every release makes of a 302."""

_CAUSES = {"17": LegEnd.BUSY, "21": LegEnd.REJECTED, "18": LegEnd.NO_ANSWER, "19": LegEnd.NO_ANSWER}
_NORMAL = {"16", "26"}
_MISSED = {"BUSY": Missed.BUSY, "NOANSWER": Missed.NO_ANSWER, "CANCEL": Missed.NO_ANSWER}
"""DIALSTATUS of who could be rung; whoever hangs up while it rings (CANCEL) has not reached anybody."""
# Why an Originate failed, where no channel was there to say it (AST_CONTROL_RINGING and AST_CONTROL_BUSY in frame.h).
_REASONS = {"3": LegEnd.NO_ANSWER, "5": LegEnd.BUSY}


def joined(pbx: PbxName, event: Event, country: str | None) -> CallerJoined:
    return CallerJoined(
        pbx=pbx,
        channel=ChannelId(event["Uniqueid"]),
        queue=QueueName(unquote(event.get("Queue", ""))),
        caller=caller(event, country),
        priority=priority(unquote(event.get("CallerPriority", ""))),
        max_wait_seconds=seconds(unquote(event.get("MaxWait", ""))),
        needs=needs(unquote(event.get("Skills", ""))),
        preferred_agent=agent(unquote(event.get("PreferredAgent", ""))),
        dropped=event.get("Dropped") == "yes",
    )


def feature(pbx: PbxName, event: Event) -> FeatureDialled:
    return FeatureDialled(
        pbx=pbx,
        channel=ChannelId(event["Uniqueid"]),
        dial=phone_of(event["Channel"]),
        action=event.get("Action", ""),
        typed=unquote(event.get("Typed", ""))[:LONGEST_NUMBER],
    )


def live_channel(event: Event, country: str | None, ahead_seconds: float = 0) -> LiveChannel:
    """A channel of a `Status` list, with the variables that were asked for. `ahead_seconds`: of our clock, of its."""
    variables = _variables(event)
    joined_at = seconds(variables["ACD_JOINED"])
    return LiveChannel(
        channel=ChannelId(event["Uniqueid"]),
        bridged=bool(event.get("BridgeID")),
        dial=phone_of(event["Channel"]),
        talks=talks(event),
        caller=caller(event, country),
        # Who hears the greeting will join when it is over.
        queue=QueueName(variables["ACD_QUEUE"] if variables["ACD_JOINED"] or variables["ACD_STATUS"] else ""),
        status=variables["ACD_STATUS"],
        never_bridged=variables["BRIDGEPEER"] == NOBODY,
        agent=agent(variables["ACD_AGENT"]),
        device=variables["ACD_DEVICE"],
        rings_for=ChannelId(variables["ACD_CALLER"]) if variables["ACD_CALLER"] else None,
        request=RequestId(variables["ACD_REQUEST"]) if variables["ACD_REQUEST"] else None,
        accepted=variables["ACD_ACCEPTED"] == "yes",
        attempt=variables["ACD_TRIED"],
        attempt_ended=attempt_ended(variables["ACD_DIALLED"]),
        joined_at=None if joined_at is None else joined_at + ahead_seconds,
        priority=priority(variables["ACD_PRIORITY"]),
        max_wait_seconds=seconds(variables["ACD_MAX_WAIT"]),
        needs=needs(variables["ACD_SKILLS"]),
        preferred_agent=agent(variables["ACD_PREFERRED_AGENT"]),
        aside=variables["ACD_ASIDE"] == "yes",
        hears_music=event.get("Application") == "WaitExten",
    )


def _variables(event: Event) -> dict[str, str]:
    """Of a `Status` event: one header `Variable: NAME=value` for each that was asked for; `(null)` if it is not set."""
    found = _NONE_SET.copy()
    for line in event.all("Variable"):
        name, _, value = line.partition("=")
        found[name] = "" if value == "(null)" else value
    return found


def attempt_ended(status: str) -> str:
    """How, by DIALSTATUS: `answered`, or how it failed; empty while it goes on."""
    return ANSWERED if status == "ANSWER" else status and missed(status)


def missed(status: str) -> Missed:
    """How, by DIALSTATUS, an attempt has failed."""
    return _MISSED.get(status, Missed.FAILED)


def phone_of(channel_name: str) -> str:
    """The telephone that a channel leads to, as Dial takes it: PJSIP/alice of PJSIP/alice-00000001."""
    return channel_name.rpartition("-")[0]


def talks(event: Event) -> bool:
    """A channel that is up, or whose telephone dials itself; one that only rings is none."""
    return event.get("ChannelState") in (DIALS, UP)


def caller(event: Event, country: str | None, who: str = "") -> Caller:
    """`country` is where a number without one belongs, `who` which of an event's channels is meant (Transferee)."""
    number = _known(event.get(f"{who}CallerIDNum", ""))[:LONGEST_NUMBER]
    name = _known(event.get(f"{who}CallerIDName", ""))[:LONGEST_NAME]
    return Caller(number=number, name=name, e164=numbers.e164(number, country))


def _known(text: str) -> str:
    if text == "<unknown>":
        return ""
    return text if text.isprintable() else "".join(filter(str.isprintable, text))


def priority(text: str) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and HIGHEST_PRIORITY <= int(text[:9]) <= LOWEST_PRIORITY:
        return int(text)
    log.warning("join.bad_priority", value=text[:40], allowed=f"{HIGHEST_PRIORITY} to {LOWEST_PRIORITY}")
    return None


def number(text: str) -> int | None:
    """What the dialplan has counted; None if it is no number."""
    return int(text) if re.fullmatch(r"\d{1,12}", text, re.ASCII) else None


def seconds(text: str) -> float | None:
    """A duration or a moment from the dialplan; None if there is none, or none that can be read."""
    if not text:
        return None
    if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text, re.ASCII):
        return float(text)
    log.warning("join.bad_seconds", value=text[:40])
    return None


def moment(typed: str, now: float, zone: tzinfo | None) -> float | None:
    """HHMM: the next such time; DDMMHHMM: on the next such day; None if there is none. By the clocks of that zone, or
    (None) of this machine. A time that they skip when they are put forward is that of a clock that was not."""
    if not (typed.isascii() and typed.isdigit() and len(typed) in (4, 8)):
        return None
    today = datetime.fromtimestamp(now, zone).replace(second=0, microsecond=0, fold=0)
    with suppress(ValueError):
        at = today.replace(hour=int(typed[-4:-2]), minute=int(typed[-2:]))
        if len(typed) == 4:
            return _first_after(now, at) or (at + timedelta(days=1)).timestamp()
        at = at.replace(day=int(typed[:2]), month=int(typed[2:4]))
        return _first_after(now, at) or at.replace(year=at.year + 1).timestamp()
    return None


def _first_after(now: float, at: datetime) -> float | None:
    """Where clocks are put back, they show a time twice."""
    return next((then for fold in (0, 1) if (then := at.replace(fold=fold).timestamp()) > now), None)


def needs(text: str) -> Needs:
    """Skills as the dialplan writes them: `french,billing:3`. One that cannot be read is not needed: better somebody
    who may not know enough than nobody."""
    if not text:
        return ()
    levels: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text[:LONGEST_SKILLS].split(","))):
        found = re.fullmatch(r"([a-zA-Z0-9_.-]{1,64})(?::([1-9]\d?|100))?", part, re.ASCII)
        if found:
            levels[found[1]] = int(found[2] or 1)
        else:
            log.warning("join.bad_skill", value=part[:40], allowed="NAME or NAME:LEVEL, with a level of 1 to 100")
    return tuple(Need(skill, levels[skill]) for skill in sorted(levels))


def agent(text: str) -> AgentName | None:
    return AgentName(text) if text else None


def caller_id(who: Caller) -> str:
    """The caller as the agent's phone shows him, in the form of AMI's CallerID header; empty if nothing is known."""
    number = re.sub(r"[^0-9A-Za-z+*#._-]", "", who.number)
    name = re.sub(r'["\\<>]', "", who.name)
    return f'"{name or number}" <{number}>' if number or name else ""


def how_it_ended(hangup: Event, originate_reason: str, rang: bool, forwarded: bool = False) -> tuple[LegEnd, str]:
    """A channel that was never answered may end without a cause of its own; then Originate's reason tells. A telephone
    that says `busy` after it has rung is not: its person has declined (phones answer 486 for that). One that sends its
    calls elsewhere does so at once, or when nobody has answered."""
    if forwarded:
        return LegEnd.NO_ANSWER if rang else LegEnd.UNREACHABLE, FORWARDED
    number, text = hangup.get("Cause", ""), hangup.get("Cause-txt", "")
    if number == "0" and originate_reason:
        how, cause = why_not_originated(originate_reason)
    else:
        how = LegEnd.HUNG_UP if number in _NORMAL else _CAUSES.get(number, LegEnd.UNREACHABLE)
        cause = f"{number} {text}".strip()
    return (LegEnd.REJECTED if rang and how is LegEnd.BUSY else how), cause


def why_not_originated(reason: str) -> tuple[LegEnd, str]:
    return _REASONS.get(reason, LegEnd.UNREACHABLE), f"originate failed, reason {reason}"
