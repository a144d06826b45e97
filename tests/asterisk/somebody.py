"""Somebody at a telephone: what he hears, says and presses.

    eva = Somebody(caller.call("sales"))
    await eva.hears("speak", SOUND)
    await eva.says(voice(1))
    assert bob.likeness(voice(1)) > ALIKE

He hears words as tones: each of `WORDS` is a sine whose period is a whole number of samples, so that a packet of it
repeats itself exactly, and none of the others does. A message is told from another by the correlation of its sound.
"""

from __future__ import annotations

import asyncio
import io
import math
import random
import wave
from array import array
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from operator import mul
from pathlib import Path

from acd.demo.softphone import FRAME_SAMPLES, QUIET_BYTES, RTP, VOICE_PERIOD_SAMPLES, Call, CallState

SAMPLE_RATE = 8_000
SOUND = "…"
"""Anything to be heard that is none of the words: a beep, music, what somebody says."""
SOUND_PACKETS = 3
"""So many of them in a row are one."""
WORDS = (
    *("offer", "confirm", "type", "wrong", "speak", "short", "review", "kept", "sorry", "again", "keep", "cancel"),
    *("message", "menu", "reason", "BUSY", "NOANSWER", "FAILED", "REFUSED", "after", "when", "with"),
    *"0123456789",
)
PERIODS = dict(zip(WORDS, (n for n in range(6, 60) if VOICE_PERIOD_SAMPLES % n), strict=False))
"""None that a phone's own note has as well."""
WORD_FRAMES, PAUSE_FRAMES = 4, 2
ALIKE, UNLIKE = 0.9, 0.5
"""Above the one, it is what was said; below the other, it is something else."""
SILENT_SECONDS = 0.5
"""Who says nothing for so long has ended; Asterisk sends no packets then."""
THINNED = 8
"""A voice is looked for in steps of so many samples first: what it says lies below 500 Hz."""
CUT = [0] * (SAMPLE_RATE // 4)
QUIET = QUIET_BYTES[RTP.PayloadType.PCMU]


def write_words(folder: Path) -> None:
    """A sound file for each."""
    folder.mkdir(parents=True, exist_ok=True)
    for word, period in PERIODS.items():
        period_samples = [round(8_000 * math.sin(2 * math.pi * n / period)) for n in range(period)]
        samples = array("h", (period_samples[n % period] for n in range(WORD_FRAMES * FRAME_SAMPLES)))
        samples.extend([0] * PAUSE_FRAMES * FRAME_SAMPLES)
        with wave.open(str(folder / f"{word}.wav"), "wb") as sound:
            sound.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
            sound.writeframes(samples.tobytes())


class Voice(bytes):
    """In the form that a phone takes: 8 bits, 128 is silence."""

    def __repr__(self) -> str:
        return f"{len(self) / SAMPLE_RATE} s of a voice"


def voice(speaker: int, seconds: float = 1.2) -> Voice:
    """Nobody else's: syllables of a wandering pitch."""
    chance = random.Random(speaker)
    samples: list[int] = []
    phase = 0.0
    while len(samples) < seconds * SAMPLE_RATE:
        pitch, loudness = chance.uniform(100, 230), chance.uniform(60, 110)
        length = chance.randrange(800, 2_000)
        for n in range(length):
            phase += 2 * math.pi * pitch / SAMPLE_RATE
            swell = math.sin(math.pi * n / length)
            samples.append(round(loudness * swell * (0.7 * math.sin(phase) + 0.3 * math.sin(2 * phase))))
    return Voice(128 + sample for sample in samples[: int(seconds * SAMPLE_RATE)])


def silence(seconds: float) -> Voice:
    return Voice([128] * round(seconds * SAMPLE_RATE))


def tone(*hertz: int, seconds: float = 0.4) -> Voice:
    """Of several notes: that of ringing, for example."""
    angles = [2 * math.pi * note / SAMPLE_RATE for note in hertz]
    return Voice(
        128 + round(50 * sum(math.sin(angle * n) for angle in angles)) for n in range(int(seconds * SAMPLE_RATE))
    )


class Somebody:
    def __init__(self, call: Call) -> None:
        self.call = call
        self.heard: list[str] = []
        self.sound = bytearray()
        self._heeded = 0
        self._hears, self._packets = "", 0
        call.on_sound = self._listen

    def _listen(self, packet: bytes) -> None:
        self.sound += packet
        hears = _word(packet)
        self._packets = self._packets + 1 if hears == self._hears else 1
        self._hears = hears
        if self._packets == (SOUND_PACKETS if hears == SOUND else 1) and hears:
            self.heard.append(hears)

    async def hears(self, *words: str, seconds: float = 15) -> None:
        """Waits for them, one after the other; whatever is heard between them is passed over."""
        for word in words:
            try:
                await self.call.wait_until_async(lambda _, word=word: word in self.heard[self._heeded :], seconds)
            except TimeoutError:
                raise AssertionError(f"{self.call!r} hears {self.heard[self._heeded :]}, and not {word!r}") from None
            self._heeded = self.heard.index(word, self._heeded) + 1

    async def listens(self) -> None:
        """Until he is asked: the other side has said something, and is silent."""
        await self.hears(SOUND)
        so_far = -1
        while so_far < len(self.sound):
            so_far = len(self.sound)
            with suppress(TimeoutError):
                await self.call.wait_until_async(lambda _, so_far=so_far: len(self.sound) > so_far, SILENT_SECONDS)

    def forgets_the_sound(self) -> None:
        self.sound.clear()

    def presses(self, keys: str) -> None:
        self._heeded = len(self.heard)  # what he hears before he presses answers nothing
        self.call.press(keys)

    async def says(self, sound: bytes) -> None:
        self.call.say(sound)
        await self.call.wait_until_async(lambda call: not call.speaking, 30)

    def hangs_up(self) -> None:
        self.call.hangup()

    async def is_hung_up_on(self, seconds: float = 15) -> None:
        await self.call.wait_for_async(CallState.ENDED, seconds)

    def likeness(self, said: bytes) -> float:
        """How much of what he has heard is like this, at the place where it is most: 1 is the same."""
        return likeness(_samples(said), [LINEAR[byte] for byte in self.sound])

    async def hears_saying(self, said: bytes, seconds: float = 30) -> None:
        """Until he has just heard it."""
        lately = len(said) + SAMPLE_RATE
        async with asyncio.timeout(seconds):
            while likeness(_samples(said), [LINEAR[byte] for byte in self.sound[-lately:]]) < ALIKE:
                more = len(self.sound) + SAMPLE_RATE // 2
                await self.call.wait_until_async(lambda _, more=more: len(self.sound) >= more, seconds)


def likeness_of_wav(sound: bytes, said: bytes) -> float:
    """The same of a file."""
    with wave.open(io.BytesIO(sound)) as file:
        samples = array("h", file.readframes(file.getnframes()))
    return likeness(_samples(said), samples.tolist())


def _samples(said: bytes) -> list[int]:
    return [sample - 128 for sample in said]


def _word(packet: bytes) -> str:
    if not packet.translate(None, QUIET):
        return ""
    for word, period in PERIODS.items():
        if packet[period:] == packet[:-period]:
            return word
    return SOUND


def _linear(byte: int) -> int:
    """µ-law (ITU-T G.711) to 14 bits."""
    byte = ~byte & 0xFF
    size = (((byte & 0x0F) << 1) + 33 << (byte >> 4 & 0x07)) - 33
    return -size if byte & 0x80 else size


LINEAR = [_linear(byte) for byte in range(256)]


def likeness(said: Sequence[int], heard: Sequence[int]) -> float:
    """The highest normalised cross-correlation of the two. A little may be cut off on either side."""
    heard = [*CUT, *heard, *CUT]
    last = len(heard) - len(said)
    coarse = _best(_thinned(said), _thinned(heard), range(last // THINNED + 1))[1] * THINNED
    near = range(max(0, coarse - THINNED), min(last, coarse + THINNED) + 1)
    return _best(said, heard, near)[0]


def _best(said: Sequence[int], heard: Sequence[int], shifts: range) -> tuple[float, int]:
    energy = [0, *accumulate(sample * sample for sample in heard)]
    own = sum(sample * sample for sample in said)

    def at(shift: int) -> float:
        theirs = energy[shift + len(said)] - energy[shift]
        return sum(map(mul, said, heard[shift : shift + len(said)])) / math.sqrt(own * theirs) if theirs else 0.0

    return max(((at(shift), shift) for shift in shifts), default=(0.0, 0))


def _thinned(samples: Sequence[int]) -> list[int]:
    return [sum(samples[at : at + THINNED]) for at in range(0, len(samples) - THINNED + 1, THINNED)]
