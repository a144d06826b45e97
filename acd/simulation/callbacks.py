"""The dialogues of `dialplans/acd-callbacks.conf` in the simulated Asterisk: with a caller who leaves a message, or
calls again, and with the agent who calls him back.

Every word takes as long as every other; who is asked for a key presses it when it has been said.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import quote

from acd.simulation.channels import UNKNOWN, Caller, Channel, ChannelState, Customer, Leg
from acd.simulation.people import Manner, Words
from acd.simulation.switching import Dialogue, Switch

LOOK_SECONDS, LOOKS, LOOKS_A_TELLING = 0.1, 100, 10
"""How `acd-callback-tell` waits for ACD_RESULT, and how often it tells again."""
SILENCE_SECONDS = 5.0
"""After it a recording ends by itself."""
HEEDS_SECONDS, NOT_HEEDED_SECONDS = 5.0, 1.0
"""So long a key of the agent's has to be heeded; and one that may mean nothing."""
MENUS, QUESTIONS = 10, 3
"""How often an agent is asked."""
CHOICES = ("keep", "line", "cancel")
APPOINTED = timedelta(minutes=5)
NOBODY = 20
"""AST_CAUSE_SUBSCRIBER_ABSENT: no telephone is registered there."""


class Tape(Protocol):
    """What `Record()` writes to."""

    def begins(self, message: str) -> None: ...

    def ends(self, message: str, spoken_seconds: float) -> None: ...


class Callbacks(Switch):
    tape: Tape | None = None
    """None: whatever is said is forgotten."""
    word_seconds = 3.0
    outside: Callable[[str], Manner | None]
    """What somebody does with a call who has none of our telephones, by what is dialled; None, there is nobody."""

    # ---- The caller: he is told that he may leave a message, and does

    def offer_a_message(self, caller: Caller) -> None:
        """To `offer` in acd-wait."""
        if words := caller.visitor.words:
            caller.presses_at = self.now() + words.presses_after_seconds
        self._out_of_his_bridge(caller, lambda: self._is_told(caller, self._offer(caller)))

    def _offer(self, caller: Caller) -> Dialogue:
        caller.moves("acd-wait", "s", 40)
        yield self.word_seconds
        self._waits_again(caller)

    def _presses_the_key(self, caller: Caller) -> None:
        caller.presses_at = None
        words = caller.visitor.words
        if words is None or caller.variables["ACD_STATUS"]:
            self._waits_again(caller)
            return
        caller.moves("acd-message", "s", 1)
        self._stops_waiting(caller)
        if words.hangs_up_after_seconds is not None:
            caller.timer = self._loop.call_later(words.hangs_up_after_seconds, self.hang_up, caller)
        self._leads(caller, self._message(caller, words))

    def _message(self, caller: Caller, words: Words) -> Dialogue:
        caller.variables["ACD_ASIDE"] = "yes"
        if (yield from self._leaves_one(caller, words)):
            caller.variables["ACD_STATUS"] = "CALLBACK"
            self._hears_that_it_is_kept(caller)
            yield self.word_seconds
            self._returns(caller)
            return
        caller.moves("acd-message", "s", 46)
        caller.variables["ACD_ASIDE"] = ""
        waits = not caller.variables["ACD_STATUS"]
        if waits:
            self._user_event(caller, "AcdMessage", {"Step": "back"})
        if waits and caller.variables["ACD_RESULT"] == "bad":
            self.offer_a_message(caller)
        else:
            self._waits_again(caller)

    def _leaves_one(self, caller: Caller, words: Words) -> Generator[float, None, bool]:
        """Answers whether it is kept."""
        if not (yield from self._gives_his_number(caller, words)):
            return False
        yield self.word_seconds
        yield from self._speaks(caller, words.speaks_seconds)
        if (yield from self._tells(caller, "AcdMessage", "recorded")) == "good":
            yield self.word_seconds
            if words.thinks_better_of_it:
                return False
            if (yield from self._tells(caller, "AcdMessage", "left")) == "kept":
                return True
        yield self.word_seconds
        return False

    def _gives_his_number(self, caller: Caller, words: Words) -> Generator[float, None, bool]:
        result = yield from self._tells(caller, "AcdMessage", "begin")
        if result in ("number", "begun"):
            yield self.word_seconds
        if result == "begun" and words.types:
            result = yield from self._tells(caller, "AcdMessage", "number", words.types)
        return result == "number"

    def _speaks(self, caller: Caller, seconds: float) -> Dialogue:
        caller.moves("acd-message", "s", 27)
        caller.records, caller.speaks_since = caller.variables["ACD_MESSAGE"], self.now() if seconds else None
        if self.tape:
            self.tape.begins(caller.records)
        yield seconds or SILENCE_SECONDS
        self._stops_speaking(caller)

    def _stops_speaking(self, caller: Caller) -> None:
        if caller.records is None:
            return
        caller.spoken_seconds = 0.0 if caller.speaks_since is None else self.now() - caller.speaks_since
        if self.tape:
            self.tape.ends(caller.records, caller.spoken_seconds)
        caller.records = None

    def _tells(self, caller: Caller, event: str, step: str, typed: str = "") -> Generator[float, None, str]:
        """Answers with what he is answered; empty if he is not."""
        variables = caller.variables
        variables["ACD_RESULT"] = ""
        for look in range(LOOKS):
            if look % LOOKS_A_TELLING == 0:
                caller.moves("acd-callback-tell", "s", 3)
                said = {"Step": step, "Typed": quote(typed, safe=""), "Message": variables.get("ACD_MESSAGE", "")}
                self._user_event(caller, event, said)
            yield LOOK_SECONDS
            if variables["ACD_RESULT"]:
                break
        return variables["ACD_RESULT"]

    # ---- He calls again

    def ask_about_his_callback(self, caller: Caller) -> None:
        """To acd-callback-again."""
        self._out_of_his_bridge(caller, lambda: self._is_asked(caller))

    def _is_asked(self, caller: Caller) -> None:
        self._stops_waiting(caller)
        self._leads(caller, self._again(caller))

    def _again(self, caller: Caller) -> Dialogue:
        caller.is_asked, caller.variables["ACD_ASIDE"] = True, "yes"
        yield len(CHOICES) * self.word_seconds
        self._chooses(caller)
        result = yield from self._tells(caller, "AcdChoice", caller.visitor.chooses, caller.variables["ACD_CALLBACK"])
        caller.is_asked = False
        if result == "line":
            self._waits_again(caller)
            return
        caller.variables["ACD_ASIDE"] = ""
        if result not in ("keep", "cancel"):
            self._comes_to_the_line(caller)
        else:
            caller.variables["ACD_STATUS"] = "CALLBACK"
            yield self.word_seconds
            self._returns(caller)

    # ---- The agent has taken a callback

    def _hears_callback(self, leg: Leg) -> Dialogue:
        does = leg.manner.calling_back
        for _ in range(MENUS):
            leg.moves("acd-callback", "s", 21)
            yield does.listens_seconds
            if not does.chooses:
                self.hang_up(leg)
                return
            if does.chooses == "not_possible":
                leg.moves("acd-callback-not-possible", "s", 3)
                self._says(leg, {"Do": "not_possible", "Reason": ""})
                yield NOT_HEEDED_SECONDS
            else:
                self._says(leg, {"Do": does.chooses})
                yield HEEDS_SECONDS
        self._dialplan_ends(leg)

    def dial_his_customer(self, leg: Leg) -> None:
        """To acd-customer."""
        leg.stops_timer()
        leg.moves("acd-customer", "s", 6)
        leg.calls_made += 1
        leg.variables |= {"ACD_TRIED": leg.variables.get("ACD_ATTEMPT", ""), "ACD_DIALLED": "", "DIALSTATUS": ""}
        number = leg.variables.get("ACD_CALLER_ID") or UNKNOWN
        self._shows(leg, number, number)
        dial = leg.variables["ACD_DIAL"]
        leg.customers_number = dial.removeprefix("PJSIP/").partition("@")[0]
        manner = self.outside(dial)
        if manner is None:
            self._has_dialled(leg, "CHANUNAVAIL", NOBODY)
            return
        leg.customer = customer = self._customer(leg, dial, manner)
        self._tell_dial("DialBegin", customer, {"DialString": dial.partition("/")[2]}, by=leg)
        customer.state = ChannelState.RINGING
        self._tell("Newstate", customer)
        leg.connected_number, leg.connected_name = customer.number, customer.caller_name
        self._tell("NewConnectedLine", leg)
        self._tell_dial("DialState", customer, {"DialStatus": "RINGING"}, by=leg)
        self._rings_outside(customer, float(leg.variables["ACD_RING_SECONDS"]))

    def _customer(self, leg: Leg, dial: str, manner: Manner) -> Customer:
        name, identity = self._name(f"PJSIP/{dial.partition('@')[2]}"), f"{int(self.now())}.{self._next_id()}"
        customer = Customer(name, identity, leg, manner)
        self._born(customer)
        self._shows(customer, leg.exten, leg.connected_name)  # so Dial() has it, whatever was dialled
        return customer

    def _rings_outside(self, customer: Customer, seconds: float) -> None:
        self._rings(
            customer,
            seconds,
            answers=lambda: self.reach(customer),
            rejects=lambda: self._misses(customer, "BUSY", 17),
            rings_out=lambda: self._misses(customer, "NOANSWER", 0),
        )

    def reach(self, customer: Customer) -> None:
        """He picks up."""
        customer.stops_ringing()
        self._is_up(customer)
        customer.exten, leg = "", customer.leg
        leg.variables["DIALSTATUS"] = "ANSWER"
        self._tell_dial("DialEnd", customer, {"DialStatus": "ANSWER"}, by=leg)
        bridge = self._new_bridge()
        for channel in (customer, leg):
            self._enters_bridge(channel, bridge)

    def _misses(self, customer: Customer, status: str, cause: int) -> None:
        leg = customer.leg
        self._stops_ringing_outside(customer, status, cause)
        self._has_dialled(leg, status, cause)

    def _stops_ringing_outside(self, customer: Customer, status: str, cause: int) -> None:
        customer.stops_ringing()
        self._tell_dial("DialEnd", customer, {"DialStatus": status}, by=customer.leg)
        self._gone(customer, cause)

    def _customer_has_left(self, leg: Leg, customer: Customer) -> None:
        """The agent's dialplan goes on."""
        if customer.id in self.channels:
            self._gone(customer, 16)
        self._has_dialled(leg, "ANSWER", 16)

    def _has_dialled(self, leg: Leg, status: str, cause: int) -> None:
        leg.customer, leg.last_cause = None, cause
        leg.variables |= {"ACD_DIALLED": status, "DIALSTATUS": status}
        leg.moves("acd-customer", "s", 9)
        self._user_event(leg, "AcdDialled", {"Status": status, "Cause": str(cause)})
        self.ask_how_it_ended(leg)

    def ask_how_it_ended(self, leg: Leg) -> None:
        """To `told` in acd-customer."""
        leg.stops_timer()
        self._leads(leg, self._after(leg))

    def _after(self, leg: Leg) -> Dialogue:
        for _ in range(QUESTIONS):
            yield self.word_seconds + leg.manner.calling_back.thinks_seconds
            said = self._verdict(leg)
            if said is None:
                self.hang_up(leg)
                return
            self._says(leg, said)
            yield NOT_HEEDED_SECONDS if "When" in said else HEEDS_SECONDS
        self._dialplan_ends(leg)

    def _verdict(self, leg: Leg) -> dict[str, str] | None:
        talked, settles = leg.variables["ACD_DIALLED"] == "ANSWER", leg.manner.calling_back.settles
        if not settles:
            return None
        if settles == "appointment":
            at = datetime.fromtimestamp(self.now(), UTC) + APPOINTED
            return {"Do": "appointment", "When": f"{at:%H%M}", "With": ""}
        if settles == "call" and not talked and leg.calls_made == 1:
            return {"Do": "call"}
        return {"Do": "done" if talked else "not_reached"}

    def _says(self, leg: Leg, said: dict[str, str]) -> None:
        self._user_event(leg, "AcdCallback", said)

    # ---- Somebody hangs up

    def _talk_ends(self, channel: Channel, cause: int) -> None:
        """With a customer, all that follows is done on the agent's thread."""
        if isinstance(channel, Customer):
            self._is_left(*self._leaves_bridge(channel))
        elif isinstance(channel, Leg) and channel.customer:
            _, bridge = self._leaves_bridge(channel)
            self._tell_bridge("BridgeDestroy", bridge)
            self._gone(channel, cause)
        else:
            super()._talk_ends(channel, cause)

    def _gone(self, channel: Channel, cause: int, tech_cause: str = "") -> None:
        if isinstance(channel, Caller):
            self._stops_speaking(channel)
        elif isinstance(channel, Leg):
            self._lets_his_customer_go(channel)
        super()._gone(channel, cause, tech_cause)

    def _lets_his_customer_go(self, leg: Leg) -> None:
        """And Asterisk remembers what became of him: `acd-customer-over`."""
        customer, leg.customer = leg.customer, None
        if customer and customer.id in self.channels:
            if customer.state is ChannelState.UP:
                self._gone(customer, 16)
            else:
                leg.variables["DIALSTATUS"] = "CANCEL"
                self._stops_ringing_outside(customer, "CANCEL", 0)
        if tried := leg.variables.get("ACD_TRIED"):
            ended = leg.variables["ACD_DIALLED"] or leg.variables["DIALSTATUS"]
            self.variables[f"ACD_TRIED_{leg.variables['ACD_AGENT']}"] = f"{tried} {ended}"

    # ---- What somebody may watch

    def _hears_that_it_is_kept(self, caller: Caller) -> None: ...

    def _chooses(self, caller: Caller) -> None: ...

    # ---- What acd.conf has to say to it

    def _is_told(self, caller: Caller, dialogue: Dialogue) -> None:
        """Something of his wait, while he waits on."""
        raise NotImplementedError

    def _waits_again(self, caller: Caller) -> None:
        raise NotImplementedError

    def _comes_to_the_line(self, caller: Caller) -> None:
        raise NotImplementedError

    def _returns(self, caller: Caller) -> None:
        """`leave`: the subroutine is over."""
        raise NotImplementedError
