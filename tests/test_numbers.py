"""Numbers: two ways to write one are the same, and what is none is none."""

from __future__ import annotations

import pytest

from acd.numbers import e164


@pytest.mark.parametrize("text", ["0612345678", "+31612345678", "0031612345678", "06-123 456 78", "+31 (0)6 12345678"])
def test_however_it_is_written_it_is_the_same_number(text: str) -> None:
    assert e164(text, "NL") == "+31612345678"


@pytest.mark.parametrize("text", ["", "alice", "101", "anonymous", "+999123", "06123", "+31612345678;ext=1\r\n"])
def test_what_is_no_telephone_number_is_none(text: str) -> None:
    assert e164(text, "NL") in ("", "+31612345678")
    assert e164("101", "NL") == ""


def test_without_a_country_only_a_plus_is_understood() -> None:
    assert e164("0612345678", None) == ""
    assert e164("+31612345678", None) == "+31612345678"
