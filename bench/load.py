"""The acceptance load: so many calls a second for a minute, and each thing that must be true of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bench import machine
from bench.comparison import ANSWER_SECONDS, FILL_SECONDS, Crowd, Measured, Say, block, measure_crowd
from bench.figures import Spread, spread
from bench.office import ACD, EXTENSION, SURROGATE, Office
from bench.phones import Agents, Callers

P50_MS, P99_MS = 5.0, 50.0
NO_SURROGATES = "no surrogate of a channel left behind"
CROWD_WAITING = 100
CROWD_SECONDS = 20.0


@dataclass(frozen=True)
class Load:
    rate: float = 25
    seconds: float = 60
    agents: int = 100
    talk_seconds: float = 3.0

    @property
    def total(self) -> int:
        return round(self.rate * self.seconds)

    @property
    def crowd(self) -> Crowd:
        """With as many agents as the rate keeps busy, and callers who wait: else no agent has a next caller."""
        busy = min(self.agents, round(self.rate * (self.talk_seconds + ANSWER_SECONDS)))
        return Crowd(busy, CROWD_WAITING, self.talk_seconds, rate=60, seconds=CROWD_SECONDS, rounds=1)


@dataclass(frozen=True)
class Criterion:
    what: str
    found: str
    passed: bool


@dataclass(frozen=True)
class Verdict:
    criteria: list[Criterion]
    complaints: list[str]
    join_to_dial: Spread | None
    answer_to_bridge: Spread | None

    @property
    def passed(self) -> bool:
        return all(criterion.passed for criterion in self.criteria)


async def load(office: Office, wanted: Load, say: Say) -> Verdict:
    at_work = Agents(ANSWER_SECONDS, wanted.talk_seconds, varied=False)
    callers = Callers(wanted.rate, EXTENSION[ACD], total=wanted.total)
    say(f"{wanted.total} calls, {wanted.rate:g} a second, to {wanted.agents} agents")
    async with block(office, wanted.agents, at_work, ACD) as (story, daemon):
        assert daemon  # noqa: S101 - acd's block has one
        asterisk, own = machine.cpu_seconds(office.pid), machine.cpu_seconds(daemon.pid)
        async with office.callers(callers) as calling:
            await asyncio.wait_for(calling.done(), wanted.seconds + FILL_SECONDS)
            failed = calling.counts()["failed"]
        asterisk, own = machine.cpu_seconds(office.pid) - asterisk, machine.cpu_seconds(daemon.pid) - own
        complaints = daemon.complaints()
        waste = await daemon.counter("acd_idle_waste_total")
        unconserved = await daemon.counter("acd_conservation_errors_total")
    crowd = wanted.crowd
    say(f"{crowd.agents} agents with {crowd.waiting} callers waiting")
    crowded = Measured()
    await measure_crowd(office, crowd, ACD, crowded)
    complaints += crowded.complaints
    left = await office.channels()
    surrogates = sum(channel.startswith(SURROGATE) for channel in left)
    free_to_dial = spread([delay.seconds for delay in story.free_to_dial] + crowded.free_to_dial)
    p50, p99 = (free_to_dial.p50, free_to_dial.p99) if free_to_dial else (float("inf"), float("inf"))
    calls = max(1, story.connected)
    lost = wanted.total - story.connected + crowded.lost
    criteria = [
        Criterion(
            "nothing lost", f"{lost} of {wanted.total + crowded.calls} lost, {failed} failed", not (lost or failed)
        ),
        Criterion(
            "no agent rung twice at a time",
            f"{story.rung_twice + crowded.rung_twice} times",
            not story.rung_twice + crowded.rung_twice,
        ),
        Criterion("no warning or error in the daemon's log", f"{len(complaints)} lines", not complaints),
        Criterion(f"hang-up to next dial, p50 ≤ {P50_MS:g} ms", f"{p50:.1f} ms", p50 <= P50_MS),
        Criterion(f"hang-up to next dial, p99 ≤ {P99_MS:g} ms", f"{p99:.1f} ms", p99 <= P99_MS),
        Criterion(
            "the daemon's CPU per call ≤ Asterisk's",
            f"{1000 * own / calls:.2f} ms to {1000 * asterisk / calls:.2f} ms: {own / asterisk:.2f}",
            own <= asterisk,
        ),
        Criterion("acd_idle_waste_total", f"{waste:g}", waste == 0),
        Criterion("acd_conservation_errors_total", f"{unconserved:g}", unconserved == 0),
        Criterion(
            "no caller's or phone's channel left behind", f"{len(left) - surrogates} left", len(left) == surrogates
        ),
        Criterion(NO_SURROGATES, f"{surrogates} left", not surrogates),
    ]
    return Verdict(
        criteria,
        complaints,
        spread([delay.seconds for delay in story.join_to_dial]),
        spread([delay.seconds for delay in story.answer_to_bridge]),
    )
