"""Calendars: when a queue is open. Opening hours in a time zone, holidays of a country, and days that are closed once.

The center knows only whether a calendar is open; here it is found out, and when that will change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo

import holidays

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT = time(0)
FURTHEST_DAYS = 400
"""How far ahead a change is looked for: more than a year of closed days is closed."""


@dataclass(frozen=True)
class Span:
    """From one time of a day to another; 00:00 as its end is midnight."""

    begins: time
    ends: time


@dataclass(frozen=True)
class Calendar:
    zone: tzinfo
    hours: dict[str, tuple[Span, ...]]
    """By day (mon … sun); a day that is not there is closed."""
    country: str | None = None
    """Whose public holidays are closed (ISO 3166), with `subdivision` for those of a part of it."""
    subdivision: str | None = None
    closed: frozenset[date] = field(default_factory=frozenset)
    open: frozenset[date] = field(default_factory=frozenset)
    """Days that keep their hours although they are holidays."""

    def is_open(self, at: float) -> bool:
        moment = datetime.fromtimestamp(at, self.zone)
        return any(begins <= at < ends for begins, ends in self._spans_of(moment.date()))

    def next_change(self, at: float) -> float | None:
        """The moment after `at` (seconds of UTC) at which it opens or closes; None if it will not for over a year."""
        is_open = self.is_open(at)
        day = datetime.fromtimestamp(at, self.zone).date()
        for ahead in range(FURTHEST_DAYS):
            for moment in sorted({edge for span in self._spans_of(day + timedelta(days=ahead)) for edge in span}):
                if moment > at and self.is_open(moment) is not is_open:
                    return moment
        return None

    def _spans_of(self, day: date) -> Iterator[tuple[float, float]]:
        if not self._is_closed_on(day):
            for span in self.hours.get(DAYS[day.weekday()], ()):
                ends_on = day + timedelta(days=1) if span.ends == MIDNIGHT else day
                yield self._moment(day, span.begins), self._moment(ends_on, span.ends)

    def _moment(self, day: date, at: time) -> float:
        return datetime.combine(day, at, self.zone).timestamp()

    def _is_closed_on(self, day: date) -> bool:
        if day in self.closed:
            return True
        return day not in self.open and self._is_holiday(day)

    def _is_holiday(self, day: date) -> bool:
        return self.country is not None and day in _holidays(self.country, self.subdivision, day.year)


_known: dict[tuple[str, str | None, int], holidays.HolidayBase] = {}


def _holidays(country: str, subdivision: str | None, year: int) -> holidays.HolidayBase:
    key = (country, subdivision, year)
    if key not in _known:
        _known[key] = holidays.country_holidays(country, subdiv=subdivision, years=year)
    return _known[key]
