"""Feature codes: what an agent asks for by telephone, and that he is told what came of it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from acd.center import inputs
from acd.center.facts import FeatureAnswered
from acd.center.model import ChannelId, Seat
from acd.center.reach import Device

from .worlds import MAIN, World, one_queue


def _dials(world: World, action: str, typed: str = "", phone: str = "alice") -> str:
    """What he is told; the telephone is used meanwhile."""
    world.phone_is_taken_up(phone, "code")
    world.tell(inputs.FeatureDialled(MAIN, ChannelId("code"), f"PJSIP/{phone}", action, typed))
    world.phone_is_put_down("code")
    return world.last(FeatureAnswered).result


def test_who_logs_in_by_telephone_is_available_when_he_hangs_up() -> None:
    world = one_queue()
    world.logs_out("alice")
    request = world.caller_joins("sales")

    assert _dials(world, "login") == "login"

    assert world.ringing == {"alice": request}


def test_each_code_does_what_it_says() -> None:
    world = one_queue().loads(pause_reasons=("lunch", "training"))

    assert _dials(world, "pause", "2") == "pause"
    assert (world.state_of("alice"), world.agent("alice").reason) == ("paused", "training")
    assert _dials(world, "available") == "available"
    assert world.state_of("alice") == "available"
    assert _dials(world, "pause") == "pause"
    assert world.agent("alice").reason is None
    assert _dials(world, "logout") == "logout"
    assert world.state_of("alice") == "logged_out"


@pytest.mark.parametrize(("typed", "reason"), [("1", "lunch"), ("2", "training"), ("02", "training")])
def test_a_digit_stands_for_a_reason_in_the_order_of_the_rules(typed: str, reason: str) -> None:
    world = one_queue().loads(pause_reasons=("lunch", "training"))

    assert _dials(world, "pause", typed) == "pause"

    assert (world.state_of("alice"), world.agent("alice").reason) == ("paused", reason)


def test_a_wrap_up_is_made_longer_and_ended_by_telephone() -> None:
    world = one_queue(wrap_up_seconds=5, wrap_up_step_seconds=30)
    request = world.caller_joins("sales")
    world.takes_the_call("alice")
    leg = world.offer_to("alice")
    world.caller_hangs_up(request)
    world.hangs_up(leg)

    assert _dials(world, "longer") == "longer"
    assert world.seconds_left("alice") == 35
    assert _dials(world, "over") == "over"
    assert world.state_of("alice") == "available"


@pytest.mark.parametrize(
    ("action", "typed"),
    [
        ("longer", ""),
        ("over", ""),
        ("pause", "0"),
        ("pause", "2"),
        ("pause", "001"),
        ("pause", "*"),
        ("pause", "²"),
        ("login", "99"),
        ("fly", ""),
    ],
)
def test_what_cannot_be_is_heard_as_refused_and_changes_nothing(action: str, typed: str) -> None:
    world = one_queue().loads(pause_reasons=("lunch",))

    assert _dials(world, action, typed) == "refused"

    assert world.state_of("alice") == "available"


def test_a_telephone_at_which_nobody_sits_is_refused() -> None:
    world = one_queue()

    assert _dials(world, "pause", phone="stranger") == "refused"
    assert _dials(world, "login", phone="stranger") == "refused"


def test_where_two_share_a_telephone_it_is_who_is_logged_in_there() -> None:
    world = one_queue("alice", "bob")
    shared = (Device(kind="desk", dial="PJSIP/shared"),)
    world.loads(agents=tuple(replace(agent, devices=shared) for agent in world.rules.agents))
    world.logs_out("alice")
    world.logs_out("bob")
    world.logs_in("bob")

    assert _dials(world, "pause", phone="shared") == "pause"

    assert (world.state_of("alice"), world.state_of("bob")) == ("logged_out", "paused")


def test_of_several_agents_the_one_whose_own_telephone_it_is_logs_in() -> None:
    world = one_queue("alice", "bob", "carol").with_mobiles("alice", "bob")
    for agent in ("alice", "bob", "carol"):
        world.logs_out(agent)

    assert _dials(world, "login", phone="bob") == "login"

    assert [world.state_of(agent) for agent in ("alice", "bob", "carol")] == ["logged_out", "available", "logged_out"]


def test_who_has_a_number_logs_in_at_a_seat() -> None:
    world = one_queue().loads(seats=(Seat("window", "PJSIP/1001"),))
    world.loads(agents=tuple(replace(agent, number="17") for agent in world.rules.agents))
    world.logs_out("alice")

    assert _dials(world, "login", "17", phone="1001") == "login"

    request = world.caller_joins("sales")
    assert world.ringing == {"alice": request}
    assert world.offer("alice").device.dial == "PJSIP/1001"


def test_who_sits_at_a_seat_moves_back_by_logging_in_at_his_own_telephone() -> None:
    world = one_queue().loads(seats=(Seat("window", "PJSIP/1001"),))
    world.sits_down("alice", "window")

    assert _dials(world, "login") == "login"

    world.caller_joins("sales")
    assert world.offer("alice").device.dial == "PJSIP/alice"


def test_a_number_does_not_log_in_at_somebody_else_s_own_telephone() -> None:
    world = one_queue("alice", "bob")
    world.loads(agents=tuple(replace(agent, number=str(n)) for n, agent in enumerate(world.rules.agents)))
    world.logs_out("alice")

    assert _dials(world, "login", "0", phone="bob") == "refused"
