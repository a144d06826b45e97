"""A trunk of few words: answers each INVITE as the number says that was dialled.

`486@refuses` is refused with 486 at once; `180-603` rings first, `183-403` has early media first; `503.38` says
`Reason: Q.850;cause=38`, too; `302.0900123456` wants that number to be called instead, whatever stands behind it with a
`-`; `silence` says nothing at all, not even 100. There is no media: nobody ever picks up. A `telephone("alice", "486")`
is one that always answers so.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseRequestHandler, ThreadingUDPServer

from acd.asterisk.pbx import Endpoint
from acd.asterisk.ports import LOOPBACK

TRUNK = "refuses"
ECHOED = ("Via", "From", "To", "Call-ID", "CSeq")
RINGS_SECONDS = 0.2


class RefusingTrunk(ThreadingUDPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Message)
        self.calls: set[str] = set()
        """By their Call-ID: an INVITE that is sent again is no new one."""
        self.moved_to: dict[str, str] = {}
        """What stands in a 302 in place of the number that is asked for."""

    @property
    def endpoint(self) -> Endpoint:
        """An endpoint of the exchange before it."""
        host, port = self.server_address[:2]
        return Endpoint(TRUNK, contact=f"sip:{host}:{port}")

    def telephone(self, name: str, answers: str, extra: str = "") -> Endpoint:
        host, port = self.server_address[:2]
        return Endpoint(name, contact=f"sip:{answers}@{host}:{port}", extra=extra)


class _Message(BaseRequestHandler):
    server: RefusingTrunk
    request: tuple[bytes, socket.socket]

    def handle(self) -> None:
        message = self.request[0].decode(errors="replace")
        call = _header(message, "Call-ID")
        dialled = re.match(r"INVITE sip:(?:(18[03])-)?(\d{3})(?:\.(\d+)(?:-\d+)?)?@", message)
        if dialled is None or call in self.server.calls:
            return
        self.server.calls.add(call)
        first, final, cause = dialled.groups()
        self._answer(message, "100")
        if first:
            self._answer(message, first)
            time.sleep(RINGS_SECONDS)
        if final == "302":
            self._answer(message, final, contact=f"{self.server.moved_to.get(cause, cause)}@")
        else:
            self._answer(message, final, f"Reason: Q.850;cause={cause}" if cause else "")

    def _answer(self, message: str, status: str, more: str = "", contact: str = "") -> None:
        tag = "" if status == "100" else ";tag=refuses"
        lines = [f"{name}: {_header(message, name)}{tag if name == 'To' else ''}" for name in ECHOED]
        contact = "Contact: <sip:{}{}:{}>".format(contact, *self.server.server_address[:2])
        answer = [f"SIP/2.0 {status} As dialled", *lines, contact, *filter(None, [more]), "Content-Length: 0", "", ""]
        self.request[1].sendto("\r\n".join(answer).encode(), self.client_address)


def _header(message: str, name: str) -> str:
    found = re.search(rf"(?mi)^{name}: (.*?)\r$", message)
    return found[1] if found else ""


@contextmanager
def refusing_trunk() -> Iterator[RefusingTrunk]:
    with RefusingTrunk() as trunk:
        serving = threading.Thread(target=trunk.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield trunk
        finally:
            trunk.shutdown()
            serving.join()
