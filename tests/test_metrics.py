"""Metrics: what is counted, what is looked up, and that docs/metrics.md tells of each of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from center.worlds import MAIN, World
from prometheus_client.parser import text_string_to_metric_families

import acd
from acd.center.facts import OfferMade, RequestQueued
from acd.center.inputs import AskForCallback, LegEnd
from acd.center.model import CallbackRules, Difference, Outcome, QueueName, WayOut
from acd.center.reach import Forward
from acd.dialling import Purpose, Rule
from acd.metrics import PARTS, Metrics

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
LABELS = (
    "queue",
    "status",
    "pbx",
    "kind",
    "found",
    "state",
    "event",
    "action",
    "outcome",
    "cause",
    "purpose",
    "rule",
    "where",
    "route",
    "code",
    "version",
    "le",
)
HISTOGRAM = ("_bucket", "_count", "_sum")


@dataclass
class Counts:
    events: Counter[str] = field(default_factory=Counter)
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    handler_errors: int = 0
    mended: int = 0


@dataclass
class FakeLink:
    name: str
    up: bool = True
    counts: Counts = field(default_factory=Counts)


@dataclass
class FakeJournal:
    state: Literal["writing", "failing"] = "writing"
    backlog: int = 0
    errors: int = 0
    lost: int = 0


class Watched:
    """A world whose facts are counted, each so long after it was made as the dial takes."""

    def __init__(self, links: Sequence[FakeLink] = ()) -> None:
        self.world = World().with_queue("sales", max_wait_seconds=600).with_agents("alice", "bob", sales=1)
        self.journal = FakeJournal()
        self.metrics = Metrics(self.world.center.state, links, self.journal)
        self._seen = 0

    async def sees(self, name: str) -> dict[str, float]:
        """The series of a metric, by the values of their labels."""
        self.catches_up()
        text, _ = await self.metrics.render()
        return {
            " ".join(sample.labels[label] for label in LABELS if label in sample.labels): sample.value
            for family in text_string_to_metric_families(text.decode())
            for sample in family.samples
            if sample.name == name
        }

    def catches_up(self, seconds_to_dial: float = 0) -> None:
        for fact in self.world.facts[self._seen :]:
            self.metrics.on_fact(fact, fact.at + seconds_to_dial)
        self._seen = len(self.world.facts)


@pytest.fixture
def watched() -> Watched:
    return Watched()


async def test_requests_that_have_ended_are_counted_by_outcome(watched: Watched) -> None:
    world = watched.world
    answered, abandoned, waits = (world.caller_joins("sales") for _ in range(3))
    world.takes_the_call("alice")
    world.time_passes(8)
    world.caller_hangs_up(answered)
    world.caller_hangs_up(abandoned)
    del waits

    counted = await watched.sees("acd_requests_total")
    assert {series: n for series, n in counted.items() if n} == {"sales call answered": 1, "sales call abandoned": 1}
    assert set(counted) == {f"sales call {outcome}" for outcome in Outcome}


async def test_who_overflows_and_who_is_refused_are_counted(watched: Watched) -> None:
    world = watched.world
    ways_out = {"TIMEOUT": WayOut(queue=QueueName("support"))}
    world.with_queue("support").with_queue("sales", max_waiting=1, max_wait_seconds=5, ways_out=ways_out)
    world.without_agent("alice").without_agent("bob")
    for _ in range(3):
        world.caller_joins("sales")
    world.caller_joins("nowhere-in-particular")
    world.time_passes(5)

    counted = await watched.sees("acd_requests_total")
    assert {series: n for series, n in counted.items() if n} == {"sales call overflowed": 1}
    refused = await watched.sees("acd_callers_refused_total")
    assert {series: n for series, n in refused.items() if n} == {"sales FULL": 2, " UNKNOWNQUEUE": 1}


async def test_waiting_and_talking_are_measured_when_a_request_ends(watched: Watched) -> None:
    world = watched.world
    world.logs_out("bob")
    first, second = world.caller_joins("sales"), world.caller_joins("sales")
    world.time_passes(7)
    world.takes_the_call("alice")
    world.time_passes(45)
    world.caller_hangs_up(first)
    world.caller_hangs_up(second)

    assert await watched.sees("acd_wait_seconds_sum") == {"sales call answered": 7, "sales call abandoned": 52}
    assert await watched.sees("acd_talk_seconds_sum") == {"sales": 45}
    assert (await watched.sees("acd_talk_seconds_bucket"))["sales 60.0"] == 1


async def test_the_error_of_the_estimate_at_entry_is_measured_when_a_request_is_connected(watched: Watched) -> None:
    world = watched.world
    world.caller_joins("sales")  # somebody is free: he is thought to wait for 0 seconds
    world.time_passes(3)
    world.takes_the_call("alice")

    assert await watched.sees("acd_wait_estimate_error_seconds_sum") == {"sales": 3}


async def test_an_estimate_is_held_against_the_wait_that_came_true_of_it_and_not_against_that_of_another_place(
    watched: Watched,
) -> None:
    world = watched.world.without_agent("bob").with_queue("sales", wrap_up_seconds=0)
    for _ in range(6):
        world.caller_joins("sales")
        world.takes_the_call("alice")
        world.time_passes(100)
        world.hangs_up("alice")
    before = await watched.sees("acd_wait_estimate_error_seconds_count")
    world.caller_joins("sales")
    world.takes_the_call("alice")
    waits, moves_up = world.caller_joins("sales"), world.caller_joins("sales")
    thought = world.last(RequestQueued, request=waits).estimated_seconds
    assert thought
    world.is_given_priority(moves_up, 1)  # whoever is given another place has no estimate any more

    for _ in range(3):
        world.time_passes(100)
        world.hangs_up("alice")
        if world.ringing:
            world.takes_the_call("alice")

    assert before == {"sales": 6}
    assert await watched.sees("acd_wait_estimate_error_seconds_count") == {"sales": 8}  # theirs who talked, and his
    assert await watched.sees("acd_wait_estimate_error_seconds_sum") == {"sales": pytest.approx(200 - thought)}


async def test_who_waits_is_looked_up_and_those_being_offered_wait_too(watched: Watched) -> None:
    for _ in range(4):
        watched.world.caller_joins("sales")
    watched.world.takes_the_call("alice")

    assert await watched.sees("acd_requests_waiting") == {"sales call": 3, "sales callback": 0}


async def test_agents_are_looked_up_by_state_and_count_in_each_of_their_queues(watched: Watched) -> None:
    watched.world.with_queue("support").with_agents("carol", sales=1, support=1)
    watched.world.pauses("bob")

    agents = await watched.sees("acd_agents")

    assert {series: number for series, number in agents.items() if number} == {
        "sales available": 2,
        "sales paused": 1,
        "support available": 1,
    }
    assert len(agents) == 2 * 8


async def test_offers_are_counted_by_outcome(watched: Watched) -> None:
    watched.world.caller_joins("sales")
    watched.world.rejects("alice")
    watched.world.takes_the_call("bob")

    assert await watched.sees("acd_offers_total") == {
        "sales accepted": 1,
        "sales rejected": 1,
        "sales no_answer": 0,
        "sales cancelled": 0,
        "sales failed": 0,
    }


@pytest.mark.parametrize(
    ("cause", "label"),
    [
        ("34 Circuit/channel congestion", "34"),
        ("originate failed, reason 0", "no_channel"),
        ("not dialled: country +31612345670", "not_dialled"),
        ("+31612345670 is refused", "no_channel"),
        ("31612345670 is refused", "no_channel"),
    ],
)
async def test_mobiles_that_cannot_be_reached_are_counted_by_cause_and_no_cause_tells_a_number(
    watched: Watched, cause: str, label: str
) -> None:
    watched.world.with_mobiles("alice", forward=Forward.MOBILE)
    watched.world.caller_joins("sales")
    assert await watched.sees("acd_trunk_legs") == {"main": 1}

    watched.world.leg_ends("alice", LegEnd.UNREACHABLE, cause)

    assert await watched.sees("acd_trunk_failures_total") == {f"main {label}": 1}
    assert await watched.sees("acd_trunk_legs") == {"main": 0}


async def test_a_trunk_that_says_nothing_is_counted_as_silent(watched: Watched) -> None:
    watched.world.with_mobiles("alice", forward=Forward.MOBILE)
    watched.world.caller_joins("sales")
    watched.world.time_passes(20)

    assert await watched.sees("acd_trunk_failures_total") == {"main silent": 1}


async def test_the_ring_delay_is_from_both_being_free_to_the_dial(watched: Watched) -> None:
    world = watched.world
    world.time_passes(100)
    world.caller_joins("sales")
    watched.catches_up(seconds_to_dial=0.003)

    assert world.last(OfferMade).ready_at == world.now
    assert (await watched.sees("acd_ring_delay_seconds_sum"))[""] == pytest.approx(0.003, abs=1e-6)
    assert await watched.sees("acd_ring_delay_seconds_count") == {"": 1}


async def test_connecting_is_measured_from_answer_to_bridge(watched: Watched) -> None:
    watched.world.caller_joins("sales")
    watched.world.answers("alice")
    watched.world.accepts("alice")
    watched.world.time_passes(0.02)
    watched.world.is_bridged("alice")

    assert (await watched.sees("acd_connect_seconds_sum"))[""] == pytest.approx(0.02, abs=1e-6)


async def test_links_are_read_when_somebody_looks() -> None:
    east, west = FakeLink("east"), FakeLink("west", up=False)
    watched = Watched([east, west])
    east.counts.events["UserEvent"] += 5
    west.counts.actions["Originate", "timeout"] += 1

    assert await watched.sees("acd_ami_up") == {"east": 1, "west": 0}
    assert await watched.sees("acd_ami_events_total") == {"east UserEvent": 5}
    assert await watched.sees("acd_ami_actions_total") == {"west Originate timeout": 1}


async def test_what_asterisk_contradicted_is_counted_by_when_it_was_found() -> None:
    watched = Watched([FakeLink("main")])
    world = watched.world
    first, second = world.caller_joins("sales"), world.caller_joins("sales")
    world.link_is_lost()
    world.link_is_back(gone=[world.request(first).channel])
    world.comparison_finds(gone=[world.request(second).channel])

    counted = await watched.sees("acd_contradictions_total")

    assert {series: n for series, n in counted.items() if n} == {
        "main caller_gone link_up": 1,
        "main caller_gone comparison": 1,
    }
    assert len(counted) == 2 * len(Difference)


async def test_what_has_to_stay_zero_is_there_from_the_start(watched: Watched) -> None:
    for name in ("acd_idle_waste_total", "acd_conservation_errors_total"):
        assert await watched.sees(name) == {"": 0}
    assert await watched.sees("acd_errors_total") == dict.fromkeys(PARTS, 0)

    watched.metrics.idle_waste()
    watched.metrics.conservation_error(2)
    watched.metrics.error("center")

    assert await watched.sees("acd_idle_waste_total") == {"": 1}
    assert await watched.sees("acd_conservation_errors_total") == {"": 2}
    assert await watched.sees("acd_errors_total") == dict.fromkeys(PARTS, 0) | {"center": 1}


async def test_failures_of_whoever_hears_from_asterisk_are_failures_too() -> None:
    watched = Watched([FakeLink("main", counts=Counts(handler_errors=2)), FakeLink("spare")])
    assert await watched.sees("acd_errors_total") == dict.fromkeys(PARTS, 0) | {"asterisk": 2}


async def test_who_is_called_back_because_his_server_went_down_is_counted() -> None:
    watched = Watched([FakeLink("main")])
    world = watched.world.with_queue("sales", callbacks=CallbackRules(after_pbx_lost=True))
    world.pauses("alice")
    world.link_is_back(started="monday")
    world.leaves_a_message(world.caller_joins("sales"))
    world.caller_joins("sales", e164="+31201234568")
    assert await watched.sees("acd_callbacks_after_pbx_lost_total") == {"sales": 0}

    world.asterisk_starts_anew(may_call={"+31201234568": None})

    assert await watched.sees("acd_callbacks_after_pbx_lost_total") == {"sales": 1}


async def test_callbacks_are_told_by_their_state(watched: Watched) -> None:
    for number, due_at in (("+31201234567", None), ("+31201234568", watched.world.now + 60)):
        watched.world.tell(AskForCallback(QueueName("sales"), number, MAIN, due_at=due_at))

    assert await watched.sees("acd_callbacks") == {
        "sales waiting": 1,
        "sales offered": 0,
        "sales ongoing": 0,
        "sales scheduled": 1,
    }
    assert (await watched.sees("acd_requests_waiting"))["sales callback"] == 1


async def test_what_the_dial_policy_refuses_is_counted_by_purpose_and_rule(watched: Watched) -> None:
    assert await watched.sees("acd_dials_refused_total") == {f"{p} {rule}": 0 for p in Purpose for rule in Rule}

    watched.metrics.dial_refused(Purpose.CLICK, Rule.KINDS)

    assert (await watched.sees("acd_dials_refused_total"))["click kinds"] == 1


async def test_the_version_is_a_label(watched: Watched) -> None:
    assert await watched.sees("acd_build_info") == {acd.__version__: 1}


async def test_no_label_holds_a_caller_or_a_request(watched: Watched) -> None:
    request = watched.world.caller_joins("sales", channel="+31612345678")
    watched.world.takes_the_call("alice")
    watched.world.caller_hangs_up(request)
    watched.catches_up()

    text = (await watched.metrics.render())[0].decode()

    assert request not in text
    assert "31612345678" not in text


async def test_metrics_with_labels_of_each_pbx_have_the_contracts_labels() -> None:
    link = FakeLink("main")
    link.counts.events["Hangup"] = link.counts.actions["Ping", "ok"] = 1
    watched = Watched([link])
    ended = watched.world.caller_joins("sales")
    watched.world.takes_the_call("alice")
    watched.world.caller_hangs_up(ended)
    watched.metrics.http_request("/healthz", 200)
    watched.world.with_mobiles("bob", forward=Forward.MOBILE)
    watched.world.caller_joins("sales")
    watched.world.is_unreachable("bob")
    watched.metrics.webhook("crm", "ok")
    watched.metrics.webhook_behind("crm", 3)
    watched.catches_up()
    text = (await watched.metrics.render())[0].decode()

    labels = {
        sample.name.removesuffix(suffix) if family.type == "histogram" else sample.name: set(sample.labels) - {"le"}
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        for suffix in HISTOGRAM
        if sample.name.endswith(suffix) or family.type != "histogram"
    }

    assert labels == CONTRACT


async def test_a_journal_that_cannot_be_written_is_seen() -> None:
    watched = Watched()
    assert await watched.sees("acd_journal_up") == {"": 1}

    watched.journal.state, watched.journal.backlog, watched.journal.errors, watched.journal.lost = "failing", 7, 3, 2

    assert await watched.sees("acd_journal_up") == {"": 0}
    assert await watched.sees("acd_journal_backlog") == {"": 7}
    assert await watched.sees("acd_journal_errors_total") == {"": 3}
    assert await watched.sees("acd_journal_lost_total") == {"": 2}


CONTRACT = {
    "acd_requests_waiting": {"queue", "kind"},
    "acd_callbacks": {"queue", "state"},
    "acd_requests_total": {"queue", "kind", "outcome"},
    "acd_callers_refused_total": {"queue", "status"},
    "acd_callers_fell_back_total": {"queue"},
    "acd_callbacks_after_pbx_lost_total": {"queue"},
    "acd_wait_seconds": {"queue", "kind", "outcome"},
    "acd_wait_estimate_error_seconds": {"queue"},
    "acd_talk_seconds": {"queue"},
    "acd_agents": {"queue", "state"},
    "acd_offers_total": {"queue", "outcome"},
    "acd_trunk_legs": {"pbx"},
    "acd_trunk_failures_total": {"pbx", "cause"},
    "acd_dials_refused_total": {"purpose", "rule"},
    "acd_ring_delay_seconds": set(),
    "acd_connect_seconds": set(),
    "acd_decision_seconds": set(),
    "acd_ami_up": {"pbx"},
    "acd_ami_events_total": {"pbx", "event"},
    "acd_ami_actions_total": {"pbx", "action", "outcome"},
    "acd_ami_mended_total": {"pbx"},
    "acd_contradictions_total": {"pbx", "kind", "found"},
    "acd_idle_waste_total": set(),
    "acd_conservation_errors_total": set(),
    "acd_journal_write_seconds": set(),
    "acd_journal_up": set(),
    "acd_journal_backlog": set(),
    "acd_journal_errors_total": set(),
    "acd_journal_lost_total": set(),
    "acd_loop_lag_seconds": set(),
    "acd_http_requests_total": {"route", "code"},
    "acd_errors_total": {"where"},
    "acd_event_clients": set(),
    "acd_event_clients_cut_off_total": set(),
    "acd_webhook_posts_total": {"webhook", "outcome"},
    "acd_webhook_behind_facts": {"webhook"},
    "acd_build_info": {"version"},
}
"""From the design: other people's dashboards and alerts rely on it."""


def test_the_page_on_metrics_tells_of_each_with_its_labels_and_of_no_other() -> None:
    documented = {
        name: set(filter(None, labels.split(",")))
        for name, labels in re.findall(r"^\| `(acd_\w+?)(?:{([\w,]*)})?` ", PAGE.read_text(), re.M)
    }

    assert documented == CONTRACT


def test_every_metric_in_the_examples_of_the_page_exists() -> None:
    named = set(re.findall(r"\bacd_\w+", PAGE.read_text()))

    assert {
        name for name in named if not any(name in (known, *(known + end for end in HISTOGRAM)) for known in CONTRACT)
    } == set()
