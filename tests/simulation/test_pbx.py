"""The simulated Asterisk says what the real one says: the same stories on both, word for word."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from difflib import unified_diff
from pathlib import Path

import pytest

from acd.asterisk import private
from acd.asterisk.private import RELEASES
from acd.center.model import Reach

from .exchanges import Exchange, real, simulated
from .recorder import Story

Told = Callable[[Exchange], Awaitable[None]]
STORIES: list[Told] = []


def story(told: Told) -> Told:
    STORIES.append(told)
    return told


@story
async def alice_answers_and_hangs_up(office: Exchange) -> None:
    office.only("alice")
    await office.call_in("sales")
    call = await office.rings()
    office.answer(call)
    await office.talking()
    office.hang_up(call)


@story
async def the_caller_hangs_up_in_the_talk(office: Exchange) -> None:
    office.only("alice")
    caller = await office.call_in("sales")
    office.answer(await office.rings())
    await office.talking()
    office.hang_up(caller)


@story
async def the_caller_leaves_the_line(office: Exchange) -> None:
    office.only()
    caller = await office.call_in("sales")
    await office.waiting()
    office.hang_up(caller)


@story
async def the_caller_leaves_while_the_phone_rings(office: Exchange) -> None:
    office.only("alice")
    caller = await office.call_in("sales")
    await office.rings()
    office.hang_up(caller)


@story
async def alice_rejects(office: Exchange) -> None:
    office.only("alice")
    caller = await office.call_in("sales")
    office.reject(await office.rings())
    await office.waiting()
    office.hang_up(caller)


@story
async def alice_does_not_answer(office: Exchange) -> None:
    office.only("alice")
    caller = await office.call_in("sales")
    await office.rings()
    await office.waiting()
    office.hang_up(caller)


@story
async def bobs_phone_is_not_registered(office: Exchange) -> None:
    office.only("bob")
    caller = await office.call_in("sales")
    await office.until(lambda: office.daemon.state.agents["bob"].failures)
    office.hang_up(caller)


@story
async def the_longest_wait_is_over(office: Exchange) -> None:
    office.only()
    await office.call_in("urgent")
    await office.waiting()


@story
async def the_caller_is_put_back_into_the_line(office: Exchange) -> None:
    office.only()
    caller = await office.call_in("sales")
    await office.waiting()
    await office.redirect("acd-wait", "s", "again")
    await office.until(lambda: office.recorder.has_told("AcdWaits"))
    office.hang_up(caller)


@story
async def the_caller_is_sent_to_a_context_of_the_operators(office: Exchange) -> None:
    office.only()
    await office.call_in("sales")
    await office.waiting()
    await office.redirect("answering-machine", "sales", "1")


@story
async def a_caller_is_told_his_place(office: Exchange) -> None:
    office.only()
    caller = await office.call_in("told")
    await office.spoken_to(True)
    await office.spoken_to(False)
    office.hang_up(caller)


@story
async def alice_answers_while_the_caller_is_told_his_place(office: Exchange) -> None:
    office.only()
    await office.call_in("told")
    await office.spoken_to(True)
    office.only("alice")
    call = await office.rings()
    office.answer(call)
    await office.talking()
    office.hang_up(call)


@story
async def eva_leaves_a_message_and_is_called_back(office: Exchange) -> None:
    office.only()
    await office.leaves_a_message(await office.call_in("kept"))
    office.only("alice")
    leg = await office.rings()
    office.answer(leg)
    evas = await office.calls_back(leg)
    office.reach(evas)
    await office.until(lambda: [one.reach for one in office.daemon.state.requests.values()] == [Reach.TALKING])
    office.hang_up(evas)
    await office.is_done(leg)


@story
async def there_is_no_such_queue(office: Exchange) -> None:
    office.only()
    await office.call_in("nowhere")


@story
async def a_daemon_starts_anew_while_one_talks_and_one_waits(office: Exchange) -> None:
    office.only("alice")
    talks = await office.call_in("sales")
    office.answer(await office.rings())
    await office.talking()
    waits = await office.call_in("sales")
    await office.waiting()
    await office.daemon.stop()
    await office.start_daemon()
    office.hang_up(talks)
    office.hang_up(waits)


def differences(expected: Story, heard: Story) -> list[str]:
    return [
        f"{teller}: {line}"
        for teller in sorted({*expected, *heard})
        for line in unified_diff(expected.get(teller, []), heard.get(teller, []), "real", "simulated", n=0, lineterm="")
    ]


async def record(office: Exchange, told: Told) -> Story:
    office.recorder.begin()
    await told(office)
    await office.over()
    return office.recorder.story()


@pytest.mark.pbx
@pytest.mark.parametrize("release", RELEASES)
async def test_the_simulated_asterisk_tells_every_story_as_the_real_one(
    release: str, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    installation = private.find(release)
    if installation is None:
        pytest.skip(f"there is no Asterisk {release} here: acd pbx install --release {release}")
    async with real(installation, tmp_path / "real") as theirs, simulated(release, tmp_path, seed=1) as ours:
        for told in STORIES:
            with subtests.test(told.__name__):
                expected, heard = await record(theirs, told), await record(ours, told)
                found = differences(expected, heard)
                assert not found, "\n".join(found)
