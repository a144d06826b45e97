"""The scenarios that SIPp is given."""

from __future__ import annotations

from xml.etree import ElementTree

from bench.phones import Agents, agent_scenario


def waits(agents: Agents) -> list[int]:
    scenario = ElementTree.fromstring(agent_scenario(agents))  # noqa: S314 - written a moment ago
    return [int(each.attrib["timeout"]) for each in scenario.iter("recv") if each.get("request") == "BYE"]


def test_agents_talk_from_half_to_half_as_much_again() -> None:
    talks = waits(Agents(talk_seconds=2.0))
    assert (talks[0], talks[-1], sum(talks) / len(talks)) == (1000, 3000, 2000)


def test_agents_who_do_not_vary_all_talk_for_as_long() -> None:
    assert waits(Agents(talk_seconds=3.0, varied=False)) == [3000]


def test_every_jump_leads_to_a_label() -> None:
    scenario = ElementTree.fromstring(agent_scenario(Agents()))  # noqa: S314
    labels = {each.attrib["id"] for each in scenario.iter("label")}
    jumps = {each.attrib[name] for each in scenario.iter() for name in ("next", "ontimeout") if name in each.attrib}
    assert jumps <= labels
    assert {f"talk_{nth}" for nth in range(8)} <= jumps
