"""Facts of the doors of queues."""

from __future__ import annotations

from acd.center.facts.site import Fact
from acd.center.model import (
    QueueName,
)


class QueueDrained(Fact, frozen=True, tag=True, kw_only=True):
    """By somebody's order a queue takes nobody in any more, or (False) does again."""

    queue: QueueName
    drained: bool


class CalendarChanged(Fact, frozen=True, tag=True, kw_only=True):
    """A calendar has opened or closed."""

    calendar: str
    open: bool
