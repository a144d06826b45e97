"""A mobile network for tests: a second real Asterisk behind a trunk, and what its subscribers do.

    async with mobile_network(installation, folder) as network:
        settings = PbxSettings(endpoints=(*phones("alice"), network.trunk), …)

`network.subscriber(NUMBER)` is a telephone that is registered there. Numbers that no telephone needs are in
`NUMBERS`: they are out of reach, barred, a mailbox that talks … Many who press a key are in subscribers.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import subscribers

from acd.asterisk.pbx import Endpoint, PbxSettings, PrivatePbx, running
from acd.asterisk.private import Installation
from acd.demo.softphone import Softphone

ALICE, BOB, CAROL = "+31612345670", "+31612345671", "+31612345672"
NUMBERS = {
    "mailbox": "+31612340001",
    "silence": "+31612340002",
    "fax": "+31612340003",
    "rings": "+31612340004",
    "busy": "+31612340010",
    "out_of_reach": "+31612340011",
    "announced_out_of_reach": "+31612340012",
    "congested": "+31612340013",
    "barred": "+31612340014",
    "no_route": "+31612340015",
    "hangs_up": "+31612340016",
    "out_of_order": "+31612340017",
}
ROOM = 9
"""As many calls the network takes at once."""
DIALPLAN = f"""
[from-trunk]
exten => _+3161234567X,1,Set(GROUP()=calls)
 same => n,GotoIf($[${{GROUP_COUNT(calls)}} > {ROOM}]?full)
 same => n,Dial(PJSIP/${{EXTEN:1}},60)
 same => n,Hangup(${{HANGUPCAUSE}})
 same => n(full),Hangup(34)
exten => {NUMBERS["mailbox"]},1,Answer()
 same => n(talk),Playback(demo-congrats)
 same => n,Goto(talk)
exten => {NUMBERS["silence"]},1,Answer()
 same => n,Wait(60)
exten => {NUMBERS["fax"]},1,Answer()
 same => n,Playtones(2100/2600,0/600)
 same => n,Wait(60)
exten => {NUMBERS["rings"]},1,Ringing()
 same => n,Wait(60)
exten => {NUMBERS["busy"]},1,Hangup(17)
exten => {NUMBERS["out_of_reach"]},1,Hangup(20)
exten => {NUMBERS["announced_out_of_reach"]},1,Progress()
 same => n,Playback(followme/sorry,noanswer)
 same => n,Hangup(20)
exten => {NUMBERS["congested"]},1,Hangup(34)
exten => {NUMBERS["barred"]},1,Hangup(21)
exten => {NUMBERS["no_route"]},1,Hangup(3)
exten => {NUMBERS["hangs_up"]},1,Answer()
 same => n,Wait(0.5)
 same => n,Hangup()
exten => {NUMBERS["out_of_order"]},1,Hangup(27)
"""


class MobileNetwork:
    def __init__(self, pbx: PrivatePbx, plugged_in: AsyncExitStack) -> None:
        self.pbx = pbx
        self._plugged_in = plugged_in

    @property
    def trunk(self) -> Endpoint:
        """To it, for the Asterisk that acd steers."""
        return Endpoint("carrier", contact=f"sip:{self.pbx.host}:{self.pbx.sip_port}", context="from-carrier")

    async def subscriber(self, number: str, **more: Any) -> Softphone:
        """Switched on until the network goes, or he is stopped."""
        phone = Softphone(self.pbx.host, self.pbx.sip_port, number[1:], f"of-{number}", **more)
        await phone.start_async()
        self._plugged_in.push_async_callback(phone.stop_async)
        return phone


@asynccontextmanager
async def mobile_network(installation: Installation, folder: Path) -> AsyncIterator[MobileNetwork]:
    phones = tuple(Endpoint(number[1:], f"of-{number}") for number in (ALICE, BOB, CAROL))
    settings = PbxSettings(endpoints=phones, dialplan=DIALPLAN + subscribers.DIALPLAN)
    async with running(installation, folder, settings) as pbx, AsyncExitStack() as plugged_in:
        yield MobileNetwork(pbx, plugged_in)
