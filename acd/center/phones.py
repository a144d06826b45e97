"""Agents' telephones: whether one is used for something that is none of our requests.

The channels of a telephone tell; what Asterisk says of its state comes late, and is not needed for this.
"""

from __future__ import annotations

from acd.center import agents, offers
from acd.center.facts import PhoneFreed, PhoneTaken
from acd.center.inputs import ChannelGone, PhoneUsed
from acd.center.model import Agent, AgentState
from acd.center.turn import Turn


def used(turn: Turn, told: PhoneUsed) -> None:
    if told.dial not in turn.state.agents_at and told.dial not in turn.state.seats:
        return
    if (told.pbx, told.channel) not in turn.state.phone_of_channel:
        turn.tell(PhoneTaken(at=turn.now, dial=told.dial, pbx=told.pbx, channel=told.channel))
    for agent in _logged_in_at(turn, told.dial):
        _takes_up_his_phone(turn, agent, told.talks)


def _takes_up_his_phone(turn: Turn, agent: Agent, talks: bool) -> None:
    if talks and turn.state.is_on_phone(agent):
        offers.give_way(turn, agent)
    agents.heed_devices(turn, agent)


def channel_gone(turn: Turn, told: ChannelGone) -> None:
    dial = turn.state.phone_of_channel.get((told.pbx, told.channel))
    if dial is None:
        return
    turn.tell(PhoneFreed(at=turn.now, dial=dial, pbx=told.pbx, channel=told.channel))
    for agent in _logged_in_at(turn, dial):
        agents.heed_devices(turn, agent)


def _logged_in_at(turn: Turn, dial: str) -> list[Agent]:
    there = [turn.state.agents[name] for name in turn.state.agents_at.get(dial, ())]
    return [agent for agent in there if agent.state is not AgentState.LOGGED_OUT]
