"""Who changed what, and when: every act of the API that changed something, and what the configuration changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from center.worlds import World

import acd.api
from acd.api.models import moment

from .office import Office


async def _newest(office: Office, who: str = "supervisor") -> Any:
    return (await office.sees(who, "/v1/changes?limit=1"))["changes"][0]


async def test_an_act_is_told_with_who_what_of_whom_and_what_was_otherwise(office: Office, world: World) -> None:
    world.logs_in("alice")
    await office.asks("supervisor", "POST", "/v1/agents/alice/pause", {"reason": "lunch"})

    change = await _newest(office)
    assert change | {"id": 0} == {
        "id": 0,
        "at": moment(world.now),
        "by": "supervisor",
        "act": "POST /v1/agents/{agent}/pause",
        "agent": "alice",
        "queue": None,
        "request": None,
        "before": {"state": "available", "reason": None},
        "after": {"state": "paused", "reason": "lunch"},
    }


async def test_a_request_that_was_given_another_priority(office: Office, world: World) -> None:
    request = world.caller_joins("sales")
    await office.asks("sales-board", "POST", f"/v1/requests/{request}/priority", {"priority": 7})

    change = await _newest(office)
    assert (change["by"], change["request"], change["queue"]) == ("sales-board", request, "sales")
    assert (change["before"], change["after"]) == ({"priority": 50}, {"priority": 7})


async def test_a_queue_that_was_drained(office: Office) -> None:
    await office.asks("admin", "POST", "/v1/queues/sales/drain", {"drain": True})

    change = await _newest(office)
    assert (change["queue"], change["before"], change["after"]) == ("sales", {"drained": False}, {"drained": True})


async def test_what_changed_nothing_is_no_change(office: Office, world: World) -> None:
    before = await office.sees("supervisor", "/v1/changes")
    await office.asks("alice", "POST", "/v1/agents/alice/available")  # 409: she is logged out
    await office.asks("alice", "POST", "/v1/agents/alice/pause", {"reason": 1})
    assert (await office.asks("supervisor", "POST", "/v1/queues/sales/drain", {"drain": False})).status == 200
    world.caller_joins("sales")

    assert await office.sees("supervisor", "/v1/changes") == before


async def test_a_new_configuration_is_told_by_the_names_of_what_it_changed(office: Office, world: World) -> None:
    world.with_queue("sales", wrap_up_seconds=99).without_agent("bob").with_queue("billing")

    changes = (await office.sees("supervisor", "/v1/changes"))["changes"]
    assert [(change["by"], change["act"], change["after"]) for change in changes[:3]] == [
        (None, "configuration", {"queues_added": ["billing"]}),
        (None, "configuration", {"agents_removed": ["bob"]}),
        (None, "configuration", {"queues_changed": ["sales"]}),
    ]


async def test_of_what_is_neither_queue_nor_agent_nor_seat_the_kind_alone_is_told(office: Office, world: World) -> None:
    world.loads(pause_reasons=("lunch",))

    assert (await _newest(office))["after"] == {"others_changed": ["pause_reasons"]}


async def test_changes_come_in_pages_the_newest_first(office: Office) -> None:
    for n in range(5):
        await office.asks("supervisor", "POST", "/v1/queues/sales/drain", {"drain": n % 2 == 0})

    listed = await office.listing("supervisor", "/v1/changes", "changes")
    assert [change["after"]["drained"] for change in listed[:5]] == [True, False, True, False, True]
    assert [change["id"] for change in listed] == sorted((change["id"] for change in listed), reverse=True)


async def test_a_token_for_some_queues_sees_what_is_about_them(office: Office, world: World) -> None:
    for path in ("/v1/queues/support/drain", "/v1/queues/sales/drain"):
        await office.asks("supervisor", "POST", path, {"drain": True})
    for name in ("alice", "bob"):
        await office.asks("supervisor", "POST", f"/v1/agents/{name}/login")

    seen = (await office.sees("sales-board", "/v1/changes"))["changes"]
    assert [(change["agent"], change["queue"]) for change in seen] == [("alice", None), (None, "sales")]
    assert (await office.asks("alice", "GET", "/v1/changes")).status == 403


def test_no_act_of_the_api_goes_past_the_record() -> None:
    """`asked.tell` writes down who asked; `desk.tell` would not."""
    for file in Path(acd.api.__file__).parent.glob("*.py"):
        assert file.name == "endpoint.py" or not re.search(r"desk\.tell\(", file.read_text()), file
