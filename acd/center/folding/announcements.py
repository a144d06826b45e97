"""What callers hear while they wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from acd.center.facts import AnnouncementMade, AnnouncementsPlanned, AnyFact, KeyHeeded

if TYPE_CHECKING:
    from acd.center.state import State


def _announcement_made(state: State, fact: AnnouncementMade) -> None:
    request = state.requests[fact.request]
    request.announce_at, request.prompt_at = fact.announce_at, fact.prompt_at
    request.prompts_heard += fact.prompt is not None
    request.spoken_to = True


def _announcements_planned(state: State, fact: AnnouncementsPlanned) -> None:
    request = state.requests[fact.request]
    request.announce_at, request.prompt_at = fact.announce_at, fact.prompt_at
    request.spoken_to = fact.spoken_to
    state.watch_speech(request)


def _key_heeded(state: State, fact: KeyHeeded) -> None:
    state.requests[fact.request].spoken_to = True


FOLDS: dict[type[AnyFact], Callable[[State, Any], None]] = {
    AnnouncementMade: _announcement_made,
    AnnouncementsPlanned: _announcements_planned,
    KeyHeeded: _key_heeded,
}
