"""What stories of callbacks are told with: a call centre that offers them, and what callers and agents do in it.

    eva = await waits(caller, "0201234567sales")
    await leaves_a_message(eva, voice(1))
    centre.log_in("alice")
    ann = await picks_up(alice)

Callers of `sales` hear short tones for words (somebody.py), those of `support` the words that ship. In front of the
queue a caller dials the number that his network shows, or a 0: it is withheld. For 0201234509 there are no words
to offer him a message.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from callcentre import DIALPLAN, MAIN, TOKEN, CallCentre, agent, open_centre, queue
from exchange import NAMES, phones
from somebody import SOUND, Somebody, silence, write_words

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.inputs import TimePassed
from acd.center.model import RequestId
from acd.clock import Clock
from acd.demo.softphone import CallState, Softphone

NUMBER, OTHER_NUMBER = "+31201234567", "+31612345678"
QUEUE_NUMBER = "+31207654321"
CALLERS = """
[from-phones](+)
exten => _0XXXXXXXXX[a-z]!,1,Set(CALLERID(num)=${EXTEN:0:10})
 same => n,Goto(${EXTEN:10},1)
exten => _0[a-z]!,1,Set(CALLERID(num)=)
 same => n,Goto(${EXTEN:1},1)

[acd-callback-words-custom]
exten => ANSWER,1,Set(ACD_SAY=)
 same => n,Return()
exten => _[A-Z][A-Z]!,1,GotoIf($["${ACD_QUEUE}" = "support"]?acd-callback-words,${EXTEN},1)
 same => n,Set(ACD_SAY=words/${IF($["${EXTEN}" =~ "BUSY|NOANSWER|REFUSED"]?${EXTEN}:FAILED)})
 same => n,Return()
exten => _[a-z][a-z]!,1,GotoIf($["${ACD_QUEUE}" = "support"]?acd-callback-words,${EXTEN},1)
 same => n,Set(ACD_SAY=words/${EXTEN})
 same => n,ExecIf($["${CALLERID(num)}" = "0201234509" & "${EXTEN}" = "offer"]?Set(ACD_SAY=))
 same => n,GotoIf($["${EXTEN}" != "confirm" & "${EXTEN}" != "kept" & "${EXTEN}" != "again"]?said)
 same => n,Set(ACD_SAY=${ACD_SAY}${IF($["${ACD_DIGITS}" != ""]?&${STRREPLACE(ACD_DIGITS,digits/,words/)})})
 same => n(said),Return()
"""
BEEP_SECONDS = 0.6
"""Longer than it is; nothing is recorded before."""
CUT_SECONDS = 0.3
"""More than Asterisk takes off at the end of a recording that a key has ended (app_record.c: 250 ms)."""
SOON_SECONDS = 10


def settings() -> PbxSettings:
    return PbxSettings(endpoints=phones(*NAMES, "caller", "other", "customer"), dialplan=DIALPLAN + CALLERS)


class HurriedClock(Clock):
    """Tells what time it is; who has not got half an hour turns it on."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


def _mounted(pbx: PrivatePbx, folder: Path) -> Path:
    """The folder of messages by another path than Asterisk's, as on another machine."""
    mounted = folder / "messages"
    if not mounted.exists():
        mounted.symlink_to(pbx.folder / "spool/acd")
    return mounted


@asynccontextmanager
async def callback_centre(
    pbx: PrivatePbx,
    folder: Path,
    callbacks_by: tuple[str, ...] = ("alice",),
    per_number_per_day: int = 10,
    callers: tuple[dict[str, str], ...] = (),
    **rules: Any,
) -> AsyncIterator[CallCentre]:
    """Two queues, and two agents who serve both, alice before bob; nobody is logged in."""
    write_words(pbx.folder / "data/sounds/words")
    server = {"host": pbx.host, "port": pbx.ami_port, "username": pbx.ami_user, "secret": pbx.secret}
    server |= {"mobile_dial": "PJSIP/{number}@customer", "messages": str(_mounted(pbx, folder))}
    callbacks = {"offer_after_seconds": 0} | rules
    tables = {
        "asterisk": {MAIN: server},
        "site": {"country": "NL"},
        "dialling": {"hours": "00:00-24:00", "per_number_per_day": per_number_per_day},
        "caller": list(callers),
        "queue": [queue(name, callbacks=callbacks, caller_id=QUEUE_NUMBER) for name in ("sales", "support")],
        "agent": [
            agent(name, sales=place, support=place) | {"callbacks": name in callbacks_by}
            for place, name in enumerate(("alice", "bob"), 1)
        ],
    }
    async with open_centre(pbx, folder, HurriedClock(), **tables) as centre:
        yield centre


def local_time(centre: CallCentre) -> datetime:
    """As one writes an appointment."""
    return datetime.fromtimestamp(centre.daemon.now(), UTC).astimezone().replace(second=0, microsecond=0)


def time_passes(centre: CallCentre, seconds: float) -> None:
    clock = centre.daemon._clock
    assert isinstance(clock, HurriedClock)
    clock.ahead += seconds
    centre.daemon.tell(TimePassed())


async def asks(centre: CallCentre, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The API, which grants it."""
    assert centre.daemon._web
    port = centre.daemon._web.addresses[0][1]
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session,
        session.request(method, f"http://127.0.0.1:{port}/v1{path}", json=body) as answer,
    ):
        assert answer.status == 200, await answer.text()
        return await (answer.json() if answer.content_type == "application/json" else answer.read())


async def is_asked_for(centre: CallCentre, **about: Any) -> RequestId:
    """A callback over the API, for somebody who has not called."""
    asked = await asks(centre, "POST", "/callbacks", {"queue": "sales", "number": OTHER_NUMBER} | about)
    return RequestId(asked["id"])


# ---- The caller


async def waits(phone: Softphone, number: str) -> Somebody:
    call = phone.call(number)
    caller = Somebody(call)
    await call.wait_for_async(CallState.ANSWERED, SOON_SECONDS)
    return caller


async def begins_a_message(caller: Somebody) -> None:
    """He is told that he may, and may be called back at the number that he calls from."""
    await caller.hears("offer")
    caller.presses("5")
    await caller.hears("confirm")
    caller.presses("1")


async def speaks(caller: Somebody, sound: bytes) -> None:
    """After the beep."""
    await caller.hears("speak", SOUND)
    await caller.says(silence(BEEP_SECONDS) + sound + silence(CUT_SECONDS))
    caller.presses("#")


async def accepts_it(caller: Somebody) -> None:
    await caller.hears("review")
    caller.presses("1")
    await caller.hears("kept")


async def leaves_a_message(caller: Somebody, sound: bytes) -> None:
    """In a hurry: he hangs up when he has said it."""
    await begins_a_message(caller)
    await caller.hears("speak", SOUND)
    await caller.says(silence(BEEP_SECONDS) + sound)
    caller.hangs_up()


# ---- The agent, and the customer


async def picks_up(phone: Softphone) -> Somebody:
    call = await phone.wait_for_ring_async(SOON_SECONDS)
    somebody = Somebody(call)
    call.answer()
    return somebody


async def hears_the_message(agent: Somebody) -> None:
    """Without the moment at which it was left."""
    await agent.hears("message")
    agent.presses("2")
    await agent.hears("menu")
