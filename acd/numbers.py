"""Telephone numbers, as callers' sides and operators write them, in the one form in which they can be compared."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers


def national_digits(number: str, country: str | None) -> str:
    """The digits of a number in E.164 as one dials them in that country, abroad with 00 before them."""
    parsed = phonenumbers.parse(number)
    if country and phonenumbers.region_code_for_number(parsed) == country:
        text = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
        return "".join(letter for letter in text if letter.isdigit())
    return "00" + number.removeprefix("+")


@lru_cache(maxsize=10_000)
def e164(text: str, country: str | None) -> str:
    """A number in the form +31612345678 (ITU-T E.164); empty if it is none. `country` (ISO 3166, such as NL) is where
    numbers without one belong; with None, only those with a + are understood."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
