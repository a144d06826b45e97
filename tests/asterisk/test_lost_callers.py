"""Another Asterisk than before: which of those who waited on the former one may be called, as the survey is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from center.worlds import MAIN, World

from acd.asterisk.callbacks import NUMBERS_AT_ONCE, Callbacks
from acd.asterisk.channels import Channels
from acd.asterisk.means import Means
from acd.asterisk.tasks import Tasks
from acd.calendars import Span
from acd.center.facts import CallbackPromised
from acd.center.inputs import NumberTyped
from acd.center.model import CallbackRules, RequestId
from acd.dialling import Dialling, DialRules
from acd.messages import Heard, Messages

DUTCH, MOBILE, FRENCH = "+31201234567", "+31612345678", "+33142685300"
TUESDAY = "tuesday"


async def _at_once() -> bool:
    return True


def _failed(work: str, error: Exception) -> None:
    raise AssertionError(work) from error


@pytest.fixture
def world() -> World:
    world = World().with_queue("sales", callbacks=CallbackRules(after_pbx_lost=True))
    world.link_is_back(started="monday")
    return world


def _callbacks(world: World, **means: Any) -> Callbacks:
    dialling = Dialling(lambda: world.now)
    dialling.use(DialRules(home="NL", countries=frozenset({"NL"}), hours=Span(time(8), time(21))), {MAIN: None})
    usual = Means(world.center.state, dialling, None, on_disk=_at_once, can_promise=lambda: True, country="NL")
    return Callbacks(
        MAIN,
        lambda action, headers: None,
        world.tell,
        lambda: world.now,
        replace(usual, **means),
        Channels(),
        Tasks(_failed),
    )


def _leaves_a_message(world: World, number: str) -> RequestId:
    request = world.caller_joins("sales", e164=DUTCH)
    world.begins_a_message(request, DUTCH)
    one = world.request(request)
    world.tell(NumberTyped(one.pbx, one.channel, number))
    return request


async def test_numbers_that_the_dial_policy_lets_through_may_be_called_each_in_its_hours(world: World) -> None:
    for number in (DUTCH, FRENCH, "", DUTCH):
        world.caller_joins("sales", e164=number)
    callbacks = _callbacks(world)

    may_call = await callbacks.catch_up((), TUESDAY)

    assert may_call.keys() == {DUTCH}
    assert may_call[DUTCH] is not None
    assert "Amsterdam" in may_call[DUTCH]


async def test_nobody_may_be_called_while_the_journal_cannot_be_written(world: World) -> None:
    world.caller_joins("sales", e164=DUTCH)

    assert await _callbacks(world, can_promise=lambda: False).catch_up((), TUESDAY) == {}


async def test_nobody_is_kept_waiting_while_a_line_of_hundreds_is_looked_at(world: World) -> None:
    numbers = {f"+3120{1234000 + number}" for number in range(5 * NUMBERS_AT_ONCE)}
    for number in numbers:
        world.caller_joins("sales", e164=number)
    looking = asyncio.create_task(_callbacks(world).catch_up((), TUESDAY))

    await asyncio.sleep(0)
    assert not looking.done()
    await asyncio.sleep(0)
    assert not looking.done(), "again and again"

    assert (await looking).keys() == numbers


@pytest.mark.parametrize("started", ["monday", ""])
async def test_nobody_is_asked_about_where_it_is_the_same_asterisk(world: World, started: str) -> None:
    world.caller_joins("sales", e164=DUTCH)

    assert await _callbacks(world).catch_up((), started) == {}


async def test_who_was_about_to_leave_a_message_may_be_called_at_the_number_that_he_gave(world: World) -> None:
    request = _leaves_a_message(world, MOBILE)

    assert (await _callbacks(world).catch_up((), TUESDAY)).keys() == {MOBILE}
    assert world.request(request).aside


class _Spoken(Messages):
    """Whatever was recorded is a message."""

    def judge(self, name: str) -> Heard:
        return Heard(2.5, 2.5)

    def keep(self, name: str) -> None:
        pass


async def test_what_he_had_said_by_then_is_kept(world: World, tmp_path: Path) -> None:
    request = _leaves_a_message(world, MOBILE)

    assert await _callbacks(world, messages=_Spoken(tmp_path)).catch_up((), TUESDAY) == {}

    promised = world.last(CallbackPromised)
    assert (promised.request, promised.number) == (request, MOBILE)
    assert promised.message is not None
    assert promised.message.seconds == 2.5
