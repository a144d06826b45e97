"""The dial policy: the one place through which every number passes that is ever dialled."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType

from acd import numbers

FIXED_AND_MOBILE = {PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


class Purpose(StrEnum):
    MOBILE = "mobile"
    """An agent's own telephone."""
    CALLBACK = "callback"
    CLICK = "click"
    """An agent wants to call somebody."""


class NotDialled(Exception):
    """`rule` is the one that refuses the number, the message says it in words."""

    def __init__(self, rule: str, words: str) -> None:
        super().__init__(words)
        self.rule = rule


class Dialling:
    def __init__(self, country: str | None, trunks: Mapping[str, str | None]) -> None:
        """`country` is home; `trunks` say for each server how it dials a number."""
        self._country = country
        self._trunks = trunks

    def allowed(self, text: str, purpose: Purpose) -> str:
        """The number, as a person writes it, in E.164. Raises NotDialled."""
        number = numbers.e164(text, self._country)
        if not number:
            raise NotDialled("number", "is no telephone number")
        self.check(number, purpose)
        return number

    def can_dial_from(self, pbx: str) -> bool:
        return self._trunks.get(pbx) is not None

    def check(self, number: str, purpose: Purpose) -> None:
        """Of a number in E.164. Raises NotDialled."""
        try:
            parsed = phonenumbers.parse(number)
        except phonenumbers.NumberParseException:
            raise NotDialled("number", "is no telephone number") from None
        if phonenumbers.region_code_for_number(parsed) != self._country:
            raise NotDialled("country", f"is not in {self._country}")
        if phonenumbers.number_type(parsed) not in FIXED_AND_MOBILE:
            raise NotDialled("kind", "is neither a fixed nor a mobile telephone")

    def dial_string(self, pbx: str, number: str, purpose: Purpose) -> str:
        """What Asterisk's Dial takes, on this server. Raises NotDialled."""
        self.check(number, purpose)
        template = self._trunks.get(pbx)
        if template is None:
            raise NotDialled("no trunk", f"asterisk.{pbx}.mobile_dial is not set")
        return template.replace("{number}", number)

    def caller_id(self, pbx: str, queue: str) -> str:
        """That customers are shown; empty for the trunk's own."""
        return ""

    def hours_of(self, number: str) -> str | None:
        """The name of the calendar of the times at which this number may be called; None: at any time."""
        return None
