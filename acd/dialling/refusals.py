"""What is dialled for, and by which rule it may not be."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    MOBILE = "mobile"
    """An agent's own telephone."""
    CALLBACK = "callback"
    CLICK = "click"
    """An agent wants to call somebody."""


class Rule(StrEnum):
    """Those of the number itself in the order in which they are asked, then those of the moment. Where the operator can
    change one, it has the name of its key under `[dialling]`."""

    FORM = "form"
    """It is not written as a number."""
    EMERGENCY = "emergency"
    SHORT_NUMBER = "short_number"
    INVALID = "invalid"
    """Nobody in the world can have it."""
    KINDS = "kinds"
    COUNTRIES = "countries"
    PREFIXES_REFUSED = "prefixes_refused"
    PREFIXES_ALLOWED = "prefixes_allowed"

    HOURS = "hours"
    PER_NUMBER_PER_DAY = "per_number_per_day"
    PER_DAY = "per_day"
    PER_MINUTE = "per_minute"


class DialRefused(Exception):
    """`words` are for people; `again_at` is the moment (seconds of UTC) from which this rule would not refuse any more,
    None if there is none."""

    def __init__(self, rule: Rule, words: str, again_at: float | None = None) -> None:
        super().__init__(f"{words} ({rule})")
        self.rule = rule
        self.words = words
        self.again_at = again_at
