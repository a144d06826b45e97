"""The estimated wait: what it rests on, how it falls, and that it comes true as often as it says."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random

import pytest

from acd.center import estimates
from acd.center.estimates import Handling, Wait, until_free
from acd.center.facts import RequestConnected, RequestQueued
from acd.center.model import Need, QueueName, WayOut

from .worlds import World


def handled(*seconds: float) -> Handling:
    handling = Handling()
    for taken in seconds:
        handling.took(taken)
    return handling


def busy_queue(*agents: str, seconds: float = 100) -> World:
    """Each call so far took so long, and each agent has one now."""
    world = World().with_queue("sales", wrap_up_seconds=0).with_agents(*agents, sales=1)
    for _ in range(5):
        serves_a_call(world, seconds)
    for _ in agents:
        world.caller_joins("sales")
    for agent in agents:
        world.takes_the_call(agent)
    return world


def serves_a_call(world: World, seconds: float) -> None:
    request = world.caller_joins("sales")
    (agent,) = world.ringing
    world.takes_the_call(agent)
    world.time_passes(seconds)
    world.caller_hangs_up(request)
    world.hangs_up(agent)


def wait_of(world: World, request: str) -> Wait | None:
    return estimates.of_request(world.center.state, world.request(request))  # type: ignore[arg-type]


def test_nothing_is_known_before_some_requests_were_handled() -> None:
    assert until_free(1, 1, handled(60, 60, 60, 60)) is None
    assert until_free(1, 1, handled(60, 60, 60, 60, 60)) is not None
    assert until_free(1, 1, handled(0.5, 0.5, 0.5, 0.5, 0.5)) is not None


def test_twice_the_agents_halve_the_wait_for_a_place_far_behind() -> None:
    handling = handled(50, 100, 150, 100, 100)
    one, two = until_free(40, 1, handling), until_free(40, 2, handling)

    assert one and two
    assert two.p50 == pytest.approx(one.p50 / 2, rel=0.03)


def test_with_exponential_handling_times_it_is_that_of_a_poisson_process() -> None:
    handling = Handling(samples=50, mean=100, mean_square=20_000)

    assert until_free(1, 5, handling) == pytest.approx((20 * 0.6931, 20 * 2.3026), rel=0.02)


def test_nobody_there_means_that_it_is_not_known() -> None:
    world = busy_queue("alice")
    request = world.caller_joins("sales")
    assert wait_of(world, request)

    world.pauses("alice")
    world.hangs_up("alice")

    assert world.state_of("alice") == "paused"
    assert wait_of(world, request) is None


def test_it_does_not_grow_while_one_waits_and_falls_with_each_step_ahead() -> None:
    world = busy_queue("alice")
    first, last = world.caller_joins("sales"), world.caller_joins("sales")
    before = wait_of(world, last)
    world.time_passes(1000)
    assert wait_of(world, last) == before

    world.caller_hangs_up(first)
    after = wait_of(world, last)

    assert before and after
    assert after.p50 < before.p50 and after.p90 < before.p90


def test_who_is_next_waits_for_the_next_agent_to_become_free() -> None:
    world = busy_queue("alice", "bob")

    assert wait_of(world, world.caller_joins("sales")) == until_free(1, 2, world.queue("sales").handling)


def test_those_ahead_who_need_less_take_their_share_of_the_agents() -> None:
    world = busy_queue("alice", "bob", "carol", "dave")
    world.with_agents("alice", "bob", skills={"french": 1}, sales=1)
    for _ in range(4):
        world.caller_joins("sales")

    french = world.caller_joins("sales", needs=(Need("french", 1),))

    assert wait_of(world, french) == until_free(3, 2, world.queue("sales").handling)


def test_of_one_who_does_not_wait_nothing_is_told() -> None:
    world = busy_queue("alice")
    talks = world.center.state.offers[world.offer_to("alice")].request
    waits = world.caller_joins("sales")
    meant_for_alice = world.caller_joins("sales", preferred_agent="alice")
    assert wait_of(world, talks) is None
    assert wait_of(world, meant_for_alice) is None
    assert wait_of(world, waits)

    world.link_is_lost()

    assert wait_of(world, waits) is None


def test_nor_of_one_who_waits_for_his_preferred_agent() -> None:
    world = busy_queue("alice", "bob")
    world.caller_joins("sales", preferred_agent="bob")
    assert world.last(RequestQueued).estimated_seconds is None

    world.caller_joins("sales")
    assert world.last(RequestQueued).estimated_seconds is not None


def test_whose_priority_is_better_waits_less_and_is_told_so() -> None:
    world = busy_queue("alice")
    for _ in range(3):
        world.caller_joins("sales")
    behind = world.last(RequestQueued).estimated_seconds

    world.caller_joins("sales", priority=1)

    ahead = world.last(RequestQueued).estimated_seconds
    assert behind is not None
    assert ahead is not None
    assert ahead < behind / 2


def test_only_agents_with_the_skills_count() -> None:
    world = busy_queue("alice", "bob")
    simple = world.caller_joins("sales")
    french = world.caller_joins("sales", needs=(Need("french", 1),))

    assert wait_of(world, simple)
    assert wait_of(world, french) is None


@pytest.mark.parametrize("agents", [1, 4])
def test_half_and_nine_in_ten_wait_no_longer_than_that(agents: int) -> None:
    """Handling times of an Erlang-2 distribution, seen at moments that have nothing to do with them."""
    rng = Random(1)
    handling = Handling(samples=50, mean=100, mean_square=15_000)
    for k in (1, 3, 10):
        estimate = until_free(k, agents, handling)
        assert estimate
        waits = [_kth_departure(k, agents, lambda: rng.gammavariate(2, 50), rng) for _ in range(3000)]
        below = [sum(wait <= limit for wait in waits) / len(waits) for limit in estimate]
        assert below == pytest.approx([0.5, 0.9], abs=0.05)


def _kth_departure(k: int, agents: int, draws: Callable[[], float], rng: Random) -> float:
    frees: list[float] = []
    for _ in range(agents):
        at = -1000 - rng.random() * 100
        while at < 2000:
            at += draws()
            if at >= 0:
                frees.append(at)
    return sorted(frees)[k - 1]


@pytest.mark.parametrize("agents", [1, 4])
def test_what_is_told_at_entry_comes_true_in_a_busy_day(agents: int) -> None:
    rng = Random(agents)
    world = World().with_queue("sales", wrap_up_seconds=10).with_agents(*map(str, range(agents)), sales=1)
    happens: list[tuple[float, str, str]] = [(world.now, "", "")]
    told: dict[str, tuple[float, Wait]] = {}
    came_true: list[tuple[bool, bool]] = []
    while len(came_true) < 300:
        at, agent, request = heappop(happens)
        world.time_passes(at - world.now)
        if agent and request:
            world.caller_hangs_up(request)  # type: ignore[arg-type]
            world.hangs_up(agent)
            heappush(happens, (at + 10.001, agent, ""))  # his wrap-up is over
        elif not agent:
            joined = world.caller_joins("sales")
            wait = wait_of(world, joined)
            if wait and wait.p50:
                told[joined] = (at, wait)
            heappush(happens, (at + rng.expovariate(0.93 * agents / 110), "", ""))
        for agent, request in list(world.ringing.items()):
            world.takes_the_call(agent)
            heappush(happens, (at + rng.gammavariate(2, 50), agent, request))
            if request in told:
                since, wait = told.pop(request)
                came_true.append((at - since <= wait.p50, at - since <= wait.p90))

    half, nearly_all = (sum(times) / len(came_true) for times in zip(*came_true, strict=True))
    assert half == pytest.approx(0.5, abs=0.12)
    assert nearly_all == pytest.approx(0.9, abs=0.07)


def test_who_goes_on_waiting_elsewhere_takes_no_estimate_with_him() -> None:
    world = busy_queue("alice").with_queue("support").with_agents("bob", support=1)
    leads = WayOut(queue=QueueName("support"))
    world.with_queue("sales", wrap_up_seconds=0, max_wait_seconds=30, ways_out={"TIMEOUT": leads})
    request = world.caller_joins("sales")
    assert world.request(request).estimated_seconds

    world.time_passes(30)
    world.takes_the_call("bob")

    assert world.last(RequestConnected).request == request
    assert world.last(RequestConnected).estimated_seconds is None


def test_a_request_that_is_connected_tells_what_was_thought_of_its_wait() -> None:
    world = World().with_queue("sales").with_agents("alice", sales=1)
    world.caller_joins("sales")
    world.takes_the_call("alice")

    assert world.last(RequestConnected).estimated_seconds == 0
