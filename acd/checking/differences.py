"""What a reload would change: new rules held against those that the journal knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from acd.center.model import SiteRules


def differences(old: SiteRules, new: SiteRules) -> list[str]:
    """One line each: what is added (+), taken away (-), or changed (~) and from what to what."""
    lines = [*_of_named("queue", old.queues, new.queues), *_of_named("agent", old.agents, new.agents)]
    lines += _of_named("seat", old.seats, new.seats)
    for table in ("offers", "click_to_dial", "callers", "pause_reasons"):
        was, will_be = getattr(old, table), getattr(new, table)
        if was != will_be:
            lines += [f"~ {table}: {change}" for change in _changes(was, will_be)]
    return lines


_MEANINGS = {
    ("-", "queue"): "takes nobody in any more; those who wait go on in the dialplan, those who talk talk on",
    ("-", "agent"): "is offered nothing any more, and is forgotten after the call that he is on",
}


def _of_named(kind: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[str]:
    was, will_be = {one.name: one for one in old}, {one.name: one for one in new}
    for name in sorted(was | will_be):
        if name not in was:
            yield f"+ {kind} {name!r}"
        elif name not in will_be:
            meaning = _MEANINGS.get(("-", kind), "")
            yield f"- {kind} {name!r}{': ' if meaning else ''}{meaning}"
        else:
            yield from (f"~ {kind} {name!r}: {change}" for change in _changes(was[name], will_be[name]))


def _changes(old: Any, new: Any) -> Iterator[str]:
    was, will_be = msgspec.to_builtins(old), msgspec.to_builtins(new)
    if not isinstance(was, dict):
        yield f"{_shown(was)} → {_shown(will_be)}"
        return
    for key in sorted(was | will_be):
        if was.get(key) != will_be.get(key):
            yield f"{key} {_shown(was.get(key))} → {_shown(will_be.get(key))}"


def _shown(value: Any) -> str:
    return "nothing" if value in (None, [], {}) else msgspec.json.encode(value).decode()
