"""From a number to what Asterisk dials: the one way there, and the policy stands in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from acd.dialling.policy import DialPolicy, DialRules
from acd.dialling.refusals import DialRefused, Purpose
from acd.dialling.template import filled


class NoTrunk(Exception):
    """This server has no way to telephones outside."""


class Dialling:
    def __init__(
        self,
        now: Callable[[], float],
        refused: Callable[[Purpose, DialRefused], None] = lambda purpose, refusal: None,
    ) -> None:
        """`refused` is told of each number that is not let through."""
        self._now = now
        self._refused = refused
        self._policy = DialPolicy(DialRules())
        self._trunks: Mapping[str, str | None] = {}

    def use(self, rules: DialRules, trunks: Mapping[str, str | None]) -> None:
        """From now on these; what has been dialled still counts. `trunks` has each server's template."""
        self._policy.rules = rules
        self._trunks = trunks

    def remember(self, dialled: Iterable[tuple[float, str]]) -> None:
        """What was dialled before this process, the oldest first."""
        for at, number in dialled:
            self._policy.dialled.noted(number, at)

    def number(self, text: str, purpose: Purpose, *, at_once: bool) -> str:
        """The number as the world writes it, if it may be dialled: now, or when its time has come. Raises
        DialRefused."""
        try:
            if at_once:
                return self._policy.check(text, purpose, self._now()).e164
            return self._policy.number(text).e164
        except DialRefused as refusal:
            self._refused(purpose, refusal)
            raise

    def dial_string(self, pbx: str, number: str, purpose: Purpose) -> str:
        """What Dial and Originate take on this server. It is dialled now, and counts. Raises DialRefused, NoTrunk."""
        template = self._trunks.get(pbx)
        if template is None:
            raise NoTrunk(f"asterisk.{pbx}.mobile_dial is not set")
        try:
            dialable = self._policy.check(number, purpose, self._now())
        except DialRefused as refusal:
            self._refused(purpose, refusal)
            raise
        self._policy.dialled.noted(dialable.e164, self._now())
        return filled(template, dialable)

    def can_dial_from(self, pbx: str) -> bool:
        return self._trunks.get(pbx) is not None

    def hours_of(self, number: str) -> str | None:
        """The name of the hours in which this number may be called; None: always."""
        hours = self._policy.hours_of(number)
        return hours.name if hours else None

    def is_time(self, hours: str) -> tuple[bool, float | None]:
        """Whether it is, and when that changes (seconds of UTC)."""
        named = self._policy.hours_named(hours)
        return (True, None) if named is None else (named.is_open(self._now()), named.next_change(self._now()))
