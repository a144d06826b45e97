"""What a store of facts must be able to do, and the rows in which it keeps them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol
from zlib import crc32

import msgspec

import acd
from acd.center.facts import AnyFact, ChangeMade, RequestEnded
from acd.center.folding.snapshots import Snapshot

_JSON = msgspec.json.Encoder()
_FACTS: msgspec.json.Decoder[AnyFact] = msgspec.json.Decoder(AnyFact)
_SNAPSHOTS = msgspec.json.Decoder(Snapshot)

OURS = f"{acd.__version__} {crc32(msgspec.json.encode(msgspec.json.schema(Snapshot))):08x}"
"""By whom a snapshot was made: a release, and the shape of its state. What another one made may lack what this one
would have found in the facts."""


class JournalError(Exception):
    """Why a journal cannot be opened, read or relied upon, in one line that says what to do."""


class Row(NamedTuple):
    """One fact as it is kept. JSON, so that an operator can read it with nothing but his database's own tools."""

    seq: int
    at: float
    kind: str
    body: str
    checksum: int


class SnapshotRow(NamedTuple):
    """What the first `seq` facts led to."""

    seq: int
    made_by: str
    body: bytes
    checksum: int


class Readable(Protocol):
    """All of it may block and may raise JournalError."""

    @property
    def last(self) -> int:
        """The number of the newest fact, 0 if there is none."""

    @property
    def first(self) -> int:
        """The number of the oldest fact, 1 if none was forgotten."""

    def read(self, after: int = 0) -> Iterator[AnyFact]:
        """All facts behind that number, in their order."""

    def snapshots(self) -> Sequence[SnapshotRow]:
        """The newest first."""


class Store(Readable, Protocol):
    """Knows how to write and read, and nothing of waiting, retrying or threads. `write` is called by one thread,
    `past`, `after` and `changes` by another, at the same time."""

    def write(self, rows: Sequence[Row]) -> None:
        """Has all of them on disk when it returns, and none of them when it raises."""

    def past(self, queue: str | None, kind: str | None, before: int, limit: int) -> list[tuple[int, RequestEnded]]:
        """The newest `limit` facts that a request ended, of those with numbers below `before`."""

    def after(self, number: int, limit: int) -> list[tuple[int, AnyFact]]:
        """The oldest `limit` facts of those with higher numbers."""

    def changes(self, before: int, limit: int) -> list[tuple[int, ChangeMade]]:
        """The newest `limit` changes, of those with numbers below `before`."""

    def close(self) -> None: ...


def row_of(seq: int, fact: AnyFact) -> Row:
    body = _JSON.encode(fact)
    return Row(seq, fact.at, type(fact).__name__, body.decode(), crc32(body))


def fact_of(seq: int, body: bytes, checksum: int) -> AnyFact:
    """Raises ValueError."""
    if not isinstance(body, bytes) or crc32(body) != checksum:  # SQLite's types are those of the values
        raise ValueError(f"fact {seq} is damaged: its checksum does not match")
    try:
        return _FACTS.decode(body)
    except msgspec.MsgspecError as error:
        raise ValueError(f"fact {seq} cannot be understood: {error}") from None


def snapshot_row_of(seq: int, snapshot: Snapshot) -> SnapshotRow:
    body = zlib.compress(_JSON.encode(snapshot), level=1)
    return SnapshotRow(seq, OURS, body, crc32(body))


def snapshot_of(row: SnapshotRow) -> Snapshot:
    """Raises ValueError."""
    if not isinstance(row.body, bytes) or crc32(row.body) != row.checksum:
        raise ValueError(f"the snapshot of fact {row.seq} is damaged: its checksum does not match")
    try:
        return _SNAPSHOTS.decode(zlib.decompress(row.body))
    except (msgspec.MsgspecError, zlib.error) as error:
        raise ValueError(f"the snapshot of fact {row.seq} cannot be understood: {error}") from None
