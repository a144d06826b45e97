"""The waiting line of one queue: who is in it, in which order, and who of them could be offered to somebody now.

A request keeps its place while it is offered, so that a refusal costs it nothing; only `open` leaves it out. Both are
sorted lists searched by bisection: a step costs O(log n) comparisons (the move of the pointers behind it, at 100,000
waiting, a few microseconds).
"""

from __future__ import annotations

from bisect import bisect_left, insort

from acd.center.model import PlaceKey, RequestId


class Line:
    def __init__(self) -> None:
        self._everyone: list[PlaceKey] = []
        self._open: list[PlaceKey] = []

    def __len__(self) -> int:
        return len(self._everyone)

    def enter(self, key: PlaceKey) -> None:
        insort(self._everyone, key)

    def leave(self, key: PlaceKey) -> None:
        _discard(self._everyone, key)
        _discard(self._open, key)

    def open(self, key: PlaceKey) -> None:
        if not _holds(self._open, key):
            insort(self._open, key)

    def close(self, key: PlaceKey) -> None:
        _discard(self._open, key)

    def place_of(self, key: PlaceKey) -> int:
        """1 = next."""
        return bisect_left(self._everyone, key) + 1

    def first_open(self) -> PlaceKey | None:
        return self._open[0] if self._open else None

    def in_order(self) -> list[RequestId]:
        return [request for _, _, request in self._everyone]


def _holds(keys: list[PlaceKey], key: PlaceKey) -> bool:
    at = bisect_left(keys, key)
    return at < len(keys) and keys[at] == key


def _discard(keys: list[PlaceKey], key: PlaceKey) -> None:
    at = bisect_left(keys, key)
    if at < len(keys) and keys[at] == key:
        del keys[at]
