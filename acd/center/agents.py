"""An agent's states: what can happen to an agent in each of them, and which one follows.

The table is the whole machine; the diagram in the docs is drawn from it. In it, `=` means that nothing changes, `later`
that it is noted as a wish and takes effect when he would next become available, `no` that it is refused with a reason,
and an empty cell that it cannot happen.
"""

from __future__ import annotations

from enum import StrEnum

from acd.center import preferred
from acd.center.facts import AgentStateChanged, AgentUnreachable, AgentWished
from acd.center.inputs import LogIn, LogOut, MakeAvailable, Pause
from acd.center.model import Agent, AgentState, Refused
from acd.center.turn import Turn


class Happening(StrEnum):
    LOGS_IN = "logs in"
    LOGS_OUT = "logs out"
    READY = "ready"
    PAUSES = "pauses"
    OFFERED = "offered"
    CONNECTED = "connected"
    CALL_OVER = "call over"
    REJECTED = "rejected"
    MISSED = "missed"
    UNREACHABLE = "unreachable"
    WITHDRAWN = "withdrawn"
    TIME_UP = "time up"


TABLE = """
           | logs in   | logs out   | ready     | pauses | offered    | connected | call over | rejected | missed    | unreachable | withdrawn | time up
logged_out | available | =          | no        | no     |            |           |           |          |           |             |           |
available  | =         | logged_out | =         | paused | connecting |           |           |          |           |             |           |
connecting | =         | later      | =         | later  |            | connected |           | busy     | no_answer | busy        | available |
connected  | =         | later      | =         | later  |            |           | wrap_up   |          |           |             |           |
wrap_up    | =         | logged_out | available | paused |            |           |           |          |           |             |           | available
busy       | =         | logged_out | available | paused |            |           |           |          |           |             |           | available
no_answer  | =         | logged_out | available | paused |            |           |           |          |           |             |           | available
paused     | available | logged_out | available | paused |            |           |           |          |           |             |           |
"""  # noqa: E501 - a table is read in rows

MOST_DOUBLINGS = 32
"""Of a pause after failures: more than any limit needs, and no number grows without end."""

STAYS, LATER, REFUSED = "=", "later", "no"


def transitions() -> dict[tuple[AgentState, Happening], str]:
    """The table as a mapping from state and happening to the state that follows, or one of `=`, `later`, `no`."""
    head, *rows = ([cell.strip() for cell in line.split("|")] for line in TABLE.strip("\n").splitlines())
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
}
_WISHES = {Happening.LOGS_OUT: AgentState.LOGGED_OUT, Happening.PAUSES: AgentState.PAUSED}


class ImpossibleHappening(RuntimeError):
    """The table has no answer: a bug in the center, never the fault of what came in."""


def happens(
    turn: Turn, agent: Agent, happening: Happening, *, until: float | None = None, reason: str | None = None
) -> None:
    """Takes an agent from his state to the next one; `until` and `reason` belong to the next one.

    Raises Refused where the table says no.
    """
    following = _NEXT.get((agent.state, happening))
    if following is None:
        raise ImpossibleHappening(f"{agent.name} is {agent.state}, and {happening!r} happens")
    if following == REFUSED:
        raise Refused(_REFUSALS[happening].format(name=agent.name))
    if following == LATER:
        turn.tell(AgentWished(at=turn.now, agent=agent.name, wish=_WISHES[happening], reason=reason))
    elif following == STAYS:
        _forget_wish(turn, agent)
    else:
        _enter(turn, agent, AgentState(following), happening, until, reason)


def _enter(
    turn: Turn, agent: Agent, state: AgentState, happening: Happening, until: float | None, reason: str | None
) -> None:
    if state is AgentState.AVAILABLE and agent.wish and happening is not Happening.READY:
        state, reason, until = agent.wish, agent.wish_reason, None
    if (state, reason) == (agent.state, agent.reason):
        return
    keeps_turn = happening in (Happening.OFFERED, Happening.WITHDRAWN)
    turn.tell(
        AgentStateChanged(
            at=turn.now,
            agent=agent.name,
            state=state,
            was=agent.state,
            reason=reason,
            until=until,
            idle_since=agent.idle_since if keeps_turn else turn.now,
        )
    )
    if state is AgentState.LOGGED_OUT:
        preferred.let_go_of_all(turn, agent.name)


def _forget_wish(turn: Turn, agent: Agent) -> None:
    if agent.wish:
        turn.tell(AgentWished(at=turn.now, agent=agent.name, wish=None))


# ---- What agents ask for


def log_in(turn: Turn, asked: LogIn) -> None:
    happens(turn, turn.state.agent(asked.agent), Happening.LOGS_IN)


def log_out(turn: Turn, asked: LogOut) -> None:
    happens(turn, turn.state.agent(asked.agent), Happening.LOGS_OUT)


def make_available(turn: Turn, asked: MakeAvailable) -> None:
    happens(turn, turn.state.agent(asked.agent), Happening.READY)


def pause(turn: Turn, asked: Pause) -> None:
    happens(turn, turn.state.agent(asked.agent), Happening.PAUSES, reason=asked.reason)


# ---- What time and telephones do to them


def wrap_up(turn: Turn, agent: Agent, seconds: float) -> None:
    happens(turn, agent, Happening.CALL_OVER, until=turn.now + seconds)
    if seconds == 0:
        time_is_up(turn, agent)


def time_is_up(turn: Turn, agent: Agent) -> None:
    happens(turn, agent, Happening.TIME_UP)


def could_not_be_reached(turn: Turn, agent: Agent, cause: str) -> None:
    """The dial failed: he is left alone for a while that doubles with each failure in a row."""
    rules = turn.state.rules.offers
    doublings = min(agent.unreachable_in_a_row, MOST_DOUBLINGS)
    seconds = min(rules.unreachable_first_seconds * 2**doublings, rules.unreachable_limit_seconds)
    turn.tell(AgentUnreachable(at=turn.now, agent=agent.name, in_a_row=agent.unreachable_in_a_row + 1, cause=cause))
    happens(turn, agent, Happening.UNREACHABLE, until=turn.now + seconds, reason="unreachable")


def was_reached(turn: Turn, agent: Agent) -> None:
    if agent.unreachable_in_a_row:
        turn.tell(AgentUnreachable(at=turn.now, agent=agent.name, in_a_row=0))
