"""What a token may see of the site. What it may not see is, for it, not there: no name leaks by being refused."""

from __future__ import annotations

from acd.api.problems import shown
from acd.api.tokens import Holder
from acd.center.model import Agent, AgentName, QueueName, Request, RequestId, UnknownName
from acd.center.state import Queue, State


class Sight:
    def __init__(self, holder: Holder, state: State) -> None:
        self._state = state
        self.only_agent = self._only_agent = holder.agent
        self._only_queues = _queues_of(holder, state)
        self.is_chief = holder.role in ("supervisor", "admin")
        self.sees_all = self.is_chief and holder.queues is None

    def sees_queue(self, name: QueueName) -> bool:
        return self._only_queues is None or name in self._only_queues

    def sees_agent(self, agent: Agent) -> bool:
        if self._only_agent is not None:
            return agent.name == self._only_agent
        return self._only_queues is None or not self._only_queues.isdisjoint(agent.queues)

    # ---- All that it sees, in the order of the names

    def queues(self) -> list[QueueName]:
        return sorted(name for name in self._state.queues if self.sees_queue(name))

    def agents(self) -> list[AgentName]:
        return sorted(agent.name for agent in self._state.agents.values() if self.sees_agent(agent))

    def agents_at(self, dial: str) -> list[Agent]:
        """Those who are reached at a telephone, and whom it sees."""
        there = (self._state.agents[name] for name in self._state.agents_at.get(dial, ()))
        return [agent for agent in there if self.sees_agent(agent)]

    def sees_agent_named(self, name: str) -> bool:
        agent = self._state.agents.get(AgentName(name))
        return agent is not None and self.sees_agent(agent)

    # ---- One by its name; each raises UnknownName

    def queue(self, name: str) -> Queue:
        queue = self._state.queues.get(QueueName(name))
        if queue is None or not self.sees_queue(queue.rules.name):
            raise UnknownName(f"there is no queue {shown(name)}")
        return queue

    def agent(self, name: str) -> Agent:
        agent = self._state.agents.get(AgentName(name))
        if agent is None or not self.sees_agent(agent):
            raise UnknownName(f"there is no agent {shown(name)}")
        return agent

    def request(self, name: str) -> Request:
        request = self._state.requests.get(RequestId(name))
        if request is None or not self.sees_queue(request.queue):
            raise UnknownName(
                f"there is no live request {shown(name)}; those that have ended: /v1/requests?state=ended"
            )
        return request


def _queues_of(holder: Holder, state: State) -> frozenset[QueueName] | None:
    """None: all of them. An agent sees the queues that he serves, or those of them that his token is for."""
    if holder.agent is None:
        return holder.queues
    agent = state.agents.get(holder.agent)
    served = frozenset(agent.queues) if agent else frozenset()
    return served if holder.queues is None else served & holder.queues
