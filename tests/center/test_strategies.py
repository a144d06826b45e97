"""Who gets the call. That each offer in any story goes to the right one is checked by the witness, besides."""

from __future__ import annotations

import random
from collections import Counter

from acd.center import inputs
from acd.center.facts import AnyFact, OfferMade
from acd.center.inputs import DayBegan, LegEnd
from acd.center.model import AgentName, Caller, ChannelId, QueueName
from acd.center.turn import Turn

from .worlds import MAIN, World

CHI_SQUARE_8_DEGREES_P_0_001, CHI_SQUARE_9_DEGREES_P_0_001 = 26.125, 27.877
"""From the table in the NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4."""


def test_the_agent_of_the_best_priority_gets_the_call() -> None:
    world = World().with_queue("sales").with_agents("bob", sales=2)
    world.time_passes(60)
    world.with_agents("alice", sales=1)

    request = world.caller_joins("sales")

    assert world.ringing == {"alice": request}


def test_among_agents_of_one_priority_the_one_idle_longest_gets_the_call() -> None:
    world = World().with_queue("sales").with_agents("zoe", sales=1)
    world.time_passes(1)
    world.with_agents("alice", sales=1)

    first, second = world.caller_joins("sales"), world.caller_joins("sales")

    assert world.ringing == {"zoe": first, "alice": second}


def test_a_priority_counts_in_the_queue_that_it_was_given_for() -> None:
    world = World().with_queue("sales").with_queue("support")
    world.with_agents("alice", sales=1, support=9).with_agents("bob", sales=9, support=1)

    support, sales = world.caller_joins("support"), world.caller_joins("sales")

    assert world.ringing == {"bob": support, "alice": sales}


def test_the_next_best_gets_the_call_while_the_best_is_on_one() -> None:
    world = World().with_queue("sales").with_agents("alice", sales=1).with_agents("bob", sales=2)
    world.caller_joins("sales")
    world.takes_the_call("alice")

    request = world.caller_joins("sales")

    assert world.ringing == {"bob": request}


def test_a_withdrawn_offer_does_not_cost_the_turn() -> None:
    world = World().with_queue("sales").with_agents("alice", sales=1)
    world.time_passes(1)
    world.with_agents("bob", sales=1)
    world.time_passes(1)
    gone = world.caller_joins("sales")
    leg = world.offer_to("alice")
    world.caller_hangs_up(gone)
    world.hangs_up(leg)

    request = world.caller_joins("sales")

    assert world.ringing == {"alice": request}


def test_a_rejected_offer_costs_the_turn() -> None:
    world = World().with_queue("sales").with_agents("alice", sales=1)
    world.time_passes(1)
    world.with_agents("bob", sales=1)
    rejected = world.caller_joins("sales")
    world.rejects("alice")
    leg = world.offer_to("bob")
    world.caller_hangs_up(rejected)
    world.hangs_up(leg)
    world.time_passes(60)
    assert world.state_of("alice") == "available"

    request = world.caller_joins("sales")

    assert world.ringing == {"bob": request}


def test_a_pause_costs_the_turn() -> None:
    world = World().with_queue("sales").with_agents("alice", sales=1)
    world.time_passes(1)
    world.with_agents("bob", sales=1)
    world.pauses("alice")
    world.time_passes(1)
    world.makes_himself_available("alice")

    request = world.caller_joins("sales")

    assert world.ringing == {"bob": request}


def test_an_agent_of_several_queues_gets_the_first_by_place_over_all_of_them() -> None:
    world = World().with_queue("sales").with_queue("support")
    late = world.caller_joins("sales")
    world.time_passes(1)
    urgent = world.caller_joins("support", priority=10)
    world.caller_joins("support", priority=90)
    world.caller_joins("sales")

    world.with_agents("alice", sales=1, support=1)
    assert world.ringing == {"alice": urgent}

    world.takes_the_call("alice")
    world.hangs_up("alice")
    world.makes_himself_available("alice")
    assert world.ringing == {"alice": late}


def test_several_agents_who_become_free_at_once_take_several_queues_in_the_order_of_places() -> None:
    world = World().with_queue("sales", wrap_up_seconds=5).with_queue("support", wrap_up_seconds=5)
    world.with_agents("alice", sales=1, support=2).with_agents("bob", sales=2, support=1)
    talks = [world.caller_joins("sales"), world.caller_joins("support")]
    for agent in ("alice", "bob"):
        world.takes_the_call(agent)
    first, second, third = (world.caller_joins(queue) for queue in ("support", "sales", "sales"))
    for talk, agent in zip(talks, ("alice", "bob"), strict=True):
        leg = world.offer_to(agent)
        world.caller_hangs_up(talk)
        world.hangs_up(leg)

    world.time_passes(5)

    assert [(made.request, made.agent) for made in world.told(OfferMade)[2:]] == [(first, "bob"), (second, "alice")]
    assert world.line("sales") == [second, third]


def test_random_is_uniform_over_ten_thousand_seeds_in_a_row() -> None:
    agents = [f"agent-{n}" for n in range(10)]
    world = World().with_queue("sales", strategy="random").with_agents(*agents, sales=1)
    state = world.center.state
    pool = state.queues[QueueName("sales")].lanes[()].pool

    picks = Counter(pool.choose((), Turn(state, world.now, seed).draw) for seed in range(10_000))

    assert picks.total() == 10_000
    assert sum((picks[AgentName(agent)] - 1000) ** 2 / 1000 for agent in agents) < CHI_SQUARE_9_DEGREES_P_0_001


class Calls:
    """Thousands of them, one after the other, decided with the daemon's kind of chance; no witness looks on."""

    def __init__(self, strategy: str, priorities: dict[str, int]) -> None:
        world = World().with_queue("sales", strategy=strategy, wrap_up_seconds=0, ring_seconds=20)
        for agent, priority in priorities.items():
            world.with_agents(agent, sales=priority)
        self.center, self.now, self.chance = world.center, world.now, random.Random(1)

    def tell(self, told: inputs.Input) -> list[AnyFact]:
        self.now += 0.25
        return self.center.decide(told, self.now, self.chance.getrandbits(64))

    def comes(self, number: int) -> OfferMade:
        channel = ChannelId(f"caller-{number}")
        facts = self.tell(inputs.CallerJoined(MAIN, channel, QueueName("sales"), Caller(number=channel)))
        (made,) = (fact for fact in facts if isinstance(fact, OfferMade))
        return made

    def is_served(self, made: OfferMade) -> None:
        for told in (inputs.LegAnswered, inputs.LegAccepted, inputs.CallBridged, inputs.LegHungUp):
            self.tell(told(made.offer))
        self.tell(inputs.LegEnded(made.offer, LegEnd.HUNG_UP))


def test_random_is_uniform_over_ten_thousand_calls() -> None:
    agents = [f"agent-{n}" for n in range(10)]
    calls = Calls("random", dict.fromkeys(agents, 1))
    picks: Counter[str] = Counter()

    for number in range(10_000):
        made = calls.comes(number)
        picks[made.agent] += 1
        calls.is_served(made)

    assert picks.total() == 10_000
    assert sum((picks[agent] - 1000) ** 2 / 1000 for agent in agents) < CHI_SQUARE_9_DEGREES_P_0_001


def test_priority_never_picks_a_worse_agent_while_a_better_one_is_available() -> None:
    """Over ten thousand calls, as agents are paused and on calls in whichever way."""
    calls = Calls("priority", {f"agent-{n}": 1 + n // 3 for n in range(12)})
    agents, picks, ongoing = calls.center.state.agents, Counter[int](), list[OfferMade]()

    for number in range(10_000):
        while len(ongoing) > calls.chance.randrange(8):
            calls.is_served(ongoing.pop(calls.chance.randrange(len(ongoing))))
        someone = calls.chance.choice(list(agents))
        calls.tell(calls.chance.choice((inputs.Pause, inputs.MakeAvailable, inputs.MakeAvailable))(someone))
        available = [agent.queues[QueueName("sales")] for agent in agents.values() if agent.free_since is not None]
        if not available:
            continue
        made = calls.comes(number)
        assert agents[made.agent].queues[QueueName("sales")] == min(available)
        picks[min(available)] += 1
        ongoing.append(made)

    assert picks.total() > 9_000
    assert set(picks) == {1, 2, 3, 4}, "there were times when only the worst were there"


def test_the_choices_of_one_turn_do_not_depend_on_each_other() -> None:
    state = World().center.state

    pairs = Counter((turn.draw(3), turn.draw(3)) for turn in (Turn(state, 0, seed) for seed in range(9_000)))

    assert sum((pairs[a, b] - 1000) ** 2 / 1000 for a in range(3) for b in range(3)) < CHI_SQUARE_8_DEGREES_P_0_001


def test_chance_is_that_of_the_published_generator() -> None:
    """The first numbers of SplitMix64 for the seed 1234567."""
    turn = Turn(World().center.state, 0, 1234567)

    assert [turn.draw(2**64) for _ in range(3)] == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_random_gives_a_call_to_any_priority() -> None:
    world = World().with_queue("sales", strategy="random").with_agents("alice", sales=1).with_agents("bob", sales=100)
    for _ in range(20):
        request = world.caller_joins("sales")
        (agent,) = world.ringing
        leg = world.offer_to(agent)
        world.caller_hangs_up(request)
        world.hangs_up(leg)

    assert {fact.agent for fact in world.told(OfferMade)} == {"alice", "bob"}


def test_the_same_seed_chooses_the_same_agent() -> None:
    def chosen() -> list[str]:
        world = World().with_queue("sales", strategy="random")
        world.with_agents("alice", "bob", "carol", "dave", "eve", sales=1)
        for _ in range(5):
            world.caller_joins("sales")
        return [fact.agent for fact in world.told(OfferMade)]

    assert chosen() == chosen()


def test_another_strategy_in_new_rules_holds_for_the_next_call() -> None:
    world = World().with_queue("sales", strategy="random").with_agents("bob", sales=2).with_agents("alice", sales=1)
    world.with_queue("sales", strategy="priority")

    request = world.caller_joins("sales")

    assert world.ringing == {"alice": request}


# ---- The other strategies


def test_longest_idle_looks_at_nothing_else() -> None:
    world = World().with_queue("sales", strategy="longest_idle").with_agents("zoe", sales=9)
    world.time_passes(1)
    world.with_agents("alice", sales=1)

    first, second = world.caller_joins("sales"), world.caller_joins("sales")

    assert world.ringing == {"zoe": first, "alice": second}


def _answers_and_ends(world: World, queue: str) -> str:
    request = world.caller_joins(queue)
    (agent,) = world.ringing
    world.takes_the_call(agent)
    leg = world.offer_to(agent)
    world.time_passes(1)
    world.caller_hangs_up(request)
    world.hangs_up(leg)
    return agent


def test_round_robin_takes_everybody_in_turn() -> None:
    world = World().with_queue("sales", strategy="round_robin", wrap_up_seconds=0)
    world.with_agents("alice", "bob", "carol", sales=1)

    assert [_answers_and_ends(world, "sales") for _ in range(6)] == ["alice", "bob", "carol"] * 2


def test_round_robin_has_a_turn_of_its_own_in_each_queue() -> None:
    world = World().with_queue("sales", strategy="round_robin", wrap_up_seconds=0)
    world.with_queue("support", strategy="round_robin", wrap_up_seconds=0)
    world.with_agents("alice", "bob", sales=1, support=1)

    order = [_answers_and_ends(world, queue) for queue in ("sales", "support", "sales", "support")]

    assert order == ["alice", "alice", "bob", "bob"]


def test_who_comes_back_into_the_round_begins_it_anew() -> None:
    world = World().with_queue("sales", strategy="round_robin", wrap_up_seconds=0).with_queue("support")
    world.with_agents("alice", "bob", sales=1)
    assert [_answers_and_ends(world, "sales") for _ in range(3)] == ["alice", "bob", "alice"]

    world.with_agents("alice", support=1).with_agents("alice", sales=1)

    assert [_answers_and_ends(world, "sales") for _ in range(3)] == ["alice", "bob", "alice"]


def test_a_turn_in_the_round_is_used_up_by_an_offer_that_was_missed() -> None:
    world = World().with_queue("sales", strategy="round_robin", wrap_up_seconds=0, ring_seconds=5)
    world.with_agents("alice", "bob", "carol", sales=1).with_offer_rules(no_answer_seconds=0)
    world.caller_joins("sales")
    world.time_passes(5)

    assert world.told(OfferMade)[-1].agent == "bob"
    world.takes_the_call("bob")
    assert _answers_and_ends(world, "sales") == "carol"


def test_least_used_takes_who_had_the_fewest_today() -> None:
    world = World().with_queue("sales", strategy="least_used", wrap_up_seconds=0).with_agents("alice", sales=1)
    for _ in range(3):
        _answers_and_ends(world, "sales")
    world.with_agents("bob", sales=1)

    assert [_answers_and_ends(world, "sales") for _ in range(4)] == ["bob", "bob", "bob", "alice"]


def test_least_used_begins_anew_with_each_day() -> None:
    world = World().with_queue("sales", strategy="least_used", wrap_up_seconds=0).with_agents("alice", sales=1)
    world.tell(DayBegan("2026-11-24"))
    for _ in range(3):
        _answers_and_ends(world, "sales")
    world.with_agents("bob", sales=1)
    world.time_passes(1)

    world.tell(DayBegan("2026-11-25"))
    world.tell(DayBegan("2026-11-25"))

    assert world.agent("alice").taken_today == 0
    assert _answers_and_ends(world, "sales") == "alice"


def test_most_used_takes_the_one_idle_longest_of_those_who_are_equally_full() -> None:
    world = World().with_queue("sales", strategy="most_used").with_agents("zoe", sales=1)
    world.time_passes(1)
    world.with_agents("alice", sales=1)

    request = world.caller_joins("sales")

    assert world.ringing == {"zoe": request}
