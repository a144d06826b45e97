"""What `dialplans/acd.conf` has a caller say when he joins: read there, so that nobody has to write it twice."""

from __future__ import annotations

import re
from pathlib import Path

from acd.asterisk.pbx_files import SHIPPED

ACD_CONF = SHIPPED / "dialplans" / "acd.conf"
_JOIN = re.compile(r"^ same => n,UserEvent\(AcdJoin,(?P<headers>.*)\)$", re.MULTILINE)
_HEADER = re.compile(r"(?P<name>\w+): \$\{URIENCODE\(\$\{(?P<variable>\w+)\}\)\}(?:,|$)")


def join_headers(acd_conf: Path = ACD_CONF) -> dict[str, str]:
    """Header of AcdJoin → channel variable whose value it tells, URI-encoded."""
    line = _JOIN.search(acd_conf.read_text())
    if line is None or _HEADER.sub("", line["headers"]):
        raise ValueError(
            f"{acd_conf}: the simulated Asterisk reads one line `same => n,UserEvent(AcdJoin,NAME: "
            "${URIENCODE(${VARIABLE})},…)` there, and finds another"
        )
    return {header["name"]: header["variable"] for header in _HEADER.finditer(line["headers"])}
