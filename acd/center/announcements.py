"""What callers hear while they wait: their place and the wait that is thought to be left, and prompts, turn by turn.

What is said is so at the moment at which it is said, and what is not known is not said. One thing is said at a time:
the next one waits until the caller hears music again, and some of that lies in between. While a phone rings for him
nothing new is begun; an answer interrupts whatever he hears.
"""

from __future__ import annotations

from math import floor
from typing import NamedTuple

from acd.center import callbacks, estimates
from acd.center.facts import AnnouncementMade, AnnouncementsPlanned, KeyHeeded
from acd.center.inputs import CallerWaits, KeyPressed
from acd.center.model import QueueName, QueueRules, Request, RequestState
from acd.center.turn import Turn

HIGHEST_NUMBER = 999
"""That the dialplan has words for: a place behind it, or a longer wait, is not told."""
MUSIC_SECONDS = 5.0
"""As much of it at least lies between two announcements."""
IN_LINE = (RequestState.WAITING, RequestState.OFFERED)


class Moments(NamedTuple):
    """When a caller is next told of his wait, and hears the next prompt."""

    announce_at: float | None
    prompt_at: float | None


SILENCE = Moments(None, None)


def for_newcomer(rules: QueueRules, now: float) -> Moments:
    announce, prompts = rules.announce, rules.prompts
    announce_at = _later(now, announce.every_seconds) if announce else None
    if announce and announce.on_joining:
        announce_at = now
    return Moments(announce_at, _later(now, prompts.every_seconds) if prompts else None)


def for_one_who_waits(rules: QueueRules, since: float, now: float) -> Moments:
    """As if he had been told regularly since then; so not all who wait are told in the same moment."""
    announce, prompts = rules.announce, rules.prompts
    return Moments(
        _next_of_row(since, announce.every_seconds, now) if announce else None,
        _next_of_row(since, prompts.every_seconds, now) if prompts else None,
    )


def plan_anew(turn: Turn, was: dict[QueueName, QueueRules]) -> None:
    """After new rules, where they are others."""
    for name, queue in turn.state.queues.items():
        rules, before = queue.rules, was.get(name, queue.rules)
        if (rules.announce, rules.prompts) != (before.announce, before.prompts):
            for request in (turn.state.requests[identity] for identity in queue.line.in_order()):
                if request.channel:
                    moments = for_one_who_waits(rules, request.entered_at, turn.now)
                    plan(turn, request, moments, request.spoken_to)


def plan(turn: Turn, request: Request, moments: Moments, spoken_to: bool = False) -> None:
    turn.tell(AnnouncementsPlanned(at=turn.now, request=request.id, spoken_to=spoken_to, **moments._asdict()))


def time_is_up(turn: Turn, request: Request) -> None:
    rules = turn.state.queues[request.queue].rules
    place = minutes = prompt = None
    announce_at, prompt_at = request.announce_at, request.prompt_at
    if rules.announce and announce_at is not None and announce_at <= turn.now:
        announce_at = _later(turn.now, rules.announce.every_seconds)
        place = _told(turn.state.place_of(request)) if rules.announce.place else None
        minutes = _told(_minutes(turn, request)) if rules.announce.wait else None
    if rules.prompts and prompt_at is not None and prompt_at <= turn.now:
        prompt_at = _later(turn.now, rules.prompts.every_seconds)
        prompt = rules.prompts.sounds[request.prompts_heard % len(rules.prompts.sounds)]
    if place is None and minutes is None and prompt is None:
        plan(turn, request, Moments(announce_at, prompt_at))
        return
    turn.tell(
        AnnouncementMade(
            at=turn.now,
            request=request.id,
            queue=request.queue,
            pbx=request.pbx,
            channel=request.channel,
            place=place,
            minutes=minutes,
            prompt=prompt,
            announce_at=announce_at,
            prompt_at=prompt_at,
        )
    )


def _minutes(turn: Turn, request: Request) -> int | None:
    """The wait that half of its like stay below, to the nearest minute; 0 only for less than one."""
    wait = estimates.of_request(turn.state, request)
    return None if wait is None else floor(wait.p50 / 60 + 0.5) if wait.p50 >= 60 else 0


def _told(number: int | None) -> int | None:
    return None if number is None or number > HIGHEST_NUMBER else number


# ---- What the dialplan says


def key_pressed(turn: Turn, told: KeyPressed) -> None:
    request = turn.state.request_on(told.pbx, told.channel)
    if request and request.state in IN_LINE and not request.spoken_to:
        turn.tell(KeyHeeded(at=turn.now, request=request.id))


def waits(turn: Turn, told: CallerWaits) -> None:
    request = turn.state.request_on(told.pbx, told.channel)
    if request is None:
        return
    if request.aside:  # what was to be said to him came in between, just as he was about to leave a message
        callbacks.resume(turn, request)
    hears_music(turn, request)


def hears_music(turn: Turn, request: Request) -> None:
    if request.state in IN_LINE and request.spoken_to:
        earliest = turn.now + MUSIC_SECONDS
        moments = (None if at is None else max(at, earliest) for at in (request.announce_at, request.prompt_at))
        plan(turn, request, Moments(*moments))


def _later(now: float, seconds: float | None) -> float | None:
    return None if seconds is None else now + seconds


def _next_of_row(since: float, seconds: float | None, now: float) -> float | None:
    return None if seconds is None else since + seconds * (floor((now - since) / seconds) + 1)
