"""A telephone without a person: pyVoIP, mended where it fails against Asterisk. For the demo and the tests.

The rules of this room:

- All phones of a process share one thread, the *line*. Sockets, timers and every change of a call live there, so
  nothing needs a lock but what other threads look at: who waits for what, and how many phones are plugged in.
- Public methods may be called from any thread and any event loop; the `…_async` ones do not block the loop.
- Callbacks run on the line. They may answer, reject, press and hang up; they may not wait.
- Nothing outlives `stop()` and `unplug()`: no thread, no socket.
"""

import asyncio
import math
import socket
import struct
import threading
import time
import uuid
import warnings
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import structlog

with warnings.catch_warnings():
    # pyVoIP imports audioop, which Python 3.11 and 3.12 call deprecated. This module of it must be the first, because
    # `import pyVoIP.SIP` goes round in a circle.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyVoIP.VoIP import VoIP
    from pyVoIP.VoIP.VoIP import CallState, InvalidStateError

# Its annotations are wrong in places, and do not let a subclass say what it is made of: Any is the border.
voip: Any = VoIP
RTP: Any = voip.RTP
SIP: Any = voip.SIP

__all__ = ["Call", "CallOver", "CallState", "Ended", "InvalidStateError", "RegistrationRefused", "Softphone"]

T = TypeVar("T")
log = structlog.get_logger(__name__)

FIRST_RETRY_SECONDS = 0.5  # T1 of RFC 3261, 17.1.1.1
LONGEST_RETRY_SECONDS = 4.0  # T2
GIVE_UP_SECONDS = 32.0  # 64 * T1
REGISTER_SECONDS = 5.0
GOODBYE_SECONDS = 1.0
FRAME_SECONDS = 0.02
FRAME_SAMPLES = 160
SAMPLES_A_SECOND = 8000
VOICE_PERIOD_SAMPLES = 20  # 400 Hz at 8,000 samples a second; a frame holds eight whole periods
KEYS = "0123456789*#ABCD"
KEY_DOWN_FRAMES = 6
KEY_UP_FRAMES = 4
QUIET_BYTES = {  # what the lowest sixteen steps of loudness look like, either sign (ITU-T G.711)
    RTP.PayloadType.PCMU: bytes(byte for byte in range(256) if ~byte & 0x7F < 16),
    RTP.PayloadType.PCMA: bytes(byte for byte in range(256) if (byte ^ 0x55) & 0x7F < 16),
}


class Ended(StrEnum):
    """Why a call is over."""

    WE_HUNG_UP = "we hung up"
    THEY_HUNG_UP = "they hung up"
    WE_GAVE_UP = "we gave up before they answered"
    THEY_GAVE_UP = "they gave up before we answered"
    WE_REJECTED = "we rejected it"
    THEY_REFUSED = "they refused it"
    NO_REPLY = "the server did not reply"
    UNPLUGGED = "the phone was unplugged"


class RegistrationRefused(Exception):
    """The server does not want this user with this password."""


class CallOver(Exception):
    """The call ended before what was waited for had happened."""


class _Line:
    """The one thread on which all phones live. It runs while at least one of them is plugged in."""

    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._phones = 0
        self._thread: threading.Thread | None = None
        self._talking: set[_Media] = set()
        self._next_beat: asyncio.TimerHandle | None = None

    def plug_in(self) -> None:
        with self._lock:
            self._phones += 1
            if self._thread is None:
                self.loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._serve, name="softphones", daemon=True)
                self._thread.start()

    def unplug(self) -> None:
        with self._lock:
            self._phones -= 1
            if self._thread is not None and self._phones == 0:
                self.loop.call_soon_threadsafe(self.loop.stop)
                self._thread.join()
                self._thread = None

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.get_loop().run_forever()

    def is_here(self) -> bool:
        return threading.current_thread() is self._thread

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def do(self, work: Callable[[], T]) -> T:
        """Has it done on the line, and returns when it is done."""
        if self.is_here():
            return work()
        if self._thread is None:
            raise InvalidStateError("no phone is plugged in")

        async def on_the_line() -> T:
            return work()

        return self.start(on_the_line()).result()

    def join_talk(self, media: "_Media") -> None:
        self._talking.add(media)
        if self._next_beat is None:
            self._beat(self.loop.time())

    def leave_talk(self, media: "_Media") -> None:
        self._talking.discard(media)
        if self._next_beat and not self._talking:
            self._next_beat.cancel()  # at once, for the line may end before it is due
            self._next_beat = None

    def _beat(self, due: float) -> None:
        """One timer for all calls' frames, each due 20 ms after the last one was: delays do not add up."""
        for media in self._talking:
            media.send_frame()
        due += FRAME_SECONDS
        self._next_beat = self.loop.call_at(due, self._beat, due)


_line = _Line()


class _Watch:
    """Lets other threads wait until something is the case. `look()` is called whenever it may have become so."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[Callable[[], Any], Future[Any]]] = []

    def when(self, found: Callable[[], T | None]) -> "Future[T]":
        """The first thing found that is neither None nor False; what `found` raises ends the wait as well."""
        if _line.is_here():
            raise RuntimeError("this is the line: who waits here waits for himself")
        future: Future[T] = Future()
        with self._lock:
            self._waiting.append((found, future))
        self.look()
        return future

    def look(self) -> None:
        if self._waiting:
            with self._lock:
                self._waiting = [waiting for waiting in self._waiting if not self._settled(*waiting)]

    @staticmethod
    def _settled(found: Callable[[], Any], future: "Future[Any]") -> bool:
        try:
            result, over = found(), None
        except CallOver as error:
            result, over = None, error
        if not (result or over or future.cancelled()):
            return False
        if future.set_running_or_notify_cancel():
            future.set_exception(over) if over else future.set_result(result)
        return True


class _Message(SIP.SIPMessage):  # type: ignore[misc]
    """pyVoIP's parser. By itself it reads neither its own REGISTER nor Asterisk's OPTIONS (qualify) and NOTIFY."""

    SIPCompatibleMethods: list[str]
    told_status: int | None = None
    """In a NOTIFY of a transfer: how far it has come, as the status of a call (RFC 3515, 2.4.5)."""

    def parse(self, data: bytes) -> None:
        self.SIPCompatibleMethods = [*self.SIPCompatibleMethods, "REGISTER", "OPTIONS", "NOTIFY", "REFER"]
        head, blank, body = data.partition(b"\r\n\r\n")
        if b"message/sipfrag" in head:  # which is no SDP: pyVoIP would not read it
            self.told_status = int(body.split(b" ", 2)[1])
            body = b""
        super().parse(b"\r\n".join(map(_readable, head.split(b"\r\n"))) + blank + body)

    @property
    def is_response(self) -> bool:
        return bool(self.type == SIP.SIPMessageType.RESPONSE)

    @property
    def code(self) -> int:
        return int(self.status)

    @property
    def call_id(self) -> str:
        return str(self.headers["Call-ID"])

    @property
    def cseq(self) -> int:
        return int(self.headers["CSeq"]["check"])

    @property
    def transaction(self) -> tuple[str, str]:
        """RFC 3261, 17.1.3: a response belongs to the request with the same branch and method."""
        return self.headers["Via"][0]["branch"], self.headers["CSeq"]["method"]

    @property
    def contact(self) -> str:
        return str(self.headers["Contact"]).partition("<")[2].partition(">")[0]


def _readable(line: bytes) -> bytes:
    """A header in which pyVoIP finds its way, whatever a caller has written into his name."""
    name, colon, value = line.partition(b": ")
    return name + colon + value.replace(b": ", b":").decode(errors="replace").encode()


class _Repeat:
    """Sends at once and again after 0.5, 1, 2, 4, 4 … s until it is stopped: datagrams get lost (RFC 3261, 17)."""

    def __init__(self, send: Callable[[], None], give_up: Callable[[], None]) -> None:
        self._send = send
        self._end = _line.loop.call_later(GIVE_UP_SECONDS, self._give_up, give_up)
        self._again(FIRST_RETRY_SECONDS)

    def _again(self, wait: float) -> None:
        self._send()
        self._next = _line.loop.call_later(wait, self._again, min(2 * wait, LONGEST_RETRY_SECONDS))

    def _give_up(self, give_up: Callable[[], None]) -> None:
        self.stop()
        give_up()

    def stop(self) -> None:
        self._next.cancel()
        self._end.cancel()


class _Said(NamedTuple):
    """Something that is repeated until the other side has answered it. None is no answer."""

    sending: _Repeat
    answer: "asyncio.Future[_Message | None]"

    def answered(self, message: _Message | None) -> None:
        self.sending.stop()
        self.answer.set_result(message)


class _Signalling(SIP.SIPClient):  # type: ignore[misc]
    """pyVoIP's SIP messages; its blocking reads, its lost ACKs and its deaf first second are replaced."""

    def __init__(self, phone: "Softphone", expires_seconds: int) -> None:
        super().__init__(phone.server, phone.port, phone.username, phone.password, phone, phone.myIP)
        self.default_expires = expires_seconds

    def open(self) -> None:
        self.s = self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.setblocking(False)
        self.s.bind((self.myIP, 0))
        self.myPort = self.s.getsockname()[1]
        self._peer = (socket.gethostbyname(self.server), self.port)
        self._said: dict[tuple[str, str], _Said] = {}
        _line.loop.add_reader(self.s, self.recv)

    def close(self) -> None:
        for said in self._said.values():
            said.sending.stop()
            said.answer.cancel()
        self._said.clear()
        _line.loop.remove_reader(self.s)
        self.s.close()

    # What comes in

    def recv(self) -> None:
        with suppress(BlockingIOError):
            while True:
                self._read(self.s.recv(65535))

    def _read(self, datagram: bytes) -> None:
        try:
            message = _Message(datagram)
        except (SIP.SIPParseError, LookupError, ValueError):
            log.warning("softphone.unreadable", user=self.username, datagram=datagram[:80])
            return
        self.parse_message(message)

    def parse_message(self, message: _Message) -> None:
        if message.is_response:
            self._note_response(message)
        elif message.method == "ACK":
            self._settle((message.call_id, "ACK"), message)
        self.phone.callback(message)

    def _note_response(self, response: _Message) -> None:
        if response.code >= 200:
            self._settle(response.transaction, response)
        elif said := self._said.get(response.transaction):
            said.sending.stop()

    # What goes out

    def send(self, message: str) -> None:
        with suppress(OSError):  # as good as lost, and lost ones are sent again
            self.out.sendto(message.encode(), self._peer)

    def ask(self, request: str) -> "asyncio.Future[_Message | None]":
        return self._say(request, _Message(request.encode()).transaction)

    def conclude(self, invite: _Message, response: str) -> "asyncio.Future[_Message | None]":
        """The final response to an INVITE is repeated until the ACK (RFC 3261, 13.3.1.4 and 17.2.1)."""
        return self._say(response, (invite.call_id, "ACK"))

    def _say(self, words: str, wanted: tuple[str, str]) -> "asyncio.Future[_Message | None]":
        repeat = _Repeat(lambda: self.send(words), lambda: self._settle(wanted, None))
        self._said[wanted] = _Said(repeat, _line.loop.create_future())
        return self._said[wanted].answer

    def _settle(self, wanted: tuple[str, str], message: _Message | None) -> None:
        if said := self._said.pop(wanted, None):
            said.answered(message)

    @property
    def settled(self) -> bool:
        return not self._said

    async def everything_settled(self, timeout_seconds: float) -> None:
        if self._said:
            await asyncio.wait([said.answer for said in self._said.values()], timeout=timeout_seconds)

    async def register(self) -> None:
        await self._bind(deregister=False)

    async def deregister(self) -> None:
        await self._bind(deregister=True)

    async def _bind(self, deregister: bool) -> None:
        answer = await self.ask(self.gen_first_response(deregister))
        if answer and answer.code == 401:
            answer = await self.ask(self.gen_register(answer, deregister))
        if answer is None:
            raise TimeoutError(f"no reply from {self.server}:{self.port}")
        if answer.code != 200:
            raise RegistrationRefused(f"{self.username} at {self.server}:{self.port}: {answer.status}")

    def invite(self, number: str, ms: Any, sendtype: Any) -> tuple[_Message, str, int]:
        call_id, session_id = self.gen_call_id(), self.sessID.next()
        return self._send_invite(number, str(session_id), ms, sendtype, call_id), call_id, session_id

    def invite_again(self, call: "Call", challenge: _Message) -> _Message:
        authorization = self._gen_authorization_header(challenge)
        return self._send_invite(call.number, call.session_id, call.ms, call.sendmode, call.call_id, authorization)

    def _send_invite(
        self, number: str, session_id: str, ms: Any, sendtype: Any, call_id: str, authorization: str = ""
    ) -> _Message:
        request = self.gen_invite(number, session_id, ms, sendtype, self.gen_branch(), call_id)
        request = request.replace("\r\nContent-Length", f"\r\n{authorization}Content-Length")
        self.ask(request).add_done_callback(lambda answer: self._note_silence(call_id, answer))
        return _Message(request.encode())

    def _note_silence(self, call_id: str, answer: "asyncio.Future[_Message | None]") -> None:
        if call := self.phone.calls.get(call_id):
            call.note_silence(answer)

    # The messages that pyVoIP gets wrong, or has not

    def gen_call_id(self) -> str:
        """pyVoIP counts from 1 in every phone, and two phones' first calls get the same branch."""
        return f"{uuid.uuid4().hex}@{self.myIP}"

    def gen_response(self, request: _Message, code: int) -> str:
        """Any response without a body, its To-tag always the same for one call (RFC 3261, 12.1.1)."""
        to = request.headers["To"]
        tag = to["tag"] or self.tagLibrary.get(request.call_id) or self.gen_tag()
        return (
            f"SIP/2.0 {SIP.SIPStatus(code)}\r\n"
            f"{self._gen_response_via_header(request)}"
            f"From: {request.headers['From']['raw']};tag={request.headers['From']['tag']}\r\n"
            f"To: {to['raw']};tag={tag}\r\n"
            f"Call-ID: {request.call_id}\r\n"
            f"CSeq: {request.cseq} {request.headers['CSeq']['method']}\r\n"
            f"Contact: <sip:{self.username}@{self.myIP}:{self.myPort}>\r\n"
            "Content-Length: 0\r\n\r\n"
        )

    def gen_ack(self, response: _Message) -> str:
        """With the To-tag of the response: pyVoIP's invented one confirms nothing, and the call dies after 32 s.

        That of a success is a request of its own (RFC 3261, 13.2.2.4), that of a refusal is its INVITE's (17.1.1.3).
        """
        if response.code < 300:
            return self._gen_in_dialog("ACK", response, response.cseq)
        to = response.headers["To"]
        return self._gen_request(
            "ACK",
            to["address"],
            self._gen_response_via_header(response),
            f"{response.headers['From']['raw']};tag={response.headers['From']['tag']}",
            f"{to['raw']};tag={to['tag']}",
            response.call_id,
            response.cseq,
        )

    def gen_cancel(self, invite: _Message) -> str:
        """RFC 3261, 9.1: everything that identifies the transaction is the INVITE's."""
        return self._gen_request(
            "CANCEL",
            invite.headers["To"]["address"],
            self._gen_response_via_header(invite),
            f"{invite.headers['From']['raw']};tag={invite.headers['From']['tag']}",
            invite.headers["To"]["raw"],
            invite.call_id,
            invite.cseq,
        )

    def gen_bye(self, request: _Message, cseq: int) -> str:
        return self._gen_in_dialog("BYE", request, cseq)

    def gen_refer(self, request: _Message, cseq: int, refer_to: str) -> str:
        return self._gen_in_dialog("REFER", request, cseq, f"{self._gen_contact()}Refer-To: <{refer_to}>\r\n")

    def gen_reinvite(self, request: _Message, cseq: int, sdp: str) -> str:
        headers = f"{self._gen_contact()}Content-Type: application/sdp\r\n"
        return self._gen_in_dialog("INVITE", request, cseq, headers, sdp)

    def _gen_contact(self) -> str:
        return f"Contact: <sip:{self.username}@{self.myIP}:{self.myPort}>\r\n"

    def _gen_in_dialog(self, method: str, known: _Message, cseq: int, headers: str = "", body: str = "") -> str:
        """A request within a call, addressed by any message of it that carries both tags and their Contact."""
        tag = self.tagLibrary[known.call_id]
        ours, theirs = known.headers["From"], known.headers["To"]
        if ours["tag"] != tag:
            ours, theirs = theirs, ours
        via = f"Via: SIP/2.0/UDP {self.myIP}:{self.myPort};branch={self.gen_branch()};rport\r\n"
        return self._gen_request(
            method,
            known.contact.removeprefix("sip:"),
            via,
            f"{ours['raw']};tag={tag}",
            f"{theirs['raw']};tag={theirs['tag']}",
            known.call_id,
            cseq,
            headers,
            body,
        )

    @staticmethod
    def _gen_request(
        method: str,
        address: str,
        via: str,
        sender: str,
        to: str,
        call_id: str,
        cseq: int,
        headers: str = "",
        body: str = "",
    ) -> str:
        return (
            f"{method} sip:{address} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: {sender}\r\nTo: {to}\r\n"
            f"Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def _gen_authorization_header(self, challenge: _Message) -> str:
        return (
            f'Authorization: Digest username="{self.username}",realm="{challenge.authentication["realm"]}",'
            f'nonce="{challenge.authentication["nonce"]}",uri="sip:{self.server};transport=UDP",'
            f'response="{self.gen_authorization(challenge).decode()}",algorithm=MD5\r\n'
        )


class _Piece(NamedTuple):
    """A fiftieth of a second of a pressed key (RFC 4733); without a payload, of the silence after it."""

    payload: bytes | None
    elapsed_samples: int = 0


def _pieces_of_key(key: str) -> Iterator[_Piece]:
    event, volume, end = KEYS.index(key), 10, 0x80
    for frame in range(KEY_DOWN_FRAMES):
        yield _Piece(struct.pack("!BBH", event, volume, (frame + 1) * FRAME_SAMPLES), frame * FRAME_SAMPLES)
    for frame in range(KEY_DOWN_FRAMES, KEY_DOWN_FRAMES + 3):  # the end is said three times (RFC 4733, 2.5.1.4)
        yield _Piece(struct.pack("!BBH", event, end | volume, KEY_DOWN_FRAMES * FRAME_SAMPLES), frame * FRAME_SAMPLES)
    yield from [_Piece(None)] * KEY_UP_FRAMES


class _Media(RTP.RTPClient):  # type: ignore[misc]
    """pyVoIP's RTP without its two threads: it says one note all the time, or what it is given to say once, and listens
    whether the other side says anything."""

    outSequence: int  # noqa: N815

    def __init__(self, call: "Call", port: socket.socket, codecs: Any, out_ip: str, out_port: int) -> None:
        super().__init__(codecs, *port.getsockname(), out_ip, out_port, RTP.TransmitType.SENDRECV, call.dtmf_callback)
        self.sin = self.sout = port
        self._call = call
        self._keys: deque[_Piece] = deque()
        self._voice = self.encode_packet(
            bytes(128 + round(40 * math.sin(2 * math.pi * n / VOICE_PERIOD_SAMPLES)) for n in range(FRAME_SAMPLES))
        )
        self._words: deque[bytes] = deque()

    def start(self) -> None:
        _line.loop.add_reader(self.sin, self.recv)
        _line.join_talk(self)

    def stop(self) -> None:
        _line.leave_talk(self)
        _line.loop.remove_reader(self.sin)

    def press(self, keys: str) -> None:
        for key in keys:
            self._keys.extend(_pieces_of_key(key))

    def say(self, sound: bytes) -> None:
        """Then it is silent, in place of its note."""
        silence = bytes([128]) * FRAME_SAMPLES
        self._voice = self.encode_packet(silence)
        frames = (sound[at : at + FRAME_SAMPLES] for at in range(0, len(sound), FRAME_SAMPLES))
        self._words = deque(self.encode_packet(frame + silence[len(frame) :]) for frame in frames)

    @property
    def pressing(self) -> bool:
        return bool(self._keys)

    @property
    def speaking(self) -> bool:
        return bool(self._words)

    def send_frame(self) -> None:
        was = self.pressing, self.speaking
        piece = self._keys.popleft() if self._keys else _Piece(None)
        if piece.payload is None:
            voice = self._words.popleft() if self._words else self._voice
            self._send(int(self.preference), voice, self.outTimestamp)
        else:
            kind = next(number for number, codec in self.assoc.items() if codec == RTP.PayloadType.EVENT)
            marker = 0 if piece.elapsed_samples else 0x80
            self._send(marker | kind, piece.payload, self.outTimestamp - piece.elapsed_samples)
        self.outTimestamp += FRAME_SAMPLES
        if was != (self.pressing, self.speaking):
            self._call.look()

    def _send(self, kind: int, payload: bytes, timestamp: int) -> None:
        header = struct.pack("!BBHII", 0x80, kind, self.outSequence, timestamp % 2**32, self.outSSRC)
        self.outSequence = (self.outSequence + 1) % 2**16
        with suppress(OSError):
            self.sout.sendto(header + payload, (self.outIP, self.outPort))

    def recv(self) -> None:
        with suppress(BlockingIOError):
            while True:
                self._hear(self.sin.recv(2048))

    def _hear(self, packet: bytes) -> None:
        if len(packet) < 12:
            return
        codec = self.assoc.get(packet[1] & 0x7F)
        if codec in QUIET_BYTES:
            self._call.hear(packet[12:], QUIET_BYTES[codec], int.from_bytes(packet[4:8]))
        elif codec == RTP.PayloadType.EVENT:
            self.parse_packet(packet)

    def encode_packet(self, payload: bytes) -> bytes:
        """pyVoIP sends A-law as µ-law."""
        encode = self.encode_pcma if self.preference == RTP.PayloadType.PCMA else self.encode_pcmu
        return bytes(encode(payload))


class Call(voip.VoIPCall):  # type: ignore[misc]
    """One call of a phone. `state` is DIALING (its own call), RINGING (someone calls it), ANSWERED, then ENDED."""

    request: _Message

    def __init__(self, phone: "Softphone", callstate: CallState, request: _Message, *args: Any, **kwargs: Any) -> None:
        self._watch = _Watch()
        self.incoming = callstate == CallState.RINGING
        self.number = str(request.headers["To"]["number"])
        self.caller = str(request.headers["From"]["number"])
        self.ended_because: Ended | None = None
        self.status: int | None = None  # the SIP status with which it was refused
        self.reason = ""  # why they ended it, in their words (RFC 3326)
        self.rings_there = False
        self.moments = {callstate: time.monotonic()}
        self.packets_received = 0
        self.heard_audio = False
        self.heard_voice = False
        self.on_sound: Callable[[bytes], None] | None = None
        """Is told on the line what it hears, packet by packet, as it comes (ITU-T G.711)."""
        self.longest_silence_seconds = 0.0  # between what could be heard
        self._heard_until: tuple[float, int] | None = None
        self._first_cseq = request.cseq
        self._may_cancel = False
        self._final_response = ""
        self._requests_within = 0
        self.on_hold = False
        self.transfer_status: int | None = None  # 1xx on the way, 2xx done and hung up, else failed: the call goes on
        super().__init__(phone, callstate, request, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<Call {self.caller} to {self.number}: {self.state.name.lower()} {self.ended_because or ''}>"

    # What a person does

    def answer(self) -> None:
        _line.do(self._answer)

    def reject(self, status: int = 486) -> None:
        """486 is busy, 603 declined, 480 not available now."""
        _line.do(lambda: self._reject(status))

    def deny(self) -> None:
        self.reject()

    def hangup(self) -> None:
        """Ends the call, whatever it is doing. What has ended stays ended."""
        if self.state != CallState.ENDED:
            _line.do(self._hang_up)

    def press(self, keys: str) -> None:
        """Presses them one after the other, 260 ms each; `pressing` until the last is up."""
        _line.do(lambda: self._press(keys))

    def say(self, sound: bytes) -> None:
        """Says this once, and nothing more: 8,000 samples a second of 8 bits, 128 is silence. `speaking` until it is
        said."""
        _line.do(lambda: self._say(sound))

    def hold(self) -> None:
        """Lets the other side wait; `on_hold` when the server has agreed."""
        _line.do(lambda: self._reinvite("sendonly"))

    def resume(self) -> None:
        _line.do(lambda: self._reinvite("sendrecv"))

    def transfer(self, number: str) -> None:
        """Passes the other side on to a number, unseen; `transfer_status` tells how far that has come."""
        _line.do(lambda: self._refer(f"sip:{number}@{self.sip.server}"))

    def transfer_to(self, other: "Call") -> None:
        """Connects the other sides of two calls of this phone with each other (RFC 3891)."""
        _line.do(lambda: self._refer(other.replaced_by()))

    # What a person notices

    @property
    def digits(self) -> str:
        """All that the other side has pressed."""
        return str(self.dtmf.getvalue())

    @property
    def pressing(self) -> bool:
        return any(client.pressing for client in self.RTPClients)

    @property
    def speaking(self) -> bool:
        return any(client.speaking for client in self.RTPClients)

    def wait_for(self, state: CallState, timeout_seconds: float | None) -> None:
        self.wait_until(lambda call: state in call.moments, timeout_seconds)

    def wait_until(self, true: "Callable[[Call], bool]", timeout_seconds: float | None) -> None:
        """CallOver if the call ends before it is true; TimeoutError."""
        _wait(self._watch.when(lambda: self._check(true)), timeout_seconds, self)

    async def wait_for_async(self, state: CallState, timeout_seconds: float | None) -> None:
        await self.wait_until_async(lambda call: state in call.moments, timeout_seconds)

    async def wait_until_async(self, true: "Callable[[Call], bool]", timeout_seconds: float | None) -> None:
        await _wait_async(self._watch.when(lambda: self._check(true)), timeout_seconds, self)

    def _check(self, true: "Callable[[Call], bool]") -> bool:
        over = self.state == CallState.ENDED  # looked at first: what is true at the end stays true
        if true(self):
            return True
        if over:
            raise CallOver(repr(self))
        return False

    # What happens on the line

    def create_rtp_clients(self, codecs: Any, ip: str, port: int, request: _Message, baseport: int) -> None:
        self.RTPClients.append(_Media(self, self.phone.ports[port], codecs, request.body["c"][0]["address"], baseport))

    def dtmf_callback(self, code: str) -> None:
        super().dtmf_callback(code)
        self.look()

    def hear(self, payload: bytes, quiet_bytes: bytes, timestamp: int) -> None:
        self.packets_received += 1
        if payload.translate(None, quiet_bytes):
            self.heard_audio = True
            self._note_silence_before(timestamp, len(payload))
            self.heard_voice |= payload[VOICE_PERIOD_SAMPLES:] == payload[:-VOICE_PERIOD_SAMPLES]
        if self.on_sound:
            self.on_sound(payload)
        self.look()

    def _note_silence_before(self, timestamp: int, samples: int) -> None:
        """By the sender's clock, unless it has begun another stream; a packet that comes late is no silence."""
        now, seconds = time.monotonic(), samples / SAMPLES_A_SECOND
        if self._heard_until:
            at, until = self._heard_until
            by_theirs = ((timestamp - until) % 2**32) / SAMPLES_A_SECOND
            self.longest_silence_seconds = max(self.longest_silence_seconds, min(now - at - seconds, by_theirs))
        self._heard_until = now, timestamp + samples

    def look(self) -> None:
        self._watch.look()

    def ring(self) -> None:
        self.sip.send(self.sip.gen_response(self.request, 180))

    def invited_again(self, request: _Message) -> None:
        """The same INVITE means that our response was lost. A later one moves the media (hold, direct media)."""
        if request.cseq != self.request.cseq:
            self.renegotiate(request)
        elif self._final_response:
            self.sip.send(self._final_response)
        else:
            self.ring()

    def cancelled(self) -> None:
        if self.state == CallState.RINGING:
            self._conclude(self.sip.gen_response(self.request, 487))
            self.end(Ended.THEY_GAVE_UP, 487)

    def respond_to(self, response: _Message) -> None:
        """What Asterisk says to our own INVITE."""
        if response.code < 200:
            self._note_progress(response)
            return
        self.sip.send(self.sip.gen_ack(response))
        if response.cseq != self.request.cseq:
            return
        if response.code < 300:
            self._note_answer(response)
        elif response.code == 401 and self.request.cseq == self._first_cseq and self.state == CallState.DIALING:
            self.request = self.sip.invite_again(self, response)
        else:
            self.end(Ended.THEY_REFUSED, response.code)

    def _note_progress(self, response: _Message) -> None:
        may_cancel, self._may_cancel = self._may_cancel, True
        if self.state == CallState.ENDED and not may_cancel:
            self._cancel()
        self.rings_there |= response.code == 180
        self.request.headers["To"]["tag"] = response.headers["To"]["tag"]
        self.look()

    def _note_answer(self, response: _Message) -> None:
        if self.state == CallState.DIALING:
            self.answered(response)
            self._enter(CallState.ANSWERED)
        elif self.ended_because == Ended.WE_GAVE_UP:  # the answer and our CANCEL crossed (RFC 3261, 9.1)
            self.sip.ask(self.sip.gen_bye(response, response.cseq + 1))

    def _answer(self) -> None:
        self._must_ring()
        self._conclude(self.sip.gen_answer(self.request, self.session_id, self.gen_ms(), self.sendmode))
        self._enter(CallState.ANSWERED)

    def _reject(self, status: int) -> None:
        self._must_ring()
        self._conclude(self.sip.gen_response(self.request, status))
        self.end(Ended.WE_REJECTED, status)

    def _must_ring(self) -> None:
        if self.state != CallState.RINGING:
            raise InvalidStateError(f"{self!r} does not ring")

    def _conclude(self, response: str) -> None:
        self._final_response = response
        self.sip.conclude(self.request, response).add_done_callback(self.note_silence)

    def note_silence(self, answer: "asyncio.Future[_Message | None]") -> None:
        if not answer.cancelled() and answer.result() is None:
            self.end(Ended.NO_REPLY)

    def _reinvite(self, sendmode: str) -> None:
        self._must_talk()
        self.sendmode = sendmode
        cseq = self._next_cseq()
        description = self.sip.gen_answer(self.request, self.session_id, self.gen_ms(), sendmode)
        sdp = description.partition("\r\n\r\n")[2].replace(
            f" {int(self.session_id) + 2} IN", f" {cseq} IN", 1
        )  # every change has a version of its own (RFC 3264, 8)
        done = self.sip.ask(self.sip.gen_reinvite(self.request, cseq, sdp))
        done.add_done_callback(lambda answer: self._note_hold(sendmode == "sendonly", answer))

    def _note_hold(self, on_hold: bool, answer: "asyncio.Future[_Message | None]") -> None:
        response = None if answer.cancelled() else answer.result()
        if response and response.code < 300:
            self.on_hold = on_hold
            self.look()

    def _refer(self, refer_to: str) -> None:
        self._must_talk()
        self.transfer_status = None
        answer = self.sip.ask(self.sip.gen_refer(self.request, self._next_cseq(), refer_to))
        answer.add_done_callback(self._note_refer)

    def replaced_by(self) -> str:
        """Where to send the INVITE that takes this call over: to the one who is called or calls, seen from there."""
        ours, theirs = self.request.headers["From"], self.request.headers["To"]
        if self.incoming:
            ours, theirs = theirs, ours
        tag = self.sip.tagLibrary[self.call_id]
        replaces = quote(f"{self.call_id};to-tag={theirs['tag']};from-tag={tag}", safe="")
        return f"sip:{theirs['number']}@{self.sip.server}?Replaces={replaces}"

    def _note_refer(self, answer: "asyncio.Future[_Message | None]") -> None:
        response = None if answer.cancelled() else answer.result()
        if response and response.code >= 300:
            self.note_transfer(response.code)

    def note_transfer(self, status: int) -> None:
        self.transfer_status = status
        self.look()
        if 200 <= status < 300 and self.state == CallState.ANSWERED:
            self._hang_up()

    def _next_cseq(self) -> int:
        self._requests_within += 1
        return self.request.cseq + self._requests_within

    def _hang_up(self) -> None:
        if self.state == CallState.RINGING:
            self._reject(486)
        elif self.state == CallState.ANSWERED:
            self.sip.ask(self.sip.gen_bye(self.request, self._next_cseq()))
            self.end(Ended.WE_HUNG_UP)
        elif self.state == CallState.DIALING:
            self._give_up()

    def _give_up(self) -> None:
        if self._may_cancel:  # else as soon as anything answers (RFC 3261, 9.1)
            self._cancel()
        self.end(Ended.WE_GAVE_UP)

    def _cancel(self) -> None:
        self.sip.ask(self.sip.gen_cancel(self.request))

    def _must_talk(self) -> None:
        if self.state != CallState.ANSWERED:
            raise InvalidStateError(f"{self!r} is no conversation")

    def _press(self, keys: str) -> None:
        if self.state != CallState.ANSWERED:
            raise InvalidStateError(f"{self!r} hears no keys")
        for client in self.RTPClients:
            client.press(keys)

    def _say(self, sound: bytes) -> None:
        self._must_talk()
        for client in self.RTPClients:
            client.say(sound)

    def end(self, because: Ended, status: int | None = None) -> None:
        if self.state == CallState.ENDED:
            return
        for client in self.RTPClients:
            client.stop()
        self.phone.close_ports({*(client.inPort for client in self.RTPClients), *self.assignedPorts})
        self.ended_because, self.status = because, status
        self._enter(CallState.ENDED)

    def _enter(self, state: CallState) -> None:
        self.state = state
        self.moments[state] = time.monotonic()
        self.look()
        self.phone.notice(self)


class Softphone(voip.VoIPPhone):  # type: ignore[misc]
    """A phone with one user. It takes and makes any number of calls at a time."""

    def __init__(
        self,
        server_host: str,
        server_port: int,
        user: str,
        password: str,
        *,
        on_ring: Callable[[Call], None] | None = None,
        on_answered: Callable[[Call], None] | None = None,
        on_ended: Callable[[Call], None] | None = None,
        expires_seconds: int = 120,
    ) -> None:
        super().__init__(server_host, server_port, user, password, myIP=_address_towards(server_host, server_port))
        self.sip = _Signalling(self, expires_seconds)
        self.ports: dict[int, socket.socket] = {}
        self._on = {CallState.RINGING: on_ring, CallState.ANSWERED: on_answered, CallState.ENDED: on_ended}
        self._watch = _Watch()
        self._plugged_in = False

    def __repr__(self) -> str:
        return f"<Softphone {self.username} at {self.server}:{self.port}: {self._status.name.lower()}>"

    @property
    def registered(self) -> bool:
        return bool(self._status == voip.PhoneStatus.REGISTERED)

    def start(self) -> None:
        """Registers: RegistrationRefused, or TimeoutError if nothing replies."""
        with self._plugging_in():
            _line.start(self._start()).result()

    async def start_async(self) -> None:
        with self._plugging_in():
            await asyncio.wrap_future(_line.start(self._start()))

    def stop(self) -> None:
        """Ends its calls, unregisters, and leaves nothing behind."""
        with self._pulling_out() as was_in:
            if was_in:
                _line.start(self._stop()).result()

    async def stop_async(self) -> None:
        with self._pulling_out() as was_in:
            if was_in:
                await asyncio.wrap_future(_line.start(self._stop()))

    def unplug(self) -> None:
        """Vanishes: neither the other side nor the server hears a word of it."""
        with self._pulling_out() as was_in:
            if was_in:
                _line.do(self._vanish)

    def call(self, number: str) -> Call:
        if not self._plugged_in:
            raise InvalidStateError(f"{self!r} is not plugged in")
        return _line.do(lambda: self._call(number))

    def wait_for_ring(self, timeout_seconds: float | None = None) -> Call:
        """The call that rings, or the next that does."""
        return _wait(self._watch.when(self._ringing_call), timeout_seconds, self)

    async def wait_for_ring_async(self, timeout_seconds: float | None = None) -> Call:
        return await _wait_async(self._watch.when(self._ringing_call), timeout_seconds, self)

    def _ringing_call(self) -> Call | None:
        return next((call for call in list(self.calls.values()) if call.state == CallState.RINGING), None)

    @contextmanager
    def _plugging_in(self) -> Iterator[None]:
        if self._plugged_in:
            raise InvalidStateError(f"{self!r} is plugged in already")
        _line.plug_in()
        try:
            yield
        except BaseException:
            _line.unplug()
            raise
        self._plugged_in = True

    @contextmanager
    def _pulling_out(self) -> Iterator[bool]:
        if _line.is_here():
            raise RuntimeError("a callback cannot stop the line that it runs on")
        was_in, self._plugged_in = self._plugged_in, False
        try:
            yield was_in
        finally:
            if was_in:
                _line.unplug()

    # What happens on the line

    async def _start(self) -> None:
        self._status = voip.PhoneStatus.REGISTERING
        self.sip.open()
        try:
            async with asyncio.timeout(REGISTER_SECONDS):
                await self.sip.register()
        except BaseException as error:
            self.sip.close()
            self._status = voip.PhoneStatus.FAILED
            if isinstance(error, TimeoutError):
                raise TimeoutError(f"{self!r}: no reply in {REGISTER_SECONDS} s") from None
            raise
        self._status = voip.PhoneStatus.REGISTERED
        self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self.sip.default_expires / 2 if self.registered else REGISTER_SECONDS)
            try:
                await self.sip.register()
                self._status = voip.PhoneStatus.REGISTERED
            except (TimeoutError, RegistrationRefused) as error:
                self._status = voip.PhoneStatus.FAILED
                log.warning("softphone.not_registered", user=self.username, error=str(error))

    async def _stop(self) -> None:
        self._renewing.cancel()
        try:
            for call in list(self.calls.values()):
                call.hangup()
            await self.sip.everything_settled(GOODBYE_SECONDS)
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self.sip.deregister()
        except (TimeoutError, RegistrationRefused) as error:
            log.warning("softphone.not_unregistered", user=self.username, error=str(error))
        finally:
            self._vanish()

    def _vanish(self) -> None:
        self._renewing.cancel()
        for call in self.calls.values():
            call.end(Ended.UNPLUGGED)
        self.calls.clear()
        self.sip.close()
        self._status = voip.PhoneStatus.INACTIVE

    def _call(self, number: str) -> Call:
        port = self.request_port()
        media = {port: {0: RTP.PayloadType.PCMU, 101: RTP.PayloadType.EVENT}}
        request, call_id, session_id = self.sip.invite(number, media, self.sendmode)
        call = Call(self, CallState.DIALING, request, session_id, self.myIP, ms=media, sendmode=self.sendmode)
        self.calls[call_id] = call
        return call

    def callback(self, message: _Message) -> None:
        if message.is_response:
            self._note_response(message)
        elif message.method == "INVITE":
            self._note_invite(message)
        elif message.method in ("BYE", "CANCEL"):
            self._note_end(message)
        elif message.method != "ACK":
            self.sip.send(self.sip.gen_response(message, 200))
            self._note_transfer(message)

    def _note_transfer(self, message: _Message) -> None:
        call = self.calls.get(message.call_id)
        if call and message.told_status:
            call.note_transfer(message.told_status)

    def _note_response(self, response: _Message) -> None:
        call = self.calls.get(response.call_id)
        if call and response.headers["CSeq"]["method"] == "INVITE":
            call.respond_to(response)

    def _note_invite(self, request: _Message) -> None:
        if call := self.calls.get(request.call_id):
            call.invited_again(request)
        elif not _keep_known_codecs(request):
            self.sip.send(self.sip.gen_response(request, 488))
        else:
            self._ring(request)

    def _ring(self, request: _Message) -> None:
        self.sip.tagLibrary[request.call_id] = self.sip.gen_tag()
        session_id = self.sip.sessID.next()
        call = Call(self, CallState.RINGING, request, session_id, self.myIP, sendmode=self.recvmode)
        self.calls[request.call_id] = call
        call.ring()
        self._watch.look()
        self.notice(call)

    def _note_end(self, request: _Message) -> None:
        call = self.calls.get(request.call_id)
        self.sip.send(self.sip.gen_response(request, 200 if call else 481))
        if call:
            call.reason = str(request.headers.get("Reason", call.reason))
        if call and request.method == "CANCEL":
            call.cancelled()
        elif call:
            call.end(Ended.THEY_HUNG_UP)

    def notice(self, call: Call) -> None:
        if call.state == CallState.ENDED:
            _line.loop.call_later(GIVE_UP_SECONDS, self._forget, call.call_id)
        if tell := self._on[call.state]:
            tell(call)

    def _forget(self, call_id: str) -> None:
        """Not before the last retransmission can have come."""
        self.calls.pop(call_id, None)
        self.sip.tagLibrary.pop(call_id, None)

    def request_port(self, blocking: bool = True) -> int:
        """One of the system's choice, bound at once: pyVoIP guesses, and may guess a neighbour's or Asterisk's."""
        port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        port.setblocking(False)
        port.bind((self.myIP, 0))
        number = int(port.getsockname()[1])
        self.ports[number] = port
        return number

    def close_ports(self, numbers: set[int]) -> None:
        for number in numbers:
            self.ports.pop(number).close()

    def release_ports(self, call: Call | None = None) -> None:
        """pyVoIP's calls give their ports back when they are collected, ours when they end."""


def _wait(future: Future[T], timeout_seconds: float | None, whom: object) -> T:
    try:
        return future.result(timeout_seconds)
    except TimeoutError:
        future.cancel()
        raise TimeoutError(f"{whom!r} after {timeout_seconds} s") from None


async def _wait_async(future: Future[T], timeout_seconds: float | None, whom: object) -> T:
    try:
        return await asyncio.wait_for(asyncio.wrap_future(future), timeout_seconds)
    except TimeoutError:
        raise TimeoutError(f"{whom!r} after {timeout_seconds} s") from None


def _address_towards(host: str, port: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, port))
        return str(probe.getsockname()[0])


def _keep_known_codecs(invite: _Message) -> bool:
    """pyVoIP warns of every codec that it does not know. Is any left to talk with?"""
    media = invite.body.get("m", [])
    for one in media:
        one["methods"] = [
            kind for kind in one["methods"] if kind in ("0", "8") or _carries_keys(one["attributes"][kind])
        ]
    return any(kind in ("0", "8") for one in media for kind in one["methods"])


def _carries_keys(attributes: dict[str, Any]) -> bool:
    codec = attributes.get("rtpmap", {})
    return bool(codec.get("name") == "telephone-event" and codec.get("frequency") == "8000")
