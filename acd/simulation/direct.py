"""The short way between Calls and the simulated Asterisk: what a Link does, without a wire in between.

Actions and events cross in the same order as on a wire, and never in the middle of what the other side is doing; what
could not be written on a wire is not looked for. A test holds a day by this way against one by the real Link: their
facts are the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from acd.asterisk.link import ActionRefused, Answer, Event
from acd.asterisk.wire import Headers
from acd.simulation.ami import Action, Session
from acd.simulation.channels import Headers as Told
from acd.simulation.channels import Status
from acd.simulation.pbx import SimulatedPbx
from acd.simulation.process import Handlers

_UNEVENTFUL = {"Getvar", "Setvar", "Status"}


class DirectLink(Session):
    def __init__(self, name: str, pbx: SimulatedPbx, heard: Handlers, wanted: frozenset[str]) -> None:
        super().__init__(pbx)
        self.name = name
        self._heard = heard
        self._wanted = wanted
        self._loop = asyncio.get_running_loop()
        self._events: list[Event] = []
        self._actions: list[tuple[Action, asyncio.Future[Answer]]] = []
        self._answers: asyncio.Future[Answer]
        """Of the action that is being carried out."""
        self._listed: Sequence[Status] = ()

    async def start(self) -> None:
        self._pbx.heard_by.append(self._hear)
        self._loop.call_soon(self._heard.on_up)

    async def stop(self) -> None:
        self._pbx.heard_by.remove(self._hear)
        self._heard.on_down("stopped")

    # ---- Actions

    def send(self, action: str, headers: Headers) -> asyncio.Future[Answer]:
        asked = {"action": action, **{header.lower(): str(value) for header, value in headers.items()}}
        answer: asyncio.Future[Answer] = self._loop.create_future()
        if self._can_be_done_at_once(asked):
            self._answers = answer
            self.carry_out(asked)
            return answer
        if not self._actions:
            self._loop.call_soon(self._carry_out_all)
        self._actions.append((asked, answer))
        return answer

    def _can_be_done_at_once(self, asked: Action) -> bool:
        """No event comes of it, and nothing is on its way that it could overtake: so with most heartbeats."""
        return asked["action"] in _UNEVENTFUL and not asked.get("channel") and not (self._actions or self._events)

    async def ask(self, action: str, headers: Headers) -> list[Event]:
        await self.send(action, headers)
        return [Event(action, told, {"Variable": variables}) for told, variables in self._listed]

    def handler_failed(self, about: str, error: Exception, channel: str | None = None) -> None:
        raise error  # to the loop: it breaks the day

    def _carry_out_all(self) -> None:
        actions, self._actions = self._actions, []
        for action, self._answers in actions:
            self.carry_out(action)

    def answer(self, action: Action, headers: Told, response: str = "Success") -> None:
        if response == "Error":
            self._answers.set_exception(ActionRefused(headers["Message"]))
            self._answers.exception()  # nobody has to look
        else:
            self._answers.set_result(Answer("", headers))

    def list(self, action: Action, name: str, listed: Sequence[Status]) -> None:
        self._listed = listed
        self.answer(action, {})

    # ---- Events

    def _hear(self, name: str, kind: str, headers: Told) -> None:
        if name not in self._wanted:
            return
        if not self._events:
            self._loop.call_soon(self._bring_all)
        self._events.append(Event(name, headers))

    def _bring_all(self) -> None:
        events, self._events = self._events, []
        for event in events:
            self._heard.on_event(event)
