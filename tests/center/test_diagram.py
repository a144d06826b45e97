"""The page on agents' states in the docs is drawn from the table that the center goes by."""

from __future__ import annotations

from .diagram import HOW_TO_REDRAW, PAGE, page


def test_the_page_on_agent_states_shows_the_table() -> None:
    assert PAGE.read_text() == page(), f"{PAGE.name} is not what the table says any more; redraw it: {HOW_TO_REDRAW}"
