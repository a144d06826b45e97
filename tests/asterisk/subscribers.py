"""Subscribers of every temper, in the mobile network (mobile_network.py) without a telephone for each.

    subscribers.number("presses_1", rings_seconds=0.3)  # +31610000003: a number of the Netherlands, and a valid one
    await subscribers.allow_calls(network.pbx, 9)       # the tenth at once is answered by 503

How a subscriber behaves is told by his number: two digits for the temper, four for who he is, two for how long his
phone rings before anything happens, in tenths of a second. They are dialled without the +: `PJSIP/{digits}@carrier`.
"""

from __future__ import annotations

from acd.asterisk.pbx import PrivatePbx

DIAL = "PJSIP/{digits}@carrier"

TEMPERS = {
    "presses_1": "10",
    "presses_2": "11",
    "presses_3": "12",
    "voicemail": "13",
    "says_nothing": "14",
    "rejects": "15",
    "out_of_reach": "16",
    "busy": "17",
    "fax": "18",
    "rings_for_ever": "19",
    "unallocated": "20",
    "told_not_in_service": "21",
    "hangs_up": "22",
    "forbidden": "23",
    "silent": "24",
    "rings_by_voice": "25",
    "congested": "26",
    "broken": "27",
}

DIALPLAN = """
[from-trunk](+)
exten => _316X.,1,Set(GROUP()=subscribers)
 same => n,GotoIf($[${GROUP_COUNT(subscribers)} > ${IF($["${MOST_CALLS}" = ""]?1000000:${MOST_CALLS})}]?full)
 same => n,Set(RINGS=$[${EXTEN:-2} / 10])
 same => n,Goto(subscribers,${EXTEN:3:2},1)
 same => n(full),Hangup(34)

[subscribers]
; Somebody at his telephone, who presses a key when he is asked.
exten => 10,1,Gosub(picks-up,s,1)
 same => n,Goto(press,1,1)
exten => 11,1,Gosub(picks-up,s,1)
 same => n,Goto(press,2,1)
exten => 12,1,Gosub(picks-up,s,1)
 same => n,Goto(press,3,1)
; His mailbox, which talks, and listens until the other side is done.
exten => 13,1,Gosub(picks-up,s,1)
 same => n,Playback(vm-isonphone&vm-intro&beep)
 same => n,Wait(60)
; He puts the telephone into his pocket.
exten => 14,1,Gosub(picks-up,s,1)
 same => n,Wait(120)
; He does not want the call: after ringing, by the red button (21 is 403 on the wire, with Q.850 21 in the Reason).
exten => 15,1,Gosub(rings,s,1)
 same => n,Hangup(21)
; Switched off, or in a tunnel.
exten => 16,1,Wait(${RINGS})
 same => n,Hangup(20)
exten => 17,1,Wait(${RINGS})
 same => n,Hangup(17)
; A fax answers with its tone.
exten => 18,1,Gosub(picks-up,s,1)
 same => n,Playtones(!2100/3000,0/1000)
 same => n,Wait(60)
exten => 19,1,Ringing()
 same => n,Wait(600)
exten => 20,1,Hangup(1)
; The network says so before it hangs up: in early media, unanswered.
exten => 21,1,Progress()
 same => n,Playback(ss-noservice,noanswer)
 same => n,Hangup(1)
; Answers and hangs up.
exten => 22,1,Gosub(picks-up,s,1)
 same => n,Hangup(16)
; The carrier's doing, before anything rings.
exten => 23,1,Hangup(21)
exten => 24,1,Wait(600)
exten => 26,1,Hangup(34)
exten => 27,1,Hangup(38)
; The ringing tone comes as early media (183), not as 180; then he picks up.
exten => 25,1,Progress()
 same => n,Playtones(ring)
 same => n,Wait(${RINGS})
 same => n,Goto(14,1)

[rings]
exten => s,1,Ringing()
 same => n,Wait(${RINGS})
 same => n,Return()

[picks-up]
exten => s,1,Gosub(rings,s,1)
 same => n,Answer(0)
 same => n,Return()

[press]
; How long he listens before he presses can be set for all; RFC 4733, 100 ms.
exten => _[123],1,Wait(${IF($["${PRESS_AFTER}" = ""]?0.3:${PRESS_AFTER})})
 same => n,SendDTMF(${EXTEN},50,100)
 same => n,Echo()
"""


def number(temper: str, subscriber: int = 0, rings_seconds: float = 0.2) -> str:
    """In E.164. The temper is one of TEMPERS; two of one temper are told apart by `subscriber` (0 … 999)."""
    tenths = round(rings_seconds * 10)
    if not (0 <= subscriber <= 999 and 0 <= tenths <= 99):
        raise ValueError(f"subscriber {subscriber} (0 to 999), rings_seconds {rings_seconds} (0 to 9.9)")
    return f"+316{TEMPERS[temper]}{subscriber:04}{tenths:02}"


async def allow_calls(network: PrivatePbx, most: int) -> None:
    """More of them at once are congested (503)."""
    await network.command(f"dialplan set global MOST_CALLS {most}")


async def press_after(network: PrivatePbx, seconds: float) -> None:
    """So long they listen before they press their key."""
    await network.command(f"dialplan set global PRESS_AFTER {seconds}")


async def usual_again(network: PrivatePbx) -> None:
    await allow_calls(network, 1_000_000)
    await press_after(network, 0.3)
