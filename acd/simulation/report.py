"""What a simulated day was like, folded from its facts: how long callers waited, and how busy agents were."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from acd.center.facts import AgentStateChanged, AnyFact, RequestConnected, RequestEnded
from acd.center.model import AgentName, AgentState, Outcome, QueueName

_WORKS = (AgentState.CONNECTING, AgentState.CONNECTED, AgentState.WRAP_UP)
_IS_NOT_THERE = (AgentState.LOGGED_OUT, AgentState.PAUSED)


@dataclass
class QueueReport:
    answered_in_time: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return self.outcomes.total()

    @property
    def service_level(self) -> float:
        """The share of all calls that were answered in time."""
        return _share(self.answered_in_time, self.calls)

    @property
    def abandonment(self) -> float:
        return _share(self.outcomes[Outcome.ABANDONED], self.calls)

    def wait(self, percent: float) -> float:
        """The seconds that so many per cent of the callers waited at most, whatever came of it."""
        return percentile(sorted(self.waits), percent)


@dataclass
class AgentReport:
    calls: int = 0
    seconds_in: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def occupancy(self) -> float:
        """The share of his time (logged in and not paused) in which he had a call to take, to talk, or to wrap up."""
        there = sum(seconds for state, seconds in self.seconds_in.items() if state not in _IS_NOT_THERE)
        return _share(sum(self.seconds_in[state] for state in _WORKS), there)


@dataclass
class Report:
    queues: dict[QueueName, QueueReport] = field(default_factory=lambda: defaultdict(QueueReport))
    agents: dict[AgentName, AgentReport] = field(default_factory=lambda: defaultdict(AgentReport))
    facts: int = 0
    _since: dict[AgentName, float] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        return sum(queue.calls for queue in self.queues.values())

    def on_fact(self, fact: AnyFact) -> None:
        self.facts += 1
        if isinstance(fact, RequestEnded):
            self._ended(fact)
        elif isinstance(fact, RequestConnected):
            self.queues[fact.queue].answered_in_time += fact.in_service_level
        elif isinstance(fact, AgentStateChanged):
            agent = self.agents[fact.agent]
            agent.seconds_in[fact.was] += fact.at - self._since.get(fact.agent, fact.at)
            self._since[fact.agent] = fact.at

    def _ended(self, fact: RequestEnded) -> None:
        queue = self.queues[fact.queue]
        queue.outcomes[fact.outcome] += 1
        queue.waits.append(fact.waited_seconds)
        if fact.agent:
            self.agents[fact.agent].calls += 1


def percentile(ordered: Sequence[float], percent: float) -> float:
    """By nearest rank; 0 of nothing."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
