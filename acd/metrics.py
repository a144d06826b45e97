"""Metrics for Prometheus: facts are counted as they are made; what is so now is looked up when somebody asks.

No label ever holds a caller's number or a request's id: labels are names from the configuration and words of ours.
docs/metrics.md tells what each metric is good for.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Counts
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Protocol, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

import acd
from acd.center.facts import (
    AnyFact,
    CallbackPromised,
    CallerReleased,
    CallersFellBack,
    ContradictionFound,
    OfferEnded,
    OfferMade,
    RequestConnected,
    RequestEnded,
    RequestMoved,
)
from acd.center.in_vain import NO_SIGN_OF_LIFE
from acd.center.inputs import NOT_DIALLED
from acd.center.model import AgentState, Difference, Kind, OfferOutcome, Outcome, Request, RequestState
from acd.center.reach import MOBILE
from acd.center.state import State
from acd.dialling import Purpose, Rule

# A `_created` series beside each counter and histogram would be one more of each that nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

CALL = "call"
IN_LINE = (RequestState.WAITING, RequestState.OFFERED)
"""The only kind that there is so far."""

REFUSALS = ("FULL", "EMPTY", "CLOSED")
"""With which `ACD_STATUS` a queue does not take a caller in."""

LINK_UP, COMPARISON = "link_up", "comparison"
"""When a contradiction was found."""

PARTS = ("asterisk", "center", "daemon", "http", "journal", "messages", "webhooks")
"""Of acd, in which something may fail."""

WAIT_BUCKETS = (1, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
TALK_BUCKETS = (10, 30, 60, 120, 300, 600, 1200, 3600)
RING_DELAY_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5)
CONNECT_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)
DECISION_BUCKETS = (0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1)
JOURNAL_WRITE_BUCKETS = (0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5)
LOOP_LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5)

LONGEST_CAUSE = 3
"""Digits of a cause of Q.850: anything longer is none."""
SeriesT = TypeVar("SeriesT")


class LinkCounts(Protocol):
    events: Counts[str]
    actions: Counts[tuple[str, str]]
    handler_errors: int
    mended: int


class Link(Protocol):
    """The connection to one Asterisk server, as far as it is counted."""

    name: str
    up: bool

    @property
    def counts(self) -> LinkCounts: ...


class Journal(Protocol):
    """Where facts are written down, as far as it is counted."""

    errors: int
    lost: int

    @property
    def state(self) -> Literal["writing", "failing"]: ...

    @property
    def backlog(self) -> int: ...


class Metrics:
    def __init__(self, state: State, links: Sequence[Link], journal: Journal) -> None:
        self.registry = registry = CollectorRegistry()
        self._state = state
        self._now = _Now(state, links, journal)
        registry.register(self._now)

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(name, what, labels, registry=registry)

        def histogram(name: str, what: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(name, what, labels, buckets=buckets, registry=registry)

        self._requests = _Series(
            counter("acd_requests_total", "Requests that have ended", "queue", "kind", "outcome").labels
        )
        self._refused = _Series(
            counter(
                "acd_callers_refused_total",
                "Callers whom a queue did not take in, by ACD_STATUS; without a queue if there is none of that name",
                "queue",
                "status",
            ).labels
        )
        self._fell_back = _Series(
            counter(
                "acd_callers_fell_back_total",
                "Callers who went to the fallback because nobody steered their server, as far as is known by now",
                "queue",
            ).labels
        )
        self._kept_after_pbx_lost = _Series(
            counter(
                "acd_callbacks_after_pbx_lost_total",
                "Callers whose Asterisk server went down under them and who are called back",
                "queue",
            ).labels
        )
        self._wait_seconds = _Series(
            histogram(
                "acd_wait_seconds",
                "How long requests that have ended had waited: until they were connected, or left",
                WAIT_BUCKETS,
                "queue",
                "kind",
                "outcome",
            ).labels
        )
        self._talk_seconds = _Series(
            histogram("acd_talk_seconds", "How long caller and agent talked", TALK_BUCKETS, "queue").labels
        )
        self._wait_estimate_error = _Series(
            histogram(
                "acd_wait_estimate_error_seconds",
                "By how much the wait estimated at entry (its median) missed that of those connected",
                WAIT_BUCKETS,
                "queue",
            ).labels
        )
        self._offers = _Series(counter("acd_offers_total", "Offers that have ended", "queue", "outcome").labels)
        self._trunk_failures = _Series(
            counter("acd_trunk_failures_total", "Agents' mobiles that could not be reached", "pbx", "cause").labels
        )
        self._dials_refused = _Series(
            counter(
                "acd_dials_refused_total", "Numbers that the dial policy did not let through", "purpose", "rule"
            ).labels
        )
        self._contradictions = _Series(
            counter(
                "acd_contradictions_total",
                "What Asterisk contradicted, found when the link came up or by a comparison while it was up",
                "pbx",
                "kind",
                "found",
            ).labels
        )
        self._http_requests = _Series(counter("acd_http_requests_total", "Answers of the API", "route", "code").labels)
        self._ring_delay_seconds = histogram(
            "acd_ring_delay_seconds",
            "From the moment that a request and an agent could have had each other to the dial being sent",
            RING_DELAY_BUCKETS,
        )
        self._connect_seconds = histogram(
            "acd_connect_seconds", "From the agent's answer to caller and agent in one bridge", CONNECT_BUCKETS
        )
        self.decision_seconds = histogram("acd_decision_seconds", "Time to decide one input", DECISION_BUCKETS)
        self.journal_write_seconds = histogram(
            "acd_journal_write_seconds", "Time to write and commit one group of facts", JOURNAL_WRITE_BUCKETS
        )
        self.loop_lag_seconds = histogram(
            "acd_loop_lag_seconds", "How much later than asked for the event loop came back", LOOP_LAG_BUCKETS
        )
        self._event_clients = Gauge("acd_event_clients", "Clients that read events now", registry=registry)
        self._event_clients_cut_off = counter(
            "acd_event_clients_cut_off_total", "Clients cut off for reading too slowly"
        )
        self._webhooks = _Series(
            counter("acd_webhook_posts_total", "Posts to webhooks, by outcome", "webhook", "outcome").labels
        )
        self._webhooks_behind = Gauge(
            "acd_webhook_behind_facts", "Facts that a webhook has yet to take", ["webhook"], registry=registry
        )
        self._idle_waste = counter(
            "acd_idle_waste_total", "Times that a request and an agent for it were both found waiting: stays 0"
        )
        self._conservation_errors = counter(
            "acd_conservation_errors_total", "Times that a queue's requests were found not to add up: stays 0"
        )
        build_info = Gauge("acd_build_info", "Always 1, with acd's version", ["version"], registry=registry)
        build_info.labels(acd.__version__).set(1)

    # ---- Counting

    def on_fact(self, fact: AnyFact, now: float) -> None:
        """To be called when what follows from the fact has been sent to Asterisk."""
        count = _COUNTS.get(type(fact))
        if count:
            count(self, fact, now)

    def http_request(self, route: str, code: int) -> None:
        self._http_requests[route, str(code)].inc()

    def dial_refused(self, purpose: Purpose, rule: Rule) -> None:
        self._dials_refused[purpose, rule].inc()

    def error(self, where: str) -> None:
        self._now.errors[where] += 1

    def idle_waste(self, times: int = 1) -> None:
        self._idle_waste.inc(times)

    def conservation_error(self, times: int = 1) -> None:
        self._conservation_errors.inc(times)

    def event_clients(self, count: int) -> None:
        self._event_clients.set(count)

    def event_client_cut_off(self) -> None:
        self._event_clients_cut_off.inc()

    def webhook(self, name: str, outcome: str) -> None:
        self._webhooks[name, outcome].inc()

    def webhook_behind(self, name: str, facts: int) -> None:
        self._webhooks_behind.labels(name).set(facts)

    def _offer_made(self, fact: OfferMade, now: float) -> None:
        if fact.found:
            return
        self._ring_delay_seconds.observe(max(0.0, now - fact.ready_at))

    def _offer_ended(self, fact: OfferEnded, now: float) -> None:
        self._offers[fact.queue, fact.outcome].inc()
        if fact.outcome is OfferOutcome.FAILED and fact.device == MOBILE:
            self._trunk_failures[fact.pbx, _trunk_cause(fact.cause)].inc()

    def _request_connected(self, fact: RequestConnected, now: float) -> None:
        if fact.estimated_seconds is not None:
            self._wait_estimate_error[(fact.queue,)].observe(abs(fact.estimated_seconds - fact.waited_seconds))
        self._connect_seconds.observe(fact.connect_seconds)

    def _request_moved(self, fact: RequestMoved, now: float) -> None:
        self._requests[fact.was, fact.kind, Outcome.OVERFLOWED].inc()
        self._wait_seconds[fact.was, fact.kind, Outcome.OVERFLOWED].observe(fact.waited_seconds)

    def _contradiction_found(self, fact: ContradictionFound, now: float) -> None:
        self._contradictions[fact.pbx, fact.kind, COMPARISON if fact.comparing else LINK_UP].inc()

    def _caller_released(self, fact: CallerReleased, now: float) -> None:
        if fact.refused:
            self._refused[fact.queue if fact.queue in self._state.queues else "", fact.status].inc()

    def _callers_fell_back(self, fact: CallersFellBack, now: float) -> None:
        self._fell_back[(fact.queue,)].inc(fact.callers)

    def _callback_promised(self, fact: CallbackPromised, now: float) -> None:
        if fact.message is None:
            self._kept_after_pbx_lost[(fact.queue,)].inc()

    def _request_ended(self, fact: RequestEnded, now: float) -> None:
        self._requests[fact.queue, fact.kind, fact.outcome].inc()
        self._wait_seconds[fact.queue, fact.kind, fact.outcome].observe(fact.waited_seconds)
        if fact.talk_seconds is not None:
            self._talk_seconds[(fact.queue,)].observe(fact.talk_seconds)

    # ---- Showing

    async def render(self, accept: str = "") -> tuple[bytes, str]:
        """All of them in the format that the client prefers, and its Content-Type.

        What is so now is looked up here; writing it all down (5 ms for every 1,000 series) is left to a thread.
        """
        self._start_at_zero()
        self._now.look()
        encode, content_type = _format(accept)
        return await asyncio.to_thread(encode, self.registry), content_type

    def _start_at_zero(self) -> None:
        """A counter that is missing until its first count hides that count from `rate()`."""
        for queue in self._state.queues:
            for outcome in Outcome:
                self._requests[queue, CALL, outcome]
            self._fell_back[(queue,)]
            self._kept_after_pbx_lost[(queue,)]
            for status in REFUSALS:
                self._refused[queue, status]
            for offer_outcome in OfferOutcome:
                self._offers[queue, offer_outcome]
        for purpose in Purpose:
            for rule in Rule:
                self._dials_refused[purpose, rule]
        for pbx in self._now.pbxs:
            for kind in Difference:
                for found in (LINK_UP, COMPARISON):
                    self._contradictions[pbx, kind, found]


_COUNTS: dict[type[AnyFact], Callable[[Metrics, Any, float], None]] = {
    OfferMade: Metrics._offer_made,
    OfferEnded: Metrics._offer_ended,
    RequestConnected: Metrics._request_connected,
    RequestMoved: Metrics._request_moved,
    CallerReleased: Metrics._caller_released,
    CallersFellBack: Metrics._callers_fell_back,
    CallbackPromised: Metrics._callback_promised,
    ContradictionFound: Metrics._contradiction_found,
    RequestEnded: Metrics._request_ended,
}


def _trunk_cause(cause: str) -> str:
    """The number of Q.850 that the network gave, or a word of ours."""
    number = cause.partition(" ")[0]
    if number.isdigit() and len(number) <= LONGEST_CAUSE:
        return number
    if cause.startswith(NOT_DIALLED):
        return "not_dialled"
    return "silent" if cause == NO_SIGN_OF_LIFE else "no_channel"


class _Series(dict[tuple[str, ...], SeriesT]):
    """The series of one metric by their labels, each looked up in the library once."""

    def __init__(self, look_up: Callable[..., SeriesT]) -> None:
        super().__init__()
        self._look_up = look_up

    def __missing__(self, labels: tuple[str, ...]) -> SeriesT:
        series = self[labels] = self._look_up(*labels)
        return series


class _Now(Collector):
    """What is so at the moment of looking. It costs nothing while nobody looks."""

    def __init__(self, state: State, links: Sequence[Link], journal: Journal) -> None:
        self._state = state
        self._links = links
        self._journal = journal
        self.errors = Counts(dict.fromkeys(PARTS, 0))
        self._seen: list[Metric] = []
        self.look()

    @property
    def pbxs(self) -> list[str]:
        return [link.name for link in self._links]

    def look(self) -> None:
        """On the thread of the event loop, where nothing changes meanwhile."""
        of_links = [self._trunk_legs(), self._up(), self._events(), self._mended(), self._actions()]
        of_all = [self._waiting(), self._callbacks(), self._agents(), self._failed()]
        self._seen = [*of_all, *of_links, *self._written()]

    def collect(self) -> Iterator[Metric]:
        yield from self._seen

    def _waiting(self) -> Metric:
        waiting = GaugeMetricFamily(
            "acd_requests_waiting", "Requests in the line, those being offered included", labels=["queue", "kind"]
        )
        callbacks = Counts(one.queue for one in self._open_callbacks() if one.state in IN_LINE)
        for name, queue in self._state.queues.items():
            waiting.add_metric([name, CALL], len(queue.line) - callbacks[name])
            waiting.add_metric([name, Kind.CALLBACK], callbacks[name])
        return waiting

    def _callbacks(self) -> Metric:
        family = GaugeMetricFamily("acd_callbacks", "Callbacks that are open, by state", labels=["queue", "state"])
        counts = Counts((one.queue, one.state) for one in self._open_callbacks())
        for name in self._state.queues:
            for state in (*IN_LINE, RequestState.ONGOING, RequestState.SCHEDULED):
                family.add_metric([name, state], counts[name, state])
        return family

    def _open_callbacks(self) -> Iterator[Request]:
        return (self._state.requests[name] for name in self._state.callbacks.values())

    def _agents(self) -> Metric:
        agents = GaugeMetricFamily("acd_agents", "Agents of a queue, by state", labels=["queue", "state"])
        for name, queue in self._state.queues.items():
            in_states = Counts(self._state.agents[agent].state for agent in queue.members)
            for state in AgentState:
                agents.add_metric([name, state], in_states[state])
        return agents

    def _failed(self) -> Metric:
        errors = self.errors + Counts(asterisk=sum(link.counts.handler_errors for link in self._links))
        failed = CounterMetricFamily("acd_errors", "Failures of acd itself, by part", labels=["where"])
        for part in PARTS:
            failed.add_metric([part], errors[part])
        return failed

    def _trunk_legs(self) -> Metric:
        legs = GaugeMetricFamily("acd_trunk_legs", "Agents' mobiles that ring or talk", labels=["pbx"])
        for name in self._state.rules.trunks:
            legs.add_metric([name], self._state.trunk_legs.get(name, 0))
        return legs

    def _up(self) -> Metric:
        up = GaugeMetricFamily("acd_ami_up", "Whether the Asterisk server can be steered", labels=["pbx"])
        for link in self._links:
            up.add_metric([link.name], link.up)
        return up

    def _events(self) -> Metric:
        events = CounterMetricFamily("acd_ami_events", "Events heard from Asterisk", labels=["pbx", "event"])
        for link in self._links:
            for event, count in link.counts.events.items():
                events.add_metric([link.name, event], count)
        return events

    def _mended(self) -> Metric:
        mended = CounterMetricFamily(
            "acd_ami_mended", "Descriptions of channels that a caller had broken by line breaks", labels=["pbx"]
        )
        for link in self._links:
            mended.add_metric([link.name], link.counts.mended)
        return mended

    def _actions(self) -> Metric:
        actions = CounterMetricFamily(
            "acd_ami_actions", "Actions sent to Asterisk", labels=["pbx", "action", "outcome"]
        )
        for link in self._links:
            for (action, outcome), count in link.counts.actions.items():
                actions.add_metric([link.name, action, outcome], count)
        return actions

    def _written(self) -> Iterator[Metric]:
        writing = self._journal.state == "writing"
        yield GaugeMetricFamily("acd_journal_up", "Whether facts reach the disk", writing)
        yield GaugeMetricFamily("acd_journal_backlog", "Facts that are not on disk yet", self._journal.backlog)
        yield CounterMetricFamily(
            "acd_journal_errors", "Writes that failed; they are tried again", self._journal.errors
        )
        yield CounterMetricFamily("acd_journal_lost", "Facts for which there was no room: stays 0", self._journal.lost)


def _format(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    try:
        return choose_encoder(accept)
    except (TypeError, ValueError):
        # prometheus-client 0.26 compares the version in the Accept header without looking whether it is one.
        return choose_encoder("")
