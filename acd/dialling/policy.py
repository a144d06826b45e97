"""The policy itself: the rules of the operator, asked one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from acd.calendars import Span
from acd.dialling import hours, reading
from acd.dialling.dialled import DAY_SECONDS, Dialled
from acd.dialling.hours import CalleeHours
from acd.dialling.reading import Dialable, Kind
from acd.dialling.refusals import DialRefused, Purpose, Rule

MINUTE_SECONDS = 60.0
NOWHERE = "nothing may be dialled: neither [site] country nor [dialling] countries says where"


@dataclass(frozen=True)
class DialRules:
    """All must agree before a number is dialled."""

    home: str | None = None
    """Where a number without a + is dialled (ISO 3166)."""
    countries: frozenset[str] = frozenset()
    """Empty: nothing may be dialled."""
    kinds: frozenset[Kind] = frozenset({Kind.FIXED, Kind.MOBILE})
    prefixes_allowed: tuple[str, ...] = ()
    """Empty: any."""
    prefixes_refused: tuple[str, ...] = ()
    hours: Span | None = None
    """Of the callee's day; None: always. Not for agents' own mobiles."""
    home_zone: str = "UTC"
    """Whose hours count where a number tells no time zone."""
    per_number_per_day: int | None = None
    """In any 24 hours; None: no limit. Not for agents' own mobiles."""
    per_day: int | None = None
    per_minute: int | None = None


@dataclass
class DialPolicy:
    rules: DialRules
    dialled: Dialled = field(default_factory=Dialled)

    def check(self, text: str, purpose: Purpose, now: float) -> Dialable:
        """The number that may be dialled now. Raises DialRefused."""
        number = self.number(text)
        if purpose is not Purpose.MOBILE:
            self._check_hours(number.e164, now)
            self._check_number_s_day(number.e164, now)
        self._check_rate(Rule.PER_DAY, self.rules.per_day, DAY_SECONDS, now)
        self._check_rate(Rule.PER_MINUTE, self.rules.per_minute, MINUTE_SECONDS, now)
        return number

    def number(self, text: str) -> Dialable:
        """The number that may be dialled when its time has come. Raises DialRefused."""
        rules = self.rules
        if not rules.countries:
            raise DialRefused(Rule.COUNTRIES, NOWHERE)
        number = reading.read(text, rules.home)
        e164 = number.e164
        if not number.kinds or not number.kinds <= rules.kinds:
            kinds = " or ".join(sorted(number.kinds)) or "unknown"
            raise DialRefused(Rule.KINDS, f"{e164} is of the kind {kinds}; allowed: {_listed(rules.kinds)}")
        if rules.countries.isdisjoint(number.countries):
            where = " or ".join(number.countries)
            raise DialRefused(Rule.COUNTRIES, f"{e164} is in {where}; allowed: {_listed(rules.countries)}")
        if refused := [prefix for prefix in rules.prefixes_refused if e164.startswith(prefix)]:
            raise DialRefused(Rule.PREFIXES_REFUSED, f"{e164} begins with {refused[0]}")
        if rules.prefixes_allowed and not e164.startswith(rules.prefixes_allowed):
            raise DialRefused(Rule.PREFIXES_ALLOWED, f"{e164} begins with none of {_listed(rules.prefixes_allowed)}")
        return number

    def hours_of(self, e164: str) -> CalleeHours | None:
        """When this number may be called; None: always."""
        return self.hours_named(hours.name_of(e164, self.rules.home_zone)) if self.rules.hours else None

    def hours_named(self, name: str) -> CalleeHours | None:
        """Those of `hours_of` whose name this is, with the hours of today's rules."""
        return hours.named(name, self.rules.hours) if self.rules.hours else None

    def _check_hours(self, e164: str, now: float) -> None:
        his = self.hours_of(e164)
        if his and not his.is_open(now):
            raise DialRefused(Rule.HOURS, f"{e164} is called from {his.words}", his.next_change(now))

    def _check_number_s_day(self, e164: str, now: float) -> None:
        limit = self.rules.per_number_per_day
        nth_last = self.dialled.nth_last_to(e164, limit) if limit else None
        if nth_last is not None and 0 <= now - nth_last < DAY_SECONDS:
            words = f"{e164} has been called {limit} times in a day"
            raise DialRefused(Rule.PER_NUMBER_PER_DAY, words, nth_last + DAY_SECONDS)

    def _check_rate(self, rule: Rule, limit: int | None, seconds: float, now: float) -> None:
        nth_last = self.dialled.nth_last(limit) if limit else None
        if nth_last is not None and 0 <= now - nth_last < seconds:
            raise DialRefused(rule, f"{limit} calls have been made in {seconds:g} seconds", nth_last + seconds)


def _listed(allowed: Iterable[str]) -> str:
    return ", ".join(sorted(allowed))
