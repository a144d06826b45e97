"""An agent's states: what can happen to an agent in each of them, and which one follows.

The two tables are the whole machine; the diagram in the docs is drawn from them. In them, `=` means that nothing
changes, `later` that it is noted as a wish and takes effect when he would next become available, `no` that it is
refused with a reason, and an empty cell that it cannot happen.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from acd.center import devices, forwarding, preferred, seats
from acd.center.facts import AgentStateChanged, AgentWished, WrapUpExtended
from acd.center.inputs import ExtendWrapUp, FinishWrapUp, LogIn, LogOut, MakeAvailable, Pause, SwitchForward
from acd.center.model import OUTGOING_CALL, Agent, AgentState, Kind, NotAllowed, QueueName, QueueRules, Refused
from acd.center.turn import Turn


class Happening(StrEnum):
    LOGS_IN = "logs in"
    LOGS_OUT = "logs out"
    READY = "ready"
    PAUSES = "pauses"
    OFFERED = "offered"
    PICKS_UP = "picks up"
    CONNECTED = "connected"
    CALL_OVER = "call over"
    EXTENDS = "extends"
    FINISHES = "finishes"
    REJECTED = "rejected"
    MISSED = "missed"
    MISSED_TOO_OFTEN = "missed too often"
    UNREACHABLE = "unreachable"
    REACHABLE = "reachable"
    WITHDRAWN = "withdrawn"
    TIME_UP = "time up"
    PHONE_TAKEN = "phone taken"
    PHONE_FREED = "phone freed"


TABLE = """
           | logs in   | logs out   | ready     | pauses | extends | finishes  | time up
logged_out | available | =          | no        | no     | no      | no        |
available  | =         | logged_out | =         | paused | no      | no        |
connecting | =         | later      | =         | later  | no      | no        |
connected  | =         | later      | =         | later  | no      | no        |
wrap_up    | =         | logged_out | available | paused | wrap_up | available | available
busy       | =         | logged_out | available | paused | no      | no        | available
no_answer  | =         | logged_out | available | paused | no      | no        | available
paused     | available | logged_out | available | paused | no      | no        |
"""
"""What people and clocks do."""

CALLS_TABLE = """
           | offered    | picks up   | connected | call over | rejected | missed    | missed too often | unreachable | reachable | withdrawn | phone taken | phone freed
logged_out |            |            |           |           |          |           |                  |             |           |           | =           | =
available  | connecting | connecting |           |           |          |           |                  | busy        |           |           | busy        |
connecting |            |            | connected |           | busy     | no_answer | paused           | busy        |           | available | =           | =
connected  |            |            |           | wrap_up   |          |           |                  |             |           |           | =           | =
wrap_up    |            | connecting |           |           |          |           |                  |             |           |           | =           | =
busy       |            | connecting |           |           |          |           |                  |             | available |           | =           | available
no_answer  |            | connecting |           |           |          |           |                  |             |           |           | =           | =
paused     |            | connecting |           |           |          |           |                  |             |           |           | =           | =
"""  # noqa: E501 - a table is read in rows
"""What calls do. A telephone that is taken or freed, or cannot be reached, means something only to who is, or could be,
available: `busy` ends with it if it began with it. Who makes a call himself is in the row of `connected`, be it that
the rules call his state `busy`."""

ON_PHONE = "on_phone"
"""The reason of a `busy` that lasts for as long as the telephone is used for something else."""
UNREACHABLE = "unreachable"
"""The reason of a `busy` that lasts until one of his devices may be tried again."""

STAYS, LATER, REFUSED = "=", "later", "no"


def transitions() -> dict[tuple[AgentState, Happening], str]:
    """The tables as a mapping from state and happening to the state that follows, or one of `=`, `later`, `no`."""
    return _read(TABLE) | _read(CALLS_TABLE)


def _read(table: str) -> dict[tuple[AgentState, Happening], str]:
    head, *rows = ([cell.strip() for cell in line.split("|")] for line in table.strip("\n").splitlines())
    return {
        (AgentState(state), Happening(happening)): cell
        for state, *cells in rows
        for happening, cell in zip(head[1:], cells, strict=True)
        if cell
    }


_NEXT = transitions()
_REFUSALS = {
    Happening.READY: "{name} is logged out; log in first",
    Happening.PAUSES: "{name} is logged out; log in first",
    Happening.EXTENDS: "{name} is not in wrap-up",
    Happening.FINISHES: "{name} is not in wrap-up",
}
_WISHES = {Happening.LOGS_OUT: AgentState.LOGGED_OUT, Happening.PAUSES: AgentState.PAUSED}


class ImpossibleHappening(RuntimeError):
    """The table has no answer: a bug in the center, never the fault of what came in."""


def happens(
    turn: Turn,
    agent: Agent,
    happening: Happening,
    *,
    until: float | None = None,
    reason: str | None = None,
    queue: QueueName | None = None,
) -> None:
    """Takes an agent from his state to the next one; `until`, `reason` and `queue` belong to the next one.

    Raises Refused where the table says no.
    """
    row = AgentState.CONNECTED if agent.is_busy_with_a_call else agent.state
    following = _NEXT.get((row, happening))
    if following is None:
        raise ImpossibleHappening(f"{agent.name} is {agent.state}, and {happening!r} happens")
    if following == REFUSED:
        raise Refused(_REFUSALS[happening].format(name=agent.name))
    if following == LATER:
        turn.tell(AgentWished(at=turn.now, agent=agent.name, wish=_WISHES[happening], reason=reason))
    elif following == STAYS:
        _forget_wish(turn, agent)
    else:
        _enter(turn, agent, _Next(AgentState(following), until, reason, queue), happening)


class _Next(NamedTuple):
    state: AgentState
    until: float | None = None
    reason: str | None = None
    queue: QueueName | None = None


def _instead_of_available(turn: Turn, agent: Agent, happening: Happening) -> _Next:
    """Who would be available now may have wished for something else."""
    if agent.wish and happening is not Happening.READY:
        return _Next(agent.wish, reason=agent.wish_reason)
    return _if_nothing_else(turn, agent)


def _if_nothing_else(turn: Turn, agent: Agent) -> _Next:
    """Available, unless he has his telephone at his ear, or can be reached nowhere."""
    if turn.state.is_on_phone(agent):
        return _Next(AgentState.BUSY, reason=ON_PHONE)
    until = devices.in_order_again_at(agent)
    if until is not None:
        return _Next(AgentState.BUSY, until, UNREACHABLE)
    return _Next(AgentState.AVAILABLE)


def _enter(turn: Turn, agent: Agent, following: _Next, happening: Happening) -> None:
    if following.state is AgentState.AVAILABLE:
        following = _instead_of_available(turn, agent, happening)
    if (happening, following.reason) == (Happening.CONNECTED, OUTGOING_CALL):
        following = following._replace(state=turn.state.rules.click_to_dial.agent_state)
    state, until, reason, queue = following
    if (state, reason, until) == (agent.state, agent.reason, agent.until):
        return
    keeps_turn = happening in (Happening.OFFERED, Happening.PICKS_UP, Happening.WITHDRAWN)
    turn.tell(
        AgentStateChanged(
            at=turn.now,
            agent=agent.name,
            state=state,
            was=agent.state,
            reason=reason,
            until=until,
            idle_since=agent.idle_since if keeps_turn else turn.now,
            queue=queue,
        )
    )
    if state is AgentState.LOGGED_OUT:
        preferred.let_go_of_all(turn, agent.name)
        forwarding.let_go(turn, agent)


def _forget_wish(turn: Turn, agent: Agent) -> None:
    if agent.wish:
        turn.tell(AgentWished(at=turn.now, agent=agent.name, wish=None))


# ---- What agents ask for


def log_in(turn: Turn, asked: LogIn) -> None:
    agent = turn.state.agent(asked.agent)
    seats.take(turn, agent, asked.device)
    forwarding.settle(turn, agent)
    devices.recover(turn, agent, early=True)
    happens(turn, agent, Happening.LOGS_IN)
    heed_devices(turn, agent)


def log_out(turn: Turn, asked: LogOut) -> None:
    happens(turn, turn.state.agent(asked.agent), Happening.LOGS_OUT)


def make_available(turn: Turn, asked: MakeAvailable) -> None:
    agent = turn.state.agent(asked.agent)
    if agent.state is not AgentState.LOGGED_OUT:
        devices.recover(turn, agent, early=True)
    happens(turn, agent, Happening.READY)


def pause(turn: Turn, asked: Pause) -> None:
    reasons = turn.state.rules.pause_reasons
    if reasons and asked.reason is not None and asked.reason not in reasons:
        raise NotAllowed(f"there is no pause reason {asked.reason!r}; allowed: {', '.join(reasons)}")
    happens(turn, turn.state.agent(asked.agent), Happening.PAUSES, reason=asked.reason)


def extend_wrap_up(turn: Turn, asked: ExtendWrapUp) -> None:
    agent = turn.state.agent(asked.agent)
    if agent.until is None or agent.wrap_up_queue is None:
        happens(turn, agent, Happening.EXTENDS)  # refused, in the table's words
        return
    step = turn.state.queues[agent.wrap_up_queue].rules.wrap_up_step_seconds
    turn.tell(WrapUpExtended(at=turn.now, agent=agent.name, until=agent.until + step))


def finish_wrap_up(turn: Turn, asked: FinishWrapUp) -> None:
    happens(turn, turn.state.agent(asked.agent), Happening.FINISHES)


def switch_forward(turn: Turn, asked: SwitchForward) -> None:
    heed_devices(turn, forwarding.switch(turn, asked))


# ---- What time and telephones do to them


def connected(turn: Turn, agent: Agent, kind: str) -> None:
    happens(turn, agent, Happening.CONNECTED, reason=OUTGOING_CALL if kind == Kind.DIAL else None)


def wrap_up(turn: Turn, agent: Agent, queue: QueueRules) -> None:
    seconds = queue.wrap_up_seconds if agent.wrap_up_seconds is None else agent.wrap_up_seconds
    happens(turn, agent, Happening.CALL_OVER, until=turn.now + seconds, queue=queue.name)
    if seconds == 0:
        time_is_up(turn, agent)


def time_is_up(turn: Turn, agent: Agent) -> None:
    devices.recover(turn, agent)
    happens(turn, agent, Happening.TIME_UP)


def devices_are_back(turn: Turn, agent: Agent) -> None:
    devices.recover(turn, agent)
    heed_devices(turn, agent)


def heed_devices(turn: Turn, agent: Agent) -> None:
    """His telephone may be in use by now, or no longer; or his calls go elsewhere."""
    on_phone, unreachable_until = turn.state.is_on_phone(agent), devices.in_order_again_at(agent)
    if agent.state is AgentState.AVAILABLE and on_phone:
        happens(turn, agent, Happening.PHONE_TAKEN, reason=ON_PHONE)
    elif agent.state is AgentState.AVAILABLE and unreachable_until is not None:
        happens(turn, agent, Happening.UNREACHABLE, until=unreachable_until, reason=UNREACHABLE)
    elif agent.state is AgentState.BUSY and agent.reason == ON_PHONE and not on_phone:
        happens(turn, agent, Happening.PHONE_FREED)
    elif agent.state is AgentState.BUSY and agent.reason == UNREACHABLE and unreachable_until is None:
        happens(turn, agent, Happening.REACHABLE)
    elif agent.state is AgentState.BUSY and agent.reason == UNREACHABLE:
        _enter(turn, agent, _Next(AgentState.BUSY, unreachable_until, UNREACHABLE), Happening.UNREACHABLE)


def picks_up(turn: Turn, agent: Agent) -> None:
    """What rings at somebody else's telephone. Who was paused is so again after the call."""
    paused, reason = agent.state is AgentState.PAUSED, agent.reason
    happens(turn, agent, Happening.PICKS_UP)
    if paused:
        turn.tell(AgentWished(at=turn.now, agent=agent.name, wish=AgentState.PAUSED, reason=reason))


def missed(turn: Turn, agent: Agent) -> None:
    rules = turn.state.rules.offers
    if 0 < rules.pause_after_missed <= agent.missed_in_a_row + 1:
        happens(turn, agent, Happening.MISSED_TOO_OFTEN, reason="no_answer")
    else:
        happens(turn, agent, Happening.MISSED, until=turn.now + rules.no_answer_seconds)


def refused(turn: Turn, agent: Agent) -> None:
    until = turn.now + turn.state.rules.offers.rejected_seconds
    happens(turn, agent, Happening.REJECTED, until=until, reason="rejected")


def was_busy(turn: Turn, agent: Agent) -> None:
    """His telephone gave the busy signal."""
    until = turn.now + turn.state.rules.offers.busy_seconds
    happens(turn, agent, Happening.REJECTED, until=until, reason="rejected")


def could_not_be_reached(turn: Turn, agent: Agent) -> None:
    """His device, or his carrier, is to blame: where another one is in order, he is as available as before."""
    until = devices.in_order_again_at(agent)
    if until is None:
        happens(turn, agent, Happening.WITHDRAWN)
    else:
        happens(turn, agent, Happening.UNREACHABLE, until=until, reason=UNREACHABLE)
