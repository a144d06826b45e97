"""What a caller writes into his number stays in his number.

Asterisk 16 and 22 put a caller's number into events as it came, and `sip:x%0d%0a%0d%0aEvent%3a%20Shutdown@…` comes with
line breaks: whoever can call could write events, or give one of his own the Uniqueid of another's channel. What gives
him away is the order: a channel is always described by the same headers, one behind the other
(ast_manager_build_channel_state_string_prefix() in manager_channels.c), and what a caller can write is too short to
hold the rest of them. So where the order is broken, everything up to the header that should have been next is his.
"""

from __future__ import annotations

import re

LONGEST = 4096
"""Characters of one description, with all that callers wrote into it: Asterisk cuts each part at 79 bytes."""

_FIRST = "ChannelState: "
_HIS = {"CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName", "AccountCode", "Exten"}
_HEADERS = (
    "CallerIDNum",
    "CallerIDName",
    "ConnectedLineNum",
    "ConnectedLineName",
    "Language",
    "AccountCode",
    "Context",
    "Exten",
    "Priority",
    "Uniqueid",
    "Linkedid",
)
_HEAD = r"ChannelState: [^\r\n]*+\r\n(\w*)ChannelStateDesc: [^\r\n]*+"
_LINE = r"\r\n\1{}: [^\r\n]*+"
_WHOLE = re.compile(_HEAD + "".join(_LINE.format(header) for header in _HEADERS))
_BEGUN = re.compile(_HEAD + r"\r\n\1CallerIDNum: ")
_BROKEN = re.compile(
    _HEAD
    + "".join(rf"\r\n\1{header}: (.*?)" if header in _HIS else _LINE.format(header) for header in _HEADERS)
    + r"(?=\r\n|\Z)",
    re.DOTALL,
)
_BREAKS = re.compile(r"[\r\n\0]+")


class Mender:
    """Of one connection."""

    def __init__(self) -> None:
        self.mended = 0
        """How many descriptions were broken."""
        self._knows_order = False
        """This Asterisk describes channels as we think. Another one is not waited for: better unguarded than deaf."""

    def mend(self, text: str) -> tuple[str, str]:
        """Messages, with every description in one piece; and behind them those that must wait for more text, for one
        is broken there and has not come to its end."""
        pieces: list[str] = []
        done = at = 0
        while (at := text.find(_FIRST, at)) >= 0:
            if whole := _WHOLE.match(text, at):
                self._knows_order = True
                at = whole.end()
            elif not _begins_a_line(text, at) or not _BEGUN.match(text, at):
                at += len(_FIRST)
            elif broken := _BROKEN.match(text, at, at + LONGEST):
                self.mended += 1
                pieces += [text[done:at], _in_one_piece(broken)]
                done = at = broken.end()
            elif self._knows_order and len(text) - at < LONGEST:
                good = "".join([*pieces, text[done:at]])
                begin = good.rfind("\r\n\r\n") + 4 if "\r\n\r\n" in good else 0
                return good[:begin], good[begin:] + text[at:]
            else:
                at += len(_FIRST)
        return "".join([*pieces, text[done:]]), ""


def _begins_a_line(text: str, at: int) -> bool:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return not line or line.isalnum()


def _in_one_piece(broken: re.Match[str]) -> str:
    pieces = []
    at = broken.start()
    for group in range(2, broken.re.groups + 1):
        pieces += [broken.string[at : broken.start(group)], _BREAKS.sub(" ", broken[group])]
        at = broken.end(group)
    return "".join([*pieces, broken.string[at : broken.end()]])
