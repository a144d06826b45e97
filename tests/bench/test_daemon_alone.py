"""The daemon alone, in the small: each part measures what its name says."""

from __future__ import annotations

from acd.center.model import RequestState
from bench import daemon_alone
from bench.daemon_alone import Office
from bench.simulation import office, skilled


def waiting(busy: Office) -> int:
    return sum(request.state is RequestState.WAITING for request in busy.center.state.requests.values())


def test_all_agents_talk_and_the_line_keeps_its_length() -> None:
    busy = Office(office(10, wrap_up_seconds=0), waiting=30)
    assert waiting(busy) == 30
    for _ in range(50):
        busy.call()
    assert waiting(busy) == 30


def test_an_agent_has_the_skills_that_his_next_caller_needs() -> None:
    busy = Office(skilled(office(50, wrap_up_seconds=0)), waiting=100, needs_of=daemon_alone._needs)
    for _ in range(50):
        busy.call()
    state = busy.center.state
    talking = [request for request in state.requests.values() if request.state is RequestState.ONGOING]
    assert any(request.needs for request in talking)
    assert all(state.agents[request.agent].has(request.needs) for request in talking if request.agent)


def test_a_daemon_that_starts_knows_all_who_wait() -> None:
    found = daemon_alone._start_up(20)
    assert found["start-up: requests known then, of 20"] == 20


def test_calls_are_carried_through_the_whole_daemon() -> None:
    figures = daemon_alone._carry(agents=10, at_a_time=5, seconds=0.5, log_level="warning")
    what = "whole daemon, log level warning"
    assert float(figures[f"{what}: calls/s carried, the simulated Asterisk beside it"]) > 0
    assert float(figures[f"{what}: AMI events/s on one core"]) > float(figures[f"{what}: calls/s on one core"])


def test_what_is_written_is_read_and_folded_again() -> None:
    figures = daemon_alone._journal(facts=500, promises=10)
    assert float(figures["journal: promised to on disk, p99 ms"]) > 0
    assert any(what.startswith("start-up: seconds to fold 5") for what in figures)
