"""What callers hear while they wait: true when it is said, one thing at a time, and never in the way of an answer."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from acd.center import announcements, estimates
from acd.center.announcements import MUSIC_SECONDS
from acd.center.estimates import Wait
from acd.center.facts import AnnouncementMade, AnnouncementsPlanned, AnyFact, OfferMade, RequestConnected
from acd.center.model import AnnounceRules, CallbackRules, PromptRules, RequestId, WayOut

from .test_estimates import busy_queue
from .worlds import World

TOLD = AnnounceRules(every_seconds=60)
PROMPTS = PromptRules(("one", "two"), every_seconds=30)


def busy(seconds: float = 240, **rules: Any) -> World:
    """alice talks; each of her calls so far took so long."""
    world = busy_queue("alice", seconds=seconds)
    world.with_queue("sales", wrap_up_seconds=0, **rules)
    return world


def said(world: World, request: RequestId) -> list[tuple[int | None, int | None, str | None]]:
    """To him so far: place, minutes, prompt."""
    return [(fact.place, fact.minutes, fact.prompt) for fact in world.told(AnnouncementMade, request=request)]


def test_a_caller_is_told_his_place_and_his_wait_on_joining_and_regularly() -> None:
    world = busy(announce=TOLD)
    world.caller_joins("sales")
    request = world.caller_joins("sales")

    world.time_passes(0)
    assert said(world, request) == [(2, 6, None)]

    world.time_passes(8)
    world.hears_music(request)
    world.time_passes(51)
    assert len(said(world, request)) == 1
    world.time_passes(1)
    assert len(said(world, request)) == 2


def test_the_place_is_the_one_that_he_has_then() -> None:
    world = busy(announce=replace(TOLD, wait=False))
    first, request = world.caller_joins("sales"), world.caller_joins("sales")
    world.time_passes(5)
    world.hears_music(request)

    world.caller_hangs_up(first)
    world.time_passes(60)

    assert said(world, request) == [(2, None, None), (1, None, None)]


def test_who_is_served_at_once_is_told_nothing() -> None:
    world = World().with_queue("sales", announce=TOLD).with_agents("alice", sales=1)
    request = world.caller_joins("sales")

    world.time_passes(10)

    assert world.ringing == {"alice": request}
    assert said(world, request) == []


def test_while_a_phone_rings_nothing_is_begun_and_afterwards_it_is_made_up_for() -> None:
    world = World().with_queue("sales", announce=replace(TOLD, wait=False), ring_seconds=20)
    world.with_agents("alice", sales=1)
    request = world.caller_joins("sales")

    world.time_passes(20)

    assert len(world.told(OfferMade)) == 1
    assert said(world, request) == [(1, None, None)]


def test_an_agent_may_answer_in_the_middle_of_it() -> None:
    world = World().with_queue("sales", announce=TOLD, wrap_up_seconds=0)
    request = world.caller_joins("sales")
    world.time_passes(1)
    assert len(said(world, request)) == 1

    world.with_agents("alice", sales=1)
    world.takes_the_call("alice")

    assert world.told(RequestConnected, request=request)
    world.time_passes(600)
    assert len(said(world, request)) == 1


def test_a_wait_that_is_not_known_is_left_out() -> None:
    world = World().with_queue("sales", announce=TOLD)
    request = world.caller_joins("sales")

    world.time_passes(0)

    assert said(world, request) == [(1, None, None)]


def test_where_only_the_wait_is_told_and_is_not_known_nothing_is_said_until_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World().with_queue("sales", announce=replace(TOLD, place=False))
    request = world.caller_joins("sales")
    world.time_passes(59)
    assert said(world, request) == []

    monkeypatch.setattr(estimates, "of_request", lambda state, request: Wait(120, 240))
    world.time_passes(1)

    assert said(world, request) == [(None, 2, None)]


@pytest.mark.parametrize(("seconds", "minutes"), [(0, 0), (59, 0), (60, 1), (89, 1), (91, 2), (3570, 60)])
def test_the_wait_is_told_to_the_nearest_minute(monkeypatch: pytest.MonkeyPatch, seconds: float, minutes: int) -> None:
    monkeypatch.setattr(estimates, "of_request", lambda state, request: Wait(seconds, 2 * seconds))
    world = World().with_queue("sales", announce=TOLD)
    request = world.caller_joins("sales")

    world.time_passes(0)

    assert said(world, request) == [(1, minutes, None)]


def test_a_number_that_the_dialplan_has_no_words_for_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcements, "HIGHEST_NUMBER", 1)
    world = World().with_queue("sales", announce=TOLD)
    first, second = world.caller_joins("sales"), world.caller_joins("sales")

    world.time_passes(0)

    assert said(world, first) == [(1, None, None)]
    assert said(world, second) == []


# ---- Prompts


def test_prompts_come_turn_by_turn() -> None:
    world = World().with_queue("sales", prompts=PROMPTS)
    request = world.caller_joins("sales")

    for _ in range(3):
        world.time_passes(30)
        world.hears_music(request)

    assert said(world, request) == [(None, None, "one"), (None, None, "two"), (None, None, "one")]


def test_what_is_due_at_the_same_moment_is_said_in_one() -> None:
    announce = replace(TOLD, on_joining=False, every_seconds=30)
    world = World().with_queue("sales", announce=announce, prompts=PROMPTS)
    request = world.caller_joins("sales")

    world.time_passes(30)

    assert said(world, request) == [(1, None, "one")]


def test_one_thing_at_a_time_and_music_in_between() -> None:
    announce = replace(TOLD, on_joining=False, every_seconds=29)
    world = World().with_queue("sales", announce=announce, prompts=PROMPTS)
    request = world.caller_joins("sales")
    world.time_passes(40)
    assert said(world, request) == [(1, None, None)]

    world.hears_music(request)
    world.time_passes(MUSIC_SECONDS - 0.1)
    assert len(said(world, request)) == 1
    world.time_passes(0.1)

    assert said(world, request) == [(1, None, None), (None, None, "one")]


def test_the_way_to_a_callback_is_told_between_announcements_too() -> None:
    callbacks = CallbackRules(offer_after_seconds=1)
    world = World().with_queue("sales", announce=TOLD, callbacks=callbacks)
    request = world.caller_joins("sales")
    world.time_passes(2)
    assert world.request(request).offer_at is not None

    world.hears_music(request)
    world.time_passes(MUSIC_SECONDS)

    assert world.request(request).offer_at is None
    assert world.request(request).spoken_to


# ---- Keys


def test_while_a_key_is_heeded_nothing_is_said() -> None:
    world = World().with_queue("sales", prompts=PROMPTS)
    request = world.caller_joins("sales")
    world.time_passes(29)

    world.presses_a_key(request)
    world.time_passes(300)
    assert said(world, request) == []

    world.hears_music(request)
    world.time_passes(MUSIC_SECONDS)
    assert len(said(world, request)) == 1


# ---- What else may happen


def test_a_queue_that_tells_nothing_pays_nothing() -> None:
    world = World().with_queue("sales")
    request = world.caller_joins("sales")

    world.hears_music(request)

    assert world.center.next_deadline() is None
    assert not world.told(AnnouncementsPlanned)


def test_in_another_queue_its_own_rules_hold() -> None:
    way = {"TIMEOUT": WayOut(queue="support")}
    world = World().with_queue("support", announce=TOLD, prompts=PROMPTS)
    hints = PromptRules(("hint",), every_seconds=7)
    world.with_queue("sales", max_wait_seconds=10, ways_out=way, prompts=hints)
    request = world.caller_joins("sales")
    world.time_passes(7)
    world.hears_music(request)

    world.time_passes(3)

    assert said(world, request)[1:] == [(1, None, None)]
    assert world.request(request).prompt_at == world.now + 30
    world.hears_music(request)
    world.time_passes(30)
    assert said(world, request)[2:] == [(None, None, "one")]


def test_new_rules_hold_for_those_who_wait_each_at_a_moment_of_his_own() -> None:
    world = World().with_queue("sales")
    first = world.caller_joins("sales")
    world.time_passes(7)
    second = world.caller_joins("sales")
    world.time_passes(70)

    world.with_queue("sales", announce=TOLD)

    assert world.request(first).announce_at == world.now + 43  # each minute since he entered
    assert world.request(second).announce_at == world.now + 50
    world.with_queue("sales")
    assert world.request(first).announce_at is None


def test_a_restart_keeps_the_moment() -> None:
    world = World().with_queue("sales", announce=replace(TOLD, on_joining=False))
    request = world.caller_joins("sales")
    world.time_passes(50)

    world.daemon_restarts()
    world.link_is_back()
    world.time_passes(9)
    assert said(world, request) == []
    world.time_passes(1)

    assert len(said(world, request)) == 1


def test_who_was_being_told_something_during_an_outage_and_hears_music_now_is_told_more() -> None:
    world = World().with_queue("sales", prompts=PROMPTS)
    request = world.caller_joins("sales")
    world.time_passes(30)
    world.link_is_lost()

    world.link_is_back(found=[world.live(request, hears_music=True)])
    world.time_passes(30)

    assert len(said(world, request)) == 2


def test_and_who_is_being_told_something_still_is_not_interrupted() -> None:
    world = World().with_queue("sales", announce=TOLD)
    request = world.caller_joins("sales")
    world.time_passes(0)
    assert len(said(world, request)) == 1
    world.link_is_lost()
    world.time_passes(120)

    world.link_is_back()
    world.time_passes(10)

    assert len(said(world, request)) == 1


def test_who_was_found_waiting_is_not_greeted_anew() -> None:
    world = World().with_queue("sales", announce=TOLD)

    request = world.caller_joins("sales", joined_at=world.now - 50)

    world.time_passes(9)
    assert said(world, request) == []
    world.time_passes(1)
    assert len(said(world, request)) == 1


def test_and_hears_the_prompts_at_the_moments_at_which_he_would_have() -> None:
    world = World().with_queue("sales", prompts=PROMPTS)

    request = world.caller_joins("sales", joined_at=world.now - 50)

    world.time_passes(9)
    assert said(world, request) == []
    world.time_passes(1)
    assert said(world, request) == [(None, None, "one")]


def test_the_whisper_goes_with_the_offer() -> None:
    world = World().with_queue("sales", whisper="custom/sales").with_agents("alice", sales=1)
    world.caller_joins("sales")

    assert world.last(OfferMade).whisper == "custom/sales"


def test_an_announcement_looks_at_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps of bisection, however many wait: the line is not walked."""
    world = busy(announce=TOLD)
    requests = [world.caller_joins("sales") for _ in range(50)]
    monkeypatch.setattr(type(world.queue("sales").line), "in_order", lambda line: pytest.fail("the line was walked"))
    monkeypatch.setattr(World, "tell", _without_a_witness)

    world.time_passes(0)

    assert said(world, requests[-1])[0][0] == 50


def _without_a_witness(world: World, told: Any) -> list[AnyFact]:
    facts = world.center.decide(told, world.now, 1)
    world.facts += facts
    return facts
