"""Cursors: where a page ended, so that the next one begins behind it whatever has come and gone in between.

To clients a cursor is a word without meaning; here it is one of the structs below, as base64url of its JSON.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from http import HTTPStatus
from typing import Annotated, Any

import msgspec

from acd.api.problems import Problem, shown

LiveKey = tuple[str, bool, float, float, str]


class AfterName(msgspec.Struct, frozen=True, tag="name"):
    name: str


class AfterLive(msgspec.Struct, frozen=True, tag="live"):
    """A request that lives, by where it stands among all that do."""

    key: LiveKey


class BeforeEnded(msgspec.Struct, frozen=True, tag="ended"):
    """A request that has ended, by its number in the journal; None: before all of them, at the newest."""

    number: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None


class BeforeChange(msgspec.Struct, frozen=True, tag="change"):
    """A change, by its number in the journal."""

    number: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


Cursor = AfterName | AfterLive | BeforeEnded | BeforeChange


def write(cursor: Cursor) -> str:
    return urlsafe_b64encode(msgspec.json.encode(cursor)).decode()


def read(text: str, kind: Any) -> Any:
    """A cursor of this kind, or of one of these (`A | B`). Raises Problem for what is no page's `next`."""
    try:
        return msgspec.json.decode(urlsafe_b64decode(text.encode()), type=kind)
    except (ValueError, msgspec.MsgspecError):
        detail = f"cursor: no page of this list has the next page {shown(text)}; begin without one"
        raise Problem(HTTPStatus.NOT_FOUND, detail) from None
