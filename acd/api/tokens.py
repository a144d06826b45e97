"""Who asks: bearer tokens, of which only the SHA-256 is known here, and the end of patience with wrong ones."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Address, ip_address, ip_network
from math import ceil
from typing import Literal, TypeVar

import structlog
from aiohttp import hdrs

from acd import config
from acd.api.problems import Problem
from acd.center.model import AgentName, QueueName

log = structlog.get_logger()

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")
Role = Literal["agent", "supervisor", "admin", "metrics"]

TRIES = 10
TRIES_SECONDS = 60.0
PEERS_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a token: in which role, and which part of the site it is for."""

    name: str
    role: Role
    queues: frozenset[QueueName] | None
    """None: all of them."""
    agent: AgentName | None
    """As whom the role `agent` acts."""


class Tokens:
    def __init__(self, tokens: Iterable[config.Token]) -> None:
        self._holders = [(token.sha256, _holder(token)) for token in tokens]

    def holder(self, token: str) -> Holder | None:
        """Every digest is compared, and each in constant time: how long it takes tells nothing."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        found = [holder for sha256, holder in self._holders if hmac.compare_digest(sha256, digest)]
        return found[0] if found else None


def _holder(token: config.Token) -> Holder:
    return Holder(
        name=token.name,
        role=token.role,
        queues=None if token.queues is None else frozenset(QueueName(queue) for queue in token.queues),
        agent=None if token.agent is None else AgentName(token.agent),
    )


class Guard:
    """Lets in who shows a right token, and after `TRIES` wrong ones from a peer nobody new from there for a while.

    Who was let in from a peer before is let in from there still: many share an address behind a proxy, and a forgotten
    screen with an old token must not lock its neighbours out. A guesser gains nothing by it.
    """

    def __init__(self) -> None:
        self.tokens = Tokens([])
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def admit(self, authorization: str | None, address: str, now: float) -> Holder:
        """Raises Problem. The scheme's name is in any case (RFC 9110, 11.1)."""
        peer = peer_at(address)
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorized("this needs a token: Authorization: Bearer …", "")
        holder = self.tokens.holder(token)
        if self._is_blocked(peer, now) and (holder is None or (peer, holder.name) not in self._known):
            raise self._too_many(peer, now)
        if holder is None:
            self._count_wrong(peer, now)
            raise _unauthorized("this token is not known here", ', error="invalid_token"')
        _remember(self._known, (peer, holder.name), None)
        return holder

    def _is_blocked(self, peer: str, now: float) -> bool:
        tries = self._tries.get(peer)
        return tries is not None and tries.wrong >= TRIES and now < tries.until

    def _too_many(self, peer: str, now: float) -> Problem:
        seconds = str(ceil(self._tries[peer].until - now))
        detail = f"too many wrong tokens from {peer}; again in {seconds} s"
        return Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, headers={hdrs.RETRY_AFTER: seconds})

    def _count_wrong(self, peer: str, now: float) -> None:
        tries = self._tries.get(peer)
        if tries is None or now >= tries.until:
            tries = _Tries(wrong=0, until=now + TRIES_SECONDS)
        tries.wrong += 1
        if tries.wrong == TRIES:
            tries.until = now + TRIES_SECONDS
            log.warning("http.peer_blocked", peer=peer, seconds=TRIES_SECONDS)
        _remember(self._tries, peer, tries)


def peer_at(address: str) -> str:
    """Who is behind an address. In IPv6 everybody has 2^64 of them: all of a /64 are one."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return address
    return str(found.ipv4_mapped or ip_network((int(found) >> 64 << 64, 64)))


@dataclass(slots=True)
class _Tries:
    wrong: int
    until: float
    """When they are forgotten."""


def _remember(memory: OrderedDict[KeyT, ValueT], key: KeyT, value: ValueT) -> None:
    """Who has not been seen for the longest is forgotten first."""
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > PEERS_LIMIT:
        memory.popitem(last=False)


def _unauthorized(detail: str, error: str) -> Problem:
    """The challenge is that of RFC 6750, section 3."""
    return Problem(HTTPStatus.UNAUTHORIZED, detail, headers={hdrs.WWW_AUTHENTICATE: f'Bearer realm="acd"{error}'})
