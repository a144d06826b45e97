"""Who calls when, for how long, with how much patience, and when agents are there: all of it drawn from seeded lots.

Calls come one by one at random (Poisson), more of them in the busy hours; talks are lognormal, patience is exponential,
as telephone people have found them since Erlang (Gans, Koole, Mandelbaum: Telephone Call Centers, 2003, section 4).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from math import log

from acd.simulation.people import Manner

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

    def breaks(self, hours: float, chance: random.Random) -> Iterator[tuple[float, float]]:
        """From when to when, in seconds after the beginning."""
        at = chance.uniform(0.5, 1.5) * self.between_breaks_seconds
        while at + self.break_seconds < hours * 3600:
            yield at, at + self.break_seconds
            at += self.break_seconds + chance.uniform(0.8, 1.2) * self.between_breaks_seconds
