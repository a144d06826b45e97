"""From events to figures: what counts as a delay, and what does not."""

from __future__ import annotations

from bench.story import Delay, Story


class Told:
    """A story, and events as Asterisk would send them."""

    def __init__(self, *agents: str, backlog: int = 0) -> None:
        self.story = Story(frozenset(agents), backlog)

    def joins(self, at: float, caller: str) -> None:
        self.story.hear(at, "UserEvent", {"UserEvent": "BenchJoin", "Uniqueid": caller})

    def is_dialled(self, at: float, agent: str, leg: str) -> None:
        self.story.hear(at, "Newchannel", {"Channel": f"PJSIP/{agent}-0000000a", "Uniqueid": leg})

    def answers(self, at: float, leg: str) -> None:
        self.story.hear(at, "Newstate", {"Uniqueid": leg, "ChannelState": "6"})

    def enters(self, at: float, channel: str, bridge: str) -> None:
        self.story.hear(at, "BridgeEnter", {"Uniqueid": channel, "BridgeUniqueid": bridge})

    def hangs_up(self, at: float, channel: str) -> None:
        self.story.hear(at, "Hangup", {"Uniqueid": channel})

    def talk(self, at: float, agent: str, leg: str, caller: str) -> None:
        """Dialled, answered and bridged, in no time."""
        self.is_dialled(at, agent, leg)
        self.answers(at, leg)
        self.enters(at, leg, f"bridge of {leg}")
        self.enters(at, caller, f"bridge of {leg}")


def test_an_agent_who_is_free_waits_for_his_next_dial_while_a_caller_waits() -> None:
    told = Told("agent1")
    told.joins(0, "ann")
    told.talk(1, "agent1", "leg1", "ann")
    told.joins(2, "ben")
    told.hangs_up(5, "leg1")
    told.is_dialled(5.25, "agent1", "leg2")
    assert told.story.free_to_dial == [Delay(5, 0.25)]


def test_an_agent_for_whom_nobody_waited_was_not_kept_waiting() -> None:
    told = Told("agent1")
    told.joins(0, "ann")
    told.talk(1, "agent1", "leg1", "ann")
    told.hangs_up(5, "leg1")
    told.joins(9, "ben")
    told.is_dialled(9.001, "agent1", "leg2")
    assert told.story.free_to_dial == []


def test_a_caller_for_whom_a_phone_rings_is_owed_to_no_other_agent() -> None:
    told = Told("agent1", "agent2")
    told.joins(0, "ann")
    told.talk(0, "agent1", "leg1", "ann")
    told.joins(1, "ben")
    told.is_dialled(1, "agent2", "leg2")
    told.hangs_up(2, "leg1")
    told.joins(7, "cem")
    told.is_dialled(7, "agent1", "leg3")
    assert told.story.free_to_dial == []


def test_of_two_idle_agents_and_one_caller_neither_can_be_sure_of_him() -> None:
    told = Told("agent1", "agent2")
    told.joins(0, "ann")
    told.talk(0, "agent1", "leg1", "ann")
    told.joins(1, "ben")  # agent2 is idle, and has not been dialled yet
    told.hangs_up(2, "leg1")
    told.is_dialled(3, "agent1", "leg2")
    assert told.story.free_to_dial == []


def test_with_a_backlog_only_a_long_line_counts() -> None:
    told = Told("agent1", backlog=2)
    for caller in ("ann", "ben", "cem"):
        told.joins(0, caller)
    told.talk(1, "agent1", "leg1", "ann")
    told.hangs_up(2, "leg1")
    told.talk(2.5, "agent1", "leg2", "ben")
    told.hangs_up(4, "leg2")
    told.is_dialled(5, "agent1", "leg3")
    assert told.story.free_to_dial == [Delay(2, 0.5)]


def test_a_caller_who_joins_while_an_agent_is_idle_waits_for_the_dial() -> None:
    told = Told("agent1")
    told.joins(1, "ann")
    told.is_dialled(1.5, "agent1", "leg1")
    told.answers(2, "leg1")
    told.enters(2.125, "leg1", "a bridge")
    assert told.story.join_to_dial == []
    told.enters(2.25, "ann", "a bridge")
    assert told.story.join_to_dial == [Delay(1, 0.5)]
    assert told.story.answer_to_bridge == [Delay(2, 0.25)]


def test_a_caller_who_joins_while_all_agents_talk_has_nobody_to_blame() -> None:
    told = Told("agent1")
    told.joins(0, "ann")
    told.talk(0, "agent1", "leg1", "ann")
    told.joins(1, "ben")
    told.hangs_up(3, "leg1")
    told.talk(3, "agent1", "leg2", "ben")
    assert [delay.at for delay in told.story.join_to_dial] == [0]


def test_two_legs_to_one_phone_are_told() -> None:
    told = Told("agent1", "agent2")
    told.joins(0, "ann")
    told.is_dialled(0, "agent1", "leg1")
    told.is_dialled(0, "agent2", "leg2")
    assert told.story.rung_twice == 0
    told.is_dialled(0, "agent1", "leg3")
    assert told.story.rung_twice == 1


def test_a_caller_who_goes_without_having_talked_is_told_apart() -> None:
    told = Told("agent1")
    told.joins(0, "ann")
    told.joins(0, "ben")
    told.talk(1, "agent1", "leg1", "ann")
    told.hangs_up(2, "ann")
    told.hangs_up(2, "ben")
    assert (told.story.joined, told.story.connected, told.story.left_unconnected, told.story.live) == (2, 1, 1, 0)
    assert told.story.waiting == 0


def test_channels_of_others_are_left_out() -> None:
    told = Told("agent1")
    told.story.hear(0, "Newchannel", {"Channel": "PJSIP/agent2-0000000b", "Uniqueid": "of another size"})
    told.story.hear(0, "Newchannel", {"Channel": "Surrogate/PJSIP/agent1-0000000b", "Uniqueid": "a stand-in"})
    told.story.hear(0, "UserEvent", {"UserEvent": "AcdJoin", "Uniqueid": "ann"})
    told.hangs_up(1, "of another size")
    assert (told.story.joined, told.story.waiting, told.story.rung_twice) == (0, 0, 0)
