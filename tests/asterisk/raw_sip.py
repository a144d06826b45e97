"""A caller who writes his own SIP, byte by byte, and can say in it what no telephone would.

async with raw_caller(pbx, "100", user=b"al%0d%0aice", name=b'"x"') as caller:
    await caller.answered()
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from acd.asterisk.pbx import PrivatePbx

PATIENCE_SECONDS = 15
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


class RawCaller(asyncio.DatagramProtocol):
    def __init__(self, number: str, user: bytes, name: bytes, more: bytes) -> None:
        self.statuses: list[int] = []
        """What Asterisk has answered to the INVITE."""
        self._news = asyncio.Event()
        self._number = number.encode()
        self._from = name + b" <sip:" + user + b"@127.0.0.1>;tag=" + secrets.token_hex(4).encode()
        self._to = b"<sip:" + self._number + b"@127.0.0.1>"
        self._more = more
        self._call_id = secrets.token_hex(8).encode()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport
        self._port = transport.get_extra_info("socket").getsockname()[1]
        self._send(b"INVITE", 1, b"Content-Type: application/sdp\r\n" + self._more, SDP)

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        if found := re.match(rb"SIP/2.0 (\d+).*CSeq: 1 INVITE\r\n", data, re.S | re.I):
            status = int(found[1])
            self.statuses.append(status)
            if tag := re.search(rb"^To:.*(;tag=\S+)\r\n", data, re.M | re.I):
                self._tag = tag[1]
            if status >= 200:
                self._send(b"ACK", 1)
        self._news.set()

    async def answered(self) -> None:
        """Asterisk has taken the call."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (self.statuses and self.statuses[-1] >= 200):
                self._news.clear()
                await self._news.wait()
        assert self.statuses[-1] == 200, self.statuses

    def hang_up(self) -> None:
        if self.statuses and self.statuses[-1] == 200:
            self._send(b"BYE", 2)

    def _send(self, method: bytes, sequence: int, more: bytes = b"", body: bytes = b"") -> None:
        number = b"%d %b" % (sequence, method)
        branch = b"z9hG4bK" + secrets.token_hex(4).encode()
        here = b"127.0.0.1:%d" % self._port
        to = self._to + getattr(self, "_tag", b"")
        self._transport.sendto(
            method + b" sip:" + self._number + b"@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP " + here + b";branch=" + branch
            + b"\r\nMax-Forwards: 70\r\nFrom: " + self._from + b"\r\nTo: " + to + b"\r\nCall-ID: " + self._call_id
            + b"\r\nCSeq: " + number + b"\r\nContact: <sip:x@" + here + b">\r\n" + more
            + b"Content-Length: %d\r\n\r\n" % len(body) + body
        )  # fmt: skip


@asynccontextmanager
async def raw_caller(
    pbx: PrivatePbx, number: str, *, user: bytes = b"outsider", name: bytes = b"", more: bytes = b""
) -> AsyncIterator[RawCaller]:
    """His INVITE has been sent when the block begins, and he hangs up when it ends. `more` are lines of headers."""
    loop = asyncio.get_running_loop()
    transport, caller = await loop.create_datagram_endpoint(
        lambda: RawCaller(number, user, name, more),
        local_addr=(pbx.host, 0),
        remote_addr=(pbx.host, pbx.sip_port),
        family=socket.AF_INET,
    )
    try:
        yield caller
    finally:
        caller.hang_up()
        transport.close()
