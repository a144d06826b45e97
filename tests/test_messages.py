"""Voice messages on disk: what is one, what becomes of it, and that no name leads anywhere else."""

from __future__ import annotations

import os
import random
import wave
from array import array
from pathlib import Path

import pytest

import acd.messages
from acd.messages import LEFTOVER_SECONDS, Messages, NoMessage

NAME = "0123456789abcdef"
RATE = 8_000
VOICE = array("h", random.Random(1).choices(range(-8_000, 8_000), k=RATE)).tobytes()
"""A second of it."""


@pytest.fixture
def messages(tmp_path: Path) -> Messages:
    return Messages(tmp_path)


def records(messages: Messages, data: bytes) -> Path:
    path = messages.recording(NAME)
    with wave.open(str(path), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(RATE)
        audio.writeframes(data)
    return path


def why_it_is_none(messages: Messages) -> str:
    with pytest.raises(NoMessage) as none:
        messages.judge(NAME)
    return str(none.value)


def test_who_has_spoken_has_left_a_message(messages: Messages) -> None:
    records(messages, VOICE * 2)
    assert messages.judge(NAME).seconds == 2


def test_silence_and_a_short_word_and_nothing_at_all_are_none(messages: Messages) -> None:
    assert why_it_is_none(messages) == "missing"
    records(messages, bytes(2 * RATE * 3))
    assert why_it_is_none(messages) == "silent"
    records(messages, VOICE[: RATE // 2])
    assert why_it_is_none(messages) == "short"
    messages.recording(NAME).write_bytes(b"RIFF, but no more")
    assert why_it_is_none(messages) == "missing"


def test_a_recording_that_ends_in_the_middle_of_a_sample_is_heard_to_there(messages: Messages) -> None:
    path = records(messages, VOICE * 2)
    with path.open("r+b") as audio:
        audio.truncate(path.stat().st_size - 1)
    assert messages.judge(NAME).seconds == pytest.approx(2, abs=0.001)


def test_what_is_kept_is_no_recording_any_more_and_is_judged_the_same(messages: Messages) -> None:
    records(messages, VOICE * 2)
    judged = messages.judge(NAME)
    messages.keep(NAME)
    assert not messages.recording(NAME).exists()
    assert messages.judge(NAME) == judged
    messages.keep(NAME)  # told twice
    messages.delete(NAME)
    assert list(messages.folder.iterdir()) == []


@pytest.mark.parametrize("use", ["keep", "judge"])
def test_what_somebody_else_keeps_in_the_same_moment_is_kept_once(
    messages: Messages, monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    """He accepts his message, and hangs up."""
    records(messages, VOICE * 2)
    step = {"keep": "_sync", "judge": "_listen"}[use]
    as_it_is = getattr(acd.messages, step)

    def keeps_it_first(path: Path) -> object:
        monkeypatch.setattr(acd.messages, step, as_it_is)
        messages.keep(NAME)
        return as_it_is(path)

    monkeypatch.setattr(acd.messages, step, keeps_it_first)
    getattr(messages, use)(NAME)

    assert [path.name for path in messages.folder.iterdir()] == [f"{NAME}.wav"]


def test_the_folder_itself_may_be_reached_by_a_link(messages: Messages, tmp_path: Path) -> None:
    (tmp_path / "mounted").symlink_to(tmp_path)
    mounted = Messages(tmp_path / "mounted")
    records(mounted, VOICE * 2)
    mounted.keep(NAME)
    assert messages.judge(NAME).seconds == 2


def test_nothing_to_keep_is_an_error(messages: Messages) -> None:
    with pytest.raises(OSError, match=NAME):
        messages.keep(NAME)


def test_only_recordings_that_nobody_finishes_any_more_are_left_over(messages: Messages) -> None:
    left = records(messages, VOICE)
    messages.delete_leftovers()
    assert left.exists()
    long_ago = left.stat().st_mtime - LEFTOVER_SECONDS - 1
    os.utime(left, (long_ago, long_ago))
    (messages.folder / f"{'f' * 16}.wav").touch()
    messages.delete_leftovers()
    assert [path.name for path in messages.folder.iterdir()] == [f"{'f' * 16}.wav"]


def test_a_link_is_no_message_and_leads_nowhere(messages: Messages, tmp_path: Path) -> None:
    elsewhere = Messages(tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    secret = records(elsewhere, VOICE * 2)
    for path in (messages.recording(NAME), messages.path(NAME)):
        path.symlink_to(secret)
        assert why_it_is_none(messages) == "missing"
        assert messages.kept(NAME) is None
        messages.delete(NAME)
    assert secret.exists()


def test_of_a_hundred_thousand_names_only_ours_are_paths_and_those_stay_in_the_folder(messages: Messages) -> None:
    chance = random.Random(1)
    letters = "0123456789abcdefABCDEF./\\%~*\0\n é-"
    ours = 0
    for _ in range(100_000):
        some = letters[:16] if chance.random() < 0.5 else letters
        name = "".join(chance.choices(some, k=chance.choice((15, 16, 16, 16, 17))))
        try:
            path = messages.path(name)
        except ValueError:
            continue
        ours += 1
        assert path.parent == messages.folder
        assert path.resolve().parent == messages.folder.resolve()
    assert ours > 10_000


@pytest.mark.parametrize("name", ["", "..", "../etc/passwd", NAME + "/", NAME.upper(), NAME + "\n", NAME[1:], "*" * 16])
def test_a_name_that_is_none_of_ours_is_no_path(messages: Messages, name: str) -> None:
    for use in (messages.path, messages.recording, messages.delete, messages.keep, messages.judge):
        with pytest.raises(ValueError, match="no name of a message"):
            use(name)
