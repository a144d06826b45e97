"""Where agents are reached, as types: their devices, where their calls are forwarded to, the way to their mobiles."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

DESK, MOBILE = "desk", "mobile"


class Device(Struct, frozen=True):
    """Where an agent is reached: a desk phone at its `dial`, which is what Asterisk's Dial and Originate take, e.g.
    `PJSIP/alice`; a mobile by its `number`, as the whole world writes it."""

    kind: str
    dial: str = ""
    number: str = ""
    accept_key: str = ""
    """Which takes the call there; empty: who picks up has it."""

    @property
    def name(self) -> str:
        """What no other device of the same agent is called."""
        return self.dial or self.number


class Forward(StrEnum):
    """At which of an agent's devices his calls ring."""

    DESK = "desk"
    MOBILE = "mobile"
    DESK_THEN_MOBILE = "desk_then_mobile"
    """At his mobiles when his desk phone has rung in vain."""
    BOTH = "both"


class Hours(Struct, frozen=True):
    """Where calls go while this calendar is open."""

    calendar: str
    forward: Forward


class Forwarding(Struct, frozen=True):
    """Where an agent's calls go for as long as he does not say otherwise."""

    forward: Forward | None = None
    """None: to his desk phone, if he has one."""
    by: tuple[Hours, ...] = ()
    """The first of which is open goes before it."""
    mobile_after_seconds: float = 15
    """For how long his desk phone rings first, with `desk_then_mobile`."""
    mobile_if_unreachable: bool = False
    """Where his desk phone cannot be reached, his mobile rings, whatever he is forwarded to."""


class Trunk(Struct, frozen=True):
    """How a server reaches mobiles."""

    mobile_legs: int | None = None
    """As many at once as there may be; None: any number."""


class Failures(Struct, frozen=True):
    """How often in a row a device could not be reached, and for how long it is left alone for it."""

    in_a_row: int = 0
    until: float | None = None
