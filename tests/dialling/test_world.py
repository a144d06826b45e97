"""Thousands of numbers of every country, good and bad, in many spellings, held against oracles that are no part of the
policy: `phonenumbers` asked directly, and tables written by hand of what costs money and what calls for help.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import phonenumbers
import pytest
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType, national_significant_number

from acd.dialling import Rule
from acd.dialling.reading import Kind

from .test_numbers import COUNTRIES, examples, policy, refusal

EVERYTHING = {"countries": frozenset([*COUNTRIES, "001"]), "kinds": frozenset(Kind)}
USUAL = {PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
OF_NO_COUNTRY = phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS

# ---- Generated


def may_be_dialled(digits: str, home: str, types: set[int], countries: set[str]) -> str | None:
    """What somebody would expect who asks the library himself: E.164, or None."""
    try:
        number = phonenumbers.parse(digits, home)
    except phonenumbers.NumberParseException:
        return None
    if number.country_code in OF_NO_COUNTRY or not phonenumbers.is_valid_number(number):
        return None
    there = any(phonenumbers.is_valid_number_for_region(number, country) for country in countries)
    return _e164(number) if there and phonenumbers.number_type(number) in types else None


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def good_and_bad(country: str, chance: random.Random) -> Iterator[str]:
    """In national digits, without a trunk prefix."""
    for digits in (national_significant_number(number) for _, number in examples(country)):
        at = chance.randrange(len(digits))
        yield from (digits, digits[:at] + chance.choice("0123456789") + digits[at + 1 :])
        yield from (digits[:-1], digits[1:], digits + "5", digits + "5555")
    if wrong := phonenumbers.invalid_example_number(country):
        yield national_significant_number(wrong)
    for _ in range(10):
        yield "".join(chance.choices("0123456789", k=chance.randint(3, 13)))


def spellings(country: str, digits: str) -> Iterator[tuple[str, str]]:
    """As it may be dialled in that country: what is written, and its bare digits."""
    abroad = f"+{phonenumbers.country_code_for_region(country)}{digits}"
    metadata = PhoneMetadata.metadata_for_region(country)
    yield abroad, abroad
    yield f"{abroad[:3]} ({digits[:2]}) {digits[2:5]}-{digits[5:]}", abroad[:3] + digits
    exits = metadata.preferred_international_prefix or metadata.international_prefix or ""
    for prefix in (metadata.national_prefix or "", exits + abroad[1 : -len(digits)] if exits.isdigit() else ""):
        bare = prefix + digits
        yield bare, bare
        yield ".".join(bare), bare


@pytest.mark.parametrize("country", COUNTRIES)
def test_what_is_dialled_is_what_is_good_of_a_kind_and_country_that_the_operator_wants(country: str) -> None:
    chance = random.Random(country)
    far, strict = chance.sample(COUNTRIES, 3), {PhoneNumberType.MOBILE}
    policies = [
        (policy(country), USUAL, {country}),
        (policy("NL"), USUAL, {"NL"}),
        (policy(country, kinds=frozenset({Kind.MOBILE})), strict, {country}),
        (policy(country, countries=frozenset([country, *far])), USUAL, {country, *far}),
    ]
    for digits in good_and_bad(country, chance):
        for text, bare in chance.sample(list(spellings(country, digits)), 2):
            asked, types, countries = chance.choice(policies)
            said = refusal(text, asked)
            expected = may_be_dialled(bare, asked.rules.home or "", types, countries)

            assert (None if isinstance(said, Rule) else said) == expected, (text, asked.rules, said)


HOSTILE = (
    "{},,9", "{},9", "{}w9", "{}p9", "{};9", "{}#", "{}*", "*31#{}", "#31#{}", "**21*{}#", "*21*{}#", "{};ext=1",
    "{} ext. 5", "{} x5", "tel:{}", "sip:{}@example.com", "{}@trunk", "{}&PJSIP/{}", "{}|{}", "PJSIP/{}",
    "{};phone-context=+1", "tel:{};phone-context=example.com", "${{EVAL({})}}", "{}\r\nAction: Originate", "{}\n",
    "\t{}", "{}\0", "{}'", '{}"', "\u202a{}", "\u200b{}", "{}\ufeff", "{}\u00b2", "{}\u2488", "call {}", "{} or {}",
    "<{}>", "%2b{}", "+{}", "{}+", "~{}",
)  # fmt: skip


@pytest.mark.parametrize("country", COUNTRIES)
def test_no_good_number_is_dialled_with_anything_hostile_beside_it(country: str) -> None:
    for _, number in examples(country):
        for around in HOSTILE:
            text = around.replace("{}", _e164(number))
            assert refusal(text, policy(country, **EVERYTHING)) is Rule.FORM, repr(text)


DIGITS = (
    "٠١٢٣٤٥٦٧٨٩",
    "۰۱۲۳۴۵۶۷۸۹",
    "०१२३४५६७८९",
    "๐๑๒๓๔๕๖๗๘๙",
    "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19",
)


@pytest.mark.parametrize("digits", DIGITS)
def test_digits_of_other_scripts_are_those_digits_and_pass_by_no_rule(digits: str) -> None:
    script = str.maketrans("0123456789", digits)
    for home, text in (("NL", "+31612345678"), ("NL", "0900123456"), ("NL", "112"), ("US", "9005551234")):
        assert refusal(text.translate(script), policy(home)) == refusal(text, policy(home))


# ---- By hand


DEAR = {
    "NL": "0900 1234/0900 123456/0906 12345678/0909 1234567/084 1234567/087 8123456/085 1234567/088 1234567/"
    "067 1234567/14 020/116 000/1888/18001/0970 12345678901/0800 1234",
    "GB": "0909 8790000/0871 2345678/0845 4646464/0844 1234567/0843 1234567/0870 1234567/070 1234 5678/0760 012345/"
    "118 118/118500/0300 1234567/0500 123456/056 1234 5678/055 1234 5678",
    "DE": "0900 1234567/0137 7123456/0137 812345/0180 5123456/01805 123456/0190 123456/0700 12345678/032 21234567/"
    "11833/11880/115/0185 12345",
    "FR": "0899 12 34 56/0810 12 34 56/0820 123456/0891 123456/118 218/3600/3949/09 12 34 56 78/0806 123456",
    "IT": "899 123456/199 123456/892 123/178 1234567/166 123456/144 123456/1254/42222/892424/800 123456/840 123456/"
    "848 123456/895 123456",
    "ES": "803 123456/806 123456/807 123456/905 123456/902 123456/901 123456/11818/11888/704 123456/800 123456",
    "BE": "0900 12 345/0903 12345/070 123 456/078 15 15 15/1207/1307/0800 12345/077 123456",
    "CH": "0900 123 456/0901 123456/0906 123456/0848 123456/1811/0840 123456/0800 123456/0878 123456/058 123 45 67",
    "AT": "0900 123456/0930 123456/0939 123456/0810 123456/0820 123456/118877/0720 123456/0800 123456/0718 123456",
    "US": "1 900 555 1234/900-555-1234/976-1234/411/1-411/555-1212/500 234 5678/533 234 5678/700 234 5678/710 555 1234/"
    "800 234 5678/888 555 1234/456 555 1234/242 365 1234/284 229 1234/473 407 1234/649 712 1234/664 491 1234/"
    "767 225 1234/809 555 1234/829 555 1234/849 555 1234/876 555 1234/658 555 1234/868 291 1234/869 765 2917/"
    "784 430 1234/758 284 1234/721 542 1234/441 370 1234/345 323 1234/268 464 1234/264 235 1234/246 250 1234/"
    "787 234 5678/939 234 5678/340 642 1234/671 300 1234/670 234 5678/684 733 1234/204 234 1234/416 555 0123/"
    "604 555 0123/+1 473 407 1234/011 53 7 1234567/011 882 16 12345678",
    "CA": "900 555 1234/212 555 0123/809 555 1234/441 370 1234/800 234 5678/622 234 5678",
    "AU": "1900 123 456/190 0123 456/1300 123 456/131234/1800 123 456/0500 123 456/0198 308 888/016 123 4567/1223/"
    "12455",
    "IE": "1520 123 456/1550 123456/1590 123456/1850 123 456/1890 123456/0818 123456/11850/11811/076 123 4567/"
    "1800 123456/0700 123456",
    "SE": "0900 123 4567/0939 123 456/0944 1234567/077 123 456/118118/020 123456/0778 123 456/099 1234567",
    "NO": "829 12 345/820 12 345/810 12 345/815 12345/800 12 345/1881/02800/880 12 345/852 12345",
    "DK": "90 12 34 56/80 12 34 56/118/1811",
    "FI": "0600 123 45/0700 12345/0800 123456/118/0100 1234/029 1234567/010 123 4567/020 12345/0300 12345",
    "PL": "701234567/703 123 456/801 123 456/800 123 456/118913/390123456",
    "PT": "760 123 456/761 123456/762123456/808 123 456/707 123 456/708123456/118/1820/301234567",
    "JP": "0990 123456/0570 123 456/0120 123 456/104/117/050 1234 5678/0800 123 4567/0180 123456/0160 123456",
    "IN": "1800 123 456/1860 123 4567/57575/198",
    "BR": "0900 123 4567/0300 123 4567/4004 1234/0500 123 456/0800 123 4567/102/3003 1234",
    "RU": "8 803 123 45 67/8 809 123 45 67/8 800 123 45 67/8 804 1234567/09/118/+7 701 234 56 78",
    "ZA": "0862 345 678/086 123 4567/0900 123456/087 123 4567/0800 123 456/1023/0861123456",
    "CN": "400 123 4567/96 1234/114/95588/16812345/800 123 4567",
    "KE": "0900 223 344/0800 223 456/991",
    "MX": "01 900 1234567/900 123 4567/800 123 4567/040",
    "IL": "1-900-123-456/1-700-123-456/1-919-123-456/1-599-123-456/144/1-800-123-456",
    "TR": "0900 123 4567/0888 123 4567/444 1 444/11811/0850 123 4567/0800 123 45 67",
}
"""Premium and shared-cost numbers, those of companies and of directory enquiries, abroad under the same code … as their
countries' numbering plans have them."""


@pytest.mark.parametrize("home", DEAR)
def test_what_costs_more_than_a_call_is_not_dialled_where_the_operator_has_said_nothing(home: str) -> None:
    through = [text for text in DEAR[home].split("/") if not isinstance(refusal(text, policy(home)), Rule)]

    assert through == []


BEYOND = (
    "+870 773 111 632", "+881 612 345 678", "+881 6 1234 5678", "+882 10 1234", "+882 16 12345678", "+883 5100 012345",
    "+883 140 123456", "+979 123 456 789", "+808 1234 5678", "+800 1234 5678", "+878 10 1234567890",
    "+888 123 456 78901", "+88", "+88 1", "+999 123", "+210 123456", "+1 000 000 0000", "+0", "+00",
    "+0031612345678", "+42 123456789", "+35 123456", "+991 123456", "+3883 123456",
)  # fmt: skip
"""Satellites, networks and services of no country, and codes that there are not."""


@pytest.mark.parametrize("home", ["NL", "US", "GB", "IT", "RU", "AU", None])
def test_what_is_in_no_country_is_not_dialled_where_all_countries_are_allowed(home: str | None) -> None:
    everywhere = policy(home, countries=frozenset(COUNTRIES))
    for text in BEYOND:
        for written in (text, text.replace("+", "00") if home != "US" else text.replace("+", "011")):
            assert isinstance(refusal(written, everywhere), Rule), written


EMERGENCY = {
    "NL": "112", "GB": "112 999", "US": "911", "CA": "911", "AU": "000 112", "NZ": "111", "DE": "110 112",
    "FR": "15 17 18 112 114 115 119 191", "IT": "112 113 115 118", "ES": "112 080 085 092", "CH": "112 117 118 144",
    "AT": "112 122 133 144", "BE": "100 101 112", "JP": "110 118 119", "CN": "110 119 120", "KR": "112 119",
    "IN": "100 101 102 108 112", "BR": "190 192 193", "RU": "101 102 103 112", "UA": "101 102 103 112",
    "PL": "112 997 998 999", "CZ": "112 150 155 158", "HU": "104 105 107 112", "RO": "112", "GR": "100 112 166 199",
    "TR": "112 155", "IL": "100 101 102 112", "ZA": "112 10111", "NG": "112 199", "EG": "122 123", "MX": "911",
    "AR": "100 101 107 911", "CL": "131 132 133", "CO": "112 123", "SE": "112", "NO": "110 112 113", "DK": "112",
    "FI": "112", "IE": "112 999", "PT": "112", "SG": "995 999", "MY": "999 112", "HK": "999 112", "TH": "191 199",
    "PH": "911", "ID": "110 113", "PK": "15", "AE": "112 997 998 999", "IS": "112", "KE": "112 999",
    "VN": "113 114 115", "IR": "110 115 125", "TW": "110 119",
}  # fmt: skip


@pytest.mark.parametrize("country", EMERGENCY)
def test_emergency_numbers_known_by_heart_are_never_dialled_whatever_is_allowed(country: str) -> None:
    code = phonenumbers.country_code_for_region(country)
    for digits in EMERGENCY[country].split():
        for written in (digits, " ".join(digits), f"+{code}{digits}", f"+{code} (0){digits}"):
            assert refusal(written, policy(country, **EVERYTHING)) is Rule.EMERGENCY, written
        for written in (f"+{code}{digits}", f"00{code}{digits}", f"0{digits}", f"{digits}#", f"*{digits}"):
            assert isinstance(refusal(written, policy("NL", **EVERYTHING)), Rule), written


ORDINARY = {
    "NL": "020 1234567/06 12345678/+31 (0)30 2345678",
    "GB": "020 7946 0958/07400 123456/0121 496 0123",
    "DE": "030 23125000/0151 23456789/089 123456",
    "FR": "01 23 45 67 89/06 12 34 56 78",
    "IT": "06 1234 5678/312 345 6789/02 12345678",
    "ES": "912 34 56 78/612 34 56 78",
    "BE": "02 234 56 78/0470 12 34 56",
    "CH": "044 668 18 00/078 123 45 67",
    "AT": "01 234567890/0664 123456",
    "US": "(212) 555-0123/1 415 555 0123/650 253 0000",
    "AU": "(02) 9374 4000/0412 345 678",
    "IE": "01 234 5678/085 012 3456",
    "RU": "8 (495) 123-45-67/8 912 345-67-89",
    "BR": "(11) 2345-6789/11 96123-4567",
    "JP": "03-1234-5678/090-1234-5678",
    "IN": "074104 10123/081234 56789",
    "ZA": "010 123 4567/071 123 4567",
}


@pytest.mark.parametrize("home", ORDINARY)
def test_ordinary_numbers_are_dialled(home: str) -> None:
    for text in ORDINARY[home].split("/"):
        assert not isinstance(refusal(text, policy(home)), Rule), text
