"""When a number may be dialled, and how often: the callee's hours and the rates."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from phonenumbers.tzdata import TIMEZONE_DATA

from acd.calendars import Span
from acd.dialling import DialPolicy, DialRefused, DialRules, Purpose, Rule
from acd.dialling.dialled import DAY_SECONDS, MOST_REMEMBERED, Dialled
from acd.dialling.reading import Kind

WORLD = frozenset([*phonenumbers.SUPPORTED_REGIONS, "001"])
DAYTIME = Span(time(8), time(21))
DUTCH = "+31612345678"
OTHER = "+31201234567"


def policy(**rules: object) -> DialPolicy:
    return DialPolicy(DialRules(**{"home": "NL", "countries": WORLD, "kinds": frozenset(Kind), **rules}))


def at(text: str, zone: str = "Europe/Amsterdam") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def refused(asked: DialPolicy, number: str, now: float, purpose: Purpose = Purpose.CALLBACK) -> DialRefused:
    with pytest.raises(DialRefused) as found:
        asked.check(number, purpose, now)
    return found.value


# ---- Hours


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        ("+31612345678", "Europe/Amsterdam"),
        ("+12125550123", "America/New_York"),
        ("+14155550123", "America/Los_Angeles"),
        ("+919876543210", "Asia/Calcutta"),
        ("+81312345678", "Asia/Tokyo"),
    ],
)
def test_the_hours_are_those_where_the_number_is(number: str, zone: str) -> None:
    asked = policy(hours=DAYTIME)

    assert asked.check(number, Purpose.CALLBACK, at("2026-07-01 08:00", zone)).e164 == number
    assert asked.check(number, Purpose.CLICK, at("2026-07-01 20:59", zone)).e164 == number
    early = refused(asked, number, at("2026-07-01 07:59", zone))
    late = refused(asked, number, at("2026-07-01 21:00", zone), Purpose.CLICK)
    assert (early.rule, early.again_at) == (Rule.HOURS, at("2026-07-01 08:00", zone))
    assert (late.rule, late.again_at) == (Rule.HOURS, at("2026-07-02 08:00", zone))
    assert zone in late.words


def test_an_agent_s_own_mobile_rings_at_any_hour() -> None:
    assert policy(hours=DAYTIME).check(DUTCH, Purpose.MOBILE, at("2026-07-01 03:00")).e164 == DUTCH


def test_a_number_that_may_be_in_several_zones_is_called_when_it_is_time_in_all_of_them() -> None:
    asked, mobile = policy(hours=DAYTIME), "+61412345678"

    assert refused(asked, mobile, at("2026-07-01 08:30", "Australia/Sydney")).rule is Rule.HOURS
    assert asked.check(mobile, Purpose.CALLBACK, at("2026-07-01 16:00", "Australia/Sydney"))


def test_where_it_is_never_time_in_all_of_them_there_is_no_moment_to_wait_for() -> None:
    never = refused(policy(hours=Span(time(10), time(12))), "+61412345678", at("2026-07-01 12:00"))

    assert (never.rule, never.again_at) == (Rule.HOURS, None)


def test_a_number_of_no_zone_has_the_hours_of_home() -> None:
    asked = policy(hours=DAYTIME, home_zone="Asia/Tokyo")

    assert refused(asked, "+881612345678", at("2026-07-01 07:59", "Asia/Tokyo")).rule is Rule.HOURS
    assert asked.check("+881612345678", Purpose.CALLBACK, at("2026-07-01 08:00", "Asia/Tokyo"))


def test_a_night_in_which_the_clocks_change_is_as_long_as_it_is() -> None:
    spring = refused(policy(hours=DAYTIME), DUTCH, at("2026-03-28 21:00"))
    autumn = refused(policy(hours=DAYTIME), DUTCH, at("2026-10-24 21:00"))

    assert spring.again_at == at("2026-03-28 21:00") + 10 * 3600
    assert autumn.again_at == at("2026-10-24 21:00") + 12 * 3600


def test_hours_can_be_made_again_from_their_name() -> None:
    asked = policy(hours=DAYTIME)
    hours = asked.hours_of("+61412345678")

    assert hours is not None and asked.hours_named(hours.name) == hours
    assert policy().hours_of(DUTCH) is None


def test_every_zone_that_a_number_can_be_in_is_known() -> None:
    for zone in {zone for zones in TIMEZONE_DATA.values() for zone in zones}:
        assert ZoneInfo(zone)


# ---- Rates

NOON = at("2026-07-01 12:00")


def called(asked: DialPolicy, *dials: tuple[str, float]) -> DialPolicy:
    for number, moment in dials:
        asked.dialled.noted(number, moment)
    return asked


def test_a_number_is_called_so_often_in_a_day_and_no_more() -> None:
    asked = called(policy(per_number_per_day=2), (DUTCH, NOON - 3600), (OTHER, NOON - 60), (DUTCH, NOON - 10))

    again = refused(asked, DUTCH, NOON)
    assert (again.rule, again.again_at) == (Rule.PER_NUMBER_PER_DAY, NOON - 3600 + DAY_SECONDS)
    assert refused(asked, "06 1234 5678", NOON, Purpose.CLICK).rule is Rule.PER_NUMBER_PER_DAY
    assert asked.check(OTHER, Purpose.CALLBACK, NOON)
    assert asked.check(DUTCH, Purpose.MOBILE, NOON)
    assert asked.check(DUTCH, Purpose.CALLBACK, NOON - 3600 + DAY_SECONDS)


@pytest.mark.parametrize("purpose", Purpose)
def test_so_many_calls_are_made_in_a_minute_and_in_a_day(purpose: Purpose) -> None:
    minute = called(policy(per_minute=2), (DUTCH, NOON - 61), (DUTCH, NOON - 59), (OTHER, NOON - 1))
    day = called(policy(per_day=3), (DUTCH, NOON - 61), (DUTCH, NOON - 59), (OTHER, NOON - 1))

    assert refused(minute, DUTCH, NOON, purpose).rule is Rule.PER_MINUTE
    assert refused(minute, DUTCH, NOON, purpose).again_at == NOON + 1
    assert minute.check(DUTCH, purpose, NOON + 1)
    assert refused(day, OTHER, NOON, purpose).rule is Rule.PER_DAY
    assert refused(day, OTHER, NOON, purpose).again_at == NOON - 61 + DAY_SECONDS


def test_a_clock_that_was_ahead_blocks_nobody() -> None:
    year = 365 * DAY_SECONDS
    asked = called(policy(per_minute=1, per_day=1, per_number_per_day=1), (DUTCH, NOON + year))

    assert asked.check(DUTCH, Purpose.CALLBACK, NOON)
    called(asked, (OTHER, NOON))
    assert refused(asked, OTHER, NOON + 1).rule is Rule.PER_NUMBER_PER_DAY
    assert asked.dialled.nth_last(2) is None


def test_what_is_older_than_a_day_is_forgotten_and_the_rest_is_bounded() -> None:
    dialled = Dialled()
    for second in range(MOST_REMEMBERED + 10):
        dialled.noted(f"+31{second % 7:09}", second / 1000)

    assert dialled.nth_last(MOST_REMEMBERED) == 10 / 1000
    assert dialled.nth_last(MOST_REMEMBERED + 1) is None

    dialled.noted(DUTCH, 2 * DAY_SECONDS)
    assert (dialled.nth_last(1), dialled.nth_last(2)) == (2 * DAY_SECONDS, None)
    assert dialled.nth_last_to("+31000000001", 1) is None


def test_the_same_dials_after_a_restart_give_the_same_answers() -> None:
    dials = [(DUTCH, NOON - 50.0), (OTHER, NOON - 40.0), (DUTCH, NOON - 30.0)]
    one, two = (called(policy(per_minute=3, per_number_per_day=2), *dials) for _ in range(2))

    assert str(refused(one, DUTCH, NOON)) == str(refused(two, DUTCH, NOON))
    assert refused(one, OTHER, NOON).again_at == refused(two, OTHER, NOON).again_at == NOON + 10
