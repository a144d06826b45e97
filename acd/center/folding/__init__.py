"""What each fact changes. Nothing here decides: the same facts give the same state on any later release."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from acd.center.facts import AnyFact
from acd.center.folding import agents, announcements, callbacks, clock, offers, requests, rules

if TYPE_CHECKING:
    from acd.center.state import State


def fold(state: State, fact: AnyFact) -> None:
    _FOLDS[type(fact)](state, fact)


_FOLDS: dict[type[AnyFact], Callable[[State, Any], None]] = {
    **rules.FOLDS,
    **agents.FOLDS,
    **requests.FOLDS,
    **offers.FOLDS,
    **announcements.FOLDS,
    **callbacks.FOLDS,
    **clock.FOLDS,
}
