"""Customers who call in: in waves, so that a line builds up and drains again."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from acd.demo.people import CallerPerson, Outcome, Range
from acd.demo.softphone import Softphone

CUSTOMERS = {
    "+31205550101": "Ana Sousa",
    "+31205550102": "Ben Okafor",
    "+31205550103": "Clara Jansen",
    "+31205550104": "Daan Visser",
    "+31205550105": "Elif Yilmaz",
    "+31205550106": "Finn Larsen",
    "+31205550107": "Grace Hall",
    "+31205550108": "Hugo Marin",
    "+31205550109": "Ines Moreau",
    "+31205550110": "Jonas Weber",
    "+31205550111": "Kira Novak",
    "+31205550112": "Liam Byrne",
    "+31205550113": "Mei Chen",
    "+31205550114": "Noor Bakker",
    "+31205550115": "Oskar Lind",
    "+31205550116": "Priya Nair",
    "+31205550117": "Quinn Foley",
    "+31205550118": "Rosa Conti",
    "+31205550119": "Sam Peters",
    "+31205550120": "Tomas Ruiz",
}
"""Their names, by number."""

LINES = {"100": 8, "200": 6, "210": 2, "300": 3}
"""Extensions of dialplans/demo.conf, and how often each is called in comparison."""

WAVE_SECONDS, RUSH_SECONDS = 30.0, 12.0
RUSH_PER_SECOND, CALM_PER_SECOND = 1.1, 0.4
ENDLESS_PATIENCE: Range = (600.0, 600.0)
"""More than any line of the demo takes; less than for ever, so that a script gets an answer."""
SHORT_OF_PATIENCE: Range = (8.0, 60.0)


@dataclass
class Crowd:
    """`phones` are the customers', by their numbers."""

    phones: Mapping[str, Softphone]
    patience_seconds: Range
    called: int = 0
    outcomes: list[tuple[str, Outcome]] = field(default_factory=list)
    """Of each call that is over: of which customer, and how it went."""

    async def call_in(self, calls: int | None) -> None:
        """So many calls, or (None) one after the other without end; returns when all are over."""
        idle: asyncio.Queue[str] = asyncio.Queue()
        for number in CUSTOMERS:
            idle.put_nowait(number)
        chance = random.Random("crowd")  # noqa: S311 - no secret, and the same each time
        began_at = time.monotonic()
        async with asyncio.TaskGroup() as ongoing:
            for count in itertools.count(1) if calls is None else range(1, calls + 1):
                number = await idle.get()
                ongoing.create_task(self._call(number, idle, random.Random(f"caller {count}")))  # noqa: S311
                self.called = count
                await asyncio.sleep(_gap_seconds(chance, time.monotonic() - began_at))

    async def _call(self, number: str, idle: asyncio.Queue[str], chance: random.Random) -> None:
        extension = chance.choices(list(LINES), list(LINES.values()))[0]
        # Mostly it is the agent who hangs up in the end, sometimes the customer.
        talk_seconds = (2.0, 5.0) if chance.random() < 0.25 else None
        caller = CallerPerson(
            self.phones[number],
            extension,
            chance,
            patience_seconds=self.patience_seconds,
            talk_seconds=talk_seconds,
        )
        self.outcomes.append((CUSTOMERS[number], await caller.call_in()))
        idle.put_nowait(number)


def _gap_seconds(chance: random.Random, since_first_seconds: float) -> float:
    in_rush = since_first_seconds % WAVE_SECONDS < RUSH_SECONDS
    return chance.expovariate(RUSH_PER_SECOND if in_rush else CALM_PER_SECOND)
