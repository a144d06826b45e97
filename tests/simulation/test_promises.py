"""Messages that callers leave on simulated days, and the law that they are kept: it holds, and a breach is seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as changed

from acd.asterisk.callbacks import Callbacks
from acd.center import Center, folding
from acd.center.facts import (
    AnyFact,
    CallbackPromised,
    CallbackReturned,
    CallbackScheduled,
    CallbackTakenToLine,
    CustomerDialled,
    CustomerMissed,
    CustomerReached,
    RequestEnded,
    RequestResumed,
)
from acd.center.folding import callbacks as folding_callbacks
from acd.center.model import Outcome
from acd.center.state import State
from acd.simulation.arrivals import Callers, Customers
from acd.simulation.channels import Caller
from acd.simulation.people import Visitor
from acd.simulation.promises import Promises
from acd.simulation.run import Day, simulate
from acd.simulation.watch import LawBroken, Watch

from .days import day, office_that_calls_back
from .storm import storm

BUSY = Callers(240, patience_seconds=200)
"""More of them than some agents can serve at once."""


def a_day(agents: int = 9, **more: Any) -> Day:
    return replace(day(rules=office_that_calls_back(agents, after_pbx_lost=True), hours=1), **{"callers": BUSY, **more})


def told_on(lived: Day) -> list[AnyFact]:
    facts: list[AnyFact] = []
    simulate(lived, facts.append)
    return facts


def test_on_a_busy_day_many_leave_a_message_and_all_are_called_back() -> None:
    facts = told_on(a_day())

    promised = {fact.request for fact in facts if isinstance(fact, CallbackPromised)}
    ended = {fact.request: fact.outcome for fact in facts if isinstance(fact, RequestEnded)}
    assert len(promised) > 20
    outcomes = Counter(ended[request] for request in promised)
    assert outcomes.keys() <= {Outcome.ANSWERED, Outcome.NOT_REACHED, Outcome.NOT_POSSIBLE}
    assert outcomes[Outcome.ANSWERED] > len(promised) / 2


def test_they_do_all_that_people_do_with_a_message_and_a_callback() -> None:
    kinds = {type(fact) for fact in told_on(a_day())}

    assert kinds >= {RequestResumed, CallbackPromised, CallbackReturned, CallbackScheduled}
    assert kinds >= {CustomerDialled, CustomerReached, CustomerMissed}


def test_the_short_way_and_the_real_link_give_the_same_facts_of_them() -> None:
    assert simulate(a_day(over_the_wire=True)).sha256 == simulate(a_day()).sha256


def test_where_nobody_ever_answers_everybody_is_called_for_as_often_as_his_queue_says() -> None:
    facts = told_on(a_day(customers=Customers(answer_share=0, busy_share=0.5)))

    dialled = Counter(fact.request for fact in facts if isinstance(fact, CustomerDialled))
    not_reached = {
        fact.request for fact in facts if isinstance(fact, RequestEnded) and fact.outcome is Outcome.NOT_REACHED
    }
    assert len(not_reached) > 10
    assert min(dialled[request] for request in not_reached) == 3
    assert not any(isinstance(fact, CustomerReached) for fact in facts)


@pytest.mark.parametrize("fault", ["kill", "stop", "cut", "crash", "freeze", "repeat", "shuffle"])
def test_whatever_goes_wrong_meanwhile_promises_are_kept(fault: str) -> None:
    facts = told_on(a_day(faults=(fault,), pbxs=("east", "west")))

    assert sum(isinstance(fact, CallbackPromised) for fact in facts) > 5


def test_who_calls_again_is_asked_about_his_callback_once() -> None:
    callers = replace(BUSY, again_share=1, again_seconds=30)

    facts = told_on(a_day(agents=5, callers=callers))

    assert any(isinstance(fact, CallbackTakenToLine) for fact in facts)


# ---- The law can fail


def breaks(seeds: int = 60) -> str:
    """How the first storm is broken that is."""
    for seed in range(101, 101 + seeds):
        try:
            simulate(storm(seed))
        except LawBroken as broken:
            return str(broken)
    pytest.fail("nobody sees it")


@pytest.fixture
def then(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[AnyFact], Callable[[State, Any], None]], None]:
    """What a careless hand adds to the folding of a fact."""

    def adds(kind: type[AnyFact], what: Callable[[State, Any], None]) -> None:
        fold = folding._FOLDS[kind]

        def folds(state: State, fact: Any) -> None:
            fold(state, fact)
            what(state, fact)

        monkeypatch.setitem(folding._FOLDS, kind, folds)

    return adds


Then = Callable[[type[AnyFact], Callable[[State, Any], None]], None]


def test_a_promise_that_is_forgotten_is_seen(then: Then) -> None:
    then(CallbackPromised, lambda state, fact: state.callbacks.pop((fact.queue, fact.number)))

    assert "is owed none" in breaks()


def test_a_callback_that_loses_its_place_is_seen(then: Then) -> None:
    def comes_anew(state: State, fact: CallbackReturned) -> None:
        state.requests[fact.request].entered_at = fact.at

    then(CallbackReturned, comes_anew)

    assert "is promised, and has entered at" in breaks()


def test_a_callback_that_stands_in_no_line_is_seen(then: Then) -> None:
    then(CallbackReturned, lambda state, fact: folding_callbacks.leave_place(state, state.requests[fact.request]))

    assert "is promised, and stands in no line" in breaks()


def test_an_appointment_that_never_comes_is_seen(then: Then) -> None:
    def never(state: State, fact: CallbackScheduled) -> None:
        state.requests[fact.request].due_at = None

    then(CallbackScheduled, never)

    assert "is scheduled in no way that ends" in breaks()


def test_who_is_told_that_his_message_is_kept_although_it_is_not_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def keeps_nothing(*_: object) -> None: ...

    monkeypatch.setattr(Callbacks, "_keep", keeps_nothing)
    monkeypatch.setattr(Callbacks, "_is_kept", lambda *_: True)

    assert "is kept, and it is not" in breaks()


def test_who_hung_up_when_he_had_spoken_and_was_let_go_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Callbacks, "holds", lambda *_: False)

    assert "spoken and lost" in breaks()


def seen_so_far(facts: list[AnyFact]) -> Promises:
    watch = Watch(Center().state, {})
    promises = Promises({}, all_is_heard=True, all_is_kept=True)
    promises.begins(watch._state, watch.line)
    for fact in facts:
        promises.on_fact(fact, anew=False)
        watch.on_fact(fact)
    return promises


def until_the_first(kind: type[AnyFact]) -> tuple[list[AnyFact], Any]:
    facts = told_on(a_day())
    at = next(at for at, fact in enumerate(facts) if isinstance(fact, kind))
    return facts[:at], facts[at]


def test_who_is_dialled_while_his_telephone_rings_is_seen() -> None:
    before, dialled = until_the_first(CustomerDialled)

    with pytest.raises(LawBroken, match="he is dialled already"):
        seen_so_far([*before, dialled]).on_fact(changed(dialled, attempt=2))


def test_an_attempt_that_is_not_counted_is_seen() -> None:
    before, dialled = until_the_first(CustomerDialled)

    with pytest.raises(LawBroken, match="attempt 0 was the last one"):
        seen_so_far(before).on_fact(changed(dialled, attempt=2))


@pytest.mark.parametrize("outcome", [Outcome.ABANDONED, Outcome.PBX_LOST, Outcome.CANCELLED, Outcome.NOT_REACHED])
def test_a_promise_that_ends_otherwise_than_it_may_is_seen(outcome: Outcome) -> None:
    before, promised = until_the_first(CallbackPromised)
    ended = next(fact for fact in told_on(a_day()) if isinstance(fact, RequestEnded))
    his = changed(ended, request=promised.request, kind="callback", queue=promised.queue, outcome=outcome)

    with pytest.raises(LawBroken, match="the promise is not kept"):
        seen_so_far([*before, promised]).on_fact(his)


def test_what_the_next_daemon_does_not_know_is_seen() -> None:
    before, promised = until_the_first(CallbackPromised)
    caller = Caller("PJSIP/trunk-1", "1.1", Visitor("sales", number=promised.number))
    caller.variables["ACD_MESSAGE"] = promised.message.name
    promises = seen_so_far([*before, promised])
    promises.is_kept(caller, daemon_lives=True)

    promises.begins(Center().state, {})

    with pytest.raises(LawBroken, match="the next daemon does not know it"):
        promises.has_begun()
