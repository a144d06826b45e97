"""Callers: how a call becomes a request, and how it ends, from the caller's side of it."""

from __future__ import annotations

from acd.center import agents, announcements, callbacks, customers, doors, estimates, offers, preferred, skills
from acd.center.facts import RequestEnded, RequestQueued, RequestReprioritized, RequestRequeued
from acd.center.inputs import CallerJoined, ChannelGone, SetPriority
from acd.center.line import key_for
from acd.center.model import (
    MIDDLE_PRIORITY,
    Kind,
    KnownCaller,
    Offer,
    Outcome,
    Refused,
    Request,
    RequestId,
    RequestState,
    UnknownName,
)
from acd.center.state import Queue
from acd.center.turn import Turn


def joined(turn: Turn, told: CallerJoined) -> None:
    earlier = turn.state.request_on(told.pbx, told.channel)
    if earlier and earlier.state is not RequestState.ONGOING:
        return
    if earlier:
        # He was passed on, or his agent hung up and the dialplan queued him again before the leg's end was heard.
        end_talk_passed_on(turn, earlier)
    elif coming := callbacks.to_ask_about(turn, told):
        callbacks.ask(turn, told, coming)
        return
    queue = doors.admitting_queue(turn, told)
    if queue is not None:
        _enter(turn, told, queue, came_from=earlier)


def _enter(turn: Turn, told: CallerJoined, queue: Queue, came_from: Request | None) -> None:
    rules, known = queue.rules, turn.state.rules.callers.get(told.caller.key, KnownCaller())
    entered_at = _moment_of_entry(turn, told, queue)
    if came_from and rules.transfers_keep_entry:
        entered_at = came_from.entered_at
    priority, needs = told.priority or known.priority, told.needs
    before = turn.state.last_talks.get(f"{told.pbx} {told.channel}") if told.dropped else None
    if before:  # whether the end of the vanished leg, or his coming back, was heard first
        entered_at, priority, needs = before.entered_at, before.priority, before.needs
    meant_for = preferred.agent_for(turn, told, known, queue)
    waits = [seconds for seconds in (told.max_wait_seconds, rules.max_wait_seconds) if seconds is not None]
    waits_since = turn.now if told.joined_at is None else entered_at
    identity = RequestId(turn.state.next_id(turn.now))
    if told.joined_at is None:
        moments = announcements.for_newcomer(rules, turn.now)
    else:
        moments = announcements.for_one_who_waits(rules, entered_at, turn.now)
    estimate = None
    if entered_at == turn.now and not meant_for:
        key = key_for(priority or MIDDLE_PRIORITY, entered_at, identity, rules)
        estimate = estimates.at_place(turn.state, queue, needs, key)
    turn.tell(
        RequestQueued(
            at=turn.now,
            request=identity,
            kind=Kind.CALL,
            queue=rules.name,
            priority=priority or MIDDLE_PRIORITY,
            entered_at=entered_at,
            caller=told.caller,
            pbx=told.pbx,
            channel=told.channel,
            came_to=told.queue if told.queue != rules.name else None,
            leave_at=waits_since + min(waits) if waits else None,
            needs=needs,
            ease_at=skills.next_easing(needs, rules.easing, entered_at, after=0),
            held_for=meant_for,
            held_until=turn.now + rules.preferred_agent_seconds if meant_for else None,
            estimated_seconds=estimate.p50 if estimate else None,
            offer_at=callbacks.first_offer_at(turn.now, rules.callbacks),
            announce_at=moments.announce_at,
            prompt_at=moments.prompt_at,
        )
    )


def _moment_of_entry(turn: Turn, told: CallerJoined, queue: Queue) -> float:
    """Who was found waiting has one; who hung up a moment ago and calls again has his old one back."""
    if told.joined_at is not None:
        return min(told.joined_at, turn.now)
    before = queue.gave_up.get(told.caller.key)
    if before and turn.now - before.at <= queue.rules.redial_seconds:
        return before.entered_at
    return turn.now


def left(turn: Turn, told: ChannelGone) -> None:
    request = turn.state.request_on(told.pbx, told.channel)
    if request is None:
        return
    if request.kind != Kind.CALL:
        customers.customer_left(turn, request)
        return
    if request.state is RequestState.ONGOING and request.accepted:
        offer = turn.state.offers[request.accepted]
        talk_ended(turn, offer, ended_by="caller")
        offers.let_leg_end(turn, offer)
        return
    if request.state is RequestState.ONGOING:
        end(turn, request, Outcome.ANSWERED, ended_by="caller")
        return
    offers.withdraw_all(turn, request)
    end(turn, request, Outcome.ABANDONED, ended_by="caller")


def end_talk_passed_on(turn: Turn, request: Request) -> None:
    """The caller goes on as another request: in the line that he was passed into, or in the place that he has taken."""
    if request.state is RequestState.ONGOING and request.accepted:
        offer = turn.state.offers[request.accepted]
        talk_ended(turn, offer, ended_by="agent")
        offers.let_leg_end(turn, offer)
        return
    offers.withdraw_all(turn, request)
    end(turn, request, Outcome.ANSWERED, ended_by="agent")


def requeue(turn: Turn, request: Request) -> None:
    """All offers came to nothing. Who has waited for as long as his queue allows leaves now; he was not cut off before,
    while a phone rang for him. (Where nobody steers, he can only be released later.) A call that an agent wanted to
    make is over."""
    if request.kind == Kind.DIAL:
        end(turn, request, Outcome.CANCELLED, ended_by="agent")
        return
    status = _why_leave_now(turn, request) if request.channel and request.pbx in turn.state.steered else None
    if status and not lead_out(turn, request, status):
        return
    preferred.let_go_in_vain(turn, request)
    turn.tell(
        RequestRequeued(at=turn.now, request=request.id, queue=request.queue, pbx=request.pbx, channel=request.channel)
    )


def _why_leave_now(turn: Turn, request: Request) -> str | None:
    if request.leave_at is not None and request.leave_at <= turn.now:
        return "TIMEOUT"
    return doors.status_for_those_inside(turn, turn.state.queues[request.queue])


def give_up(turn: Turn, request: Request) -> None:
    lead_out(turn, request, "TIMEOUT")


def lead_out(turn: Turn, request: Request, status: str) -> bool:
    """Answers whether he still waits, in another queue."""
    if doors.lead_out(turn, request, status):
        return True
    end(turn, request, doors.OUTCOMES[status], ended_by="acd")
    return False


def clear_closed_doors(turn: Turn) -> None:
    """Leads out of each queue whose doors somebody must look at whom it keeps no longer, each of them once."""
    led: set[RequestId] = set()
    while turn.state.doors:
        queue = turn.state.queues.get(turn.state.doors.pop())
        status = doors.status_for_those_inside(turn, queue) if queue else None
        if queue is None or status is None:
            continue
        for request in doors.all_who_wait(turn, queue):
            if request.id not in led:
                led.add(request.id)
                lead_out(turn, request, status)


def set_priority(turn: Turn, asked: SetPriority) -> None:
    """Raises UnknownName, or Refused for one that does not wait."""
    request = turn.state.requests.get(asked.request)
    if request is None:
        raise UnknownName(f"there is no live request {asked.request!r}")
    if request.state is RequestState.ONGOING or request.is_outgoing:
        raise Refused("it waits in no line: its priority means nothing")
    if request.priority != asked.priority:
        turn.tell(
            RequestReprioritized(
                at=turn.now, request=request.id, queue=request.queue, priority=asked.priority, was=request.priority
            )
        )


def went_on(turn: Turn, request: Request, status: str) -> None:
    """He is in the line no more, and nobody heard it: we led him out, or the dialplan did, while nobody steered."""
    offers.withdraw_all(turn, request)
    end(turn, request, doors.OUTCOMES.get(status, Outcome.FALLBACK), ended_by="acd")


def talked_unheard(turn: Turn, request: Request) -> None:
    """Somebody has talked with him, or does; of his waiting nothing is left."""
    offers.withdraw_all(turn, request)
    end(turn, request, Outcome.ANSWERED, ended_by="agent")


def talk_ended(turn: Turn, offer: Offer, ended_by: str) -> None:
    """The first of the two has hung up; heard again when the other one does, it changes nothing."""
    request = turn.state.requests.get(offer.request)
    if request is None or request.accepted != offer.id:
        return
    if request.kind != Kind.CALL:
        customers.agent_hung_up(turn, request, turn.state.agents[offer.agent])
        return
    end(turn, request, Outcome.ANSWERED, ended_by)
    agents.wrap_up(turn, turn.state.agents[offer.agent], turn.state.queues[offer.queue].rules)


def end(turn: Turn, request: Request, outcome: Outcome, ended_by: str, comment: str = "") -> None:
    connected = request.state is RequestState.ONGOING
    offer = turn.state.offers.get(request.accepted) if request.accepted else None
    turn.tell(
        RequestEnded(
            at=turn.now,
            request=request.id,
            kind=request.kind,
            queue=request.queue,
            outcome=outcome,
            ended_by=ended_by,
            priority=request.priority,
            caller=request.caller,
            entered_at=request.entered_at,
            waited_seconds=(request.connected_at or turn.now) - request.entered_at,
            offers=request.offers_made,
            agent=request.agent if connected else None,
            device=offer.device.kind if connected and offer else "",
            connected_at=request.connected_at,
            talk_seconds=_talk_seconds(turn, request),
            pbx=request.pbx,
            channel=request.channel,
            number=request.number,
            attempts=request.attempts,
            message=request.message,
            comment=comment or request.comment,
        )
    )


def _talk_seconds(turn: Turn, request: Request) -> float | None:
    since = request.connected_at if request.kind == Kind.CALL else request.talked_since
    so_far = turn.now - since if since is not None else 0.0
    return so_far + request.talked_seconds if request.connected_at is not None else None
