"""The call centre of the demo, put together: Asterisk, the daemon, and agents at their phones who are logged in."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acd.asterisk import pbx
from acd.asterisk.packages import Say
from acd.asterisk.pbx import Endpoint, PbxSettings, PrivatePbx
from acd.asterisk.pbx_command import DEMO_DIALPLAN
from acd.asterisk.ports import LOOPBACK
from acd.asterisk.private import Installation
from acd.demo import daemon_process
from acd.demo.crowd import CUSTOMERS
from acd.demo.daemon_process import DaemonProcess, DemoFailed
from acd.demo.people import AgentPerson, Manner
from acd.demo.softphone import RegistrationRefused, Softphone
from acd.demo.together import first_of
from acd.demo.watching import Api, api_at


@dataclass(frozen=True)
class Seat:
    """One agent: the queues that he serves, and what he does now and then instead of answering."""

    name: str
    queues: dict[str, int]
    at_times: tuple[Manner, float] | None = None


STAFF = (
    Seat("alice", {"sales": 1, "support": 10}),
    Seat("bruno", {"sales": 2}),
    Seat("chloe", {"sales": 3, "billing": 1}, at_times=(Manner.NEVER_ANSWERS, 0.2)),
    Seat("david", {"support": 1}, at_times=(Manner.REJECTS, 0.2)),
    Seat("emma", {"support": 1, "billing": 2}),
    Seat("farid", {"support": 2, "sales": 5}),
)
ANSWER_SECONDS = (0.4, 1.8)
TALK_SECONDS = (3.0, 8.0)

_ACD_TOML = """\
[asterisk.demo]
host = "{host}"
port = {ami_port}
secret = {secret}

[store]
url = {store}

[http]
listen = "{listen}"

[[token]]
name = "demo"
sha256 = "{sha256}"
role = "admin"

[offers]
no_answer_seconds = 8
busy_seconds = 6

[[queue]]
name = "sales"
strategy = "priority"
ring_seconds = 6
wrap_up_seconds = 2
service_level_seconds = 10

[[queue]]
name = "support"
strategy = "random"
ring_seconds = 6
wrap_up_seconds = 2
service_level_seconds = 10

[[queue]]
name = "billing"
ring_seconds = 6
wrap_up_seconds = 2
service_level_seconds = 10
"""
_AGENT = """
[[agent]]
name = "{name}"
queues = {{ {queues} }}
devices = [ {{ kind = "desk", dial = "PJSIP/{name}" }} ]
"""


@dataclass(frozen=True)
class CallCentre:
    """One that is open: callers may come."""

    pbx: PrivatePbx
    daemon: DaemonProcess
    api: Api
    token: str
    customers: dict[str, Softphone]
    """Their phones, by their numbers."""

    async def fails(self) -> None:
        """Returns never, and raises DemoFailed when something ends that must live."""
        await first_of(self.daemon.fails(), self._pbx_fails())

    async def _pbx_fails(self) -> None:
        status = await self.pbx.process.wait()
        last = self.pbx.log().strip().splitlines()[-1:]
        raise DemoFailed(f"Asterisk ended with status {status}: {last[0] if last else 'its log is empty'}")


@asynccontextmanager
async def opened(installation: Installation, say: Say) -> AsyncIterator[CallCentre]:
    """Raises DemoFailed and PrivatePbxError; whatever has been started by then has gone again."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="acd-demo-")))
        password = secrets.token_hex(8)
        say("Starting Asterisk …")
        running_pbx = await stack.enter_async_context(
            pbx.running(installation, folder / "pbx", _pbx_settings(password))
        )
        say("Starting the daemon, acd run …")
        token = secrets.token_urlsafe(9)
        listen = f"{LOOPBACK}:{_free_port(running_pbx)}"
        config = _write_config(folder, running_pbx, listen, token)
        daemon = await stack.enter_async_context(daemon_process.running(config, f"http://{listen}"))
        api = await stack.enter_async_context(api_at(daemon.url, token))
        say("Agents take their seats and log in …")
        await _seat_agents(stack, running_pbx, password, api)
        customers = await _plug_in_customers(stack, running_pbx, password)
        yield CallCentre(running_pbx, daemon, api, token, customers)


def _pbx_settings(password: str) -> PbxSettings:
    desks = [Endpoint(seat.name, password) for seat in STAFF]
    outside = [
        Endpoint(number, password, context="from-trunk", extra=f'callerid = "{name}" <{number}>')
        for number, name in CUSTOMERS.items()
    ]
    return PbxSettings(endpoints=(*desks, *outside), dialplan=DEMO_DIALPLAN.read_text())


def _free_port(running_pbx: PrivatePbx) -> int:
    """One of those that are reserved for us beside Asterisk's."""
    for port in running_pbx.ports.spare:
        with suppress(OSError), socket.create_server((LOOPBACK, port)):
            return port
    raise DemoFailed("no port is free for the API: stop some of what listens on the loopback")


def _write_config(folder: Path, running_pbx: PrivatePbx, listen: str, token: str) -> Path:
    secret_file = folder / "ami-secret"
    secret_file.touch(mode=0o600)
    secret_file.write_text(running_pbx.secret)
    main = _ACD_TOML.format(
        host=running_pbx.host,
        ami_port=running_pbx.ami_port,
        secret=_toml(f"file:{secret_file}"),
        store=_toml(f"sqlite:{folder / 'acd.db'}"),
        listen=listen,
        sha256=hashlib.sha256(token.encode()).hexdigest(),
    )
    agents = [
        _AGENT.format(
            name=seat.name, queues=", ".join(f"{queue} = {priority}" for queue, priority in seat.queues.items())
        )
        for seat in STAFF
    ]
    config = folder / "acd.toml"
    config.write_text(main + "".join(agents))
    return config


def _toml(text: str) -> str:
    """Where nothing but paths is written, what JSON does is what TOML wants."""
    return json.dumps(text, ensure_ascii=False)


# ---- People


async def _seat_agents(stack: AsyncExitStack, running_pbx: PrivatePbx, password: str, api: Api) -> None:
    seated: list[AgentPerson] = []
    stack.push_async_callback(_all_at_once, lambda: [agent.leave() for agent in seated])
    for seat in STAFF:
        agent = AgentPerson(
            Softphone(running_pbx.host, running_pbx.sip_port, seat.name, password),
            random.Random(seat.name),  # noqa: S311 - no secret, and the same each time
            answer_seconds=ANSWER_SECONDS,
            talk_seconds=TALK_SECONDS,
            at_times=seat.at_times,
        )
        await _registered(agent.arrive())
        seated.append(agent)
        await api.log_in(seat.name)


async def _plug_in_customers(stack: AsyncExitStack, running_pbx: PrivatePbx, password: str) -> dict[str, Softphone]:
    phones: dict[str, Softphone] = {}
    stack.push_async_callback(_all_at_once, lambda: [phone.stop_async() for phone in phones.values()])
    for number in CUSTOMERS:
        phone = Softphone(running_pbx.host, running_pbx.sip_port, number, password)
        await _registered(phone.start_async())
        phones[number] = phone
    return phones


async def _registered(coming: Coroutine[Any, Any, None]) -> None:
    try:
        await coming
    except (RegistrationRefused, TimeoutError) as error:
        raise DemoFailed(f"a phone could not be registered: {error}") from None


async def _all_at_once(leaving: Callable[[], list[Coroutine[Any, Any, None]]]) -> None:
    await asyncio.gather(*leaving())
