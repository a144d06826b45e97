"""What may be dialled, whatever the time is: the numbers of the world, and what is no number of anybody."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberFormat, PhoneNumberType, shortnumberinfo

from acd.dialling import DialPolicy, DialRefused, DialRules, Rule
from acd.dialling.reading import LONGEST_TEXT, Kind, read
from acd.dialling.template import filled

TYPES = tuple(PhoneNumberType.values())
COUNTRIES = sorted(phonenumbers.SUPPORTED_REGIONS)


def policy(home: str | None = "NL", **rules: object) -> DialPolicy:
    """As it is where the operator has said nothing but his country."""
    return DialPolicy(DialRules(**{"home": home, "countries": frozenset([home] if home else []), **rules}))


def refusal(text: str, asked: DialPolicy | None = None) -> Rule | str:
    """The rule that refuses; what would be dialled if none does."""
    try:
        return (asked or policy()).number(text).e164
    except DialRefused as refused:
        assert refused.words and len(refused.words) < 300
        assert refused.again_at is None
        return refused.rule


# ---- The numbers of every country


def examples(country: str) -> Iterator[tuple[int, phonenumbers.PhoneNumber]]:
    for kind in TYPES:
        if number := phonenumbers.example_number_for_type(country, kind):
            yield kind, number


@pytest.mark.parametrize("country", COUNTRIES)
def test_at_home_fixed_and_mobile_numbers_are_dialled_and_no_others(country: str) -> None:
    for _, number in examples(country):
        usual = phonenumbers.number_type(number) in (
            PhoneNumberType.FIXED_LINE,
            PhoneNumberType.MOBILE,
            PhoneNumberType.FIXED_LINE_OR_MOBILE,
        )
        for form in (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL):
            text = phonenumbers.format_number(number, form)
            e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)

            assert refusal(text, policy(country)) == (e164 if usual else Rule.KINDS), text


@pytest.mark.parametrize("country", COUNTRIES)
def test_nobody_calls_abroad(country: str) -> None:
    for home in ("NL", "US", "GB", "KE"):
        for _, number in examples(country):
            e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
            allowed = phonenumbers.is_valid_number_for_region(number, home)

            assert allowed or refusal(e164, policy(home)) in (Rule.COUNTRIES, Rule.KINDS), e164


@pytest.mark.parametrize("code", phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS)
def test_numbers_of_no_country_are_not_dialled_unless_both_are_allowed(code: int) -> None:
    number = phonenumbers.example_number_for_non_geo_entity(code)
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)

    assert refusal(e164) is Rule.KINDS
    assert refusal(e164, policy(kinds=frozenset(Kind))) is Rule.COUNTRIES
    assert refusal(e164, policy(countries=frozenset({"NL", "001"}))) is Rule.KINDS
    assert refusal(e164, policy(countries=frozenset({"001"}), kinds=frozenset(Kind))) == e164


SHORT = [f"{digits:0{width}}" for width in (2, 3, 4) for digits in range(10**width)]


@pytest.mark.parametrize("country", COUNTRIES)
def test_emergency_numbers_are_never_dialled_in_whatever_form_and_by_whatever_rules(country: str) -> None:
    code = phonenumbers.country_code_for_region(country)
    everything = {"countries": frozenset([*COUNTRIES, "001"]), "kinds": frozenset(Kind)}
    at_home, far_away = policy(country, **everything), policy("NL", **everything)
    own = [digits for digits in SHORT if shortnumberinfo.is_emergency_number(digits, country)]
    for digits in {"112", "911", "999", "000", *own}:
        for text in (digits, f"0{digits}", f"+{code}{digits}", f"+{code} (0){digits}"):
            assert refusal(text, at_home) is Rule.EMERGENCY, text
        assert refusal(f"+{code}{digits}", far_away) is Rule.EMERGENCY
        for text in (f"00{digits}", f"00{code}{digits}", f"+{digits}"):
            assert isinstance(refusal(text, at_home), Rule), text


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("112", "NL"),
        ("1 1 2", "NL"),
        ("0112", "NL"),
        ("00112", "NL"),
        ("+112", "NL"),
        ("+31112", None),
        ("0031 112", "NL"),
        ("911", "US"),
        ("1911", "US"),
        ("+1 911", None),
        ("011 1 911", "US"),
        ("011 911", "US"),
        ("8112", "RU"),
        ("999", "GB"),
        ("+44 999", None),
        ("0011 61 000", "AU"),
        ("١١٢", "NL"),
    ],
)
def test_an_emergency_number_is_known_in_disguise(text: str, home: str | None) -> None:
    assert refusal(text, policy(home, countries=frozenset(COUNTRIES), kinds=frozenset(Kind))) is Rule.EMERGENCY


# ---- Disguises


@pytest.mark.parametrize(
    ("home", "text", "expected"),
    [
        ("NL", "+31 900 123456", Rule.KINDS),
        ("NL", "0900-123456", Rule.KINDS),
        ("NL", "088 123 4567", Rule.KINDS),
        ("NL", "14020", Rule.KINDS),
        ("GB", "070 1234 5678", Rule.KINDS),
        ("GB", "0909 8790000", Rule.KINDS),
        ("GB", "+44 7624 123456", Rule.COUNTRIES),  # the Isle of Man
        ("IM", "07624 123456", "+447624123456"),
        ("GB", "+44 7797 712345", Rule.COUNTRIES),  # Jersey
        ("US", "+1 809 555 1234", Rule.COUNTRIES),  # the Dominican Republic
        ("US", "1-876-555-1234", Rule.COUNTRIES),  # Jamaica
        ("US", "+1 900 555 1234", Rule.KINDS),
        ("US", "1 (800) 234-5678", Rule.KINDS),
        ("US", "(212) 555-0123", "+12125550123"),
        ("CA", "(212) 555-0123", Rule.COUNTRIES),
        ("CA", "(604) 555-0123", "+16045550123"),
        ("RU", "8 (701) 234-56-78", Rule.COUNTRIES),  # Kazakhstan
        ("KZ", "8 (701) 234-56-78", "+77012345678"),
        ("FI", "+358 18 12345", Rule.COUNTRIES),  # Åland
        ("NO", "+47 79 12 34 56", Rule.COUNTRIES),  # Svalbard
        ("AU", "+61 8 9162 1234", Rule.COUNTRIES),  # the Cocos Islands
        ("IT", "06 1234 5678", "+390612345678"),
        ("VA", "06 698 12345", "+390669812345"),
        ("IT", "06 698 12345", Rule.COUNTRIES),
        ("AR", "011 15-2345-6789", "+5491123456789"),
        ("AR", "+54 11 15 2345 6789", "+5491123456789"),
        ("MX", "+52 1 55 1234 5678", Rule.INVALID),
        ("MX", "55 1234 5678", "+525512345678"),
        ("BR", "0 15 11 98765-4321", "+5511987654321"),  # 15 chooses a carrier
        ("NL", "1600 0612345678", Rule.INVALID),  # so does 1600
        ("NL", "+881 6 12345678", Rule.KINDS),
        ("NL", "+882 16 12345678", Rule.KINDS),
        ("NL", "+979 123 456 789", Rule.KINDS),
        ("NL", "00 32 2 234 56 78", Rule.COUNTRIES),
        ("US", "00 31 6 12345678", Rule.INVALID),  # 00 leads nowhere there
        ("US", "011 31 6 12345678", Rule.COUNTRIES),
        ("NL", "0031 6 12345678", "+31612345678"),
        ("NL", "31612345678", "+31612345678"),
        ("NL", "+31 (0)6 1234 5678", "+31612345678"),
        ("NL", "(+31) 6 1234 5678", "+31612345678"),
        ("NL", "06\u201112345678", "+31612345678"),
        ("NL", "\uff10\uff16\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18", "+31612345678"),
        ("NL", "\uff0b31612345678", "+31612345678"),
        ("EG", "٠١٠٠١٢٣٤٥٦٧", "+201001234567"),
        ("NL", "06 1234 567", Rule.INVALID),
        ("NL", "1233", Rule.SHORT_NUMBER),
        ("NL", "+999 123 456", Rule.INVALID),
        ("NL", "6" * 16, Rule.INVALID),
    ],
)
def test_a_number_is_what_it_is_however_it_is_written(home: str, text: str, expected: Rule | str) -> None:
    assert refusal(text, policy(home)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "++31612345678",
        "+31+612345678",
        "31612345678+",
        "+031612345678",
        "0612345678;ext=1",
        "0612345678 x12",
        "0612345678#12",
        "0612345678,12",
        "0612345678w12",
        "tel:+31612345678",
        "sip:0612345678@example.com",
        "612345678;phone-context=+31",
        "06-FLOWERS",
        "call 0612345678",
        "*21*0612345678#",
        "**21*0612345678#",
        "#31#0612345678",
        "*0612345678",
        "*#06#",
        "0612345678&PJSIP/0900123456@trunk",
        "0612345678@other",
        "0612345678/n",
        "{number}",
        "{digits}",
        "${CALLERID(num)}",
        "0612345678\r\nChannel: PJSIP/x",
        "0612345678\n",
        "0612345678\0",
        "06\t12345678",
        "06²12345678",
        "06①2345678",
        "\u202a0612345678\u202c",
        "-0612345678e0",
        "0x0612345678",
        "0" * 100_000,
        "9" * (LONGEST_TEXT + 1),
        " " * 100_000 + "0612345678",
    ],
)
def test_what_is_not_written_as_a_number_is_none(text: str) -> None:
    assert refusal(text) is Rule.FORM


@given(
    st.text(max_size=60) | st.text(alphabet="+0123456789 -()*#;=x,", max_size=25), st.sampled_from([*COUNTRIES, None])
)
def test_only_a_plus_and_digits_ever_come_out_and_mean_the_same_again(text: str, home: str | None) -> None:
    try:
        number = read(text, home)
    except DialRefused as refused:
        assert "\n" not in str(refused) and "\r" not in str(refused)
        return

    assert re.fullmatch(r"\+[1-9][0-9]{5,14}", number.e164, re.ASCII)
    assert phonenumbers.is_valid_number(phonenumbers.parse(number.e164))
    assert read(number.e164, None) == read(number.e164, home) == number
    assert number.countries and set(number.countries) <= set(
        COUNTRY_CODE_TO_REGION_CODE[phonenumbers.parse(number.e164).country_code]
    )


GROUPING = st.sampled_from(["", " ", "-", ".", "/", "  ", "\u00a0"])


@given(st.sampled_from(COUNTRIES), st.sampled_from(TYPES), st.lists(GROUPING, min_size=20, max_size=20))
def test_grouping_changes_nothing(country: str, kind: int, grouping: list[str]) -> None:
    number = phonenumbers.example_number_for_type(country, kind)
    if number is None:
        return
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    grouped = e164[0] + "".join(digit + gap for digit, gap in zip(e164[1:], grouping, strict=False))

    assert len(grouped) > LONGEST_TEXT or read(grouped, None).e164 == e164


# ---- The operator's rules


def test_without_a_country_nothing_is_dialled_and_it_is_said_why() -> None:
    with pytest.raises(DialRefused, match=r"neither \[site\] country nor \[dialling\] countries") as refused:
        policy(None).number("+31612345678")

    assert refused.value.rule is Rule.COUNTRIES


def test_without_a_home_country_a_number_says_its_own() -> None:
    asked = policy(None, countries=frozenset({"NL"}))

    assert refusal("+31612345678", asked) == "+31612345678"
    with pytest.raises(DialRefused, match=r"\[site\] country is not set"):
        asked.number("0612345678")


def test_prefixes_narrow_what_is_allowed_and_widen_nothing() -> None:
    asked = policy(prefixes_allowed=("+316", "+3120", "+32", "+31900"), prefixes_refused=("+3161",))

    assert refusal("0201234567", asked) == "+31201234567"
    assert refusal("0101234567", asked) is Rule.PREFIXES_ALLOWED
    assert refusal("0621234567", asked) == "+31621234567"
    assert refusal("0612345678", asked) is Rule.PREFIXES_REFUSED
    assert refusal("+3222345678", asked) is Rule.COUNTRIES
    assert refusal("0900123456", asked) is Rule.KINDS


def test_a_number_that_does_not_tell_its_kind_is_dialled_where_both_are_allowed() -> None:
    assert refusal("+12125550123", policy("US", kinds=frozenset({Kind.MOBILE}))) is Rule.KINDS
    assert refusal("+12125550123", policy("US")) == "+12125550123"


@pytest.mark.parametrize(
    ("template", "dialled"),
    [
        ("PJSIP/{number}@trunk", "PJSIP/+31612345678@trunk"),
        ("PJSIP/{digits}@trunk", "PJSIP/31612345678@trunk"),
        ("DAHDI/g1/{digits}", "DAHDI/g1/31612345678"),
    ],
)
def test_the_template_is_filled(template: str, dialled: str) -> None:
    assert filled(template, policy().number("06 12345678")) == dialled
