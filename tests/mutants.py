"""Bugs that somebody could write into the center or the Asterisk edge, each of which the fast tests must notice.

`make mutants` tries them all (tests/mutations.py says how). Whoever adds a rule adds the mistake that he nearly made.
"""

# ruff: noqa: E501

from __future__ import annotations

from mutations import Mutant

CENTER, FOLDING, ASTERISK = "acd/center", "acd/center/folding", "acd/asterisk"

MUTANTS = (
    # ---- Lines and lanes
    Mutant(f"{CENTER}/line.py", "bisect_left(self._everyone, key) + 1", "bisect_left(self._everyone, key)"),
    Mutant(f"{CENTER}/line.py", "return (priority, entered_at, request)", "return (-priority, entered_at, request)"),
    Mutant(f"{CENTER}/line.py", "entered_at + steps *", "entered_at - steps *"),
    Mutant(f"{CENTER}/line.py", "if request.offers and agent in request.turned_down_by", "if agent in request.turned_down_by"),
    Mutant(f"{CENTER}/routing.py", "            at += 1\n", "            at += 2\n"),
    Mutant(f"{CENTER}/routing.py", "    heapify(heads)\n", ""),
    Mutant(f"{FOLDING}/lanes.py", "                lane.pool.leave(agent.name)\n", "                pass\n"),
    Mutant(f"{FOLDING}/lanes.py", " and not agent.offers", ""),
    Mutant(f"{FOLDING}/lanes.py", " and request.pbx in state.steered", ""),
    Mutant(f"{FOLDING}/lanes.py", "            lane.able += by\n", "            lane.able -= by\n"),
    Mutant(f"{FOLDING}/lanes.py", "        request.open_since = at\n", "        pass\n"),
    Mutant(f"{CENTER}/laws.py", "queue.entered !=", "queue.entered <"),
    # ---- Strategies
    Mutant(f"{CENTER}/strategies/pool.py", "if name not in avoid), pool[0]", "), pool[0]"),
    Mutant(f"{CENTER}/strategies/priority.py", "(agent.queues[queue], agent.idle_since)", "(agent.idle_since,)"),
    Mutant(f"{CENTER}/strategies/longest_idle.py", "(agent.idle_since,)", "(-agent.idle_since,)"),
    Mutant(f"{CENTER}/strategies/least_used.py", "agent.taken_today, ", ""),
    Mutant(f"{CENTER}/strategies/most_used.py", "(-agent.load, agent.idle_since)", "(-agent.load, -agent.idle_since)"),
    Mutant(f"{CENTER}/strategies/round_robin.py", "agent.offered_at.get(queue, 0.0)", "agent.idle_since"),
    Mutant(f"{CENTER}/strategies/random.py", "pool[draw(len(pool))]", "pool[0]"),
    Mutant(f"{CENTER}/turn.py", "* n) >> 64", "* n) >> 63"),
    # ---- Agents
    Mutant(f"{CENTER}/agents.py", "agent.idle_since if keeps_turn else turn.now", "turn.now"),
    Mutant(f"{CENTER}/agents.py", "until=turn.now + queue.wrap_up_seconds", "until=turn.now"),
    Mutant(f"{CENTER}/agents.py", "0 < rules.pause_after_missed <= agent", "0 < rules.pause_after_missed < agent"),
    Mutant(f"{CENTER}/devices.py", "rules.unreachable_first_seconds * 2**doublings", "rules.unreachable_first_seconds"),
    Mutant(f"{CENTER}/devices.py", "_tell(turn, agent, device.name, 0)", "_tell(turn, agent, device.name, 1)"),
    Mutant(f"{CENTER}/agents.py", "agent.wish and happening is not", "agent.wish and happening is"),
    Mutant(f"{FOLDING}/agents.py", "    state.watch(fact.until, states.Timer.AGENT, agent.name)\n    if", "    if"),
    Mutant(f"{FOLDING}/agents.py", "queue.in_states[fact.was] -= 1", "pass"),
    Mutant(f"{FOLDING}/agents.py", "        agent.wish = agent.wish_reason = None\n", "        pass\n"),
    Mutant(f"{FOLDING}/agents.py", "    del state.phone_of_channel[fact.pbx, fact.channel]\n", ""),
    Mutant(f"{CENTER}/phones.py", "if talks and turn", "if turn"),
    Mutant(f"{CENTER}/phones.py", "if where == pbx and channel not in alive", "if channel not in alive"),
    Mutant(f"{CENTER}/seats.py", "if other is not agent and", "if"),
    Mutant(f"{CENTER}/features.py", "1 <= int(digit) <= len(reasons)", "1 <= int(digit) < len(reasons)"),
    Mutant(f"{CENTER}/features.py", "reasons[int(digit) - 1]", "reasons[int(digit) - 2]"),
    # ---- Callers
    Mutant(f"{CENTER}/calls.py", "turn.now - before.at <= queue.rules.redial_seconds", "turn.now - before.at <= 0"),
    Mutant(f"{CENTER}/calls.py", "request.leave_at <= turn.now", "request.leave_at >= turn.now"),
    Mutant(f"{CENTER}/calls.py", "    offers.withdraw_all(turn, request)\n    end(turn, request, Outcome.ABANDONED", "    end(turn, request, Outcome.ABANDONED"),
    Mutant(f"{CENTER}/calls.py", "turn.state.queues[offer.queue].rules)", "next(iter(turn.state.queues.values())).rules)"),
    Mutant(f"{CENTER}/calls.py", "leave_at=waits_since + min(waits)", "leave_at=waits_since + max(waits)"),
    Mutant(f"{FOLDING}/requests.py", "    queue.line.leave(request.place_key)\n    _count_ending", "    _count_ending"),
    Mutant(f"{FOLDING}/requests.py", "    state.request_of_channel.pop((request.pbx, request.channel), None)\n", ""),
    Mutant(f"{FOLDING}/requests.py", "queue.connected += 1", "queue.connected += 2"),
    Mutant(f"{FOLDING}/requests.py", "        request.turned_down_by.clear()", "        pass"),
    Mutant(f"{FOLDING}/requests.py", "        was.offered -= 1\n", ""),
    Mutant(f"{FOLDING}/requests.py", "        del memory[next(iter(memory))]", "        memory.clear()"),
    Mutant(f"{CENTER}/skills.py", "request.entered_at + step.after_seconds <= turn.now", "request.entered_at + step.after_seconds < turn.now"),
    Mutant(f"{CENTER}/preferred.py", "if turn.now <= until and", "if"),
    Mutant(f"{CENTER}/preferred.py", "name in request.turned_down_by or not", "not"),
    Mutant(f"{CENTER}/doors.py", "len(queue.line) >= rules.max_waiting", "len(queue.line) > rules.max_waiting"),
    Mutant(f"{CENTER}/doors.py", " and target.rules.name != request.queue", ""),
    Mutant(f"{CENTER}/doors.py", " and one.pbx in turn.state.steered", ""),
    Mutant(f"{CENTER}/estimates.py", "k / (k + agents - 1)", "k / (k + agents + 1)"),
    Mutant(f"{CENTER}/transfers.py", "place is not None and place is not request", "place is not None"),
    # ---- Offers
    Mutant(f"{CENTER}/offers.py", "    _withdraw(turn, others, answered_elsewhere=True)", "    _withdraw(turn, [])"),
    Mutant(f"{CENTER}/offers.py", "        in_vain.rang_for_long_enough(turn, offer)\n        release_leg(turn, offer)", "        in_vain.rang_for_long_enough(turn, offer)"),
    Mutant(f"{CENTER}/in_vain.py", "    if not request.offers:\n        calls.requeue", "    if request:\n        calls.requeue"),
    Mutant(f"{CENTER}/offers.py", "len(name) == ID_LENGTH and ", ""),
    Mutant(f"{CENTER}/offers.py", "ready_at = max(request.open_since, agent.free_since)", "ready_at = min(request.open_since, agent.free_since)"),
    Mutant(f"{FOLDING}/offers.py", "    agent.offers.remove(fact.offer)\n", ""),
    Mutant(f"{FOLDING}/offers.py", "    state.watch(at, states.Timer.OFFER, name)\n", ""),
    Mutant(f"{FOLDING}/offers.py", "        request.turned_down_by.add(fact.agent)", "        pass"),
    # ---- Devices, callbacks
    Mutant(f"{CENTER}/devices.py", "failures.until <= turn.now", "failures.until < turn.now"),
    Mutant(f"{CENTER}/devices.py", "trunk_room(state, pbx) < 1", "trunk_room(state, pbx) < 0"),
    Mutant(f"{CENTER}/devices.py", "device.name not in agent.tried and", ""),
    Mutant(f"{CENTER}/forwarding.py", "turn.state.calendars.get(hours.calendar, False)", "turn.state.calendars.get(hours.calendar, True)"),
    Mutant(f"{CENTER}/in_vain.py", "and not offer.rang and how", "and how"),
    Mutant(f"{CENTER}/in_vain.py", "if agent.wish or agent.retired:", "if agent.retired:"),
    Mutant(f"{CENTER}/callbacks.py", "turn.now >= request.entered_at + rules.offer_after_seconds", "turn.now > request.entered_at + rules.offer_after_seconds"),
    Mutant(f"{CENTER}/callbacks.py", "    offers.withdraw_all(turn, request)\n    turn.tell(\n        RequestSetAside(", "    turn.tell(\n        RequestSetAside("),
    Mutant(f"{CENTER}/customers.py", "if request.reach in IN_TOUCH:", "if request.reach is None:"),
    # ---- Servers, rules, time
    Mutant(f"{CENTER}/survey.py", "offer.pbx == pbx and offer.channel not in alive", "offer.channel not in alive"),
    Mutant(f"{CENTER}/survey.py", "request.pbx == pbx and request.channel and", "request.channel and"),
    Mutant(f"{FOLDING}/rules.py", "            lanes.leave(state, request)", "            pass"),
    Mutant(f"{FOLDING}/rules.py", "        _watch_all_on(state, fact.pbx)\n", ""),
    Mutant(f"{FOLDING}/rules.py", "        agent.taken_today = 0", "        pass"),
    Mutant(f"{FOLDING}/rules.py", "queue.closing = name not in kept", "queue.closing = False"),
    Mutant(f"{CENTER}/state.py", "at <= now:", "at < now:"),
    Mutant(f"{CENTER}/state.py", "max(self._last_id + 1,", "max(self._last_id,"),
    Mutant(f"{CENTER}/center.py", "        preferred.let_go_after_new_rules(turn)\n", ""),
    # ---- The Asterisk edge
    Mutant(f"{ASTERISK}/calls.py", "        self._held = []\n", "        self._held = None\n"),
    Mutant(f"{ASTERISK}/orders.py", "        self._channels.marked.add(caller)\n", ""),
    Mutant(f"{ASTERISK}/orders.py", " and getattr(fact, \"pbx\", None) == self.pbx", ""),
    Mutant(f"{ASTERISK}/calls.py", ".bridge_of.get(partner) == bridge", ".bridge_of.get(partner)"),
    Mutant(f"{ASTERISK}/orders.py", "otherwise and isinstance(error, ActionRefused)", "otherwise"),
    Mutant(f"{ASTERISK}/calls.py", "if channel in self._channels.name_of:", "if True:"),
    Mutant(f"{ASTERISK}/channels.py", "        self.to_bridge.pop(partner, None)\n", ""),
    Mutant(f"{ASTERISK}/reading.py", "\"18\": LegEnd.NO_ANSWER", "\"18\": LegEnd.BUSY"),
    Mutant(f"{ASTERISK}/reading.py", "_NORMAL = {\"16\", \"26\"}", "_NORMAL = {\"16\"}"),
    Mutant(f"{ASTERISK}/reading.py", "event.get(\"ChannelState\") in (DIALS, UP)", "event.get(\"ChannelState\") == UP"),
    Mutant(f"{ASTERISK}/link.py", "not (self._booted and self._answering)", "not (self._booted or self._answering)"),
    Mutant(f"{ASTERISK}/link.py", "min(shortest * 2, self._longest / 2)", "min(shortest, self._longest / 2)"),
    Mutant(f"{ASTERISK}/wire.py", "\"[\\r\\n\\0]\"", "\"[\\r\\n]\""),
    Mutant(f"{ASTERISK}/wire.py", "if size > LINE_LIMIT_BYTES", "if size > LINE_LIMIT_BYTES + 10"),
    Mutant(f"{ASTERISK}/wire.py", "        for pending in list(self.responses.values()):\n            self._end(pending, \"down\", LinkDown(reason))\n", ""),
)  # fmt: skip
