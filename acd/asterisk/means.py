"""What the orders and dialogues on one server need besides its link."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from acd.center.state import State
from acd.dialling import Dialling
from acd.messages import Messages


@dataclass(slots=True)
class Means:
    state: State
    dialling: Dialling
    messages: Messages | None
    on_disk: Callable[[], Awaitable[bool]]
    """Answers when all facts so far are, or (False) never will be."""
    can_promise: Callable[[], bool]
    """The journal can be written."""
    country: str | None = None
    zone: ZoneInfo | None = None
    mobile_caller_id: str = "caller"
    """What agents' mobiles are shown: `caller`, `queue`, or this number."""
