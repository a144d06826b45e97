"""What a store of facts must be able to do, and the rows in which it keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol
from zlib import crc32

import msgspec

from acd.center.facts import AnyFact, RequestEnded

_JSON = msgspec.json.Encoder()
_FACTS: msgspec.json.Decoder[AnyFact] = msgspec.json.Decoder(AnyFact)


class JournalError(Exception):
    """Why a journal cannot be opened, read or relied upon, in one line that says what to do."""


class Row(NamedTuple):
    """One fact as it is kept. JSON, so that an operator can read it with nothing but his database's own tools."""

    seq: int
    at: float
    kind: str
    body: str
    checksum: int


class Store(Protocol):
    """Knows how to write and read, and nothing of waiting, retrying or threads. All of it may block and may raise
    JournalError. `write` is called by one thread, `past` and `after` by another, at the same time."""

    last: int
    """The number of the newest fact when it was opened, 0 if there was none."""

    def write(self, rows: Sequence[Row]) -> None:
        """Has all of them on disk when it returns, and none of them when it raises."""

    def read(self) -> Iterator[AnyFact]:
        """All facts, in their order."""

    def past(self, queue: str | None, kind: str | None, before: int, limit: int) -> list[tuple[int, RequestEnded]]:
        """The newest `limit` facts that a request ended, of those with numbers below `before`."""

    def after(self, number: int, limit: int) -> list[tuple[int, AnyFact]]:
        """The oldest `limit` facts of those with higher numbers."""

    def close(self) -> None: ...


def row_of(seq: int, fact: AnyFact) -> Row:
    body = _JSON.encode(fact)
    return Row(seq, fact.at, type(fact).__name__, body.decode(), crc32(body))


def fact_of(seq: int, body: bytes, checksum: int) -> AnyFact:
    """Raises ValueError."""
    if crc32(body) != checksum:
        raise ValueError(f"fact {seq} is damaged: its checksum does not match")
    try:
        return _FACTS.decode(body)
    except msgspec.MsgspecError as error:
        raise ValueError(f"fact {seq} cannot be understood: {error}") from None
