"""One input being decided: the state as it is, the moment, the chance, and the facts made so far."""

from __future__ import annotations

from acd.center.facts import AnyFact
from acd.center.state import State

_MASK = 2**64 - 1


class Turn:
    def __init__(self, state: State, now: float, seed: int) -> None:
        self.state = state
        self.now = now
        self.facts: list[AnyFact] = []
        self._chance = seed

    def tell(self, fact: AnyFact) -> None:
        """Makes a fact so: what is decided next in this turn already sees it."""
        self.state.fold(fact)
        self.facts.append(fact)

    def draw(self, n: int) -> int:
        """A number from 0 to n - 1, each as likely as the others.

        SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014) over the input's seed; the
        bias of the product method is below n / 2**64.
        """
        self._chance = (self._chance + 0x9E3779B97F4A7C15) & _MASK
        z = self._chance
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((z ^ (z >> 31)) * n) >> 64
