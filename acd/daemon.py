"""Wires the parts together: inputs go to the center, and its facts to the journal, to Asterisk and to the metrics."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

import acd
from acd import config as configuration
from acd import logs
from acd.api.app import Api
from acd.api.feed import Feed
from acd.api.webhooks import Webhooks
from acd.asterisk.calls import WANTED_EVENTS, Calls
from acd.asterisk.link import AmiServer, Link
from acd.asterisk.means import Means
from acd.center import Center, Undecided, laws, survey
from acd.center.facts import (
    AnyFact,
    CallbackPromised,
    CallbackRenewed,
    CallbackTakenToLine,
    ChangeMade,
    RequestEnded,
    RequestQueued,
    RequestResumed,
)
from acd.center.inputs import (
    CalendarTurned,
    ClockStepped,
    DaemonStarted,
    DayBegan,
    DeleteMessage,
    Input,
    RulesLoaded,
    TimePassed,
)
from acd.center.model import PbxName, QueueName, Refused
from acd.center.state import State
from acd.clock import Alarm, Clock
from acd.dialling import Dialling
from acd.journal import Journal, JournalError, compaction_of, open_journal
from acd.messages import Messages
from acd.metrics import Metrics

log = structlog.get_logger()

LET_GO_OF_MESSAGES = CallbackRenewed | CallbackTakenToLine | RequestEnded | RequestResumed
LAWS_SECONDS = 1.0
MESSAGES_SECONDS = 3600.0
DAY_SECONDS = 86_400.0
LAG_SECONDS = 0.1
WATCH_AGAIN_SECONDS = 10.0
CLOCK_SECONDS = 1.0
LOOK_AT_DATE_SECONDS = 60.0
"""At the latest: midnight is at another moment when the clock has stepped."""


class CannotStart(Exception):
    """Why the daemon does not run, in one line that says what to do."""


class Daemon:
    """One site's daemon. It is also the `Desk` that the API asks."""

    def __init__(self, config: configuration.Config, journal: Journal, clock: Clock | None = None) -> None:
        self.config = config
        self.center = Center()
        self._journal = journal
        self._clock = clock or Clock()
        self._links = {name: self._link(name, server) for name, server in config.asterisk.items()}
        folders = {name: server.messages for name, server in config.asterisk.items() if server.messages}
        self._messages = {PbxName(name): Messages(Path(folder)) for name, folder in folders.items()}
        self._dialling = Dialling(
            self.now, refused=lambda purpose, refusal: self.metrics.dial_refused(purpose, refusal.rule)
        )
        self._use_numbers()
        self._calls = {PbxName(name): self._new_calls(link) for name, link in self._links.items()}
        self.metrics = Metrics(self.center.state, list(self._links.values()), journal)
        self.feed = Feed(self._journal.after, self._journal.last)
        self._deadline = Alarm(self.now, lambda: self.tell(TimePassed()))
        self._calendar_change = Alarm(self.now, self._turn_calendars)
        self._watches: list[asyncio.Task[None]] = []
        self._unwanted = asyncio.Event()
        """There are messages that are nobody's."""
        self._web: web.AppRunner | None = None
        self._api = Api(self, config, self.metrics)
        self._webhooks = Webhooks(self, self.metrics)

    # ---- Start and stop

    async def start(self) -> None:
        """Raises CannotStart."""
        began = time.perf_counter()
        back = self._journal.bring_back(self.center)
        self._dialling.remember(self.state.dialled)
        if (off := self.now() - self.state.at) < 0:
            self._clock_stepped(off)  # while the daemon was away: its last deed cannot lie ahead
        self.tell(DaemonStarted())
        self.tell(RulesLoaded(rules=self.config.rules()))
        self._look_at_the_date()
        self._turn_calendars()
        log.info(
            "journal.folded",
            seconds=round(time.perf_counter() - began, 3),
            facts=back.last,
            snapshot=back.snapshot,
            agents=len(self.center.state.agents),
            live_requests=len(self.center.state.requests),
        )
        await self._listen()
        self._webhooks.use(self.config.webhook)
        for link in self._links.values():
            await link.start()
        compaction = compaction_of(self._journal, self.config.store.url, self.config.store.keep_days)
        watches = {
            "laws": self._watch_laws,
            "lag": self._watch_lag,
            "calendar": self._watch_the_calendar,
            "clock": self._watch_the_clock,
            "messages": self._watch_messages,
            "journal": lambda: compaction.watch(self.now, lambda: self.metrics.error("journal")),
        }
        self._watches = [asyncio.create_task(self._for_ever(name, watch)) for name, watch in watches.items()]

    async def stop(self) -> None:
        """Leaves every call as it is: those who talk go on, those who wait keep waiting for the next start."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        if self._web:
            await self._web.cleanup()
        for calls in self._calls.values():
            await calls.stop()
        for link in self._links.values():
            await link.stop()
        await self._webhooks.stop()
        self.feed.stop()
        for alarm in (self._deadline, self._calendar_change):
            alarm.stop()
        await self._journal.close()

    async def _listen(self) -> None:
        host, port = self.config.http.address
        self._web = self._api.runner()
        await self._web.setup()
        try:
            await web.TCPSite(self._web, host, port).start()
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise CannotStart(
                f"http.listen: cannot listen on {self.config.http.listen}: {why}; stop what uses it, or choose another"
            ) from None

    def reload(self, config: configuration.Config) -> None:
        """Takes over a new configuration without touching a call; servers, store and address need a restart."""
        for table in ("asterisk", "store", "http"):
            if getattr(config, table) != getattr(self.config, table):
                log.warning("reload.needs_restart", table=table)
        self.config = config
        self._api.use(config)
        self._webhooks.use(config.webhook)
        self.tell(RulesLoaded(rules=config.rules()))
        self._use_numbers()
        for calls in self._calls.values():
            calls.use(self._means_of(calls.pbx))
        self._turn_calendars()
        log.info("reload.done", queues=len(config.queue), agents=len(config.agent))

    # ---- Deciding

    @property
    def state(self) -> State:
        return self.center.state

    def now(self) -> float:
        return self._clock.now()

    def tell(self, told: Input) -> Sequence[AnyFact]:
        """Has an input decided, and its facts written down and acted upon. Raises Refused, with nothing changed."""
        began = time.perf_counter()
        try:
            facts = self.center.decide(told, self.now(), secrets.randbits(64))
        except Undecided as undecided:
            log.exception("center.undecided", input=repr(told))
            self.metrics.error("center")
            facts = undecided.facts
        self.metrics.decision_seconds.observe(time.perf_counter() - began)
        if facts:
            number = self._journal.append(facts)
            for fact in facts:
                self._publish_or_log(fact)
            self._feed_on(facts, number)
            self._heed_hours(facts)
            self._heed_messages(facts)
        self._deadline.set(self.center.next_deadline())
        return facts

    def _feed_on(self, facts: Sequence[AnyFact], number: int) -> None:
        if number == self._journal.last:
            self.feed.tell(facts)
        else:
            self.feed.end()  # the journal has overflowed: these have no numbers

    def _heed_hours(self, facts: Sequence[AnyFact]) -> None:
        """Of those who are to be called back: whether it is time there. (What was known of hours that nobody waited for
        may be true no more.)"""
        if any(fact.hours for fact in facts if isinstance(fact, CallbackPromised | RequestQueued)):
            self._turn_calendars()

    def _heed_messages(self, facts: Sequence[AnyFact]) -> None:
        """Which may be nobody's now."""
        if self.state.unwanted and any(isinstance(fact, LET_GO_OF_MESSAGES) for fact in facts):
            self._unwanted.set()

    def _publish_or_log(self, fact: AnyFact) -> None:
        try:
            self._publish(fact)
        except Exception as error:  # noqa: BLE001 - it is decided and written down: the facts after it must go out, too
            self.failed(f"what follows from {type(fact).__name__}", error)

    def _publish(self, fact: AnyFact) -> None:
        for calls in self._calls.values():
            calls.on_fact(fact)
        self.metrics.on_fact(fact, self.now())
        logs.tell_fact(fact)

    # ---- Asterisk

    def _link(self, name: str, server: configuration.Asterisk) -> Link:
        return Link(
            AmiServer(
                name=name,
                host=server.host,
                port=server.port,
                username=server.username,
                secret=server.secret.get_secret_value(),
                tls=server.tls,
            ),
            on_event=lambda event: self._calls[PbxName(name)].on_event(event),
            on_up=lambda: self._calls[PbxName(name)].link_up(),
            on_down=lambda why: self._calls[PbxName(name)].link_down(why),
            wanted=WANTED_EVENTS,
        )

    def _new_calls(self, link: Link) -> Calls:
        return Calls(
            link,
            tell=self.tell,
            now=self.now,
            means=self._means_of(link.name),
            contradictions=lambda pbx, channels: survey.contradictions(self.state, pbx, channels),
        )

    def _use_numbers(self) -> None:
        trunks = {name: server.mobile_dial for name, server in self.config.asterisk.items()}
        self._dialling.use(self.config.dial_rules(), trunks)

    def _means_of(self, pbx: str) -> Means:
        return Means(
            state=self.center.state,
            dialling=self._dialling,
            messages=self._messages.get(PbxName(pbx)),
            on_disk=self.on_disk,
            can_promise=lambda: self._journal.state == "writing",
            country=self.config.site.country,
            zone=self.config.site.zone,
            mobile_caller_id=self.config.asterisk[pbx].mobile_caller_id,
        )

    async def on_disk(self) -> bool:
        try:
            await self._journal.all_committed()
        except JournalError:
            return False
        return True

    # ---- What the API asks besides

    @property
    def dialling(self) -> Dialling:
        return self._dialling

    def messages_of(self, pbx: PbxName) -> Messages | None:
        return self._messages.get(pbx)

    def pbx_for(self, number: str) -> PbxName:
        """The first that is steered and has a way to it."""
        for name in self._links:
            if name in self.state.steered and self._dialling.can_dial_from(name):
                return PbxName(name)
        raise Refused("no Asterisk server that has `mobile_dial` is connected")

    def why_not_ready(self) -> list[str]:
        unsteered = [name for name in self._links if PbxName(name) not in self.state.steered]
        reasons = [f"Asterisk server {name!r} is not connected" for name in unsteered]
        if self._journal.state != "writing":
            reasons.append("the journal cannot be written")
        return reasons

    async def past_requests(
        self, *, queue: QueueName | None, kind: str | None, before: int | None, limit: int
    ) -> list[tuple[int, RequestEnded]]:
        return await self._journal.past_requests(queue=queue, kind=kind, before=before, limit=limit)

    async def changes(self, *, before: int | None, limit: int) -> list[tuple[int, ChangeMade]]:
        return await self._journal.changes(before=before, limit=limit)

    # ---- What is watched all the time

    def failed(self, what: str, error: BaseException | None) -> None:
        """Logs and counts what nobody else can handle."""
        log.error("daemon.failed", what=what, exc_info=error)
        self.metrics.error("daemon")

    async def _for_ever(self, name: str, watch: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """One that fails is begun again: nobody else watches that."""
        while True:
            try:
                await watch()
            except Exception as error:  # noqa: BLE001
                self.failed(f"the watch over {name}", error)
            await asyncio.sleep(WATCH_AGAIN_SECONDS)

    async def _watch_laws(self) -> None:
        while True:
            await asyncio.sleep(LAWS_SECONDS)
            self._journal.look()
            for queue in laws.idle_waste(self.state):
                log.error("law.idle_waste", queue=queue)
                self.metrics.idle_waste()
            for queue in laws.unconserved(self.state):
                log.error("law.unconserved", queue=queue)
                self.metrics.conservation_error()

    async def _watch_messages(self) -> None:
        """Deletes those that were kept for long enough, those that are nobody's, and recordings that became none."""
        while True:
            self._unwanted.clear()
            if self.state.unwanted and await self.on_disk():
                await self._delete_unwanted()
            oldest = self.now() - self.config.site.messages_days * DAY_SECONDS
            for kept in [kept for kept in self.state.kept_messages.values() if kept.ended_at < oldest]:
                messages = self.messages_of(kept.pbx)
                if messages is None or await self._is_done(messages.folder, messages.delete, kept.name):
                    self.tell(DeleteMessage(kept.name))
            for messages in self._messages.values():
                await self._is_done(messages.folder, messages.delete_leftovers)
            with suppress(TimeoutError):
                async with asyncio.timeout(MESSAGES_SECONDS):  # wait_for may lose a cancellation that comes beside
                    await self._unwanted.wait()

    async def _delete_unwanted(self) -> None:
        for name, pbx in list(self.state.unwanted.items()):
            messages = self.messages_of(pbx)
            if messages is None or await self._is_done(messages.folder, messages.delete, name):
                self.tell(DeleteMessage(name))

    async def _is_done(self, folder: Path, delete: Callable[..., None], *what: str) -> bool:
        """On a disk that may refuse it; it is tried again the next time."""
        try:
            await asyncio.to_thread(delete, *what)
        except OSError as error:
            log.error("messages.not_deleted", folder=str(folder), error=str(error))
            self.metrics.error("messages")
            return False
        return True

    async def _watch_the_calendar(self) -> None:
        while True:
            local = self._local_time()
            midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
            await asyncio.sleep(min(LOOK_AT_DATE_SECONDS, max(0.0, midnight.timestamp() - local.timestamp())))
            self._look_at_the_date()

    def _look_at_the_date(self) -> None:
        self.tell(DayBegan(day=self._local_time().date().isoformat()))

    async def _watch_the_clock(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_SECONDS)
            if stepped := self._clock.follow():
                self._clock_stepped(stepped)
                self._look_at_the_date()
                self._turn_calendars()

    def _clock_stepped(self, by: float) -> None:
        log.warning("clock.stepped", seconds=round(by, 3))
        for alarm in (self._deadline, self._calendar_change):
            alarm.clock_stepped()
        self.tell(ClockStepped(by=by))

    def _turn_calendars(self) -> None:
        """Tells which are open now, and comes back when that changes."""
        now, changes = self.now(), []
        for name, calendar in self.config.calendars().items():
            self.tell(CalendarTurned(calendar=name, open=calendar.is_open(now)))
            changes.append(calendar.next_change(now))
        callbacks = (self.state.requests[name] for name in self.state.callbacks.values())
        for hours in {callback.hours for callback in callbacks if callback.hours}:
            is_open, change = self._dialling.is_time(hours)
            self.tell(CalendarTurned(calendar=hours, open=is_open))
            changes.append(change)
        self._calendar_change.set(min((change for change in changes if change is not None), default=None))

    def _local_time(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC).astimezone(self.config.site.zone)

    async def _watch_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            expected = loop.time() + LAG_SECONDS
            await asyncio.sleep(LAG_SECONDS)
            self.metrics.loop_lag_seconds.observe(max(0.0, loop.time() - expected))


async def serve(file: Path) -> None:
    """Runs a daemon until SIGTERM or SIGINT. Raises BadConfig, JournalError or CannotStart, with nothing started."""
    daemon = await _started(configuration.load(file))
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: daemon.failed(context["message"], context.get("exception")))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, _reload, daemon, file)
    log.info("daemon.started", version=acd.__version__, api=f"http://{daemon.config.http.listen}/v1/")
    await stopped.wait()
    log.info("daemon.stopping", ongoing=len(daemon.state.requests))
    await daemon.stop()


async def _started(config: configuration.Config) -> Daemon:
    journal = open_journal(config.store.url, lambda seconds, _: daemon.metrics.journal_write_seconds.observe(seconds))
    daemon = Daemon(config, journal)
    try:
        await daemon.start()
    except BaseException:
        await daemon.stop()
        raise
    return daemon


def _reload(daemon: Daemon, file: Path) -> None:
    try:
        config = configuration.load(file)
    except configuration.BadConfig as bad:
        log.error("reload.refused", mistakes=bad.lines)
        return
    daemon.reload(config)
