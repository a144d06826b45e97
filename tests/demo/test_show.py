"""What the demo shows and reports, without a call centre."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import BaseModel, TypeAdapter, ValidationError
from rich.console import Console

from acd.api import models
from acd.center.model import AgentState, Outcome, RequestState
from acd.center.reach import Forward
from acd.demo import people, screen
from acd.demo.crowd import ENDLESS_PATIENCE, Crowd
from acd.demo.screen import Signboard
from acd.demo.show import _report
from acd.demo.watching import Picture, Tally, api_at

Shown = TypeVar("Shown", bound=BaseModel)

NOW = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)


def test_the_screen_shows_who_waits_who_rings_and_who_talks() -> None:
    ringing = request("1", "Ana", state=RequestState.OFFERED, place=1, agent="alice")
    waiting = request("2", "Ben", state=RequestState.WAITING, place=2, priority=10)
    talking = request("3", "Clara", state=RequestState.ONGOING, place=None, agent="bob")
    agents = [
        agent("alice", AgentState.CONNECTING, request="1", until="2026-11-24T12:00:34.000Z"),
        agent("bob", AgentState.CONNECTED, request="3"),
        agent("carol", AgentState.PAUSED, reason="coffee"),
    ]

    shown = drawn(Picture(NOW, agents, [queue()], [ringing, waiting, talking]), Tally())

    assert re.search(r"● connecting +Ana", shown)
    assert re.search(r"● connected +Clara +0:30", shown)
    assert re.search(r"● paused +coffee", shown)
    assert "1  Ana" in shown
    assert "☎ alice" in shown
    assert "2  Ben ★" in shown
    assert "2 waiting" in shown


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 30), (200, 60), (40, 10)])
def test_the_screen_fits_into_every_terminal(width: int, height: int) -> None:
    crowded = [request(str(n), f"Caller {n}", state=RequestState.WAITING, place=n) for n in range(1, 60)]

    shown = drawn(Picture(NOW, [agent("alice", AgentState.AVAILABLE)], [queue()], crowded), Tally(), width, height)

    lines = shown.splitlines()
    assert len(lines) == height
    assert max(map(len, lines)) <= width
    assert "Ctrl-C" in lines[-1]


async def test_members_that_the_api_will_have_one_day_are_ignored() -> None:
    def answering(kind: str, *resources: BaseModel) -> Any:
        shown = [{**json.loads(one.model_dump_json()), "mood": {"today": ["good"]}} for one in resources]

        async def answer(_: web.Request) -> web.Response:
            return web.json_response({kind: shown, "next": None, "total": len(shown)})

        return answer

    site = web.Application()
    site.router.add_get("/v1/agents", answering("agents", agent("alice", AgentState.AVAILABLE)))
    site.router.add_get("/v1/queues", answering("queues", queue()))
    site.router.add_get("/v1/requests", answering("requests", request("1", "Ana", state=RequestState.WAITING, place=1)))

    async with TestServer(site) as server, api_at(str(server.make_url("")), "token") as api:
        picture = await api.look()

    assert [one.name for one in picture.agents] == ["alice"]
    assert [one.name for one in picture.queues] == ["sales"]
    assert [one.caller.name for one in picture.live] == ["Ana"]


def test_a_caller_whom_nobody_answered_is_a_failure() -> None:
    report = _report(crowd(people.Outcome.TALKED, people.Outcome.GAVE_UP), tally(Outcome.ANSWERED), 40)

    assert "2 calls, 1 answered by an agent, in 40 s" in report.text
    assert report.failures == ["1 of 2 calls were not answered: Somebody (gave up)"]


def test_an_api_that_counts_otherwise_than_the_callers_is_a_failure() -> None:
    report = _report(crowd(people.Outcome.TALKED), tally(), 40)

    assert report.failures == ["the API tells of 0 answered calls, the callers of 1"]


def test_calls_that_were_all_answered_are_a_success() -> None:
    report = _report(crowd(people.Outcome.TALKED), tally(Outcome.ANSWERED), 40)

    assert report.failures == []
    assert "waited   p50 3.0 s, max 3.0 s" in report.text


def test_a_machine_without_simulated_phones_is_told_how_to_get_them() -> None:
    without = "import sys; sys.modules['pyVoIP'] = None; from acd.__main__ import main; main(['demo'])"

    ran = subprocess.run([sys.executable, "-c", without], capture_output=True, text=True, timeout=30)

    assert ran.returncode == 1
    assert ran.stderr == "the simulated phones are missing; in acd's checkout: pip install '.[demo]'\n"


# ---- What there is to see


def drawn(picture: Picture, tally: Tally, width: int = 120, height: int = 32) -> str:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, record=True)
    sign = Signboard("22", "http://127.0.0.1:8088", "token", NOW, None)
    console.print(screen.drawn(picture, tally, sign, console.size))
    return console.export_text().removesuffix("\n")


def agent(name: str, state: AgentState, **more: Any) -> models.Agent:
    usual = {"since": "2026-11-24T12:00:00.000Z", "queues": {"sales": 1}}
    return resource(models.Agent, name=name, state=state, **usual | more)


def queue() -> models.Queue:
    goal = models.ServiceLevel(seconds=10, share=None)
    return resource(models.Queue, name="sales", strategy="priority", waiting=2, service_level=goal)


def request(identity: str, name: str, **more: Any) -> models.Request:
    usual = {"kind": "call", "queue": "sales", "priority": 50, "entered": "2026-11-24T12:00:25.000Z", "waited": 3.0}
    caller = models.Caller(number="1", name=name)
    return resource(models.Request, id=identity, caller=caller, **usual | more)


def resource(model: type[Shown], **given: Any) -> Shown:
    """With what matters here; every other member that the API has, or will have one day, is as good as empty."""
    others = {
        name: next(value for value in (None, {}, [], 0, "", *Forward) if fits(value, field.annotation))
        for name, field in model.model_fields.items()
        if field.is_required() and name not in given
    }
    return model(**others, **given)


def fits(value: object, annotation: Any) -> bool:
    try:
        TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        return False
    return True


def crowd(*outcomes: people.Outcome) -> Crowd:
    return Crowd({}, ENDLESS_PATIENCE, len(outcomes), [("Somebody", outcome) for outcome in outcomes])


def tally(*outcomes: Outcome) -> Tally:
    counted = Tally()
    for outcome in outcomes:
        counted.add(request("1", "Ana", state=RequestState.ENDED, place=None, agent="alice", outcome=outcome))
    return counted
