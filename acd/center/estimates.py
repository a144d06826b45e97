"""The estimated wait: how long until an agent is there for somebody at this place of the line, in half of all cases
and in nine out of ten.

The model: each of the n agents who could take him becomes free once per handling time (ring, talk and wrap-up), and he
is served at the k-th time that one of them does, k being those before him and himself. The free moments of n agents
together are taken for one renewal process of n times the rate, whose variation lies between that of one agent's
handling times (few agents, far ahead) and that of a Poisson process (many agents, soon): W. Whitt, "Approximating a
point process by a renewal process", Operations Research 30 (1982). Seen from any moment, the first free moment is as
far as D. R. Cox, "Renewal Theory" (1962), section 5, says; the k-th is taken for gamma-distributed. Exact in mean and
variance for one agent, and for any number of them if handling times are exponential.

What it leaves out: callers ahead who give up, and agents who serve other queues as well. It rests on nothing that was
waited already, so it falls with each step ahead, and stands still between two of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from acd.center.model import Agent, AgentState, Needs, PlaceKey, Request, RequestState

if TYPE_CHECKING:
    from acd.center.state import Queue, State

SAMPLES_NEEDED = 5
"""Of fewer handling times than that nothing can be told."""
SAMPLES_WEIGHED = 50
"""As many of the latest of them as count: each new one has this part of the weight."""
AWAY = frozenset({AgentState.LOGGED_OUT, AgentState.PAUSED})
NORMAL_P90 = 1.2816
"""The standard normal distribution's."""


class Wait(NamedTuple):
    """In seconds from now."""

    p50: float
    p90: float


AT_ONCE = Wait(0.0, 0.0)


class Handling(Struct):
    """How long agents of a queue were taken by each of its requests: exponentially weighted moments."""

    samples: int = 0
    mean: float = 0
    mean_square: float = 0

    def took(self, seconds: float) -> None:
        self.samples += 1
        weight = 1 / min(self.samples, SAMPLES_WEIGHED)
        self.mean += weight * (seconds - self.mean)
        self.mean_square += weight * (seconds**2 - self.mean_square)

    @property
    def is_known(self) -> bool:
        return self.samples >= SAMPLES_NEEDED and self.mean > 0

    @property
    def variation(self) -> float:
        """The squared coefficient of variation."""
        return max(0.0, self.mean_square / self.mean**2 - 1)


def is_there(agent: Agent) -> bool:
    """Busy or not, he will take requests again."""
    return agent.state not in AWAY


def of_request(state: State, request: Request) -> Wait | None:
    """None for one who does not wait, who waits for one agent only, or whose server nobody steers."""
    if request.state is not RequestState.WAITING or request.held_for or request.pbx not in state.steered:
        return None
    return at_place(state, state.queues[request.queue], request.needs, request.place_key)


def at_place(state: State, queue: Queue, needs: Needs, key: PlaceKey) -> Wait | None:
    """Of one who stands there, or would. With a lane for his needs, as there is for all who wait, in O(log n)."""
    lane = queue.lanes.get(needs)
    if lane is not None:
        able, free, like_him = lane.able, len(lane.pool), lane.ahead_of(key)
    else:
        there = [agent for agent in map(state.agent, queue.members) if is_there(agent) and agent.has(needs)]
        able, free, like_him = len(there), sum(agent.free_since is not None for agent in there), 0
    everyone = queue.lanes[()].able
    if not able or not everyone:
        return None
    # Those before him whose phones ring have an agent already. The able ones serve their share of all the others, and
    # all of those who need the same.
    others = max(0, queue.line.place_of(key) - 1 - queue.offered)
    ahead = max(like_him, others * able / everyone)
    if ahead < free:
        return AT_ONCE
    return until_free(ahead - free + 1, able, queue.handling)


def until_free(k: float, agents: int, handling: Handling) -> Wait | None:
    """Until one of them has become free for the k-th time, all of them being taken now."""
    if not handling.is_known:
        return None
    like_one = k / (k + agents - 1)
    variation = 1 + like_one * (handling.variation - 1)
    apart = handling.mean / agents
    mean = apart * ((1 + variation) / 2 + k - 1)
    variance = apart**2 * ((1 + variation) * (1 + 5 * variation) / 12 + (k - 1) * variation)
    return Wait(_gamma_quantile(mean, variance, 0.0), _gamma_quantile(mean, variance, NORMAL_P90))


def _gamma_quantile(mean: float, variance: float, normal_quantile: float) -> float:
    """By E. B. Wilson and M. M. Hilferty (1931): the cube root of a gamma variable is nearly normal."""
    ninth = variance / mean**2 / 9
    return float(mean * max(0.0, 1 - ninth + normal_quantile * ninth**0.5) ** 3)
