"""What of a configuration the dial policy would never let through."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers

from acd.config import Config, Desk, Mobile
from acd.dialling import DialPolicy, DialRefused, DialRules

OVER_A_TRUNK = r"/\+?\d{7,}@|/[^/]+/\+?\d{7,}$"
"""PJSIP/0612345678@trunk, DAHDI/g1/0612345678: shorter numbers are mostly those of another exchange of the house."""


def dialling_doubts(config: Config) -> list[str]:
    """One line each."""
    rules = config.dial_rules()
    return [*_of_mobiles(config, DialPolicy(rules)), *_of_desks(config), *_of_prefixes(rules)]


def may_be_dialled(config: Config, number: str) -> str:
    """What the policy says of a number, whatever the time is. Raises DialRefused."""
    policy = DialPolicy(config.dial_rules())
    dialable = policy.number(number)
    kinds, countries = " or ".join(sorted(dialable.kinds)), " or ".join(dialable.countries)
    hours = policy.hours_of(dialable.e164)
    return f"{dialable.e164}: may be dialled: {kinds}, {countries}, {hours.words if hours else 'at all hours'}"


def _of_mobiles(config: Config, policy: DialPolicy) -> Iterator[str]:
    for agent in config.agent:
        for number in [device.number for device in agent.devices if isinstance(device, Mobile)]:
            try:
                policy.number(number)
            except DialRefused as refused:
                yield f"agent {agent.name!r}: the mobile {number} would never be dialled: {refused}"


def _of_desks(config: Config) -> Iterator[str]:
    """A number outside that stands where a telephone of the house is meant passes by no rule."""
    desks = ((agent, device) for agent in config.agent for device in agent.devices)
    dials = [(f"agent {agent.name!r}", device.dial) for agent, device in desks if isinstance(device, Desk)]
    dials += [(f"seat {seat.name!r}", seat.dial) for seat in config.seat]
    for whose, dial in dials:
        if re.search(OVER_A_TRUNK, dial):
            yield f"{whose}: {dial} is dialled past the dial policy; a number outside is a device of the kind mobile"


def _of_prefixes(rules: DialRules) -> Iterator[str]:
    if not rules.countries:
        return
    codes = {
        f"+{code}"
        for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()
        if not rules.countries.isdisjoint(regions)
    }
    for key in ("prefixes_allowed", "prefixes_refused"):
        for prefix in getattr(rules, key):
            if not any(prefix.startswith(code) or code.startswith(prefix) for code in codes):
                where = ", ".join(sorted(rules.countries))
                yield f"dialling.{key}: {prefix} means nothing: no number in {where} begins with it"
