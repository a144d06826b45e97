"""How the simulated Asterisk tells its events: to whoever listens, and none that nobody reads."""

from __future__ import annotations

from collections.abc import Callable

from acd.simulation.channels import Bridge, Channel, Headers, Originate

Heard = Callable[[str, str, Headers], None]
"""Is told each event: its name, its class, and its headers."""
_NO_MORE: Headers = {}


class Teller:
    def __init__(self, told: frozenset[str] | None) -> None:
        """`told` are the names of the events that anybody reads; None: all."""
        self.heard_by: list[Heard] = []
        self._told = told

    def _tell(self, name: str, channel: Channel, more: Headers = _NO_MORE) -> None:
        if self._is_heard(name):
            self._say(name, "call", channel.shown() | more)

    def _tell_dial(self, name: str, dialled: Channel, more: Headers, by: Channel | None = None) -> None:
        """`by` a channel, or by Originate."""
        if self._is_heard(name):
            self._say(name, "call", (by.shown() if by else {}) | dialled.shown_as_dialled() | more)

    def _tell_bridge(self, name: str, bridge: Bridge, channel: Channel | None = None) -> None:
        if self._is_heard(name):
            self._say(name, "call", bridge.shown() | (channel.shown() if channel else {}))

    def _user_event(self, channel: Channel, name: str, values: Headers) -> None:
        self._say("UserEvent", "user", channel.shown() | {"UserEvent": name} | values)

    def _respond(self, asked: Originate, response: str, channel: str, reason: int) -> None:
        self._say("OriginateResponse", "call", asked.response(response, channel, reason))

    def _is_heard(self, name: str) -> bool:
        return self._told is None or name in self._told

    def _say(self, name: str, kind: str, headers: Headers) -> None:
        for hear in self.heard_by:
            hear(name, kind, headers)
