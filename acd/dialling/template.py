"""How a server dials a number: what `Dial()` would take, with `{number}` for +31612345678 or `{digits}` for
31612345678."""

from __future__ import annotations

import re

from acd.dialling.reading import Dialable

WORDS = 'TECHNOLOGY/NAME with {number} or {digits} once in it, such as "PJSIP/{number}@trunk"'
_PLACES = ("{number}", "{digits}")


def is_template(text: str) -> bool:
    """Nothing in it may make two dials of one, or end the dial string's first part."""
    bare = text
    for place in _PLACES:
        bare = bare.replace(place, "0")
    there = sum(text.count(place) for place in _PLACES)
    return there == 1 and re.fullmatch(r"[A-Za-z0-9]+/[^\s|&,/{}$]([^\s|&,{}$]*)", bare) is not None and bare.isascii()


def filled(template: str, number: Dialable) -> str:
    """The dial string. Only what the policy has let through gets into one."""
    return template.replace("{number}", number.e164).replace("{digits}", number.e164.removeprefix("+"))
