"""Agents through the API: what is shown of them, and what is asked in their name."""

from __future__ import annotations

from typing import Any

import pytest
from center.worlds import World

from acd.center.facts import OfferMade
from acd.center.inputs import Input, LogIn, LogOut, MakeAvailable, Pause
from acd.center.model import Seat
from acd.center.reach import Forward

from .office import Office


async def test_an_agent_who_never_logged_in_is_shown_as_he_is_configured(office: Office) -> None:
    assert await office.sees("supervisor", "/v1/agents/alice") == {
        "name": "alice",
        "state": "logged_out",
        "reason": None,
        "since": None,
        "until": None,
        "wish": None,
        "wish_reason": None,
        "request": None,
        "device": None,
        "forward": "desk",
        "forward_chosen": False,
        "dial": "PJSIP/alice",
        "skills": {},
        "queues": {"sales": 1, "support": 10},
        "capacity": {"call": 1, "chat": 3},
        "load": {"call": 0, "chat": 0},
    }


async def test_an_agent_who_is_offered_a_call_shows_it_and_when_the_ringing_ends(office: Office, world: World) -> None:
    world.logs_in("alice")
    request = world.caller_joins("sales")

    alice = await office.sees("supervisor", "/v1/agents/alice")

    assert (alice["state"], alice["request"], alice["device"]) == ("connecting", request, "desk")
    assert (alice["since"], alice["until"]) == ("2023-11-14T22:13:20.000Z", "2023-11-14T22:13:40.000Z")
    assert alice["load"] == {"call": 1, "chat": 0}


async def test_a_conversation_has_no_end_and_the_wrap_up_after_it_has(office: Office, world: World) -> None:
    world.logs_in("alice")
    request = world.caller_joins("sales")
    world.takes_the_call("alice")
    talking = await office.sees("supervisor", "/v1/agents/alice")
    world.caller_hangs_up(request)

    wrapping_up = await office.sees("supervisor", "/v1/agents/alice")

    assert (talking["state"], talking["until"], talking["request"]) == ("connected", None, request)
    assert (wrapping_up["state"], wrapping_up["until"]) == ("wrap_up", "2023-11-14T22:13:35.000Z")
    assert wrapping_up["request"] is None
    assert wrapping_up["load"] == {"call": 0, "chat": 0}


async def test_an_agent_forwards_his_calls(office: Office, world: World) -> None:
    world.with_mobiles("alice").logs_in("alice")
    path = "/v1/agents/alice/forward"

    shown = [
        (await office.asks("alice", "POST", path, body)).json
        for body in ({"mobile": True}, {"mobile": True, "how": "both"}, {"mobile": False})
    ]

    assert [(alice["forward"], alice["forward_chosen"]) for alice in shown] == [
        ("mobile", True),
        ("both", True),
        ("desk", True),
    ]
    assert (await office.asks("alice", "POST", path, {"mobile": True})).status == 200
    world.caller_joins("sales")
    assert (await office.sees("alice", "/v1/agents/alice"))["device"] == "mobile"


async def test_of_two_devices_the_one_that_was_picked_up_is_shown(office: Office, world: World) -> None:
    world.with_mobiles("alice", forward=Forward.BOTH).logs_in("alice")
    world.caller_joins("sales")
    world.answers(world.told(OfferMade)[-1].offer)

    assert (await office.sees("alice", "/v1/agents/alice"))["device"] == "mobile"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"mobile": True}, 409),
        ({"mobile": False, "how": "both"}, 422),
        ({"mobile": True, "how": "desk"}, 422),
        ({"mobile": "yes"}, 422),
        ({"mobile": True, "how": "+31612345678"}, 422),
        ({"mobile": True, "number": "+31612345678"}, 422),
        ({}, 422),
    ],
)
async def test_what_cannot_be_forwarded_to_is_refused_and_changes_nothing(
    office: Office, world: World, body: dict[str, Any], status: int
) -> None:
    answer = await office.asks("alice", "POST", "/v1/agents/alice/forward", body)

    assert answer.status == status
    assert world.agent("alice").forward is Forward.DESK


async def test_an_agent_acts(office: Office) -> None:
    steps: list[tuple[str, Any, str]] = [
        ("login", None, "available"),
        ("pause", {"reason": "lunch 🍜"}, "paused"),
        ("available", {}, "available"),
        ("pause", None, "paused"),
        ("logout", None, "logged_out"),
    ]
    seen = []
    for verb, body, _ in steps:
        answer = await office.asks("alice", "POST", f"/v1/agents/alice/{verb}", body)
        assert answer.status == 200
        seen.append(answer.json)

    assert [agent["state"] for agent in seen] == [state for _, _, state in steps]
    assert [agent["reason"] for agent in seen] == [None, "lunch 🍜", None, None, None]


@pytest.mark.parametrize(
    ("verb", "told"),
    [("login", LogIn), ("logout", LogOut), ("available", MakeAvailable), ("pause", Pause)],
)
async def test_what_is_asked_is_told_to_the_center(office: Office, world: World, verb: str, told: type[Input]) -> None:
    world.logs_in("bob")

    await office.asks("supervisor", "POST", f"/v1/agents/bob/{verb}")

    assert office.desk.told == [told("bob")]  # type: ignore[call-arg]


async def test_a_pause_during_a_call_is_shown_as_a_wish(office: Office, world: World) -> None:
    world.logs_in("alice")
    world.caller_joins("sales")
    world.takes_the_call("alice")

    answer = await office.asks("alice", "POST", "/v1/agents/alice/pause", {"reason": "training"})

    assert answer.status == 200
    assert (answer.json["state"], answer.json["wish"], answer.json["wish_reason"]) == (
        "connected",
        "paused",
        "training",
    )


@pytest.mark.parametrize("verb", ["pause", "available"])
async def test_what_the_state_does_not_allow_is_a_conflict_with_its_reason(office: Office, verb: str) -> None:
    answer = await office.asks("alice", "POST", f"/v1/agents/alice/{verb}")

    assert answer.status == 409
    assert answer.detail == "alice is logged out; log in first"


async def test_agents_are_listed_by_name_page_by_page(office: Office) -> None:
    everybody = await office.sees("supervisor", "/v1/agents")
    by_pages = await office.listing("supervisor", "/v1/agents", "agents")

    assert [agent["name"] for agent in everybody["agents"]] == ["alice", "bob", "carol", "dora"]
    assert everybody["next"] is None
    assert by_pages == everybody["agents"]


async def test_a_page_begins_behind_the_last_one_even_if_its_agent_is_gone(office: Office, world: World) -> None:
    first = await office.sees("supervisor", "/v1/agents?limit=2")
    world.without_agent("bob")

    second = await office.sees("supervisor", f"/v1/agents?limit=2&cursor={first['next']}")

    assert [agent["name"] for agent in second["agents"]] == ["carol", "dora"]
    assert second["next"] is None


async def test_an_agent_who_is_configured_no_more_is_shown_until_his_call_ends(office: Office, world: World) -> None:
    world.logs_in("bob")
    request = world.caller_joins("support")
    world.without_agent("bob")

    bob = await office.sees("supervisor", "/v1/agents/bob")

    assert (bob["request"], bob["queues"]) == (request, {})


async def test_an_agent_who_is_not_there_is_not_found(office: Office) -> None:
    for method, path in [("GET", "/v1/agents/nobody"), ("POST", "/v1/agents/nobody/login")]:
        answer = await office.asks("admin", method, path)
        assert answer.status == 404
        assert answer.detail == 'there is no agent "nobody"'


# ---- Wrap-up, seats, reasons


async def test_a_wrap_up_is_made_longer_and_ended_at_once(office: Office, world: World) -> None:
    world.logs_in("alice")
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.hangs_up("alice")

    longer = await office.asks("alice", "POST", "/v1/agents/alice/wrap-up", {"extend": True})
    ended = await office.asks("alice", "POST", "/v1/agents/alice/wrap-up", {"extend": False})
    again = await office.asks("alice", "POST", "/v1/agents/alice/wrap-up", {"extend": True})

    assert (longer.json["state"], longer.json["until"]) == ("wrap_up", "2023-11-14T22:14:05.000Z")
    assert ended.json["state"] == "available"
    assert (again.status, again.detail) == (409, "alice is not in wrap-up")


async def test_an_agent_logs_in_at_a_seat_that_is_free(office: Office, world: World) -> None:
    world.loads(seats=(Seat("seat-1", "PJSIP/1001"),))

    answer = await office.asks("alice", "POST", "/v1/agents/alice/login", {"device": "seat-1"})
    taken = await office.asks("supervisor", "POST", "/v1/agents/bob/login", {"device": "seat-1"})
    unknown = await office.asks("supervisor", "POST", "/v1/agents/bob/login", {"device": "PJSIP/alice"})

    assert (answer.status, answer.json["dial"]) == (200, "PJSIP/1001")
    assert (taken.status, taken.detail) == (409, "seat-1 is taken by alice")
    assert (unknown.status, unknown.detail) == (
        422,
        "there is no device 'PJSIP/alice' for bob; allowed: PJSIP/bob, seat-1",
    )
    assert world.state_of("bob") == "logged_out"


async def test_a_pause_reason_must_be_one_of_the_list_if_there_is_one(office: Office, world: World) -> None:
    world.loads(pause_reasons=("lunch",))
    world.logs_in("alice")

    refused = await office.asks("alice", "POST", "/v1/agents/alice/pause", {"reason": "nap"})

    assert (refused.status, refused.detail) == (422, "there is no pause reason 'nap'; allowed: lunch")
    assert world.state_of("alice") == "available"
