"""Skills: what a request needs of an agent, and how it comes to need less the longer it waits."""

from __future__ import annotations

from acd.center.facts import RequestEased
from acd.center.model import CALLS_BACK, EasingStep, Need, Needs, Request
from acd.center.turn import Turn


def ease(turn: Turn, request: Request) -> None:
    """Its moment has come to need less."""
    steps = turn.state.queues[request.queue].rules.easing
    needs = request.needs
    for step in steps:
        if request.entered_at + step.after_seconds <= turn.now:
            needs = eased(needs, step)
    ease_at = next_easing(needs, steps, request.entered_at, turn.now)
    turn.tell(RequestEased(at=turn.now, request=request.id, needs=needs, ease_at=ease_at, queue=request.queue))


def next_easing(needs: Needs, steps: tuple[EasingStep, ...], entered_at: float, after: float) -> float | None:
    """The moment after which a request will need less than it does now; None if it never will."""
    moments = (entered_at + step.after_seconds for step in steps if eased(needs, step) != needs)
    return min((moment for moment in moments if moment > after), default=None)


def eased(needs: Needs, step: EasingStep) -> Needs:
    if not step.level:
        return tuple(need for need in needs if need == CALLS_BACK)
    return tuple(Need(skill, min(level, step.level)) for skill, level in needs)
