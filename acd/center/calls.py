"""Callers: how a call becomes a request, and how it ends, from the caller's side of it."""

from __future__ import annotations

from acd.center import agents, offers, preferred, skills
from acd.center.facts import CallerReleased, RequestEnded, RequestQueued, RequestReprioritized, RequestRequeued
from acd.center.inputs import CallerJoined, ChannelGone, SetPriority
from acd.center.model import Offer, Outcome, Refused, Request, RequestId, RequestState, UnknownName
from acd.center.state import Queue
from acd.center.turn import Turn


def joined(turn: Turn, told: CallerJoined) -> None:
    earlier = turn.state.request_on(told.pbx, told.channel)
    if earlier and earlier.state is not RequestState.ONGOING:
        return
    if earlier and earlier.accepted:
        # His agent hung up and the dialplan queued him again before the end of the agent's leg was heard.
        offer = turn.state.offers[earlier.accepted]
        talk_ended(turn, offer, ended_by="agent")
        offers.release_leg(turn, offer)
    queue = turn.state.queues.get(told.queue)
    if queue is None or queue.closing:
        turn.tell(
            CallerReleased(at=turn.now, pbx=told.pbx, channel=told.channel, queue=told.queue, status="UNKNOWNQUEUE")
        )
        return
    entered_at = turn.now if told.joined_at is None else min(told.joined_at, turn.now)
    meant_for = told.preferred_agent if preferred.is_worth_waiting_for(turn, told.preferred_agent, queue) else None
    waits = [seconds for seconds in (told.max_wait_seconds, queue.rules.max_wait_seconds) if seconds is not None]
    turn.tell(
        RequestQueued(
            at=turn.now,
            request=RequestId(turn.state.next_id(turn.now)),
            kind="call",
            queue=told.queue,
            priority=told.priority,
            entered_at=entered_at,
            caller=told.caller,
            pbx=told.pbx,
            channel=told.channel,
            leave_at=entered_at + min(waits) if waits else None,
            needs=told.needs,
            ease_at=skills.next_easing(told.needs, queue.rules.easing, entered_at, after=0),
            held_for=meant_for,
            held_until=entered_at + queue.rules.preferred_agent_seconds if meant_for else None,
        )
    )


def left(turn: Turn, told: ChannelGone) -> None:
    request = turn.state.request_on(told.pbx, told.channel)
    if request is None:
        return
    if request.state is RequestState.ONGOING and request.accepted:
        offer = turn.state.offers[request.accepted]
        talk_ended(turn, offer, ended_by="caller")
        offers.release_leg(turn, offer)
        return
    offers.withdraw_all(turn, request)
    _end(turn, request, Outcome.ABANDONED, ended_by="caller")


def requeue(turn: Turn, request: Request) -> None:
    """All offers came to nothing. Who has waited for as long as his queue allows leaves now; he was not cut off before,
    while a phone rang for him. (Where nobody steers, he can only be released later.)"""
    if request.pbx in turn.state.steered:
        if request.leave_at is not None and request.leave_at <= turn.now:
            give_up(turn, request)
            return
        if turn.state.queues[request.queue].closing:
            send_away(turn, request)
            return
    preferred.let_go_in_vain(turn, request)
    turn.tell(
        RequestRequeued(at=turn.now, request=request.id, queue=request.queue, pbx=request.pbx, channel=request.channel)
    )


def give_up(turn: Turn, request: Request) -> None:
    _release(turn, request, "TIMEOUT", Outcome.TIMEOUT)


def send_away(turn: Turn, request: Request) -> None:
    _release(turn, request, "CLOSED", Outcome.CLOSED)


def clear_closing_queues(turn: Turn) -> None:
    """Who waits in a queue that was taken away would wait for ever; those for whom a phone rings may still be lucky."""
    for queue in turn.state.queues.values():
        if queue.closing:
            for request in _waiting_and_steered(turn, queue):
                send_away(turn, request)


def _waiting_and_steered(turn: Turn, queue: Queue) -> list[Request]:
    in_line = [turn.state.requests[name] for name in queue.line.in_order()]
    return [one for one in in_line if one.state is RequestState.WAITING and one.pbx in turn.state.steered]


def set_priority(turn: Turn, asked: SetPriority) -> None:
    """Raises UnknownName, or Refused for one that does not wait."""
    request = turn.state.requests.get(asked.request)
    if request is None:
        raise UnknownName(f"there is no live request {asked.request!r}")
    if request.state is RequestState.ONGOING:
        raise Refused("it waits no more: its priority means nothing now")
    if request.priority != asked.priority:
        turn.tell(
            RequestReprioritized(
                at=turn.now, request=request.id, queue=request.queue, priority=asked.priority, was=request.priority
            )
        )


def went_on(turn: Turn, request: Request) -> None:
    """The dialplan took him out of the line while nobody steered."""
    offers.withdraw_all(turn, request)
    _end(turn, request, Outcome.FALLBACK, ended_by="acd")


def talk_ended(turn: Turn, offer: Offer, ended_by: str) -> None:
    """The first of the two has hung up; heard again when the other one does, it changes nothing."""
    request = turn.state.requests.get(offer.request)
    if request is None:
        return
    _end(turn, request, Outcome.ANSWERED, ended_by)
    agents.wrap_up(turn, turn.state.agents[offer.agent], turn.state.queues[offer.queue].rules)


def _release(turn: Turn, request: Request, status: str, outcome: Outcome) -> None:
    turn.tell(CallerReleased(at=turn.now, pbx=request.pbx, channel=request.channel, queue=request.queue, status=status))
    _end(turn, request, outcome, ended_by="acd")


def _end(turn: Turn, request: Request, outcome: Outcome, ended_by: str) -> None:
    connected = request.state is RequestState.ONGOING
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
            connected_at=request.connected_at,
            talk_seconds=turn.now - request.connected_at if request.connected_at is not None else None,
            pbx=request.pbx,
            channel=request.channel,
        )
    )
