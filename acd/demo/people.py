"""People at the phones: agents who take calls, and callers who wait for one of them. For the demo and the tests.

All chance is drawn from the `Random` that each of them is given. One of his own for each, seeded, makes everybody as
quick and as patient as the last time.
"""

import asyncio
import random
import time
from enum import StrEnum

from acd.demo.softphone import Call, CallOver, CallState, InvalidStateError, Softphone

Range = tuple[float, float]


class Manner(StrEnum):
    """What an agent does with a phone that rings."""

    ANSWERS = "answers"
    REJECTS = "rejects"
    NEVER_ANSWERS = "never answers"


class AgentPerson:
    """Sits at a phone and takes one call after the other. Without `talk_seconds` the caller has to hang up.

    `at_times` is another manner, and how often (0 … 1) a call meets with it.
    """

    def __init__(
        self,
        phone: Softphone,
        chance: random.Random,
        *,
        manner: Manner = Manner.ANSWERS,
        answer_seconds: Range = (0.5, 2.0),
        talk_seconds: Range | None = (3.0, 8.0),
        at_times: tuple[Manner, float] | None = None,
    ) -> None:
        self.phone = phone
        self.answered = 0
        self.rejected = 0
        self.missed = 0
        self._chance = chance
        self._usual_manner = manner
        self._at_times = at_times
        self._answer_seconds = answer_seconds
        self._talk_seconds = talk_seconds

    async def arrive(self) -> None:
        """Registers the phone, and takes calls from then on. RegistrationRefused, TimeoutError."""
        await self.phone.start_async()
        self._working = asyncio.create_task(self._work())

    async def leave(self) -> None:
        self._working.cancel()
        await asyncio.wait([self._working])
        await self.phone.stop_async()
        if not self._working.cancelled():
            self._working.result()  # nobody stops working before he leaves, unless something is broken

    async def _work(self) -> None:
        while True:
            await self._take(await self.phone.wait_for_ring_async())

    async def _take(self, call: Call) -> None:
        manner = self._manner()
        if manner is Manner.NEVER_ANSWERS or await _ends_within(call, _draw(self._chance, self._answer_seconds)):
            await _ends_within(call, None)
            self.missed += 1
            return
        try:
            await self._pick_up(call, manner)
        except InvalidStateError:  # the caller gave up in this very moment
            self.missed += 1

    def _manner(self) -> Manner:
        if self._at_times and self._chance.random() < self._at_times[1]:
            return self._at_times[0]
        return self._usual_manner

    async def _pick_up(self, call: Call, manner: Manner) -> None:
        if manner is Manner.REJECTS:
            call.reject()
            self.rejected += 1
            return
        call.answer()
        self.answered += 1
        await _talk(call, _draw(self._chance, self._talk_seconds))


class Outcome(StrEnum):
    """How it went for a caller."""

    TALKED = "talked"
    GAVE_UP = "gave up"
    TURNED_AWAY = "turned away"


class CallerPerson:
    """Calls an extension and listens until it hears a voice. Without `talk_seconds` the agent has to hang up.

    A voice is the tone that our softphones say: music on hold and announcements are none. Any number of callers may
    share one phone, which must have been started.
    """

    def __init__(
        self,
        phone: Softphone,
        extension: str,
        chance: random.Random,
        *,
        patience_seconds: Range = (30.0, 60.0),
        talk_seconds: Range | None = None,
    ) -> None:
        self.phone = phone
        self.extension = extension
        self.waited_seconds = 0.0
        self._chance = chance
        self._patience_seconds = patience_seconds
        self._talk_seconds = talk_seconds

    async def call_in(self) -> Outcome:
        called_at = time.monotonic()
        call = self.phone.call(self.extension)
        try:
            return await self._wait_and_talk(call, called_at)
        finally:
            call.hangup()

    async def _wait_and_talk(self, call: Call, called_at: float) -> Outcome:
        try:
            await call.wait_until_async(lambda call: call.heard_voice, _draw(self._chance, self._patience_seconds))
        except TimeoutError:
            return Outcome.GAVE_UP
        except CallOver:
            return Outcome.TURNED_AWAY
        finally:
            self.waited_seconds = time.monotonic() - called_at
        await _talk(call, _draw(self._chance, self._talk_seconds))
        return Outcome.TALKED


async def _talk(call: Call, seconds: float | None) -> None:
    if not await _ends_within(call, seconds):
        call.hangup()


async def _ends_within(call: Call, seconds: float | None) -> bool:
    try:
        await call.wait_for_async(CallState.ENDED, seconds)
    except TimeoutError:
        return False
    return True


def _draw(chance: random.Random, seconds: Range | None) -> float | None:
    return None if seconds is None else chance.uniform(*seconds)
