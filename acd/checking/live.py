"""The Asterisk servers of a configuration, asked whether acd could steer them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from acd.asterisk.link import ActionFailed, AmiServer, Link
from acd.config import Asterisk, Config, Desk

CONNECT_SECONDS = 10.0
CONTEXTS = ("acd-queue", "acd-wait", "acd-announce", "acd-agent", "acd-ask")
"""Of dialplans/acd.conf."""
FIXED_IN = {18: (24, 2), 20: (9, 2), 21: (4, 2)}
"""CVE-2024-42365: until then, `write = originate` can write files, and so run programs."""
CVE = "CVE-2024-42365: whoever has acd's AMI secret can run programs as Asterisk on this release; update it"


async def look(config: Config) -> list[str]:
    """What is wrong with each server, a line each; empty if all of them can be steered."""
    found = await asyncio.gather(*(_look_at(config, name, server) for name, server in config.asterisk.items()))
    return [f"asterisk.{name}: {what}" for name, lines in zip(config.asterisk, found, strict=True) for what in lines]


async def _look_at(config: Config, name: str, server: Asterisk) -> list[str]:
    async with _link(name, server) as (link, failure):
        if failure:
            return [failure]
        return [*await _version(link), *await _dialplan(link), *await _endpoints(link, config, server)]


@asynccontextmanager
async def _link(name: str, server: Asterisk) -> AsyncIterator[tuple[Link, str]]:
    up = asyncio.Event()
    link = Link(
        AmiServer(name, server.host, server.port, server.username, server.secret.get_secret_value(), server.tls),
        on_event=lambda event: None,
        on_up=up.set,
        on_down=lambda why: None,
        wanted=frozenset(),
    )
    await link.start()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await up.wait()
        yield link, ""
    except TimeoutError:
        where = f"{server.host}:{server.port}"
        yield link, f"cannot be steered within {CONNECT_SECONDS:g} s: {link.trouble or f'no answer at {where}'}"
    finally:
        await link.stop()


async def _version(link: Link) -> list[str]:
    try:
        answer = await link.send("CoreSettings")
    except ActionFailed as error:
        return [
            f"the AMI user {link.server.username!r} may not ask for the version ({error}): give it write = reporting"
        ]
    version = answer.get("AsteriskVersion", "")
    return [CVE] if _is_vulnerable(version) else []


def _is_vulnerable(version: str) -> bool:
    """Distributions may have mended an older number; that cannot be seen from here."""
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if numbers is None:
        return False
    major, minor, patch = (int(number) for number in numbers.groups())
    return major < min(FIXED_IN) or (minor, patch) < FIXED_IN.get(major, (0, 0))


async def _dialplan(link: Link) -> list[str]:
    missing = []
    for context in CONTEXTS:
        try:
            await link.ask("ShowDialPlan", {"Context": context})
        except ActionFailed:
            missing.append(context)
    if not missing:
        return []
    return [f"the dialplan has no {', '.join(missing)}: include dialplans/acd.conf from extensions.conf and reload"]


async def _endpoints(link: Link, config: Config, server: Asterisk) -> list[str]:
    """Those that may have somebody called whom the dial policy has not seen."""
    methods = [(name, await _redirect_method(link, name)) for name in sorted(set(_dialled(config, server)))]
    return [
        f"the endpoint {name} has redirect_method = {method}: an answer of its telephone or trunk (302) could have "
        "anybody called, past the dial policy; make it user"
        for name, method in methods
        if method not in ("", "user")
    ]


async def _redirect_method(link: Link, endpoint: str) -> str:
    """Empty for one that is not there, and on Asterisk 16, which does not tell it."""
    try:
        answer = await link.send("Getvar", {"Variable": f"PJSIP_ENDPOINT({endpoint},redirect_method)"})
    except ActionFailed:
        return ""
    return str(answer.get("Value", ""))


def _dialled(config: Config, server: Asterisk) -> Iterator[str]:
    """The endpoints of PJSIP that agents' telephones and the trunk are."""
    desks = (device.dial for agent in config.agent for device in agent.devices if isinstance(device, Desk))
    for dial in (*desks, *(seat.dial for seat in config.seat), server.mobile_dial or ""):
        if found := re.fullmatch(r"PJSIP/(?:[^@]*@)?([\w.-]+)", dial, re.ASCII):
            yield found[1]
