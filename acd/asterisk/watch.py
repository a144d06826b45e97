"""Watch over one Asterisk server: what lives there, whether the center knows, and the sign that somebody steers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import structlog

from acd.asterisk import reading
from acd.asterisk.link import ActionFailed, ActionRefused, Event, Link
from acd.asterisk.means import Means
from acd.center import customers
from acd.center.inputs import Contradiction, LiveChannel, PbxContradicted
from acd.center.model import Missed, OfferId, PbxName, QueueName, Reach

log = structlog.get_logger()

HEARTBEAT_SECONDS = 4.0
"""More than one in each round (5 s) of the loop in which callers wait: see `acd-wait` in dialplans/acd.conf."""
SURVEY_AGAIN_SECONDS = 1.0
COMPARE_SECONDS = 60.0
BELIEVE_AFTER_SECONDS = 2.0
"""What contradicts the center twice, so far apart, is no event that was on its way."""
CHANNELS_AT_ONCE = 50
"""Read in one go: events are not kept waiting by a survey of thousands."""
CLOCKS_APART_SECONDS = 2.0
"""From here on Asterisk's clock is held to be another one than ours; it tells whole seconds."""

Contradictions = Callable[[PbxName, tuple[LiveChannel, ...]], frozenset[Contradiction]]
"""In what the channels that live on a server are not as the center has them."""


class Picture(NamedTuple):
    channels: list[Event]
    live: tuple[LiveChannel, ...]
    started: str
    """The moment at which this Asterisk was started, in its own words; empty if it does not say."""
    fell_back: dict[QueueName, int]
    """How many callers have gone to the fallback since then."""
    attempts: dict[OfferId, str]
    """How those ended to reach a customer whose legs are gone; as in PbxSurveyed."""


class Watch:
    def __init__(
        self, link: Link, now: Callable[[], float], means: Means, contradictions: Contradictions | None
    ) -> None:
        self.pbx = PbxName(link.name)
        self.means = means
        self._link = link
        self._now = now
        self._contradictions = contradictions

    # ---- The sign that somebody steers

    async def beat_for_ever(self) -> None:
        """By Asterisk's own clock, for it is the one that the dialplan holds it against."""
        while True:
            beat = {"Variable": "ACD_HEARTBEAT", "Value": str(int(await self._time_there()))}
            try:
                await self._link.send("Setvar", beat)
            except ActionFailed as error:
                log.info("pbx.action_failed", pbx=self.pbx, action="Setvar", channel=None, why=str(error))
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _time_there(self) -> float:
        """What time it is by Asterisk's clock; by ours, if it does not say."""
        return await self._number("EPOCH") or self._now()

    # ---- What lives there

    async def picture(self) -> Picture:
        """Asks until it is told."""
        while True:
            try:
                started = await self._start_of_asterisk()
                channels, live = await self._what_lives()
                return Picture(channels, live, started, await self._fell_back(), await self._attempts(live))
            except ActionFailed as error:
                log.warning("pbx.survey_failed", pbx=self.pbx, why=str(error))
                await asyncio.sleep(SURVEY_AGAIN_SECONDS)

    async def compare_for_ever(self, tell: Callable[[PbxContradicted], object]) -> None:
        while self._contradictions:
            await asyncio.sleep(COMPARE_SECONDS)
            try:
                if found := await self._compare(self._contradictions):
                    tell(found)
            except ActionFailed as error:
                log.warning("pbx.survey_failed", pbx=self.pbx, why=str(error))

    async def _compare(self, contradictions: Contradictions) -> PbxContradicted | None:
        """What contradicts the center, and still does when whatever was on its way has come."""
        _, live = await self._what_lives()
        first = contradictions(self.pbx, live)
        if not first:
            return None
        await asyncio.sleep(BELIEVE_AFTER_SECONDS)
        _, live = await self._what_lives()
        believed = first & contradictions(self.pbx, live)
        return PbxContradicted(pbx=self.pbx, channels=live, believed=believed) if believed else None

    async def _start_of_asterisk(self) -> str:
        try:
            answer = await self._link.send("CoreStatus", {})
        except ActionRefused as refused:
            log.warning("pbx.action_failed", pbx=self.pbx, action="CoreStatus", channel=None, why=str(refused))
            return ""
        return f"{answer.get('CoreStartupDate', '')} {answer.get('CoreStartupTime', '')}".strip()

    async def _fell_back(self) -> dict[QueueName, int]:
        queues = list(self.means.state.queues)
        counts = await asyncio.gather(*(self._number(f"ACD_FELL_BACK_{queue}") for queue in queues))
        return {queue: count for queue, count in zip(queues, counts, strict=True) if count is not None}

    async def _attempts(self, live: tuple[LiveChannel, ...]) -> dict[OfferId, str]:
        """Each agent's last one is in a global variable of Asterisk's, from the moment at which its leg is gone."""
        state, alive, ended = self.means.state, {one.channel for one in live}, {}
        for offer in [one for one in state.offers.values() if one.pbx == self.pbx and one.channel not in alive]:
            called = customers.being_called(state, offer)
            if called and called.reach is Reach.DIALLING:
                attempt, _, status = (await self._value(f"ACD_TRIED_{offer.agent}")).partition(" ")
                if attempt == customers.attempt(offer.id, called.attempts):
                    ended[offer.id] = reading.attempt_ended(status) or Missed.FAILED
        return ended

    async def _number(self, variable: str) -> int | None:
        """None if there is none of that name, or Asterisk does not say."""
        return reading.number(await self._value(variable))

    async def _value(self, variable: str) -> str:
        """Of a global one; empty if there is none of that name, or Asterisk does not say."""
        try:
            answer = await self._link.send("Getvar", {"Variable": variable})
        except ActionFailed as error:
            log.info("pbx.action_failed", pbx=self.pbx, action="Getvar", channel=None, why=str(error))
            return ""
        return answer.get("Value", "")

    async def _what_lives(self) -> tuple[list[Event], tuple[LiveChannel, ...]]:
        """The time is asked before: behind the list it would have become old, for events go on being heard."""
        ahead = self._now() - await self._time_there()
        channels = await self._link.ask("Status", {"Variables": ",".join(reading.VARIABLES)})
        return channels, await self._read(channels, ahead if abs(ahead) > CLOCKS_APART_SECONDS else 0.0)

    async def _read(self, channels: list[Event], ahead: float) -> tuple[LiveChannel, ...]:
        live: list[LiveChannel] = []
        for number, channel in enumerate(channels, 1):
            live.append(reading.live_channel(channel, self.means.country, ahead))
            if number % CHANNELS_AT_ONCE == 0:
                await asyncio.sleep(0)
        return tuple(live)
