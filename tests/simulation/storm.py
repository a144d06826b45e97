"""Small call centres in which everything goes wrong, each drawn from a seed: their rules, their people, their faults.

python -m tests.simulation.storm 5000          the seeds 1 … 5000
python -m tests.simulation.storm 1 --first 17  that one, with all that went wrong in it
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from msgspec.structs import replace
from structlog.testing import capture_logs

from acd.center.model import (
    AgentName,
    AgentRules,
    AnnounceRules,
    CallbackRules,
    OfferRules,
    Presence,
    PromptRules,
    QueueName,
    QueueRules,
    SiteRules,
    WayOut,
)
from acd.center.reach import Device
from acd.simulation.arrivals import Agents, Callers
from acd.simulation.faults import KINDS
from acd.simulation.run import Day, Result, simulate
from acd.simulation.watch import LawBroken

SALES, SUPPORT = QueueName("sales"), QueueName("support")
STRATEGIES = ("priority", "priority", "longest_idle", "random", "ring_all", "round_robin", "least_used", "most_used")
HOURS = 0.1
STORMS_AT_ONCE = 20
"""Handed to a core in one go."""


def storm(seed: int) -> Day:
    chance = random.Random(f"storm {seed}")
    kinds = list(KINDS)
    few = tuple(sorted(chance.sample(kinds, chance.randint(1, 4)), key=kinds.index))
    return Day(
        rules=_keeping(
            _announcing(_rules(chance), random.Random(f"announcements of storm {seed}")),
            random.Random(f"callbacks of storm {seed}"),
        ),
        callers=Callers(
            chance.choice((60, 200, 400)),
            talk_seconds=random.Random(f"talks of storm {seed}").choice((4, 20)),
            patience_seconds=60,
            urgent_share=0.2,
            message_share=0.7,
        ),
        agents=Agents(late_seconds=10, reject_share=0.1, miss_share=0.1),
        hours=HOURS,
        seed=seed,
        pbxs=chance.choice((("main",), ("east", "west"))),
        faults=few if chance.random() < 0.7 else tuple(kinds),
    )


def _rules(chance: random.Random) -> SiteRules:
    return SiteRules(
        queues=tuple(
            QueueRules(
                name=name,
                strategy=chance.choice(STRATEGIES),
                order=chance.choice(("strict", "strict", "head_start")),
                ring_seconds=chance.choice((5, 10, 20)),
                wrap_up_seconds=chance.choice((0, 5, 15)),
                max_wait_seconds=chance.choice((None, None, 30, 60)),
                max_waiting=chance.choice((None, None, 3)),
                stay_needs=chance.choice((Presence.NOBODY, Presence.NOBODY, Presence.LOGGED_IN)),
                ways_out=chance.choice(({}, {}, {"TIMEOUT": WayOut(queue=other)}, {"EMPTY": WayOut(context="away")})),
            )
            for name, other in ((SALES, SUPPORT), (SUPPORT, SALES))
        ),
        agents=tuple(
            AgentRules(
                name=AgentName(f"agent-{number}"),
                queues=chance.choice(({SALES: 1}, {SUPPORT: 2}, {SALES: 1, SUPPORT: 2}, {SALES: 2, SUPPORT: 1})),
                devices=(Device(kind="desk", dial=f"PJSIP/agent-{number}"),),
            )
            for number in range(chance.randint(1, 5))
        ),
        offers=OfferRules(
            no_answer_seconds=5,
            busy_seconds=5,
            rejected_seconds=5,
            pause_after_missed=chance.choice((0, 0, 3)),
            unreachable_first_seconds=2,
            unreachable_limit_seconds=20,
        ),
    )


def _announcing(rules: SiteRules, chance: random.Random) -> SiteRules:
    def told(queue: QueueRules) -> QueueRules:
        announce = chance.choice((None, AnnounceRules(), AnnounceRules(every_seconds=15)))
        return replace(queue, announce=announce, prompts=chance.choice((None, PromptRules(("one", "two"), 10))))

    return replace(rules, queues=tuple(map(told, rules.queues)))


def _keeping(rules: SiteRules, chance: random.Random) -> SiteRules:
    """Who would rather not wait leaves a message in some queues, and who is lost with a server keeps his place."""

    def kept(queue: QueueRules) -> QueueRules:
        callbacks = CallbackRules(
            offer_after_seconds=chance.choice((None, 0, 0, 10)),
            offer_above_seconds=chance.choice((None, None, 15)),
            reserved_seconds=30,
            retry_seconds=20,
            attempts=chance.choice((1, 2, 3)),
            put_off_seconds=15,
            ring_seconds=chance.choice((5, 10)),
            at_once=chance.choice((None, None, 1)),
            after_pbx_lost=chance.choice((True, True, False)),
        )
        return replace(queue, callbacks=chance.choice((None, callbacks, callbacks)))

    agents = tuple(replace(agent, callbacks=chance.random() < 0.7) for agent in rules.agents)
    return replace(rules, queues=tuple(map(kept, rules.queues)), agents=agents)


def live_through(seed: int) -> Result:
    """Raises LawBroken, which says how to see it again."""
    with capture_logs():
        try:
            return simulate(storm(seed))
        except LawBroken as broken:
            raise LawBroken(f"{broken}\nonce more: make soak SEEDS=1 FIRST={seed}") from broken


def outcome(seed: int) -> tuple[int, str]:
    """How many called, and what is wrong."""
    try:
        return live_through(seed).report.calls, ""
    except Exception as error:  # noqa: BLE001 - whatever it is, the other seeds are tried
        return 0, f"{type(error).__name__}: {error}"


def live_through_one(seed: int) -> int:
    with capture_logs():
        print("\n".join(simulate(storm(seed)).faults))
    return 0


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("seeds", type=int, nargs="?", default=1000)
    asked.add_argument("--first", type=int, default=1)
    arguments = asked.parse_args()
    if arguments.seeds == 1:
        return live_through_one(arguments.first)
    began, calls, broken = time.monotonic(), 0, 0
    with ProcessPoolExecutor(os.cpu_count()) as cores:
        seeds = range(arguments.first, arguments.first + arguments.seeds)
        for called, trouble in cores.map(outcome, seeds, chunksize=STORMS_AT_ONCE):
            calls += called
            if trouble:
                broken += 1
                print(f"{trouble}\n", flush=True)
    print(f"{arguments.seeds} storms, {calls} calls, {broken} broken, in {time.monotonic() - began:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
