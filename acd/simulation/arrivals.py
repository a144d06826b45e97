"""Who calls when, for how long, with how much patience, who would rather leave a message and be called back, and when
agents are there: all of it drawn from seeded lots.

Calls come one by one at random (Poisson), more of them in the busy hours; talks are lognormal, patience is exponential,
as telephone people have found them since Erlang (Gans, Koole, Mandelbaum: Telephone Call Centers, 2003, section 4).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from math import log

from acd.simulation.people import CallingBack, Manner, Words

DAY_SHAPE = (0.4, 0.8, 1.3, 1.5, 1.3, 0.9, 0.9, 1.2, 1.3, 1.1, 0.8, 0.5)
"""How busy the parts of a day are, beside its average: a morning peak and a smaller one in the afternoon."""


@dataclass(frozen=True, slots=True)
class Callers:
    calls_per_hour: float
    """On the average of the day."""
    talk_seconds: float = 180
    """The average; half of the talks are shorter than some 80 % of it."""
    talk_spread: float = 0.7
    """Sigma of the lognormal: 0, all are equally long."""
    patience_seconds: float = 300
    """The average of those who would never be answered."""
    urgent_share: float = 0.05
    """Of callers with priority 10."""
    message_share: float = 0.4
    """Of those who are told that they may leave a message, who begin one."""
    hasty_share: float = 0.2
    """Of these, who hang up somewhere in the middle of it."""
    withheld_share: float = 0.1
    """Of these, whose number is not shown."""
    again_share: float = 0.1
    """Of these, who call again, to ask what has become of it."""
    again_seconds: float = 120
    shape: tuple[float, ...] = DAY_SHAPE

    def moments(self, hours: float, chance: random.Random) -> Iterator[float]:
        """Seconds after the beginning at which somebody calls, in order.

        By thinning (Lewis, Shedler 1979): drawn at the rate of the busiest part, kept by the share that a part has.
        """
        busiest, average = max(self.shape), sum(self.shape) / len(self.shape)
        seconds = hours * 3600
        rate = self.calls_per_hour / 3600 * busiest / average
        at = 0.0
        while rate > 0 and (at := at + chance.expovariate(rate)) < seconds:
            part = self.shape[int(at / seconds * len(self.shape))]
            if chance.random() * busiest < part:
                yield at

    def talk(self, chance: random.Random) -> float:
        return chance.lognormvariate(log(self.talk_seconds) - self.talk_spread**2 / 2, self.talk_spread)

    def patience(self, chance: random.Random) -> float:
        return chance.expovariate(1 / self.patience_seconds)

    def words(self, chance: random.Random, number: str) -> Words | None:
        if chance.random() >= self.message_share:
            return None
        return Words(
            presses_after_seconds=chance.uniform(0.5, 10),
            types=number,
            speaks_seconds=chance.uniform(2, 30) if chance.random() < 0.9 else 0.0,
            hangs_up_after_seconds=chance.uniform(0, 40) if chance.random() < self.hasty_share else None,
            thinks_better_of_it=chance.random() < 0.1,
        )

    def priority(self, chance: random.Random) -> int | None:
        return 10 if chance.random() < self.urgent_share else None


@dataclass(frozen=True, slots=True)
class Agents:
    answer_seconds: tuple[float, float] = (1.0, 6.0)
    reject_share: float = 0.02
    miss_share: float = 0.02
    hang_up_share: float = 0.5
    """Of talks that the agent ends; the caller ends the others."""
    late_seconds: float = 300
    """They log in within so many seconds, one by one."""
    break_seconds: float = 900
    between_breaks_seconds: float = 2 * 3600

    def manner(self, chance: random.Random, talk_seconds: float) -> Manner:
        """What an agent does with a call; `talk_seconds`, for how long he would talk."""
        lot = chance.random()
        after = chance.uniform(*self.answer_seconds)
        if lot < self.miss_share:
            return Manner()
        if lot < self.miss_share + self.reject_share:
            return Manner(rejects_after_seconds=after)
        ends_it = chance.random() < self.hang_up_share
        return Manner(answers_after_seconds=after, talk_seconds=talk_seconds if ends_it else None)

    def calling_back(self, chance: random.Random) -> CallingBack:
        return CallingBack(
            listens_seconds=chance.uniform(1, 15),
            chooses=_one_of(chance, {"call": 0.85, "later": 0.05, "not_possible": 0.05, "": 0.05}),
            thinks_seconds=chance.uniform(0, 5),
            settles=_one_of(chance, {"as_it_was": 0.75, "": 0.1, "call": 0.1, "appointment": 0.05}),
        )

    def breaks(self, hours: float, chance: random.Random) -> Iterator[tuple[float, float]]:
        """From when to when, in seconds after the beginning."""
        at = chance.uniform(0.5, 1.5) * self.between_breaks_seconds
        while at + self.break_seconds < hours * 3600:
            yield at, at + self.break_seconds
            at += self.break_seconds + chance.uniform(0.8, 1.2) * self.between_breaks_seconds


@dataclass(frozen=True, slots=True)
class Customers:
    """Those who are called back, at their telephones."""

    answer_share: float = 0.7
    busy_share: float = 0.1
    """The others do not answer."""

    def manner(self, chance: random.Random, talk_seconds: float) -> Manner:
        lot, after = chance.random(), chance.uniform(1, 15)
        if lot < self.answer_share:
            return Manner(answers_after_seconds=after, talk_seconds=talk_seconds)
        return Manner(rejects_after_seconds=after) if lot < self.answer_share + self.busy_share else Manner()


def _one_of(chance: random.Random, shares: dict[str, float]) -> str:
    (one,) = chance.choices(list(shares), list(shares.values()))
    return one


def lots(what: str, seed: int) -> random.Random:
    """One source of chance for each thing that happens by chance: a change in one of them changes no other."""
    return random.Random(f"{what} {seed}")  # noqa: S311 - nothing secret about it
