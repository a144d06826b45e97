"""What the API asks of the daemon: to look at what is so, to have something decided, and to be counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from acd.api.feed import Feed
from acd.center.facts import AnyFact, ChangeMade, RequestEnded
from acd.center.inputs import Input
from acd.center.model import PbxName, QueueName
from acd.center.state import State
from acd.dialling import Dialling
from acd.messages import Messages


class Desk(Protocol):
    @property
    def state(self) -> State:
        """What is so at this moment; to be read, never written."""

    @property
    def feed(self) -> Feed: ...

    @property
    def dialling(self) -> Dialling:
        """Which numbers may be called."""

    def messages_of(self, pbx: PbxName) -> Messages | None:
        """The voice messages of a server."""

    def pbx_for(self, number: str) -> PbxName:
        """The server from which a number is called. Raises Refused."""

    def now(self) -> float: ...

    def tell(self, told: Input) -> Sequence[AnyFact]:
        """Has an input decided, written down and acted upon. Raises Refused, with nothing changed."""

    async def on_disk(self) -> bool:
        """Answers when all that was decided so far is, or (False) never will be."""

    def why_not_ready(self) -> list[str]:
        """What keeps the daemon from routing, a sentence each; empty when it can."""

    async def past_requests(
        self, *, queue: QueueName | None, kind: str | None, before: int | None, limit: int
    ) -> list[tuple[int, RequestEnded]]:
        """The requests that have ended, the newest first, each with its number in the journal; those with a number
        below `before`, if one is given."""

    async def changes(self, *, before: int | None, limit: int) -> list[tuple[int, ChangeMade]]:
        """The same for changes."""


class Metrics(Protocol):
    async def render(self, accept: str) -> tuple[bytes, str]:
        """All of them in the format that the client prefers, and its Content-Type."""

    def http_request(self, route: str, code: int) -> None: ...

    def error(self, where: str) -> None: ...

    def event_clients(self, count: int) -> None: ...

    def event_client_cut_off(self) -> None: ...

    def webhook(self, name: str, outcome: str) -> None:
        """A post has been taken (`ok`), or not (`failed`)."""

    def webhook_behind(self, name: str, facts: int) -> None: ...
