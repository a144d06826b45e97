"""Simulated days say nothing of each of their calls, and leave the logs as they were."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from acd import logs


@pytest.fixture(autouse=True)
def nothing_is_logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(logs, "set_up", lambda level: None)
    with capture_logs():
        yield
