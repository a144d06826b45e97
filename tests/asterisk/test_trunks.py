"""What Asterisk tells of calls over a trunk: to people of every temper in a mobile network, and to carriers who refuse.

The tables here are those of docs/asterisk-notes.md.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
import subscribers
from exchange import both_releases, installation
from mobile_network import MobileNetwork, mobile_network
from refusing_trunk import RefusingTrunk, refusing_trunk

from acd.asterisk.link import AmiServer, Event, Link
from acd.asterisk.pbx import Endpoint, PbxSettings, PrivatePbx
from acd.asterisk.private import DEFAULT_RELEASE
from acd.dialling import DialPolicy, DialRules
from acd.dialling.template import filled

PATIENCE_SECONDS = 20
DIALPLAN = """
[asks]
exten => s,1,Read(KEY,,1,,1,3)
 same => n,UserEvent(Pressed,Key: ${KEY})
 same => n,Wait(60)

[listens]
exten => s,1,WaitForNoise(100,1,2)
 same => n,UserEvent(Listened,Heard: ${WAITSTATUS})
 same => n,Wait(60)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MobileNetwork]:
    async with mobile_network(installation(DEFAULT_RELEASE), tmp_path_factory.mktemp("mobile")) as started:
        yield started


@pytest.fixture(scope="module")
def refuses() -> Iterator[RefusingTrunk]:
    with refusing_trunk() as started:
        yield started


@pytest.fixture(scope="module")
def pbx_settings(network: MobileNetwork, refuses: RefusingTrunk) -> PbxSettings:
    nobody = Endpoint("nobody", contact="sip:127.0.0.1:9")
    gone = Endpoint("gone", contact="sip:127.0.0.1:9\nqualify_frequency = 1\nqualify_timeout = 0.5")
    return PbxSettings(endpoints=(network.trunk, refuses.endpoint, nobody, gone), dialplan=DIALPLAN)


@dataclass
class Leg:
    """A call over a trunk, as the exchange tells of it."""

    channel: str
    events: list[Event] = field(default_factory=list)
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, event: Event) -> None:
        if self.channel in (event.get("Uniqueid"), event.get("DestUniqueid")):
            self.events.append(event)
            self.bell.set()

    async def told(self, name: str, **about: str) -> Event:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for event in self.events:
                    if event.name == name and all(event.get(header) == value for header, value in about.items()):
                        return event
                self.bell.clear()
                await self.bell.wait()

    async def ended(self) -> str:
        """`[what was heard of it before] CAUSE/SIP-STATUS reason REASON DIALSTATUS`, without what was not told."""
        hangup, response = await self.told("Hangup"), await self.told("OriginateResponse")
        states = [event["DialStatus"] for event in self.events if event.name == "DialState"]
        ends = [event["DialStatus"] for event in self.events if event.name == "DialEnd"]
        rang = any(event.name == "Newstate" and event["ChannelState"] == "5" for event in self.events)
        assert rang == ("RINGING" in states), "Newstate and DialState tell of ringing both"
        sip = hangup.get("TechCause", "")
        cause = f"{hangup['Cause']}/{sip}" if sip else hangup["Cause"]
        return " ".join([*dict.fromkeys(states), cause, "reason", response["Reason"], *ends])


class Exchange:
    def __init__(self, pbx: PrivatePbx) -> None:
        self._legs: list[Leg] = []
        self._up = asyncio.Event()
        self._link = Link(
            AmiServer("main", pbx.host, pbx.ami_port, pbx.ami_user, pbx.secret),
            on_event=lambda event: [leg.hear(event) for leg in self._legs],
            on_up=self._up.set,
            on_down=lambda why: None,
        )

    async def start(self) -> None:
        await self._link.start()
        await self._up.wait()

    async def stop(self) -> None:
        await self._link.stop()

    def dial(self, dial: str, context: str = "asks", ring_seconds: float = 3) -> Leg:
        leg = Leg(str(uuid.uuid4()))
        self._legs.append(leg)
        where = {"Context": context, "Exten": "s", "Priority": "1", "Timeout": str(int(ring_seconds * 1000))}
        self._link.send("Originate", {"ChannelId": leg.channel, "Channel": dial, **where})
        return leg

    def hang_up(self, leg: Leg) -> None:
        self._link.send("Hangup", {"Channel": leg.channel})


@pytest.fixture
async def exchange(pbx: PrivatePbx, network: MobileNetwork) -> AsyncIterator[Exchange]:
    exchange = Exchange(pbx)
    await exchange.start()
    yield exchange
    await exchange.stop()
    await pbx.command("channel request hangup all")
    await subscribers.usual_again(network.pbx)


def mobile(number: str) -> str:
    return subscribers.DIAL.replace("{digits}", number.removeprefix("+"))


# ---- People


def test_all_of_them_have_numbers_that_the_dial_policy_lets_through() -> None:
    policy = DialPolicy(DialRules(home="NL", countries=frozenset({"NL"})))
    for temper in subscribers.TEMPERS:
        number = subscribers.number(temper, subscriber=999, rings_seconds=9.9)

        assert policy.number(number).e164 == number
        assert filled(subscribers.DIAL, policy.number(number)) == mobile(number)


@pytest.mark.parametrize(("temper", "key"), [("presses_1", "1"), ("presses_2", "2"), ("presses_3", "3")])
@both_releases
async def test_who_is_asked_presses_a_key(exchange: Exchange, network: MobileNetwork, temper: str, key: str) -> None:
    leg = exchange.dial(mobile(subscribers.number(temper)))

    assert (await leg.told("UserEvent", UserEvent="Pressed"))["Key"] == key
    assert (await leg.told("OriginateResponse"))["Reason"] == "4"


@pytest.mark.parametrize(
    ("temper", "heard"),
    [("voicemail", "NOISE"), ("fax", "NOISE"), ("says_nothing", "TIMEOUT"), ("rings_by_voice", "TIMEOUT")],
)
@both_releases
async def test_a_mailbox_and_a_fax_answer_and_sound_and_who_says_nothing_does_not(
    exchange: Exchange, network: MobileNetwork, temper: str, heard: str
) -> None:
    leg = exchange.dial(mobile(subscribers.number(temper)), context="listens")

    assert (await leg.told("UserEvent", UserEvent="Listened"))["Heard"] == heard


@both_releases
async def test_a_mailbox_presses_no_key(exchange: Exchange, network: MobileNetwork) -> None:
    leg = exchange.dial(mobile(subscribers.number("voicemail")))

    assert (await leg.told("UserEvent", UserEvent="Pressed"))["Key"] == ""


@both_releases
async def test_who_answers_and_hangs_up_ends_normally(exchange: Exchange, network: MobileNetwork) -> None:
    assert await exchange.dial(mobile(subscribers.number("hangs_up"))).ended() == "RINGING 16 reason 4 ANSWER"


@both_releases
async def test_the_tenth_call_at_once_is_congested(exchange: Exchange, network: MobileNetwork) -> None:
    await subscribers.allow_calls(network.pbx, 9)
    legs = [exchange.dial(mobile(subscribers.number("says_nothing", subscriber=who))) for who in range(9)]
    for leg in legs:
        await leg.told("Newstate", ChannelState="6")

    tenth = exchange.dial(mobile(subscribers.number("says_nothing", subscriber=9)))

    assert "34" in (await tenth.ended()).split()[0]
    exchange.hang_up(legs[0])
    await legs[0].told("Hangup")
    next_one = exchange.dial(mobile(subscribers.number("says_nothing", subscriber=9)))
    await next_one.told("Newstate", ChannelState="6")


# ---- How calls end unanswered: told on 22, told on 16


@pytest.mark.parametrize(
    ("temper", "on_22", "on_16"),
    [
        ("rejects", "RINGING 21/403 reason 0 NOANSWER", "RINGING 21 reason 0 NOANSWER"),
        ("busy", "17/486 reason 0 BUSY", "17 reason 0 BUSY"),
        ("out_of_reach", "19/480 reason 0 NOANSWER", "20 reason 0 CHANUNAVAIL"),
        ("rings_for_ever", "RINGING 19/480 reason 3", "RINGING 0 reason 3"),
        ("silent", "19/480 reason 3", "0 reason 3"),
        ("unallocated", "1/404 reason 0 NOANSWER", "1 reason 0 NOANSWER"),
        ("told_not_in_service", "PROGRESS 1/404 reason 0 NOANSWER", "PROGRESS 1 reason 0 NOANSWER"),
        ("forbidden", "21/403 reason 0 NOANSWER", "21 reason 0 NOANSWER"),
        ("congested", "34/503 reason 0 CONGESTION", "34 reason 0 CONGESTION"),
        ("broken", "38/500 reason 0 NOANSWER", "38 reason 0 NOANSWER"),
    ],
)
@both_releases
async def test_what_is_told_of_a_mobile_that_nobody_answered(
    exchange: Exchange, network: MobileNetwork, release: str, temper: str, on_22: str, on_16: str
) -> None:
    patience = 15 if temper == "told_not_in_service" else 3
    leg = exchange.dial(mobile(subscribers.number(temper)), ring_seconds=patience)

    assert await leg.ended() == (on_22 if release == "22" else on_16)


CAUSES = {
    "400": ("127", "NOANSWER"),
    "401": ("21", "NOANSWER"),
    "403": ("21", "NOANSWER"),
    "404": ("1", "NOANSWER"),
    "408": ("18", "NOANSWER"),
    "410": ("22", "NOANSWER"),
    "480": ("19", "NOANSWER"),
    "484": ("28", "NOANSWER"),
    "486": ("17", "BUSY"),
    "487": ("127", "NOANSWER"),
    "488": ("58", "NOANSWER"),
    "500": ("38", "NOANSWER"),
    "502": ("27", "NOANSWER"),
    "503": ("34", "CONGESTION"),
    "504": ("102", "NOANSWER"),
    "600": ("17", "BUSY"),
    "603": ("21", "NOANSWER"),
    "604": ("1", "NOANSWER"),
    "606": ("58", "NOANSWER"),
}


@both_releases
async def test_the_cause_of_each_refusal_by_sip(exchange: Exchange, release: str) -> None:
    heard = {}
    for status in CAUSES:
        for first, state in (("", ""), ("180-", "RINGING "), ("183-", "PROGRESS ")):
            if not first or status in ("403", "480", "486", "503", "603"):
                leg = exchange.dial(f"PJSIP/{first}{status}@refuses")
                heard[f"{first}{status}"] = (await leg.ended()).removeprefix(state)

    def expected(status: str) -> str:
        cause, end = CAUSES[status]
        return f"{cause}/{status} reason 0 {end}" if release == "22" else f"{cause} reason 0 {end}"

    assert heard == {dialled: expected(dialled[-3:]) for dialled in heard}


@pytest.mark.parametrize(
    ("dialled", "on_22", "on_16"),
    [("503.38", "34", "38"), ("480.20", "19", "20"), ("500.17", "38", "17"), ("486.34", "17", "34")],
)
@both_releases
async def test_a_q850_cause_in_a_reason_header_goes_before_the_status_on_16_alone(
    exchange: Exchange, release: str, dialled: str, on_22: str, on_16: str
) -> None:
    leg = exchange.dial(f"PJSIP/{dialled}@refuses")

    await leg.ended()
    assert (await leg.told("Hangup"))["Cause"] == (on_22 if release == "22" else on_16)


@pytest.mark.parametrize("dial", ["PJSIP/silence@refuses", "PJSIP/1@nobody"])
@both_releases
async def test_of_a_trunk_that_says_nothing_our_own_patience_is_all_that_is_told(
    exchange: Exchange, release: str, dial: str
) -> None:
    leg = exchange.dial(dial, ring_seconds=1)

    assert await leg.ended() == ("19/480 reason 3" if release == "22" else "0 reason 3")


@pytest.mark.parametrize("dial", ["PJSIP/1@gone", "PJSIP/1@nowhere", "IAX2/1@nowhere"])
@both_releases
async def test_a_trunk_that_is_known_to_be_gone_or_is_not_there_makes_no_channel(
    exchange: Exchange, pbx: PrivatePbx, dial: str
) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "Unavail" not in await pbx.command("pjsip show contacts"):
            await asyncio.sleep(0.1)

    leg = exchange.dial(dial)

    assert (await leg.told("OriginateResponse"))["Reason"] == "0"
    assert not [event for event in leg.events if event.name in ("Newchannel", "DialBegin")]
