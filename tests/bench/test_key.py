"""Keys on mobiles for a few seconds: two Asterisks, the daemon and SIPp."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.key import Keys, Told, office_with_mobiles, press_keys


@pytest.mark.pbx
async def test_each_key_that_is_pressed_is_measured(tmp_path: Path) -> None:
    async with office_with_mobiles(tmp_path, "22") as office:
        measured = await press_keys(office, Keys(calls=6, rate=3, agents=10), say=lambda _: None)

    assert measured.to_talk and measured.to_accept
    assert (measured.to_talk.count, measured.complaints) == (6, [])
    assert 0 < measured.to_accept.p50 < measured.to_talk.p50


def test_it_counts_from_the_release_of_the_key_to_the_second_who_enters_the_bridge() -> None:
    told = Told()
    for at, name, event in (
        (1.0, "DTMFEnd", {"Uniqueid": "leg", "Direction": "Received"}),
        (1.5, "DTMFEnd", {"Uniqueid": "caller", "Direction": "Received"}),
        (2.0, "UserEvent", {"Uniqueid": "leg", "UserEvent": "AcdAccept"}),
        (3.0, "BridgeEnter", {"Uniqueid": "leg", "BridgeUniqueid": "theirs"}),
        (5.0, "BridgeEnter", {"Uniqueid": "caller", "BridgeUniqueid": "theirs"}),
    ):
        told.hear(at, name, event)

    assert [(one.to_accept, one.to_talk) for one in told.pressed] == [(1.0, 4.0)]
