"""When a number may be called: the same hours every day, in the callee's own time zone, which his number tells.

Where a number may be in several zones (a mobile of Australia), it must be time in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone

from acd.calendars import DAYS, Calendar, Span

FURTHEST_SECONDS = 8 * 24 * 3600
"""Days are alike, so that a moment which does not come within a week never comes."""
UNKNOWN_ZONE = timezone.UNKNOWN_TIMEZONE
PREFIX = "callee:"


@dataclass(frozen=True)
class CalleeHours:
    """Has `is_open` and `next_change` as a Calendar has them, and a name from which it can be made again."""

    name: str
    span: Span
    calendars: tuple[Calendar, ...]

    @property
    def words(self) -> str:
        zones = self.name.removeprefix(PREFIX).replace(",", ", ")
        return f"{self.span.begins:%H:%M} to {self.span.ends:%H:%M} ({zones})"

    def is_open(self, at: float) -> bool:
        return all(calendar.is_open(at) for calendar in self.calendars)

    def next_change(self, at: float) -> float | None:
        """The moment after `at` (seconds of UTC) at which it opens or closes; None if it never will."""
        is_open, moment = self.is_open(at), at
        while moment - at < FURTHEST_SECONDS:
            changes = [change for calendar in self.calendars if (change := calendar.next_change(moment))]
            if not changes:
                return None
            moment = min(changes)
            if self.is_open(moment) is not is_open:
                return moment
        return None


def name_of(e164: str, home_zone: str) -> str:
    """Of the hours of a number; `home_zone` is taken where it tells no zone."""
    zones = timezone.time_zones_for_number(phonenumbers.parse(e164))
    return PREFIX + ",".join(home_zone if zone == UNKNOWN_ZONE else zone for zone in zones)


def named(name: str, span: Span) -> CalleeHours:
    hours: dict[str, tuple[Span, ...]] = dict.fromkeys(DAYS, (span,))
    zones = name.removeprefix(PREFIX).split(",")
    return CalleeHours(name, span, tuple(Calendar(zone=ZoneInfo(zone), hours=hours) for zone in zones))
