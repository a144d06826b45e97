"""A number out of a text that anybody may have written: what it is, or by which rule it is none.

`phonenumbers` understands much that must not be dialled: letters, extensions, `tel:` and its parameters, a number in
the middle of a sentence. So it is only shown digits, perhaps with a + in front.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    shortnumberinfo,
)

from acd.dialling.refusals import DialRefused, Rule

LONGEST_TEXT = 40
"""E.164 has 15 digits; the rest is room for how people group them."""
SEPARATORS = frozenset(" -./()\u00a0\u2010\u2011\u2012\u2013")
"""The last of them are the space and the hyphens of word processors."""
FULL_WIDTH_PLUS = "\uff0b"
NO_COUNTRY = "001"
"""What `phonenumbers` says for +800, +870, +881 …"""
SATELLITES = (870, 881)
NETWORKS_OF_NO_COUNTRY = (878, 882, 883)
LONGEST_EMERGENCY_OF_ALL = 3
"""Up to so many digits are taken for an emergency number if they are one anywhere; longer ones, in their country."""


class Kind(StrEnum):
    FIXED = "fixed"
    MOBILE = "mobile"
    TOLL_FREE = "toll_free"
    PREMIUM = "premium"
    SHARED_COST = "shared_cost"
    VOIP = "voip"
    PERSONAL = "personal"
    """That follow a person, such as 070 in Great Britain, mostly at the price of a premium number."""
    PAGER = "pager"
    UAN = "uan"
    """Of companies (universal access number), such as 088 in the Netherlands."""
    VOICEMAIL = "voicemail"
    SATELLITE = "satellite"
    INTERNATIONAL = "international"
    """Of networks that belong to no country (+878, +882, +883)."""


_KINDS = {
    PhoneNumberType.FIXED_LINE: {Kind.FIXED},
    PhoneNumberType.MOBILE: {Kind.MOBILE},
    PhoneNumberType.FIXED_LINE_OR_MOBILE: {Kind.FIXED, Kind.MOBILE},
    PhoneNumberType.TOLL_FREE: {Kind.TOLL_FREE},
    PhoneNumberType.PREMIUM_RATE: {Kind.PREMIUM},
    PhoneNumberType.SHARED_COST: {Kind.SHARED_COST},
    PhoneNumberType.VOIP: {Kind.VOIP},
    PhoneNumberType.PERSONAL_NUMBER: {Kind.PERSONAL},
    PhoneNumberType.PAGER: {Kind.PAGER},
    PhoneNumberType.UAN: {Kind.UAN},
    PhoneNumberType.VOICEMAIL: {Kind.VOICEMAIL},
}


@dataclass(frozen=True)
class Dialable:
    """A number that somebody can have."""

    e164: str
    """A + and 6 to 15 digits."""
    countries: tuple[str, ...]
    """Mostly one. Countries that share a code may share ranges, too: which of them a number is in, nobody can say."""
    kinds: frozenset[Kind]
    """Two where a number does not tell which of them it is, as in North America; empty: not known."""


def read(text: str, country: str | None) -> Dialable:
    """`country` (ISO 3166) is where a number without a + is dialled; with None, only those with one are understood.
    Raises DialRefused."""
    plain = _plain(text)
    number = _parsed(plain, country)
    if any(_is_emergency(digits, region) for digits, region in _as_emergency(plain, number, country)):
        raise DialRefused(Rule.EMERGENCY, f"{text!r} is an emergency number; acd never dials one")
    if number is None or not phonenumbers.is_valid_number(number):
        if number is not None and _is_short(number):
            raise DialRefused(Rule.SHORT_NUMBER, f"{text!r} is a short number of one country or network")
        if country is None and not plain.startswith("+"):
            raise DialRefused(Rule.INVALID, f"{text!r} has no + and country code, and [site] country is not set")
        raise DialRefused(Rule.INVALID, f"{text!r} is no telephone number that can be in use")
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if not re.fullmatch(r"\+[1-9][0-9]{5,14}", e164):
        raise DialRefused(Rule.INVALID, f"{text!r} is longer or shorter than a telephone number (E.164)")
    return Dialable(e164, _countries_of(number), _kinds_of(number))


def _plain(text: str) -> str:
    """Digits, perhaps with a + in front. Raises DialRefused."""
    if len(text) > LONGEST_TEXT:
        raise DialRefused(Rule.FORM, f"{text[:LONGEST_TEXT]!r}… is too long for a number")
    plain = "".join(_ascii(character) for character in text if character not in SEPARATORS)
    if not re.fullmatch(r"\+?[0-9]+", plain) or plain.startswith("+0"):
        raise DialRefused(Rule.FORM, f"{text!r} is no number: only digits, spaces, - . / ( ), and a + in front")
    return plain


def _ascii(character: str) -> str:
    """People write digits in several scripts."""
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    return "+" if character == FULL_WIDTH_PLUS else character


def _parsed(plain: str, country: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(plain, country)
    except phonenumbers.NumberParseException:
        return None


# ---- Emergency and short numbers


def _as_emergency(plain: str, number: PhoneNumber | None, home: str | None) -> Iterator[tuple[str, str | None]]:
    """What might be one, and where: as it is written, or behind a trunk prefix, an exit code, a country's code."""
    digits = plain.removeprefix("+")
    for alone in (digits, *_without_prefix(digits, home)):
        yield alone, home
    if number is None:
        return
    own = phonenumbers.national_significant_number(number)
    for region in _regions(number):
        for alone in (own, *_without_prefix(own, region)):
            yield alone, region


def _without_prefix(digits: str, region: str | None) -> Iterator[str]:
    """Without zeros before it; without the trunk prefix of the country, or its exit code."""
    yield digits.removeprefix("0")
    yield digits.lstrip("0")
    metadata = PhoneMetadata.metadata_for_region(region) if region else None
    for prefix in (metadata.national_prefix, metadata.international_prefix) if metadata else ():
        if prefix and (found := re.match(prefix, digits)):
            yield digits[found.end() :]


def _is_emergency(digits: str, region: str | None) -> bool:
    if not digits:
        return False
    anywhere = len(digits) <= LONGEST_EMERGENCY_OF_ALL
    regions = shortnumberinfo.SUPPORTED_SHORT_REGIONS if anywhere else [region] if region else []
    return any(shortnumberinfo.is_emergency_number(digits, there) for there in regions)


def _is_short(number: PhoneNumber) -> bool:
    return bool(shortnumberinfo.is_valid_short_number(number))


def _regions(number: PhoneNumber) -> tuple[str, ...]:
    """Of its country code."""
    return COUNTRY_CODE_TO_REGION_CODE.get(number.country_code or 0, ())


# ---- Of a number that is valid


def _countries_of(number: PhoneNumber) -> tuple[str, ...]:
    return tuple(region for region in _regions(number) if phonenumbers.is_valid_number_for_region(number, region))


def _kinds_of(number: PhoneNumber) -> frozenset[Kind]:
    if number.country_code in SATELLITES:
        return frozenset({Kind.SATELLITE})
    if number.country_code in NETWORKS_OF_NO_COUNTRY:
        return frozenset({Kind.INTERNATIONAL})
    return frozenset(_KINDS.get(phonenumbers.number_type(number), ()))
