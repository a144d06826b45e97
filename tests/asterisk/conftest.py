"""A real Asterisk for tests, and the phones at it.

async def test_alice_calls_bob(pbx, phone):
    alice, bob = await phone("alice"), await phone("bob")
    call = alice.call("bob")

- `pbx` is a PrivatePbx that has booted: a 22. One is shared by the tests of a module (in each worker of xdist), so
  leave nothing in it that the next test would stumble over. `@both_releases` (exchange.py) adds a 16.
- A module says what its Asterisk is made of by a fixture of its own, `pbx_settings`. The usual one has four phones
  with passwords, and a dialplan in which each of them is called by his name.
- `await phone(NAME)` is a registered Softphone of one of its endpoints, taken off the wire after the test.
- Who wants an Asterisk to himself, to break it: `async with running(own_installation, tmp_path, settings) as pbx`.
- Whatever uses one of these is marked `pbx`, and is skipped with a word of advice where no Asterisk is installed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from callcentre import CallCentre, open_centre
from exchange import Phone, installation, password_of, usual_settings

from acd.asterisk.pbx import PbxSettings, PrivatePbx, running
from acd.asterisk.private import DEFAULT_RELEASE, Installation
from acd.demo.softphone import Softphone

NEEDS_AN_ASTERISK = {"pbx", "pbx22", "pbx16", "own_installation"}


@pytest.hookimpl(tryfirst=True)  # before `-m pbx` looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not NEEDS_AN_ASTERISK.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.pbx)


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return usual_settings()


@pytest.fixture
def release() -> str:
    """Which Asterisk `pbx` is."""
    return DEFAULT_RELEASE


@pytest.fixture
def own_installation(release: str) -> Installation:
    return installation(release)


@pytest.fixture
def pbx(release: str, request: pytest.FixtureRequest) -> PrivatePbx:
    started: PrivatePbx = request.getfixturevalue(f"pbx{release}")
    return started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pbx22(pbx_settings: PbxSettings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PrivatePbx]:
    async with running(installation("22"), tmp_path_factory.mktemp("pbx22"), pbx_settings) as pbx:
        yield pbx


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pbx16(pbx_settings: PbxSettings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PrivatePbx]:
    async with running(installation("16"), tmp_path_factory.mktemp("pbx16"), pbx_settings) as pbx:
        yield pbx


@pytest.fixture
async def phone(pbx: PrivatePbx) -> AsyncIterator[Phone]:
    """What else a Softphone takes may be given: `await phone("alice", on_ring=Call.answer)`."""
    async with AsyncExitStack() as plugged_in:

        async def plug_in(name: str, **more: Any) -> Softphone:
            own = Softphone(pbx.host, pbx.sip_port, name, password_of(name), **more)
            await own.start_async()
            plugged_in.push_async_callback(own.stop_async)
            return own

        yield plug_in


@pytest.fixture
async def centre(pbx: PrivatePbx, tmp_path: Path) -> AsyncIterator[CallCentre]:
    """A daemon that steers `pbx`, whose settings must have the dialplan of callcentre.py."""
    async with open_centre(pbx, tmp_path) as opened:
        yield opened
