"""Queues through the API: their live numbers, and how they have served."""

from __future__ import annotations

from center.worlds import World

from acd.center.model import Outcome, QueueName, WayOut

from .office import Office


async def test_a_quiet_queue(office: Office) -> None:
    assert await office.sees("supervisor", "/v1/queues/sales") == {
        "name": "sales",
        "strategy": "priority",
        "closing": False,
        "drained": False,
        "open": True,
        "waiting": 0,
        "offered": 0,
        "ongoing": 0,
        "longest_wait": 0,
        "estimated_wait": None,
        "agents": {
            "logged_out": 2,
            "available": 0,
            "connecting": 0,
            "connected": 0,
            "wrap_up": 0,
            "busy": 0,
            "no_answer": 0,
            "paused": 0,
        },
        "service_level": {"seconds": 20, "share": None},
        "entered": 0,
        "connected": 0,
        "ended": dict.fromkeys(Outcome, 0),
    }


async def test_those_that_wait_include_the_one_being_offered(office: Office, world: World) -> None:
    for agent in ("alice", "carol"):
        world.logs_in(agent)
    for _ in range(4):
        world.caller_joins("sales")
    world.takes_the_call("carol")

    sales = await office.sees("supervisor", "/v1/queues/sales")

    assert (sales["waiting"], sales["offered"], sales["ongoing"]) == (3, 1, 1)
    assert (sales["agents"]["connecting"], sales["agents"]["connected"]) == (1, 1)


async def test_the_longest_wait_is_not_that_of_the_head_when_priorities_differ(office: Office, world: World) -> None:
    world.caller_joins("sales", priority=50)
    world.time_passes(30)
    world.caller_joins("sales", priority=1)
    world.time_passes(12.3456)

    assert (await office.sees("supervisor", "/v1/queues/sales"))["longest_wait"] == 42.346


async def test_the_service_level_is_the_share_of_those_connected_in_time(office: Office, world: World) -> None:
    for seconds in (19, 21, 5):
        world.logs_out("alice")
        request = world.caller_joins("sales")
        world.time_passes(seconds)
        world.logs_in("alice")
        world.takes_the_call("alice")
        world.caller_hangs_up(request)
        world.hangs_up("alice")
    gave_up = world.caller_joins("sales")
    world.caller_hangs_up(gave_up)

    sales = await office.sees("supervisor", "/v1/queues/sales")

    assert sales["service_level"] == {"seconds": 20, "share": 0.6667}
    assert (sales["entered"], sales["connected"]) == (4, 3)
    assert sales["ended"] == {**dict.fromkeys(Outcome, 0), "answered": 3, "abandoned": 1}


async def test_the_longest_wait_is_found_in_any_order(office: Office, world: World) -> None:
    world.with_queue("sales", order="head_start", head_start_seconds=10)
    world.caller_joins("sales", priority=90)
    world.time_passes(30)
    world.caller_joins("sales", priority=1)

    assert (await office.sees("supervisor", "/v1/queues/sales"))["longest_wait"] == 30


async def test_a_queue_is_drained_and_opened_again(office: Office, world: World) -> None:
    drained = await office.asks("supervisor", "POST", "/v1/queues/sales/drain", {"drain": True})
    assert (drained.status, drained.json["drained"]) == (200, True)
    assert not world.caller_joins("sales")

    opened = await office.asks("supervisor", "POST", "/v1/queues/sales/drain", {"drain": False})
    assert opened.json["drained"] is False
    assert world.caller_joins("sales")


async def test_the_whole_site_is_drained(office: Office, world: World) -> None:
    answer = await office.asks("admin", "POST", "/v1/drain", {"drain": True})

    assert [queue["drained"] for queue in answer.json["queues"]] == [True, True]


async def test_a_token_for_one_queue_drains_no_other(office: Office, world: World) -> None:
    answer = await office.asks("sales-board", "POST", "/v1/queues/support/drain", {"drain": True})
    assert answer.status == 404
    await office.asks("sales-board", "POST", "/v1/drain", {"drain": True})

    assert not world.queue("support").drained
    assert world.queue("sales").drained


async def test_an_agent_drains_nothing(office: Office, world: World) -> None:
    assert (await office.asks("alice", "POST", "/v1/queues/sales/drain", {"drain": True})).status == 403
    assert not world.queue("sales").drained


async def test_who_went_on_to_another_queue_is_counted_in_both(office: Office, world: World) -> None:
    world.with_queue("sales", max_wait_seconds=5, ways_out={"TIMEOUT": WayOut(queue=QueueName("support"))})
    request = world.caller_joins("sales")
    world.time_passes(5)

    assert (await office.sees("supervisor", "/v1/queues/sales"))["ended"]["overflowed"] == 1
    assert (await office.sees("supervisor", f"/v1/requests/{request}"))["queue"] == "support"


async def test_queues_are_listed_by_name(office: Office) -> None:
    listed = await office.sees("supervisor", "/v1/queues")

    assert [queue["name"] for queue in listed["queues"]] == ["sales", "support"]


async def test_a_queue_that_was_taken_away_is_closing_while_it_has_calls(office: Office, world: World) -> None:
    world.logs_in("alice")
    world.caller_joins("support")
    world.takes_the_call("alice")
    world.without_queue("support")

    support = await office.sees("supervisor", "/v1/queues/support")

    assert (support["closing"], support["ongoing"]) == (True, 1)


async def test_a_queue_that_is_not_there_is_not_found(office: Office) -> None:
    answer = await office.asks("admin", "GET", "/v1/queues/nowhere")

    assert answer.status == 404
    assert answer.detail == 'there is no queue "nowhere"'
