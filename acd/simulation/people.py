"""What people do on a telephone, as far as a telephone exchange can tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manner:
    """What an agent does with one call that rings. The earlier of the first two happens; with neither it rings out."""

    answers_after_seconds: float | None = None
    rejects_after_seconds: float | None = None
    talk_seconds: float | None = None
    """After so long the agent hangs up; None, he leaves that to the caller."""
    presses_after_seconds: float = 3.0
    """After his answer, where he is asked for a key."""


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
