from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from center.worlds import World

from .office import Office, configuration


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    async with Office(configuration()) as office:
        yield office


@pytest.fixture
def world(office: Office) -> World:
    return office.world
