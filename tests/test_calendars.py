"""Calendars: open and closed at each moment, through daylight saving, holidays and single days."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from acd.calendars import Calendar, Span

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
OFFICE = {
    **dict.fromkeys(("mon", "tue", "wed", "thu"), (Span(time(9), time(12, 30)), Span(time(13, 30), time(17)))),
    "fri": (Span(time(9), time(0)),),
}
ALWAYS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), (Span(time(0), time(0)),))


def _at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).timestamp()


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-24 08:59:59", False),
        ("2026-11-24 09:00:00", True),
        ("2026-11-24 12:30:00", False),
        ("2026-11-24 13:30:00", True),
        ("2026-11-24 17:00:00", False),
        ("2026-11-27 23:59:59", True),
        ("2026-11-28 00:00:00", False),
        ("2026-11-29 12:00:00", False),
    ],
)
def test_a_calendar_is_open_in_its_hours(moment: str, is_open: bool) -> None:
    assert Calendar(AMSTERDAM, OFFICE).is_open(_at(moment)) is is_open


@pytest.mark.parametrize(
    ("moment", "change"),
    [
        ("2026-11-24 08:00:00", "2026-11-24 09:00:00"),
        ("2026-11-24 09:00:00", "2026-11-24 12:30:00"),
        ("2026-11-24 18:00:00", "2026-11-25 09:00:00"),
        ("2026-11-27 10:00:00", "2026-11-28 00:00:00"),
        ("2026-11-28 10:00:00", "2026-11-30 09:00:00"),
    ],
)
def test_it_tells_when_that_changes(moment: str, change: str) -> None:
    assert Calendar(AMSTERDAM, OFFICE).next_change(_at(moment)) == _at(change)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_on_both_days_of_daylight_saving_the_wall_clock_counts(day: str) -> None:
    calendar = Calendar(AMSTERDAM, {"sun": (Span(time(9), time(17)),)})

    assert not calendar.is_open(_at(f"{day} 08:59:59"))
    assert calendar.is_open(_at(f"{day} 09:00:00"))
    assert calendar.next_change(_at(f"{day} 00:00:00")) == _at(f"{day} 09:00:00")


def test_who_never_closes_never_changes() -> None:
    assert Calendar(AMSTERDAM, ALWAYS).next_change(_at("2026-11-24 12:00:00")) is None
    assert Calendar(AMSTERDAM, {}).next_change(_at("2026-11-24 12:00:00")) is None


def test_public_holidays_are_closed_but_for_those_that_are_said_to_be_open() -> None:
    christmas = _at("2026-12-25 10:00:00")

    assert Calendar(AMSTERDAM, OFFICE).is_open(christmas)
    assert not Calendar(AMSTERDAM, OFFICE, country="NL").is_open(christmas)
    assert Calendar(AMSTERDAM, OFFICE, country="NL", open=frozenset({date(2026, 12, 25)})).is_open(christmas)


def test_a_holiday_of_a_part_of_a_country_is_closed_there_only() -> None:
    epiphany = datetime(2026, 1, 6, 10, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()

    assert not Calendar(ZoneInfo("Europe/Berlin"), OFFICE, country="DE", subdivision="BY").is_open(epiphany)
    assert Calendar(ZoneInfo("Europe/Berlin"), OFFICE, country="DE", subdivision="HH").is_open(epiphany)


def test_a_day_may_be_closed_once() -> None:
    calendar = Calendar(AMSTERDAM, OFFICE, closed=frozenset({date(2026, 11, 24)}))

    assert not calendar.is_open(_at("2026-11-24 10:00:00"))
    assert calendar.next_change(_at("2026-11-24 08:00:00")) == _at("2026-11-25 09:00:00")
