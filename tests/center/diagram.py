"""Draws docs/agent-states.md from the table in acd/center/agents.py.

`python -m tests.center.diagram`, at the root of the checkout, writes it anew.
"""

from __future__ import annotations

from pathlib import Path

from acd.center.agents import LATER, REFUSED, STAYS, Happening, transitions
from acd.center.model import AgentState

PAGE = Path(__file__).parents[2] / "docs" / "agent-states.md"
HOW_TO_REDRAW = "python -m tests.center.diagram"

_INTRODUCTION = f"""\
<!-- Drawn from the table in acd/center/agents.py; `{HOW_TO_REDRAW}` draws it anew. -->

# An agent's states

Calls are offered only to who is *available*. *wrap_up*, *busy* and *no_answer* end by themselves, at a time that the
agent and his supervisor can see; all other states wait for somebody to do something.

Two kinds of *busy* are ended by a telephone, and have no time: with the reason `on_phone`, for as long as it is used
for something else; with `outgoing_call`, for as long as the agent is in a call that he makes by a click, where
`[click_to_dial] agent_state` is "busy". What may happen to him then is what may happen to who is *connected*, as he is
called otherwise, with the same reason.
"""
_LEGEND = f"""\
What may happen to an agent in each state, and the state that follows:

- `{STAYS}`: nothing changes, and a wish to be paused or logged out is forgotten;
- `{LATER}`: it is noted as a wish, and takes effect when the agent would next become available;
- `{REFUSED}`: it is refused with a reason;
- empty: it cannot happen.
"""


def page() -> str:
    return f"{_INTRODUCTION}\n```mermaid\n{_mermaid()}\n```\n\n{_LEGEND}\n{_table()}\n"


def _mermaid() -> str:
    ways: dict[tuple[str, str], list[str]] = {}
    for (state, happening), follows in transitions().items():
        if follows not in (STAYS, LATER, REFUSED, state):
            ways.setdefault((state, follows), []).append(happening)
    arrows = [f"    {state} --> {follows}: {', '.join(happenings)}" for (state, follows), happenings in ways.items()]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {AgentState.LOGGED_OUT}", *arrows])


def _table() -> str:
    cells = transitions()
    rows = [[happening, *(cells.get((state, happening), "") for state in AgentState)] for happening in Happening]
    return "\n".join(_row(cells) for cells in [["", *AgentState], ["---"] * (len(AgentState) + 1), *rows])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page())
