"""How soon it is back, in the small."""

from __future__ import annotations

from bench import start_up


def test_a_daemon_that_comes_back_after_many_calls_knows_all_who_wait() -> None:
    figures = start_up._back(live=20, past=50)

    assert figures["start-up: requests known then, of 20, after 50 others"] == 20
    assert float(figures["start-up: facts of 50 past requests"]) > 500


def test_a_snapshot_is_made_while_the_loop_goes_on() -> None:
    figures = start_up._snapshot(agents=10, waiting=50)

    assert float(figures["snapshot: seconds to make, 10 agents, 50 waiting"]) > 0
    assert float(figures["snapshot: longest stall of the loop meanwhile, ms, 10 agents, 50 waiting"]) > 0
