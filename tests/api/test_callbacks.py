"""Callbacks and agents' own calls over the API: each thing that can be done by telephone, without one."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from center.worlds import World

from acd.api.models import moment
from acd.center.facts import CustomerDialled
from acd.center.model import CallbackRules
from acd.config import Config
from acd.messages import Messages

from .office import Office, configuration

NUMBER = "+31201234567"


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    async with Office(with_callbacks()) as office:
        yield office


def with_callbacks() -> Config:
    server = {"host": "127.0.0.1", "secret": "x", "mobile_dial": "PJSIP/{number}@trunk", "messages": "/nowhere"}
    agents = [
        {
            "name": name,
            "queues": queues,
            "callbacks": True,
            "devices": [{"kind": "desk", "dial": f"PJSIP/{name}"}],
        }
        for name, queues in (("alice", {"sales": 1, "support": 10}), ("carol", {"sales": 3}), ("dora", {}))
    ]
    return configuration(
        asterisk={"main": server},
        site={"country": "NL"},
        dialling={"hours": "00:00-24:00"},
        queue=[{"name": "sales", "callbacks": {}}, {"name": "support"}],
        agent=agents,
    )


async def asked_for(office: Office, **more: Any) -> dict[str, Any]:
    answer = await office.asks("supervisor", "POST", "/v1/callbacks", {"queue": "sales", "number": NUMBER} | more)
    assert answer.status == 200, answer.body
    return dict(answer.json)


async def test_somebody_asks_for_one_and_it_stands_in_line(office: Office, world: World) -> None:
    one = await asked_for(office, number="020 123 4567", name="J. Doe", comment="about\nthe offer")

    assert one | {"id": "", "entered": ""} == {
        "id": "",
        "queue": "sales",
        "state": "waiting",
        "place": 1,
        "priority": 50,
        "number": NUMBER,
        "name": "J. Doe",
        "entered": "",
        "due": None,
        "agent": None,
        "meant_for": None,
        "reach": None,
        "attempts": 0,
        "missed": None,
        "comment": "about the offer",
        "message": None,
    }
    assert (await office.sees("supervisor", "/v1/callbacks"))["callbacks"] == [one]
    assert (await office.sees("supervisor", f"/v1/requests/{one['id']}"))["kind"] == "callback"


async def test_who_was_lost_with_his_asterisk_is_among_them_with_his_place_and_no_message(
    office: Office, world: World
) -> None:
    world.with_queue("sales", callbacks=CallbackRules(after_pbx_lost=True))
    world.link_is_back(started="monday")
    request = world.caller_joins("sales", e164=NUMBER)

    world.asterisk_starts_anew(may_call={NUMBER: None})

    (one,) = (await office.sees("supervisor", "/v1/callbacks"))["callbacks"]
    assert (one["id"], one["number"], one["place"], one["message"]) == (request, NUMBER, 1, None)


async def test_asked_for_again_it_is_the_same_one(office: Office) -> None:
    first = await asked_for(office)

    again = await asked_for(office, comment="urgent")

    assert (again["id"], again["comment"]) == (first["id"], "urgent")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"number": "112"}, "emergency"),
        ({"number": "+12125550123"}, "countries"),
        ({"number": "+319001234"}, "kinds"),
        ({"number": "call me"}, "form"),
        ({"at": "2026-11-24 15:00"}, "offset"),
        ({"at": "2001-01-01T00:00:00Z"}, "past"),
        ({"agent": "dora"}, "does not serve"),
        ({"priority": 0}, "priority"),
    ],
)
async def test_what_cannot_be_is_refused_in_words(office: Office, body: dict[str, Any], detail: str) -> None:
    answer = await office.asks("supervisor", "POST", "/v1/callbacks", {"queue": "sales", "number": NUMBER} | body)

    assert answer.status == 422
    assert detail in answer.detail
    assert (await office.sees("supervisor", "/v1/callbacks"))["callbacks"] == []


async def test_an_agent_does_all_of_it_without_a_key(office: Office, world: World) -> None:
    world.logs_in("alice")
    one = await asked_for(office)
    path = f"/v1/callbacks/{one['id']}"
    world.takes_the_callback("alice")

    called = await office.asks("alice", "POST", f"{path}/call")
    assert (called.json["agent"], called.json["reach"], called.json["attempts"]) == ("alice", "dialling", 1)
    assert world.last(CustomerDialled).number == NUMBER
    world.customer_answers("alice")
    later = moment(world.now + 3600)
    put_off = await office.asks(
        "alice", "POST", f"{path}/reschedule", {"at": later, "agent": "alice", "comment": "after lunch"}
    )

    assert (put_off.json["state"], put_off.json["due"], put_off.json["comment"]) == ("scheduled", later, "after lunch")
    assert [one["state"] for one in (await office.sees("alice", "/v1/requests?state=scheduled"))["requests"]] == [
        "scheduled"
    ]


async def test_and_says_how_it_ended(office: Office, world: World) -> None:
    world.logs_in("alice")
    one = await asked_for(office)
    world.takes_the_callback("alice")

    answer = await office.asks(
        "alice", "POST", f"/v1/callbacks/{one['id']}/complete", {"outcome": "not_possible", "comment": "moved"}
    )

    assert answer.status == 200
    assert world.ending_of(one["id"]).comment == "moved"


async def test_an_agent_acts_on_his_own_alone(office: Office, world: World) -> None:
    world.logs_in("carol")
    one = await asked_for(office)
    world.takes_the_callback("carol")

    for act in ("call", "complete"):
        assert (await office.asks("alice", "POST", f"/v1/callbacks/{one['id']}/{act}")).status == 403
    assert (await office.asks("sales-board", "POST", f"/v1/callbacks/{one['id']}/call")).status == 200


async def test_a_supervisor_reassigns_and_cancels(office: Office, world: World) -> None:
    one = await asked_for(office)

    reassigned = await office.asks("supervisor", "POST", f"/v1/callbacks/{one['id']}/reassign", {"agent": "carol"})
    cancelled = await office.asks("supervisor", "POST", f"/v1/callbacks/{one['id']}/cancel")

    assert (reassigned.json["meant_for"], cancelled.status) == ("carol", 200)
    assert world.ending_of(one["id"]).outcome == "cancelled"


async def test_who_does_not_see_the_queue_sees_no_callback(office: Office) -> None:
    one = await asked_for(office)

    assert (await office.sees("dora", "/v1/callbacks"))["callbacks"] == []
    assert (await office.asks("dora", "GET", f"/v1/callbacks/{one['id']}")).status == 404


# ---- What a customer may be told


PROMISES: list[tuple[str, dict[str, Any] | None]] = [
    ("", {"queue": "sales", "number": "+31612345678"}),
    ("/{id}/reschedule", {"at": "2099-01-01T00:00:00Z"}),
    ("/{id}/cancel", None),
]


@pytest.mark.parametrize(("path", "body"), PROMISES)
async def test_it_is_answered_when_it_is_on_disk(
    office: Office, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any] | None
) -> None:
    one = await asked_for(office)
    comes_to_the_disk, is_there = asyncio.Event(), asyncio.Event()

    async def slowly() -> bool:
        comes_to_the_disk.set()
        return await is_there.wait()

    monkeypatch.setattr(office.desk, "on_disk", slowly)
    asks = asyncio.create_task(office.asks("supervisor", "POST", f"/v1/callbacks{path.format(**one)}", body))
    await comes_to_the_disk.wait()
    assert not asks.done()
    is_there.set()

    assert (await asks).status == 200


@pytest.mark.parametrize(("path", "body"), PROMISES)
@pytest.mark.parametrize("patience", [5.0, 0.0])
async def test_a_disk_that_takes_nothing_or_does_not_answer_promises_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any] | None, patience: float
) -> None:
    one = await asked_for(office)

    async def never() -> bool:
        return False if patience else await asyncio.Event().wait()

    monkeypatch.setattr(office.desk, "on_disk", never)
    monkeypatch.setattr("acd.api.callbacks.PROMISE_SECONDS", patience)

    answer = await office.asks("supervisor", "POST", f"/v1/callbacks{path.format(**one)}", body)

    assert answer.status == 503
    assert "promise nothing" in answer.detail


# ---- Messages


def spoken(folder: Path, name: str) -> bytes:
    path = folder / f"{name}.wav"
    with wave.open(str(path), "wb") as audio:
        audio.setparams((1, 2, 8000, 0, "NONE", ""))
        audio.writeframes(b"\x00\x40" * 8000)
    return path.read_bytes()


async def test_a_message_is_heard_whole_or_in_part_until_it_is_deleted(
    office: Office, world: World, tmp_path: Path
) -> None:
    office.desk.messages = Messages(tmp_path)
    request = world.caller_joins("sales")
    world.leaves_a_message(request)
    left = world.request(request).message
    assert left is not None
    audio = spoken(tmp_path, left.name)
    path = f"/v1/callbacks/{request}/message"

    whole = await office.asks("supervisor", "GET", path)
    part = await office.asks("supervisor", "GET", path, headers={"Range": "bytes=0-43"})
    assert (whole.status, whole.body, whole.headers["Content-Type"]) == (200, audio, "audio/wav")
    assert (part.status, part.body) == (206, audio[:44])
    assert (await office.asks("alice", "GET", path)).status == 403  # she does not have it

    assert (await office.asks("supervisor", "DELETE", path)).status == 200
    assert list(tmp_path.iterdir()) == []
    assert (await office.asks("supervisor", "GET", path)).status == 404
    assert world.request(request).message is None


async def test_a_message_outlives_its_callback_for_supervisors(office: Office, world: World, tmp_path: Path) -> None:
    office.desk.messages = Messages(tmp_path)
    request = world.caller_joins("sales")
    world.leaves_a_message(request)
    left = world.request(request).message
    assert left is not None
    audio = spoken(tmp_path, left.name)
    await office.asks("supervisor", "POST", f"/v1/callbacks/{request}/cancel")

    assert (await office.asks("supervisor", "GET", f"/v1/callbacks/{request}/message")).body == audio
    assert (await office.asks("alice", "GET", f"/v1/callbacks/{request}/message")).status == 404


@pytest.mark.parametrize("name", ["..%2F..%2Fetc%2Fpasswd", "%00", "0" * 16, "x" * 1000])
async def test_no_name_in_a_path_reaches_the_disk(office: Office, tmp_path: Path, name: str) -> None:
    office.desk.messages = Messages(tmp_path)

    assert (await office.asks("supervisor", "GET", f"/v1/callbacks/{name}/message")).status in (400, 404)


# ---- Calls that agents make


async def test_an_agent_calls_somebody_and_hangs_up(office: Office, world: World) -> None:
    world.logs_in("alice")

    placed = await office.asks("alice", "POST", "/v1/calls", {"agent": "alice", "number": "020 1234567"})
    assert placed.json | {"id": ""} == {"id": "", "agent": "alice", "number": NUMBER, "queue": "sales"}
    world.takes_the_callback("alice")
    ended = await office.asks("alice", "DELETE", f"/v1/calls/{placed.json['id']}")

    assert ended.status == 200
    assert world.ending_of(placed.json["id"]).outcome == "cancelled"


async def test_it_is_listed_behind_those_who_wait_and_counted_with_nobody(office: Office, world: World) -> None:
    world.logs_in("alice")
    placed = await office.asks("supervisor", "POST", "/v1/calls", {"agent": "alice", "number": NUMBER})
    caller = world.caller_joins("sales")

    listed = (await office.sees("supervisor", "/v1/requests?queue=sales"))["requests"]
    queue = await office.sees("supervisor", "/v1/queues/sales")

    assert [(one["id"], one["kind"], one["place"]) for one in listed] == [
        (caller, "call", 1),
        (placed.json["id"], "dial", None),
    ]
    assert (queue["waiting"], queue["offered"], queue["entered"]) == (1, 0, 1)
    world.takes_the_callback("alice")
    assert (await office.sees("supervisor", "/v1/queues/sales"))["ongoing"] == 0
    assert len((await office.sees("supervisor", "/v1/requests?state=ongoing"))["requests"]) == 1


async def test_of_a_call_that_was_made_it_is_told_who_asked_for_it_and_nothing_of_before(
    office: Office, world: World
) -> None:
    world.logs_in("alice")
    placed = await office.asks("supervisor", "POST", "/v1/calls", {"agent": "alice", "number": NUMBER})

    change = (await office.sees("supervisor", "/v1/changes"))["changes"][0]

    assert (change["act"], change["by"], change["agent"]) == ("POST /v1/calls", "supervisor", "alice")
    assert (change["request"], change["before"]) == (placed.json["id"], {})
    assert (change["after"]["state"], change["after"]["held_for"]) == ("waiting", "alice")


async def test_in_nobody_else_s_name_and_only_when_available(office: Office, world: World) -> None:
    world.logs_in("carol")
    body = {"agent": "carol", "number": NUMBER}

    assert (await office.asks("alice", "POST", "/v1/calls", body)).status == 404
    assert (await office.asks("alice", "POST", "/v1/calls", body | {"agent": "alice"})).status == 409
    assert (await office.asks("supervisor", "POST", "/v1/calls", body | {"number": "+442079460000"})).status == 422
    placed = await office.asks("supervisor", "POST", "/v1/calls", body)
    assert (await office.asks("alice", "DELETE", f"/v1/calls/{placed.json['id']}")).status == 404
