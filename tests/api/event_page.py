"""Draws docs/events.md from acd/center/facts and acd/api/views.py.

`python -m tests.api.event_page`, at the root of the checkout, writes it anew.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from msgspec.structs import fields

from acd.api.views import VIEWS
from acd.center.facts import AnyFact

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
HOW_TO_REDRAW = "python -m tests.api.event_page"

_INTRODUCTION = f"""\
<!-- Drawn from acd/center/facts and acd/api/views.py; `{HOW_TO_REDRAW}` draws it anew. -->

# Events

What `GET /v1/events` and webhooks tell of ([api.md](api.md#events)): facts, as they stand in the journal. Each has
`fact` (its kind) and `at`, the moment at which it became so; the table has the others. Moments (`…_at`, `at`, `until`,
`deadline`) are seconds of UTC since 1970, durations end in `_seconds`. A `device` is `{{"kind", "dial"}}`, a `caller`
`{{"number", "name", "e164"}}`, `needs` a list of `[skill, level]`. Members may be added in later releases, and so may
kinds: pass over those that you do not know.

A queue that a token may not see is `null` where it would be named.

| event | what has become so | members | seen by |
|---|---|---|---|
"""


def page() -> str:
    return _INTRODUCTION + "".join(_row(kind) for kind in get_args(AnyFact))


def _row(kind: type) -> str:
    told = re.sub(r"\s+", " ", kind.__doc__ or "").strip()
    members = ", ".join(f"`{field.name}`" for field in fields(kind) if field.name != "at")
    return f"| `{kind.__name__}` | {told} | {members} | {VIEWS[kind]} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
