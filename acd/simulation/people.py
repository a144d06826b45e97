"""What people do on a telephone, as far as a telephone exchange can tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """What a caller does who would rather leave a message than wait."""

    presses_after_seconds: float = 2.0
    """After he was told that he may."""
    types: str = ""
    """His number, where the one that he calls from is not known."""
    speaks_seconds: float = 8.0
    """0, he says nothing at all."""
    hangs_up_after_seconds: float | None = None
    """Of the dialogue, wherever he is in it; None, he stays to its end."""
    thinks_better_of_it: bool = False
    """He would rather wait, after all, and says so when he has spoken."""


@dataclass(frozen=True, slots=True)
class CallingBack:
    """What an agent does with a callback that he has taken."""

    listens_seconds: float = 6.0
    chooses: str = "call"
    """What he says then: `call`, `later`, `not_possible`, or nothing: he hangs up."""
    thinks_seconds: float = 3.0
    """When the talk is over, or he has heard why there was none."""
    settles: str = "as_it_was"
    """What he says then: `done` or `not_reached`, as it was; `call`, once more, where nobody was reached;
    `appointment`; or nothing: he hangs up."""


@dataclass(frozen=True, slots=True)
class Manner:
    """What somebody does with one call that rings. The earlier of the first two happens; with neither it rings out."""

    answers_after_seconds: float | None = None
    rejects_after_seconds: float | None = None
    talk_seconds: float | None = None
    """After so long he hangs up; None, he leaves that to the other one."""
    presses_after_seconds: float = 3.0
    """After his answer, where he is asked for a key."""
    calling_back: CallingBack = CallingBack()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who calls in."""

    queue: str
    endpoint: str = "trunk"
    number: str = ""
    name: str = ""
    priority: int | None = None
    max_wait_seconds: float | None = None
    skills: str = ""
    """Of an agent who could help him, as the dialplan writes them: `french,billing:3`."""
    preferred_agent: str = ""
    patience_seconds: float | None = None
    """After so long in the line he hangs up; None, he never does."""
    talk_seconds: float | None = None
    """After so long he hangs up; None, he leaves that to the agent."""
    words: Words | None = None
    """Those that he leaves where he is told that he may; None, he waits."""
    chooses: str = "keep"
    """When he calls again, and his callback is still to come: to `keep` it, to wait on the `line`, to `cancel` it."""

    def variables(self) -> dict[str, str]:
        """What the operator's dialplan sets for him before the Gosub."""
        said = {
            "ACD_QUEUE": self.queue,
            "ACD_PRIORITY": "" if self.priority is None else str(self.priority),
            "ACD_MAX_WAIT": "" if self.max_wait_seconds is None else f"{self.max_wait_seconds:g}",
            "ACD_SKILLS": self.skills,
            "ACD_PREFERRED_AGENT": self.preferred_agent,
        }
        return {name: value for name, value in said.items() if value}
