"""What an exchange for tests is made of: endpoints with known passwords, and an Asterisk of each release."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from acd.asterisk import private
from acd.asterisk.pbx import Endpoint, PbxSettings
from acd.asterisk.private import RELEASES, Installation
from acd.demo.softphone import Softphone

Phone = Callable[..., Awaitable[Softphone]]
"""The fixture `phone`."""
NAMES = ("alice", "bob", "carol", "dave")
DIALPLAN = """
[from-phones]
exten => _[a-z]!,1,Dial(PJSIP/${EXTEN})
"""

both_releases = pytest.mark.parametrize("release", RELEASES)
"""Runs a test with `pbx` once on each."""


def password_of(name: str) -> str:
    return f"of-{name}"


def phones(*names: str) -> tuple[Endpoint, ...]:
    """Endpoints that register, for `PbxSettings.endpoints`; the fixture `phone` knows their passwords."""
    return tuple(Endpoint(name, password_of(name)) for name in names)


def usual_settings() -> PbxSettings:
    return PbxSettings(endpoints=phones(*NAMES), dialplan=DIALPLAN)


def installation(release: str) -> Installation:
    found = private.find(release)
    if found is None:
        pytest.skip(f"there is no Asterisk {release} here: acd pbx install --release {release}")
    return found
