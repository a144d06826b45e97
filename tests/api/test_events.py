"""The event stream: what happens is told as it happens, nothing is told twice, and nobody is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from center.worlds import World
from msgspec.structs import fields
from structlog.testing import capture_logs

from acd.api import feed, streams
from acd.api.views import SITE, VIEWS, WHOLE
from acd.center.facts import AgentUnreachable, AnyFact, RequestEnded
from acd.center.model import AgentName

from .event_page import HOW_TO_REDRAW, PAGE, page
from .office import Office, configuration, token


async def _until(so: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not so():
            await asyncio.sleep(0.005)


async def _clients(office: Office) -> float:
    return (await office.counted("acd_event_clients"))[""]


# ---- What is told


async def test_what_happens_is_told_as_it_happens_with_its_number_in_the_journal(office: Office, world: World) -> None:
    async with office.listens("supervisor") as listener:
        began = listener.position
        request = world.caller_joins("sales")
        office.desk.publishes()
        (heard,) = await listener.hears(1)

    assert (heard.id, heard.kind) == (began + 1, "RequestQueued")
    assert (heard.data["fact"], heard.data["request"], heard.data["queue"]) == ("RequestQueued", request, "sales")
    assert heard.data["at"] == world.now


async def test_a_stream_is_one_that_browsers_and_proxies_know(office: Office) -> None:
    answer = await office.asks("supervisor", "GET", "/v1/events")
    head = await office.asks("supervisor", "HEAD", "/v1/events")

    for one in (answer, head):
        assert one.headers["Content-Type"] == "text/event-stream"
        assert one.headers["Cache-Control"] == "no-store"
        assert one.headers["X-Accel-Buffering"] == "no"


async def test_only_the_kinds_that_are_asked_for_are_told(office: Office, world: World) -> None:
    async with office.listens("supervisor", "?kinds=RequestEnded,DayChanged") as listener:
        world.caller_hangs_up(world.caller_joins("sales"))
        office.desk.publishes()
        (heard,) = await listener.hears(1)

    assert heard.kind == "RequestEnded"
    assert (await office.asks("supervisor", "GET", "/v1/events?kinds=Everything")).status == 422


async def test_the_page_on_events_tells_of_every_kind() -> None:
    assert PAGE.read_text() == page(), f"{PAGE.name} is not what the facts are any more; redraw it: {HOW_TO_REDRAW}"


def test_what_names_nobody_is_for_those_who_see_everything() -> None:
    for kind, view in VIEWS.items():
        named = {"queue", "agent", "dial"} & {field.name for field in fields(kind)}
        assert named or view in (SITE, WHOLE), kind


# ---- Who sees what


async def _seen_by(office: Office, who: str) -> list[AnyFact]:
    """All that a token sees of the world's whole story, read from its beginning."""
    office.desk.publishes()
    last = office.world.facts[-1]
    assert isinstance(last, RequestEnded)
    async with office.listens(who, after=0) as listener:
        heard = []
        while not heard or heard[-1].id < office.desk.feed.newest:
            heard += await listener.hears(1)
    return heard


@pytest.fixture
def story(world: World) -> World:
    """Alice takes a call of support, Carol is paused, one goes from sales to nowhere; the last fact everybody sees."""
    for name in ("alice", "bob", "carol"):
        world.logs_in(name)
    world.pauses("carol")
    world.pauses("bob")
    world.caller_joins("support")
    world.takes_the_call("alice")
    world.caller_hangs_up(world.caller_joins("sales"))
    return world


async def test_a_token_for_some_queues_hears_nothing_of_the_others(office: Office, story: World) -> None:
    heard = await _seen_by(office, "sales-board")

    assert {event.data["queue"] for event in heard if event.kind.startswith(("Request", "Offer"))} == {"sales"}
    assert {event.data["agent"] for event in heard if event.kind == "AgentStateChanged"} == {"alice", "carol"}
    assert "support" not in "".join(str(event.data) for event in heard)
    assert not {"RulesChanged", "LegGone"} & {event.kind for event in heard}


async def test_an_agent_hears_of_himself_and_of_the_requests_of_his_queues(office: Office, story: World) -> None:
    heard = await _seen_by(office, "alice")

    assert {event.data["agent"] for event in heard if event.kind.startswith(("Agent", "Offer"))} == {"alice"}
    assert {event.data["queue"] for event in heard if event.kind == "RequestQueued"} == {"sales", "support"}
    assert not {"RulesChanged", "PbxStateChanged", "DayChanged"} & {event.kind for event in heard}


async def test_who_is_for_the_whole_site_hears_everything(office: Office, story: World) -> None:
    heard = await _seen_by(office, "supervisor")

    assert [event.kind for event in heard] == [type(fact).__name__ for fact in story.facts]
    assert [event.id for event in heard] == list(range(1, len(story.facts) + 1))


async def test_a_hidden_queue_is_not_named_by_what_left_it(office: Office, world: World) -> None:
    world.logs_in("alice")
    world.caller_joins("support")
    world.takes_the_call("alice")
    world.hangs_up("alice")  # his wrap-up names the queue whose call it was
    world.caller_hangs_up(world.caller_joins("sales"))

    for_sales = [event.data for event in await _seen_by(office, "sales-board") if event.data.get("state") == "wrap_up"]
    for_all = [event.data for event in await _seen_by(office, "supervisor") if event.data.get("state") == "wrap_up"]
    assert [data["queue"] for data in for_sales] == [None]
    assert [data["queue"] for data in for_all] == ["support"]


async def test_who_loses_his_token_hears_no_more(office: Office, world: World) -> None:
    async with office.listens("supervisor") as listener:
        office.api.use(configuration(token=[token("newcomer", role="admin")]))
        world.caller_joins("sales")
        office.desk.publishes()
        await listener.is_cut_off()

    assert listener.position < office.desk.feed.newest
    await _until(lambda: not office.api._site.streams._readers)


async def test_a_reload_that_changes_no_token_leaves_the_streams_alone(office: Office, world: World) -> None:
    async with office.listens("supervisor") as listener:
        office.api.use(configuration(http={"open_metrics": True}))
        world.caller_joins("sales")
        office.desk.publishes()

        assert [event.kind for event in await listener.hears(1)] == ["RequestQueued"]


# ---- Coming back


async def test_who_comes_back_hears_what_he_missed_and_then_what_happens(office: Office, world: World) -> None:
    async with office.listens("supervisor") as listener:
        world.caller_joins("sales")
        office.desk.publishes()
        (last,) = await listener.hears(1)
    world.caller_joins("sales")
    world.caller_joins("support")
    office.desk.publishes()

    async with office.listens("supervisor", after=last.id) as listener:
        missed = await listener.hears(2)
        world.caller_joins("sales")
        office.desk.publishes()
        heard = [*missed, *await listener.hears(1)]

    assert [event.id for event in heard] == [last.id + 1, last.id + 2, last.id + 3]


async def test_what_memory_has_forgotten_is_read_from_the_journal_while_more_happens(
    office: Office, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a gap or a duplicate, whatever falls between the pages that are read back."""
    monkeypatch.setattr(feed, "RECENT", 40)
    monkeypatch.setattr(streams, "MOST_IN_A_BATCH", 7)
    for _ in range(100):
        world.caller_joins("sales")
        office.desk.publishes()

    async with office.listens("supervisor", after=3) as listener:
        heard = await listener.hears(20)
        for _ in range(20):
            world.caller_joins("sales")
            office.desk.publishes()
            heard += await listener.hears(4)
        heard += await listener.hears(office.desk.feed.newest - heard[-1].id)

    assert [event.id for event in heard] == list(range(4, len(world.facts) + 1))


async def test_a_client_that_hears_nothing_is_told_that_the_stream_lives_and_where_it_stands(
    office: Office, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.05)
    async with office.listens("sales-board") as listener:
        world.caller_joins("support")
        office.desk.publishes()
        while listener.position < office.desk.feed.newest:
            await listener._message()

    assert set(listener.comments) == {"alive"}


@pytest.mark.parametrize("position", ["", "-1", "1.5", "abc", "1" * 30, "0x10", "\u0661"])
async def test_what_is_no_position_is_refused(office: Office, position: str) -> None:
    answer = await office.asks("supervisor", "GET", "/v1/events", headers={"Last-Event-ID": position})

    assert answer.status == 422
    assert answer.detail.startswith("Last-Event-ID: must be the id of an event")


async def test_a_position_that_the_journal_does_not_keep_is_told_to_be_gone(
    office: Office, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "RECENT", 1)
    for _ in range(10):
        world.caller_joins("sales")
    office.desk.publishes()
    office.desk.keeps_from = 5

    old = await office.asks("supervisor", "GET", "/v1/events", headers={"Last-Event-ID": "3"})
    ahead = await office.asks("supervisor", "GET", "/v1/events", headers={"Last-Event-ID": "99999"})

    assert (old.status, ahead.status) == (410, 410)
    assert old.detail.startswith("the journal does not keep what followed fact 3 any more")
    assert ahead.detail.startswith("there is no fact 99999: the newest is ")
    async with office.listens("supervisor", after=4) as listener:
        assert (await listener.hears(1))[0].id == 5


async def test_a_journal_that_takes_no_more_facts_ends_the_streams(office: Office) -> None:
    async with office.listens("supervisor") as listener:
        office.desk.feed.end()
        await listener.is_cut_off()

    assert (await office.asks("supervisor", "GET", "/v1/events")).status == 410


# ---- Nobody is waited for


async def test_who_reads_nothing_is_cut_off_and_the_others_hear_on(
    office: Office, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He has been sent more than fits between him and us."""
    monkeypatch.setattr(streams, "SLOW_SECONDS", 0.2)
    async with office.listens("supervisor") as idle, office.listens("admin") as busy:
        with capture_logs() as lines:
            while not (cut := [line for line in lines if line["event"] == "events.cut_off"]):
                world.facts += [AgentUnreachable(at=0, agent=AgentName("alice"), in_a_row=1, cause="x" * 5000)] * 100
                office.desk.publishes()
                assert (await busy.hears(100))[-1].id == office.desk.feed.newest
        await idle.is_cut_off()
        last = idle.position

    assert cut[0] | {"at": 0} == {
        "event": "events.cut_off", "log_level": "warning", "token": "supervisor", "peer": "127.0.0.1",
        "why": "it took nothing for 0.2 s", "at": 0,
    }  # fmt: skip
    assert await office.counted("acd_event_clients_cut_off_total") == {"": 1}
    async with office.listens("supervisor", after=last) as again:
        assert (await again.hears(1))[0].id == last + 1


async def test_who_falls_behind_what_is_in_memory_is_cut_off(
    office: Office, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "RECENT", 10)
    async with office.listens("supervisor") as listener:
        for _ in range(20):
            world.caller_joins("sales")
        office.desk.publishes()
        await listener.is_cut_off()

    assert await office.counted("acd_event_clients_cut_off_total") == {"": 1}


async def test_clients_are_counted_and_there_is_room_for_so_many(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_CLIENTS", 2)
    async with office.listens("supervisor"), office.listens("alice"):
        full = await office.asks("admin", "GET", "/v1/events")
        assert await _clients(office) == 2
    assert (full.status, full.headers["Retry-After"]) == (503, "10")

    office.desk.feed.tell([])
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.01)
    office.desk.feed.wake()  # whoever has left is noticed when something is to be sent to him
    await _until(lambda: not office.api._site.streams._readers)
    assert await _clients(office) == 0


async def test_a_stop_does_not_wait_for_those_who_listen(office: Office) -> None:
    async with office.listens("supervisor") as listener:
        async with asyncio.timeout(2):
            await office._runner.cleanup()
        await listener.is_cut_off()
