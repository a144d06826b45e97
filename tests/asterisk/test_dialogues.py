"""The dialogues of callbacks, told event by event to an edge and a center that may die at any moment: what has to be on
disk before it is said, and what a daemon that is started again makes of what it finds.
"""

from __future__ import annotations

import asyncio
import random
import wave
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs
from test_calls import FakeLink, _settle, status

from acd.asterisk.calls import Calls
from acd.asterisk.link import ActionTimeout, Answer, Event, Link
from acd.asterisk.means import Means
from acd.center import Center, inputs
from acd.center.facts import (
    AnyFact,
    CallbackPromised,
    CallerAsked,
    CustomerDialled,
    CustomerMissed,
    OfferMade,
    RequestEnded,
    RequestQueued,
    RequestSetAside,
)
from acd.center.inputs import Contradiction, Input
from acd.center.model import (
    AgentName,
    AgentRules,
    CallbackRules,
    ChannelId,
    Difference,
    Message,
    PbxName,
    QueueName,
    QueueRules,
    Request,
    SiteRules,
)
from acd.center.reach import Device
from acd.dialling import Dialling, DialRules
from acd.messages import Messages

ANN, AGAIN = "1700000000.1", "1700000000.2"
NUMBER, OTHER = "0201234567", "0612345678"
MAIN, SALES, ALICE = PbxName("main"), QueueName("sales"), AgentName("alice")
RULES = SiteRules(
    queues=(QueueRules(name=SALES, caller_id="+31880000000", callbacks=CallbackRules(ring_seconds=30)),),
    agents=(AgentRules(name=ALICE, queues={SALES: 1}, devices=(Device("desk", "PJSIP/alice"),), callbacks=True),),
)
RULES_OF_DIALLING = DialRules(home="NL", countries=frozenset({"NL"}))
SPEECH = random.Random(1).randbytes(2 * 8000 * 2)
PATIENCE_SECONDS = 5.0


def now() -> float:
    return 1_700_000_000.0


class Asterisk(FakeLink):
    """What it keeps when a daemon dies."""

    def __init__(self) -> None:
        super().__init__()
        self.globals: dict[str, str] = {}
        self.news = asyncio.Event()

    def send(self, action: str, headers: Mapping[str, Any]) -> asyncio.Future[Answer]:
        self.news.set()
        answer = super().send(action, headers)
        if action == "Getvar" and headers["Variable"] in self.globals:
            found: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            found.set_result(Event.parse("Response", f"Value: {self.globals[headers['Variable']]}"))
            return found
        return answer

    def set_on(self, channel: str, variable: str) -> list[str]:
        """All the values that it was given."""
        sets = (headers for action, headers in self.asked if action == "Setvar")
        return [one["Value"] for one in sets if (one.get("Channel"), one["Variable"]) == (channel, variable)]

    async def until_set(self, channel: str, variable: str, times: int = 1) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.set_on(channel, variable)) < times:
                self.news.clear()
                await self.news.wait()
        return self.set_on(channel, variable)[times - 1]


class Disk:
    """Holds facts; while it is slow, they only wait for it."""

    def __init__(self) -> None:
        self.facts: list[AnyFact] = []
        self.waiting: list[AnyFact] = []
        self.is_waited_for = asyncio.Event()
        self._is_full = False
        self._fast = asyncio.Event()
        self._fast.set()

    def takes(self, facts: Sequence[AnyFact]) -> None:
        self.waiting += facts
        if self._fast.is_set():
            self.writes()

    def writes(self) -> None:
        self.facts += self.waiting
        self.waiting.clear()
        self._fast.set()

    def is_full(self) -> None:
        """From here on nothing comes onto it."""
        self._is_full = True

    def is_written(self) -> bool:
        return not self._is_full

    def is_slow(self) -> None:
        self._fast.clear()
        self.is_waited_for.clear()

    async def has_all(self) -> bool:
        self.is_waited_for.set()
        await self._fast.wait()
        return not self._is_full

    async def makes_somebody_wait(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.is_waited_for.wait()


class Office:
    def __init__(self, folder: Path) -> None:
        self.pbx, self.disk, self.messages = Asterisk(), Disk(), Messages(folder)
        self.starts()
        self.tell(inputs.RulesLoaded(RULES))
        self.tell(inputs.LogIn(ALICE))
        self.tell(inputs.Pause(ALICE))

    def starts(self) -> None:
        """A daemon, with what is on disk; whatever the one before it was at is forgotten."""
        self.disk.waiting.clear()
        self.disk.writes()
        self.center = Center()
        self.center.fold(self.disk.facts)
        self.dialling = Dialling(now)
        self.dialling.use(RULES_OF_DIALLING, {MAIN: "PJSIP/{number}@trunk"})
        means = Means(self.center.state, self.dialling, self.messages, self.disk.has_all, self.disk.is_written, "NL")
        self.calls = Calls(cast(Link, self.pbx), tell=self.tell, now=now, means=means)
        self.tell(inputs.DaemonStarted())

    async def dies_and_starts(self, *channels: Event) -> None:
        """And finds these channels."""
        await self.calls.stop()
        self.pbx.asked.clear()
        self.starts()
        await self.comes_up(*channels)

    async def comes_up(self, *channels: Event) -> None:
        surveys = len(self.pbx.surveys)
        self.calls.link_up()
        while len(self.pbx.surveys) == surveys:
            await asyncio.sleep(0)
        self.pbx.surveys[-1].set_result(list(channels))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while MAIN not in self.center.state.steered:
                await asyncio.sleep(0)

    def tell(self, told: Input) -> Sequence[AnyFact]:
        calls, center = self.calls, self.center
        facts = center.decide(told, now(), 1)
        self.disk.takes(facts)
        for fact in facts:
            calls.on_fact(fact)
        return facts

    def hears(self, name: str, channel: str, **headers: str) -> None:
        event = Event(name)
        event.update(
            {"Uniqueid": channel, "Channel": f"PJSIP/trunk-{channel[-1:]:0>8}", "ChannelState": "6", **headers}
        )
        self.calls.on_event(event)

    # ---- What a caller does

    def joins(self, channel: str = ANN, number: str = NUMBER) -> None:
        self.hears("UserEvent", channel, UserEvent="AcdJoin", Queue="sales", CallerIDNum=number)

    def asks(self, step: str, channel: str = ANN, number: str = NUMBER, typed: str = "") -> None:
        said = {"UserEvent": "AcdMessage", "Step": step, "Typed": typed, "CallerIDNum": number}
        names = self.pbx.set_on(channel, "ACD_MESSAGE")
        self.hears("UserEvent", channel, **said, Message=names[-1] if names else "")

    async def is_answered(self, channel: str = ANN, times: int = 1) -> str:
        return await self.pbx.until_set(channel, "ACD_RESULT", times)

    async def begins(self, channel: str = ANN, number: str = NUMBER) -> str:
        """And speaks. Answers with the name of his message."""
        self.joins(channel, number)
        self.asks("begin", channel, number)
        assert await self.is_answered(channel) == "number"
        name = self.pbx.set_on(channel, "ACD_MESSAGE")[-1]
        with wave.open(str(self.messages.recording(name)), "wb") as audio:
            audio.setparams((1, 2, 8000, 0, "NONE", ""))
            audio.writeframes(SPEECH)
        return name

    def chooses(self, choice: str, request: str) -> None:
        self.hears("UserEvent", AGAIN, UserEvent="AcdChoice", Step=choice, Typed=request, CallerIDNum=NUMBER)

    # ---- What is so

    def files(self) -> list[str]:
        return sorted(path.name for path in self.messages.folder.iterdir())

    def request(self) -> Request:
        (request,) = self.center.state.requests.values()
        return request

    def told(self, kind: type[AnyFact]) -> list[Any]:
        return [fact for fact in self.disk.facts + self.disk.waiting if isinstance(fact, kind)]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(tmp_path)
    await office.comes_up()
    yield office
    assert office.pbx.failed == []


def ann(message: str = "", **headers: str) -> Event:
    """Her channel, while she is in the dialogue."""
    variables = ("ACD_QUEUE=sales", "ACD_JOINED=1700000000.000", "ACD_ASIDE=yes", "BRIDGEPEER=nobody")
    return status(ANN, *variables, f"ACD_MESSAGE={message}", CallerIDNum=NUMBER, **headers)


# ---- Who leaves a message


async def test_the_name_of_his_file_is_given_when_it_is_on_disk_and_once(office: Office) -> None:
    office.joins()
    office.disk.is_slow()
    office.asks("begin")
    await office.disk.makes_somebody_wait()
    office.asks("begin")  # a second later
    assert office.pbx.set_on(ANN, "ACD_MESSAGE") == office.pbx.set_on(ANN, "ACD_RESULT") == []

    office.disk.writes()

    assert await office.is_answered() == "number"
    (set_aside,) = office.told(RequestSetAside)
    assert office.pbx.set_on(ANN, "ACD_MESSAGE") == [set_aside.message]
    office.asks("recorded")
    assert await office.is_answered(times=2) == "bad"
    assert office.pbx.set_on(ANN, "ACD_RESULT") == ["number", "bad"]


async def test_who_has_gone_back_meanwhile_is_given_none(office: Office) -> None:
    office.joins()
    office.disk.is_slow()
    office.asks("begin")
    await office.disk.makes_somebody_wait()
    office.asks("back")

    office.disk.writes()

    assert await office.is_answered() == "no"
    assert office.pbx.set_on(ANN, "ACD_MESSAGE") == []


@pytest.mark.parametrize("number", ["", "0033142685300"])
async def test_who_may_not_be_called_at_his_number_is_asked_for_another_one(office: Office, number: str) -> None:
    office.joins(number=number)
    office.asks("begin", number=number)
    assert await office.is_answered() == "begun"
    assert office.request().number == ""

    office.asks("number", typed="0033142685300")
    assert await office.is_answered(times=2) == "refused"
    assert office.request().number == ""

    office.asks("number", typed=OTHER)
    assert await office.is_answered(times=3) == "number"
    assert office.request().number == "+31612345678"


async def test_what_cannot_be_written_down_is_not_said(office: Office) -> None:
    await office.begins()
    office.disk.is_full()

    office.asks("number", typed=OTHER)

    assert await office.is_answered(times=2) == "refused"
    office.joins(AGAIN, OTHER)
    office.asks("begin", AGAIN, OTHER)
    assert await office.is_answered(AGAIN) == "no"
    assert office.pbx.set_on(AGAIN, "ACD_MESSAGE") == []


async def test_who_goes_back_waits_where_he_waited(office: Office) -> None:
    await office.begins()

    office.asks("back")

    assert not office.request().aside
    assert "Redirect" not in office.pbx.names()
    office.asks("recorded")
    assert await office.is_answered(times=2) == "bad", "it is no message of his any more"
    office.hears("HangupRequest", ANN)
    assert office.told(RequestEnded)


async def test_who_goes_back_too_late_joins_and_is_asked(office: Office) -> None:
    await office.begins()
    office.asks("left")
    await office.is_answered(times=2)

    office.asks("back")

    assert office.pbx.last("Redirect") == {"Channel": ANN, "Context": "acd-wait", "Exten": "s", "Priority": "1"}
    assert office.told(RequestEnded) == []


async def test_who_hangs_up_before_he_has_spoken_has_left(office: Office) -> None:
    office.joins()
    office.asks("begin")
    await office.is_answered()

    office.hears("Hangup", ANN, Cause="16")
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "keeping a message"))

    assert office.told(CallbackPromised) == []
    assert office.told(RequestEnded)


async def test_the_number_that_he_types_is_on_disk_before_he_speaks(office: Office) -> None:
    await office.begins()
    office.disk.is_slow()
    office.asks("number", typed=OTHER)
    await office.disk.makes_somebody_wait()
    assert office.pbx.set_on(ANN, "ACD_RESULT") == ["number"]

    office.disk.writes()

    assert await office.is_answered(times=2) == "number"
    assert office.request().number == "+31612345678"


async def test_he_hears_that_it_is_kept_when_it_is_on_disk(office: Office) -> None:
    name = await office.begins()
    office.disk.is_slow()
    office.asks("left")
    await office.disk.makes_somebody_wait()
    assert office.files() == [f"{name}.wav"]
    assert office.told(CallbackPromised)
    assert office.pbx.set_on(ANN, "ACD_RESULT") == ["number"]

    office.disk.writes()

    assert await office.is_answered(times=2) == "kept"
    assert office.pbx.set_on(ANN, "ACD_DIGITS")[-1] == "digits/1", "his place"


async def test_who_accepts_his_message_and_hangs_up_has_left_it_once(office: Office) -> None:
    name = await office.begins()

    office.asks("left")
    office.hears("Hangup", ANN, Cause="16")

    assert await office.is_answered(times=2) == "kept"
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "keeping a message"))
    assert office.files() == [f"{name}.wav"]
    assert len(office.told(CallbackPromised)) == 1
    assert cast(Message, office.request().message).name == name
    assert office.center.state.unwanted == {}
    assert office.told(RequestEnded) == []


async def test_who_hangs_up_after_speaking_is_heard_to_the_end(office: Office) -> None:
    name = await office.begins()

    office.hears("HangupRequest", ANN)
    assert office.request().aside, "his file is still being written"
    office.hears("Hangup", ANN, Cause="16")

    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "keeping a message"))
    assert office.files() == [f"{name}.wav"]
    assert len(office.told(CallbackPromised)) == 1
    assert office.told(RequestEnded) == []


async def test_who_is_at_a_step_that_there_is_not_is_not_answered(office: Office) -> None:
    office.joins()
    office.asks("sings")
    office.asks("begin")

    assert await office.is_answered() == "number"
    assert office.pbx.set_on(ANN, "ACD_RESULT") == ["number"]


@pytest.mark.parametrize("why", ["he may be called no more", "nothing can be promised", "his file cannot be kept"])
async def test_who_can_be_promised_nothing_is_told_so(
    office: Office, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    def is_full(name: str) -> None:
        raise OSError("No space left on device")

    name = await office.begins()
    if why == "he may be called no more":
        office.dialling.use(DialRules(home="NL", countries=frozenset({"FR"})), {})
    elif why == "nothing can be promised":
        office.disk.is_full()
    else:
        monkeypatch.setattr(office.messages, "keep", is_full)

    office.asks("left")

    assert await office.is_answered(times=2) == "no"
    assert office.told(CallbackPromised) == []
    assert office.files() != [f"{name}.wav"]


async def test_who_asks_a_daemon_that_stops_is_answered_by_it_no_more(office: Office) -> None:
    office.joins()
    office.disk.is_slow()
    office.asks("begin")
    await office.disk.makes_somebody_wait()

    async with asyncio.timeout(PATIENCE_SECONDS):
        await office.calls.stop()

    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("answering")]
    office.disk.writes()
    await _settle()
    assert office.pbx.set_on(ANN, "ACD_RESULT") == []


# ---- The daemon dies meanwhile


async def test_who_began_unheard_is_rung_for_by_nobody_and_begins_when_he_asks_again(office: Office) -> None:
    office.joins()
    office.tell(inputs.PbxLost(MAIN))
    office.tell(inputs.MakeAvailable(ALICE))

    await office.dies_and_starts(ann())
    office.asks("begin")

    assert await office.is_answered() == "number"
    assert office.told(OfferMade) == []


async def test_who_was_not_answered_has_his_file_when_he_asks_again(office: Office) -> None:
    office.joins()
    office.asks("begin")
    await office.is_answered()
    given = office.pbx.set_on(ANN, "ACD_MESSAGE")

    await office.dies_and_starts(ann())
    office.asks("begin")

    assert await office.is_answered() == "number"
    assert office.pbx.set_on(ANN, "ACD_MESSAGE") == given


@pytest.mark.parametrize("file_is", ["recorded", "renamed"])
async def test_who_left_a_message_and_was_not_told_so_is_when_he_asks_again(office: Office, file_is: str) -> None:
    name = await office.begins()
    if file_is == "renamed":
        office.messages.keep(name)  # and of the fact nothing is on disk

    await office.dies_and_starts(ann(name))
    office.hears("UserEvent", ANN, UserEvent="AcdMessage", Step="left", Message=name, CallerIDNum=NUMBER)

    assert await office.is_answered() == "kept"
    assert office.files() == [f"{name}.wav"]


@pytest.mark.parametrize("is_over", [False, True])
async def test_who_was_promised_a_callback_and_not_told_so_is_when_he_asks_again(office: Office, is_over: bool) -> None:
    name = await office.begins()
    office.asks("left")
    await office.is_answered(times=2)
    if is_over:
        office.tell(inputs.CancelRequest(office.request().id))

    await office.dies_and_starts(ann(name))
    office.hears("UserEvent", ANN, UserEvent="AcdMessage", Step="left", Message=name, CallerIDNum=NUMBER)

    assert await office.is_answered() == "kept"
    assert len(office.told(CallbackPromised)) == 1
    assert office.told(CallerAsked) == []


async def test_who_was_not_promised_anything_is_told_no(office: Office) -> None:
    await office.dies_and_starts()

    office.hears("UserEvent", ANN, UserEvent="AcdMessage", Step="left", Message="0" * 16, CallerIDNum=NUMBER)

    assert await office.is_answered() == "no"


async def test_who_hung_up_unheard_after_speaking_has_left_his_message(office: Office) -> None:
    name = await office.begins()

    await office.dies_and_starts()

    assert cast(Message, office.request().message).name == name
    assert office.files() == [f"{name}.wav"]


async def test_who_hung_up_unheard_is_listened_to_when_a_comparison_finds_him_gone(office: Office) -> None:
    name = await office.begins()
    gone = frozenset({Contradiction(Difference.CALLER_GONE, ChannelId(ANN))})

    office.tell(inputs.PbxContradicted(MAIN, (), gone))

    async with asyncio.timeout(PATIENCE_SECONDS):
        while not office.told(CallbackPromised):
            await asyncio.sleep(0)
    assert cast(Message, office.request().message).name == name


# ---- Who calls again


async def waits_to_be_asked(office: Office) -> str:
    """With a callback to come."""
    await office.begins()
    office.asks("left")
    await office.is_answered(times=2)
    office.joins(AGAIN)
    return office.request().id


async def test_what_he_chose_is_on_disk_before_he_hears_so_and_is_done_once(office: Office) -> None:
    request = await waits_to_be_asked(office)
    office.disk.is_slow()
    office.chooses("cancel", request)
    await office.disk.makes_somebody_wait()
    office.chooses("cancel", request)
    assert office.pbx.set_on(AGAIN, "ACD_RESULT") == []

    office.disk.writes()

    assert await office.is_answered(AGAIN) == "cancel"
    office.joins(AGAIN)
    assert office.pbx.set_on(AGAIN, "ACD_RESULT") == ["cancel"]
    assert len(office.told(RequestQueued)) == 2


# ---- The customer


async def has_pressed_the_key(office: Office) -> str:
    """Alice, who has taken the callback. Answers with her leg."""
    await office.begins()
    office.asks("left")
    await office.is_answered(times=2)
    office.tell(inputs.MakeAvailable(ALICE))
    leg = office.told(OfferMade)[-1].channel
    office.hears("UserEvent", leg, UserEvent="AcdAccept")
    office.disk.is_slow()
    office.hears("UserEvent", leg, UserEvent="AcdCallback", Do="call")
    await office.disk.makes_somebody_wait()
    return str(leg)


async def test_an_attempt_is_on_disk_before_it_is_dialled(office: Office) -> None:
    leg = await has_pressed_the_key(office)
    assert "Redirect" not in office.pbx.names()

    office.disk.writes()

    assert await office.pbx.until_set(leg, "ACD_DIAL") == "PJSIP/+31201234567@trunk"
    (dialled,) = office.told(CustomerDialled)
    assert office.pbx.set_on(leg, "ACD_ATTEMPT") == [f"{dialled.offer}.1"]
    assert office.pbx.set_on(leg, "ACD_KIND") == ["callback"]
    assert office.pbx.set_on(leg, "ACD_RING_SECONDS") == ["30"]
    assert office.pbx.set_on(leg, "ACD_CALLER_ID") == ["+31880000000"]
    assert office.pbx.last("Redirect")["Context"] == "acd-customer"


@pytest.mark.parametrize(
    ("why", "how"), [("he may not be called", "refused"), ("no trunk", "failed"), ("not on disk", "failed")]
)
async def test_who_cannot_be_dialled_has_been_missed_and_the_agent_hears_so(office: Office, why: str, how: str) -> None:
    leg = await has_pressed_the_key(office)
    if why == "he may not be called":
        office.dialling.use(DialRules(home="NL", countries=frozenset({"FR"})), {MAIN: "PJSIP/{number}@trunk"})
    elif why == "no trunk":
        office.dialling.use(RULES_OF_DIALLING, {MAIN: None})
    else:
        office.disk.is_full()

    office.disk.writes()

    assert await office.pbx.until_set(leg, "ACD_DIALLED") == how.upper()
    assert office.pbx.last("Redirect") == {"Channel": leg, "Context": "acd-customer", "Exten": "s", "Priority": "told"}
    assert office.pbx.names().count("Redirect") == 1
    assert office.pbx.set_on(leg, "ACD_DIAL") == []
    assert [missed.how for missed in office.told(CustomerMissed)] == [how]
    assert office.request().reach == "missed"


async def test_whoever_calls_somebody_himself_is_not_asked_what_is_to_become_of_it(office: Office) -> None:
    office.tell(inputs.MakeAvailable(ALICE))
    office.tell(inputs.PlaceCall(ALICE, "+31201234567", MAIN, SALES))
    leg = str(office.told(OfferMade)[-1].channel)
    office.dialling.use(RULES_OF_DIALLING, {MAIN: None})

    office.hears("UserEvent", leg, UserEvent="AcdAccept")
    await _settle()

    assert [missed.how for missed in office.told(CustomerMissed)] == ["failed"]
    assert office.pbx.set_on(leg, "ACD_DIALLED") == office.pbx.set_on(leg, "ACD_DIAL") == []
    assert "Redirect" not in office.pbx.names()


async def test_an_attempt_of_which_it_was_found_that_it_was_not_made_is_not_made_late(office: Office) -> None:
    leg = await has_pressed_the_key(office)
    office.tell(inputs.PbxLost(MAIN))
    await office.comes_up(status(leg, "ACD_AGENT=alice", "ACD_DEVICE=PJSIP/alice", "ACD_ACCEPTED=yes"))
    assert office.request().reach == "missed"

    office.disk.writes()
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "dialling a customer"))

    assert "Redirect" not in office.pbx.names()


@pytest.mark.parametrize(
    ("status_there", "reach", "how"),
    [("ANSWER", "left", []), ("BUSY", "missed", ["busy"]), ("", "missed", ["failed"])],
)
async def test_what_became_of_an_attempt_is_asked_of_asterisk_when_its_leg_is_gone(
    office: Office, status_there: str, reach: str, how: list[str]
) -> None:
    leg = await has_pressed_the_key(office)
    office.disk.writes()
    await office.pbx.until_set(leg, "ACD_DIAL")
    office.pbx.globals["ACD_TRIED_alice"] = f"{leg.removeprefix('acd-')}.1 {status_there}"

    await office.dies_and_starts()

    assert office.request().reach == reach
    assert [missed.how for missed in office.told(CustomerMissed)] == how


async def test_who_was_reached_unheard_has_been_talked_with(office: Office) -> None:
    leg = await has_pressed_the_key(office)
    office.disk.writes()
    await office.pbx.until_set(leg, "ACD_DIAL")

    office.hears("UserEvent", leg, UserEvent="AcdDialled", Status="ANSWER", Cause="16")

    assert office.request().reach == "left"


async def test_what_became_of_another_attempt_says_nothing_of_this_one(office: Office) -> None:
    leg = await has_pressed_the_key(office)
    office.disk.writes()
    await office.pbx.until_set(leg, "ACD_DIAL")
    office.pbx.globals["ACD_TRIED_alice"] = "0000000000000001.1 ANSWER"

    await office.dies_and_starts()

    assert office.request().reach == "missed"


async def test_what_becomes_of_an_attempt_whose_leg_is_there_is_told_by_that(office: Office) -> None:
    leg = await has_pressed_the_key(office)
    office.disk.writes()
    await office.pbx.until_set(leg, "ACD_DIAL")
    office.pbx.globals["ACD_TRIED_alice"] = f"{leg.removeprefix('acd-')}.1 BUSY"
    tried = office.pbx.set_on(leg, "ACD_ATTEMPT")[-1]

    await office.dies_and_starts(
        status(leg, "ACD_AGENT=alice", "ACD_DEVICE=PJSIP/alice", "ACD_ACCEPTED=yes", f"ACD_TRIED={tried}")
    )

    assert "ACD_TRIED_alice" not in [headers["Variable"] for action, headers in office.pbx.asked if action == "Getvar"]
    assert office.request().reach == "dialling"


async def test_an_asterisk_that_does_not_say_how_many_fell_back_is_steered(office: Office) -> None:
    office.tell(inputs.PbxLost(MAIN))
    office.pbx.fails["Getvar"] = ActionTimeout("late")

    await office.comes_up()

    office.joins()
    assert office.told(RequestQueued)


async def test_of_a_leg_that_had_no_customer_to_dial_nothing_is_asked_when_it_is_gone(office: Office) -> None:
    office.tell(inputs.MakeAvailable(ALICE))
    office.joins()
    assert office.told(OfferMade)

    await office.dies_and_starts(status(ANN, "ACD_QUEUE=sales", "ACD_JOINED=1700000000.000", "BRIDGEPEER=nobody"))

    asked = [headers["Variable"] for action, headers in office.pbx.asked if action == "Getvar"]
    assert "ACD_FELL_BACK_sales" in asked
    assert "ACD_TRIED_alice" not in asked


# ---- A telephone that answers "call that one instead"


async def test_whose_telephone_sends_its_calls_elsewhere_is_named_to_the_operator(office: Office) -> None:
    office.tell(inputs.MakeAvailable(ALICE))
    office.joins()
    leg = str(office.told(OfferMade)[-1].channel)
    office.hears("Newchannel", leg)

    with capture_logs() as logs:
        office.hears("DialEnd", "", DestUniqueid=leg, DialStatus="CANCEL", Forward="0900123456")

    (line,) = [line for line in logs if line["event"] == "offer.forwarded"]
    assert (line["agent"], line["device"], line["to"]) == ("alice", "PJSIP/alice", "0900123456")
