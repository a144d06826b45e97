"""Requests through the API: which are shown, in which order, and page by page."""

from __future__ import annotations

import random
from base64 import urlsafe_b64encode

import pytest
from center.worlds import World

from acd.api import paging
from acd.api.paging import AfterName

from .office import Office


def _ends(world: World, queue: str) -> str:
    request = world.caller_joins(queue)
    world.caller_hangs_up(request)
    return request


async def _ids(office: Office, who: str, query: str = "") -> list[str]:
    return [request["id"] for request in await office.listing(who, f"/v1/requests?{query}", "requests")]


async def test_one_that_waits(office: Office, world: World) -> None:
    world.caller_joins("support", priority=1)
    request = world.caller_joins("support", priority=7)
    world.time_passes(4.5)

    assert await office.sees("supervisor", f"/v1/requests/{request}") == {
        "id": request,
        "kind": "call",
        "queue": "support",
        "state": "waiting",
        "place": 2,
        "priority": 7,
        "caller": {"number": "caller-2", "name": ""},
        "agent": None,
        "entered": "2023-11-14T22:13:20.000Z",
        "waited": 4.5,
        "estimated_wait": None,
        "until": "2023-11-14T22:23:20.000Z",
        "needs": {},
        "held_for": None,
        "held_until": None,
        "offers": 0,
        "connected": None,
        "talked": None,
        "ended": None,
        "outcome": None,
        "ended_by": None,
    }


async def test_one_that_is_offered_and_then_talks(office: Office, world: World) -> None:
    world.logs_in("alice")
    request = world.caller_joins("sales")
    world.time_passes(3)
    offered = await office.sees("supervisor", f"/v1/requests/{request}")
    world.takes_the_call("alice")
    world.time_passes(60)

    ongoing = await office.sees("supervisor", f"/v1/requests/{request}")

    assert (offered["state"], offered["agent"], offered["place"], offered["offers"]) == ("offered", "alice", 1, 1)
    assert offered["until"] == "2023-11-14T22:13:40.000Z"
    assert (ongoing["state"], ongoing["agent"], ongoing["place"]) == ("ongoing", "alice", None)
    assert (ongoing["waited"], ongoing["talked"], ongoing["until"]) == (3, 60, None)
    assert ongoing["connected"] == "2023-11-14T22:13:23.000Z"


async def test_one_that_waits_and_its_queue_have_an_estimate_once_some_were_handled(
    office: Office, world: World
) -> None:
    world.with_queue("sales", wrap_up_seconds=0).logs_in("carol")
    for _ in range(5):
        done = world.caller_joins("sales")
        world.takes_the_call("carol")
        world.time_passes(100)
        world.caller_hangs_up(done)
        world.hangs_up("carol")
    world.caller_joins("sales")
    world.takes_the_call("carol")
    waits = world.caller_joins("sales")

    request = (await office.sees("supervisor", f"/v1/requests/{waits}"))["estimated_wait"]
    newcomer = (await office.sees("supervisor", "/v1/queues/sales"))["estimated_wait"]

    assert 0 < request["p50"] < request["p90"] < 110
    assert newcomer["p50"] == pytest.approx(request["p50"] + 100, abs=5)


async def test_a_wait_without_an_end_in_this_calendar_is_shown_all_the_same(office: Office, world: World) -> None:
    world.with_queue("endless")
    request = world.caller_joins("endless", max_wait_seconds=999_999_999_999)

    assert (await office.sees("supervisor", f"/v1/requests/{request}"))["until"] == "9999-12-31T23:59:59.000Z"


async def test_one_that_has_ended_is_listed_and_no_longer_live(office: Office, world: World) -> None:
    world.logs_in("alice")
    request = world.caller_joins("sales")
    world.takes_the_call("alice")
    world.time_passes(90)
    world.caller_hangs_up(request)

    (ended,) = (await office.sees("supervisor", "/v1/requests?state=ended"))["requests"]
    gone = await office.asks("supervisor", "GET", f"/v1/requests/{request}")

    assert (ended["id"], ended["state"], ended["outcome"], ended["ended_by"]) == (
        request,
        "ended",
        "answered",
        "caller",
    )
    assert (ended["agent"], ended["talked"], ended["ended"]) == ("alice", 90, "2023-11-14T22:14:50.000Z")
    assert gone.status == 404
    assert "/v1/requests?state=ended" in gone.detail


async def test_live_requests_are_in_the_order_of_queue_and_place(office: Office, world: World) -> None:
    last = world.caller_joins("support")
    second = world.caller_joins("sales", priority=50)
    first = world.caller_joins("sales", priority=1)
    world.logs_in("carol")  # is offered the first, which keeps its place

    listed = (await office.sees("supervisor", "/v1/requests"))["requests"]

    assert [(request["id"], request["place"]) for request in listed] == [(first, 1), (second, 2), (last, 1)]
    assert listed[0]["state"] == "offered"


async def test_who_talks_comes_after_who_waits_in_his_queue(office: Office, world: World) -> None:
    world.logs_in("carol")
    talks = world.caller_joins("sales")
    world.takes_the_call("carol")
    waits = world.caller_joins("sales")
    elsewhere = world.caller_joins("support")

    assert await _ids(office, "supervisor") == [waits, talks, elsewhere]


async def test_the_ended_come_after_the_live_the_newest_first(office: Office, world: World) -> None:
    ended = [_ends(world, "sales") for _ in range(3)]
    live = [world.caller_joins("sales") for _ in range(3)]
    everything = "state=waiting,offered,ongoing,ended"

    assert await _ids(office, "supervisor", everything) == [*live, *reversed(ended)]
    assert await _ids(office, "supervisor", "state=ended") == ended[::-1]
    assert await _ids(office, "supervisor") == live


@pytest.mark.parametrize("live", [1, 2, 4])
async def test_no_page_break_between_live_and_ended_loses_one(office: Office, world: World, live: int) -> None:
    expected = [_ends(world, "support") for _ in range(3)][::-1]
    expected = [world.caller_joins("sales") for _ in range(live)] + expected

    assert await _ids(office, "supervisor", "state=waiting,ended") == expected


async def test_lists_can_be_narrowed(office: Office, world: World) -> None:
    world.logs_in("carol")
    talks = world.caller_joins("sales")
    world.takes_the_call("carol")
    world.logs_in("alice")
    offered = world.caller_joins("sales")
    waits = world.caller_joins("sales")
    elsewhere = world.caller_joins("support")
    ended = _ends(world, "support")

    assert await _ids(office, "supervisor", "state=ongoing") == [talks]
    assert await _ids(office, "supervisor", "state=offered") == [offered]
    assert await _ids(office, "supervisor", "state=waiting") == [waits, elsewhere]
    assert await _ids(office, "supervisor", "state=offered,ongoing") == [offered, talks]
    assert await _ids(office, "supervisor", "queue=support") == [elsewhere]
    assert await _ids(office, "supervisor", "queue=support&state=ended,waiting") == [elsewhere, ended]
    assert await _ids(office, "supervisor", "queue=sales&state=ended") == []
    assert await _ids(office, "supervisor", "kind=call") == [offered, waits, talks, elsewhere]
    assert await _ids(office, "supervisor", "kind=chat&state=waiting,ended") == []


async def test_pages_fit_together_while_callers_come_and_go(office: Office, world: World) -> None:
    dice = random.Random(2)
    stay = [world.caller_joins("sales", priority=dice.randint(1, 9)) for _ in range(20)]
    seen: list[str] = []
    query = "/v1/requests?limit=3"
    while query:
        page = await office.sees("supervisor", query)
        seen += [request["id"] for request in page["requests"]]
        leaver = world.caller_joins("sales", priority=dice.randint(1, 9))
        world.caller_hangs_up(leaver)
        world.caller_hangs_up(gone := dice.choice(stay))
        stay.remove(gone)
        query = f"/v1/requests?limit=3&cursor={page['next']}" if page["next"] else ""

    assert len(seen) == len(set(seen))
    assert set(stay) <= set(seen)


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "%F0%9F%98%80",
        "=",
        urlsafe_b64encode(b"\xff\xfe").decode(),
        urlsafe_b64encode(b'{"type":"ended","number":9223372036854775808}').decode(),
        urlsafe_b64encode(b'{"type":"ended","number":-1}').decode(),
        urlsafe_b64encode(b'{"type":"live","key":["sales",false,1,"NaN","x"]}').decode(),
        urlsafe_b64encode(b"[" * 300).decode(),
        paging.write(AfterName("bob")),
    ],
)
async def test_a_cursor_that_no_page_gave_is_refused(office: Office, cursor: str) -> None:
    answer = await office.asks("supervisor", "GET", f"/v1/requests?cursor={cursor}")

    assert answer.status == 404
    assert answer.detail.startswith("cursor: no page of this list has the next page")


async def test_a_queue_to_narrow_to_must_be_there(office: Office) -> None:
    answer = await office.asks("supervisor", "GET", "/v1/requests?queue=nowhere")

    assert answer.status == 404
    assert answer.detail == 'there is no queue "nowhere"'


# ---- What is asked of those that wait


async def test_a_priority_that_is_changed_moves_the_request(office: Office, world: World) -> None:
    world.caller_joins("sales")
    second = world.caller_joins("sales")

    answer = await office.asks("supervisor", "POST", f"/v1/requests/{second}/priority", {"priority": 1})

    assert answer.status == 200
    assert (answer.json["priority"], answer.json["place"]) == (1, 1)


@pytest.mark.parametrize("priority", [0, 101, 1.5, "1", None])
async def test_a_priority_out_of_range_changes_nothing(office: Office, world: World, priority: object) -> None:
    request = world.caller_joins("sales")

    answer = await office.asks("supervisor", "POST", f"/v1/requests/{request}/priority", {"priority": priority})

    assert answer.status == 422
    assert world.request(request).priority == 50


async def test_a_request_that_talks_has_no_priority_to_change(office: Office, world: World) -> None:
    world.logs_in("alice")
    request = world.caller_joins("sales")
    world.takes_the_call("alice")

    answer = await office.asks("supervisor", "POST", f"/v1/requests/{request}/priority", {"priority": 1})

    assert (answer.status, answer.detail) == (409, "it waits in no line: its priority means nothing")


async def test_what_a_request_needs_and_whom_it_waits_for_is_shown(office: Office, world: World) -> None:
    world.logs_in("alice")
    world.pauses("alice")
    needing = world.needing_caller_joins("sales", french=2)
    held = world.caller_joins("sales", preferred_agent="alice")

    assert (await office.sees("supervisor", f"/v1/requests/{needing}"))["needs"] == {"french": 2}
    shown = await office.sees("supervisor", f"/v1/requests/{held}")
    assert (shown["held_for"], shown["held_until"]) == ("alice", "2023-11-14T22:13:40.000Z")


async def test_while_all_phones_ring_no_agent_is_named(office: Office, world: World) -> None:
    world.with_queue("sales", strategy="ring_all")
    for agent in ("alice", "carol"):
        world.logs_in(agent)
    request = world.caller_joins("sales")
    ringing = await office.sees("supervisor", f"/v1/requests/{request}")
    world.takes_the_call("carol")

    assert (ringing["state"], ringing["agent"], ringing["offers"]) == ("offered", None, 2)
    assert (await office.sees("supervisor", f"/v1/requests/{request}"))["agent"] == "carol"
