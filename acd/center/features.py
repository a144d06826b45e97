"""Feature codes: what agents without a screen ask for by telephone. The telephone says who asks."""

from __future__ import annotations

from collections.abc import Callable

from acd.center import agents
from acd.center.facts import FeatureAnswered
from acd.center.inputs import (
    ExtendWrapUp,
    FeatureDialled,
    FinishWrapUp,
    LogIn,
    LogOut,
    MakeAvailable,
    Pause,
    SwitchForward,
)
from acd.center.model import AgentName, AgentState, NotAllowed, Refused
from acd.center.reach import DESK, Device, Forward
from acd.center.turn import Turn

REFUSED = "refused"


def dialled(turn: Turn, told: FeatureDialled) -> None:
    """Whatever comes of it, whoever dialled is told."""
    try:
        _ask(turn, told)
        result = told.action
    except Refused:
        result = REFUSED
    turn.tell(FeatureAnswered(at=turn.now, pbx=told.pbx, channel=told.channel, dial=told.dial, result=result))


def _ask(turn: Turn, told: FeatureDialled) -> None:
    ask = _ACTIONS.get(told.action)
    if ask is None:
        raise NotAllowed(f"there is no feature {told.action!r}; allowed: {', '.join(_ACTIONS)}")
    ask(turn, told)


def _log_in(turn: Turn, told: FeatureDialled) -> None:
    agents.log_in(
        turn, LogIn(_numbered(turn, told.typed), _device(turn, told.dial)) if told.typed else _own(turn, told)
    )


def _own(turn: Turn, told: FeatureDialled) -> LogIn:
    """The agent whose own telephone it is."""
    owners = [
        rules.name for rules in turn.state.rules.agents if any(_is_at(device, told.dial) for device in rules.devices)
    ]
    if len(owners) != 1:
        raise Refused(f"{told.dial} is nobody's own telephone")
    return LogIn(owners[0], told.dial)


def _is_at(device: Device, dial: str) -> bool:
    return device.kind == DESK and device.dial == dial


def _numbered(turn: Turn, number: str) -> AgentName:
    for rules in turn.state.rules.agents:
        if rules.number == number:
            return rules.name
    raise Refused(f"there is no agent of the number {number!r}")


def _device(turn: Turn, dial: str) -> str:
    """The name by which an agent logs in there."""
    return next((seat.name for seat in turn.state.rules.seats if seat.dial == dial), dial)


def _pause(turn: Turn, told: FeatureDialled) -> None:
    agents.pause(turn, Pause(_who_is_there(turn, told), _reason(turn, told.typed)))


def _reason(turn: Turn, digit: str) -> str | None:
    reasons = turn.state.rules.pause_reasons
    if not digit:
        return None
    if not (digit.isascii() and digit.isdigit() and len(digit) <= 2 and 1 <= int(digit) <= len(reasons)):
        raise NotAllowed(f"there is no pause reason {digit!r}; allowed: 1 to {len(reasons)}")
    return reasons[int(digit) - 1]


def _who_is_there(turn: Turn, told: FeatureDialled) -> AgentName:
    for name in turn.state.agents_at.get(told.dial, ()):
        if turn.state.agents[name].state is not AgentState.LOGGED_OUT:
            return name
    raise Refused(f"nobody is logged in at {told.dial}")


def _forward(forward: Forward) -> Callable[[Turn, FeatureDialled], None]:
    return lambda turn, told: agents.switch_forward(turn, SwitchForward(_who_is_there(turn, told), forward))


_ACTIONS: dict[str, Callable[[Turn, FeatureDialled], None]] = {
    "login": _log_in,
    "logout": lambda turn, told: agents.log_out(turn, LogOut(_who_is_there(turn, told))),
    "pause": _pause,
    "available": lambda turn, told: agents.make_available(turn, MakeAvailable(_who_is_there(turn, told))),
    "longer": lambda turn, told: agents.extend_wrap_up(turn, ExtendWrapUp(_who_is_there(turn, told))),
    "mobile": _forward(Forward.MOBILE),
    "desk": _forward(Forward.DESK),
    "over": lambda turn, told: agents.finish_wrap_up(turn, FinishWrapUp(_who_is_there(turn, told))),
}
