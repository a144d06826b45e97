"""Who changed what: an act is decided like any input, and if it came to anything, it is told who asked for it.

What it changed is found by looking at what it is about, before and after; so every act tells it, also those to come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from acd.center.facts import CallbackRenewed, ChangeMade, RequestQueued, Said
from acd.center.inputs import Input
from acd.center.model import AgentName, QueueName, RequestId, SiteRules
from acd.center.state import State
from acd.center.turn import Turn

CONFIGURATION = "configuration"
Looks = dict[str, Said]


class Act(Input, frozen=True):
    """Somebody asks for something through the API; what it changes is told together with who he is."""

    by: str
    """The name of his token."""
    act: str
    """As the API has it: `POST /v1/agents/{agent}/pause`."""
    told: Input


def act(turn: Turn, told: Act, decide: Callable[[Turn, Input], None]) -> None:
    agent, queue, request = (getattr(told.told, what, None) for what in ("agent", "queue", "request"))
    before = _looks(turn.state, agent, queue, request)
    decide(turn, told.told)
    if not turn.facts:
        return
    if request is None and (request := _entered(turn)):
        before = {}  # it was not there
    after = _looks(turn.state, agent, queue, request)
    queue = queue or after.get("queue") or before.get("queue")
    _tell(turn, told.by, told.act, before, after, agent=agent, queue=queue, request=request)


def _entered(turn: Turn) -> RequestId | None:
    """The request that was made, or whose like was there already."""
    return next((fact.request for fact in turn.facts if isinstance(fact, RequestQueued | CallbackRenewed)), None)


def new_rules(turn: Turn, was: SiteRules, rules: SiteRules) -> None:
    _tell(turn, "", CONFIGURATION, {}, _new_in(was, rules))


def _tell(turn: Turn, by: str, name: str, before: Looks, after: Looks, **about: Any) -> None:
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    turn.tell(
        ChangeMade(
            at=turn.now,
            by=by,
            act=name,
            before={key: before[key] for key in changed if key in before},
            after={key: after[key] for key in changed if key in after},
            **about,
        )
    )


def _looks(state: State, agent: str | None, queue: str | None, request: str | None) -> Looks:
    """Of what an act is about, all that somebody can ask to be otherwise; of a request and its agent, the request."""
    if work := state.requests.get(RequestId(request or "")):
        its_own: Looks = {"state": work.state, "priority": work.priority, "queue": work.queue}
        return its_own | {"held_for": work.held_for, "due_at": work.due_at, "comment": work.comment}
    looks: Looks = {}
    if who := state.agents.get(AgentName(agent or "")):
        looks |= {"state": who.state, "reason": who.reason, "until": who.until}
        looks |= {"wish": who.wish, "wish_reason": who.wish_reason, "dial": who.desk.dial if who.desk else None}
    if line := state.queues.get(QueueName(queue or "")):
        looks |= {"drained": line.drained}
    return looks


def _new_in(was: SiteRules, rules: SiteRules) -> Looks:
    """The names of what came, went, or has other rules."""
    looks: Looks = {}
    for what in ("queues", "agents", "seats"):
        old, new = ({one.name: one for one in getattr(both, what)} for both in (was, rules))
        found = {
            "added": [name for name in new if name not in old],
            "changed": [name for name in new if name in old and new[name] != old[name]],
            "removed": [name for name in old if name not in new],
        }
        looks |= {f"{what}_{how}": names for how, names in found.items() if names}
    others = [name for name in rules.__struct_fields__ if name not in ("queues", "agents", "seats")]
    if other := [name for name in others if getattr(was, name) != getattr(rules, name)]:
        looks["others_changed"] = other
    return looks
