"""Doors: whether a queue takes a caller in or keeps him, and where he goes if it does not.

Each way out has a status, which the dialplan gets as `ACD_STATUS`; for each a queue may name another queue, which he
enters with his own moment of entry, or a context of the dialplan.
"""

from __future__ import annotations

from acd.center import announcements, skills
from acd.center.facts import CalendarChanged, CallerReleased, QueueDrained, RequestMoved
from acd.center.inputs import CalendarTurned, CallerJoined, Drain
from acd.center.model import AgentState, Outcome, Presence, QueueName, Request, RequestState, UnknownName
from acd.center.state import Queue
from acd.center.turn import Turn

OUTCOMES = {"TIMEOUT": Outcome.TIMEOUT, "EMPTY": Outcome.EMPTY, "CLOSED": Outcome.CLOSED}
"""How a request ends that leaves with a status."""
ABSENT = {
    Presence.NOBODY: frozenset[AgentState](),
    Presence.LOGGED_IN: frozenset({AgentState.LOGGED_OUT}),
    Presence.READY: frozenset({AgentState.LOGGED_OUT, AgentState.PAUSED}),
    Presence.AVAILABLE: frozenset(AgentState) - {AgentState.AVAILABLE},
}
"""In which states an agent is not there."""


# ---- In


def admitting_queue(turn: Turn, told: CallerJoined) -> Queue | None:
    """The queue that takes him in: the one he came to, or one it leads to. None: he has been sent on."""
    name, seen = told.queue, set[QueueName]()
    while True:
        seen.add(name)
        queue = turn.state.queues.get(name)
        status = _why_not_in(turn, told, queue)
        if queue is not None and status is None:
            return queue
        way = queue.rules.ways_out.get(status or "") if queue else None
        if way is None or way.queue is None or way.queue in seen:
            turn.tell(
                CallerReleased(
                    at=turn.now,
                    pbx=told.pbx,
                    channel=told.channel,
                    queue=told.queue,
                    status=status or "",
                    context=way.context if way else None,
                    refused=True,
                )
            )
            return None
        name = way.queue


def _why_not_in(turn: Turn, told: CallerJoined, queue: Queue | None) -> str | None:
    """Who is found waiting was let in before: he is not sent away for what is so by now."""
    if queue is None or queue.closing:
        return "UNKNOWNQUEUE"
    return refusal(turn, queue) if told.joined_at is None else None


def refusal(turn: Turn, queue: Queue) -> str | None:
    """Why nobody may join now; None if he may."""
    rules = queue.rules
    if queue.drained or not is_open(turn, queue):
        return "CLOSED"
    if rules.max_waiting is not None and len(queue.line) >= rules.max_waiting:
        return "FULL"
    return None if is_attended(queue, rules.join_needs) else "EMPTY"


def is_open(turn: Turn, queue: Queue) -> bool:
    """A calendar of which nothing is known yet closes nothing."""
    return queue.rules.calendar is None or turn.state.calendars.get(queue.rules.calendar, True)


def is_attended(queue: Queue, need: Presence) -> bool:
    absent = ABSENT[need]
    return need is Presence.NOBODY or any(n for state, n in queue.in_states.items() if state not in absent)


# ---- Out


def lead_out(turn: Turn, request: Request, status: str) -> bool:
    """Sends on one who waits; answers whether he is still ours, in another queue."""
    way = turn.state.queues[request.queue].rules.ways_out.get(status)
    target = turn.state.queues.get(way.queue) if way and way.queue else None
    if target and target.rules.name != request.queue and not target.closing and refusal(turn, target) is None:
        _move(turn, request, target, status)
        return True
    turn.tell(
        CallerReleased(
            at=turn.now,
            pbx=request.pbx,
            channel=request.channel,
            queue=request.queue,
            status=status,
            context=way.context if way else None,
        )
    )
    return False


def _move(turn: Turn, request: Request, target: Queue, status: str) -> None:
    """How long he may wait there counts from now: having waited for long enough already, he would leave at once."""
    longest = target.rules.max_wait_seconds
    moments = announcements.for_newcomer(target.rules, turn.now) if request.channel else announcements.SILENCE
    turn.tell(
        RequestMoved(
            at=turn.now,
            request=request.id,
            kind=request.kind,
            was=request.queue,
            queue=target.rules.name,
            status=status,
            waited_seconds=turn.now - request.entered_at,
            pbx=request.pbx,
            channel=request.channel,
            leave_at=None if longest is None else turn.now + longest,
            announce_at=moments.announce_at,
            prompt_at=moments.prompt_at,
        )
    )
    if skills.next_easing(request.needs, target.rules.easing, request.entered_at, after=0) is not None:
        skills.ease(turn, request)


# ---- Those who wait, when a door closes behind them


def all_who_wait(turn: Turn, queue: Queue) -> list[Request]:
    """Those for whom a telephone rings may still be lucky; those whose server nobody steers are led out when it is. Who
    leaves a message, or has left one, waits on no line that could be closed."""
    in_line = [turn.state.requests[name] for name in queue.line.in_order()]
    return [
        one
        for one in in_line
        if one.state is RequestState.WAITING and one.channel and not one.aside and one.pbx in turn.state.steered
    ]


def status_for_those_inside(turn: Turn, queue: Queue) -> str | None:
    """Why nobody may stay; None if he may."""
    if queue.closing or (queue.rules.leave_when_closed and not is_open(turn, queue)):
        return "CLOSED"
    return None if is_attended(queue, queue.rules.stay_needs) else "EMPTY"


# ---- What people and clocks do to doors


def turned(turn: Turn, told: CalendarTurned) -> None:
    if turn.state.calendars.get(told.calendar) is not told.open:
        turn.tell(CalendarChanged(at=turn.now, calendar=told.calendar, open=told.open))


def drain(turn: Turn, asked: Drain) -> None:
    """Raises UnknownName."""
    if asked.queue is not None and asked.queue not in turn.state.queues:
        raise UnknownName(f"there is no queue {asked.queue!r}")
    for name, queue in turn.state.queues.items():
        if asked.queue in (None, name) and queue.drained is not asked.drain:
            turn.tell(QueueDrained(at=turn.now, queue=name, drained=asked.drain))
