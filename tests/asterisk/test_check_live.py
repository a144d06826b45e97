"""`acd check --live` against a real Asterisk: what it says is so."""

from __future__ import annotations

from pathlib import Path

import pytest
from callcentre import CallCentre, configuration
from exchange import both_releases

from acd.asterisk.link import ActionRefused
from acd.asterisk.pbx import Endpoint, PbxSettings, PrivatePbx, running
from acd.asterisk.private import Installation
from acd.checking.live import CVE, look


@both_releases
async def test_a_server_that_can_be_steered_is_good_but_for_a_release_with_a_hole(
    pbx: PrivatePbx, tmp_path: Path
) -> None:
    assert await look(configuration(pbx, tmp_path)) == (
        [] if pbx.installation.release == "22" else [f"asterisk.main: {CVE}"]
    )


@both_releases
async def test_an_endpoint_that_would_call_whoever_its_telephone_names_is_told_where_asterisk_tells_it(
    own_installation: Installation, tmp_path: Path
) -> None:
    ways = {"alice": "uri_pjsip", "bob": "user", "desk-1": "uri_core", "trunk-1": "uri_pjsip"}
    endpoints = tuple(Endpoint(name, extra=f"redirect_method = {method}") for name, method in ways.items())
    async with running(own_installation, tmp_path / "pbx", PbxSettings(endpoints=endpoints)) as pbx:
        server = configuration(pbx, tmp_path).asterisk["main"].model_dump() | {
            "secret": pbx.secret,
            "mobile_dial": "PJSIP/{number}@trunk-1",
        }
        seats = [{"name": "seat-1", "dial": "PJSIP/desk-1"}]

        troubles = await look(configuration(pbx, tmp_path, asterisk={"main": server}, seat=seats))

    told = [
        f"asterisk.main: the endpoint {name} has redirect_method = {ways[name]}: an answer of its telephone or trunk "
        "(302) could have anybody called, past the dial policy; make it user"
        for name in ("alice", "desk-1", "trunk-1")
    ]
    assert troubles == (told if own_installation.release == "22" else [f"asterisk.main: {CVE}"])


async def test_a_wrong_secret_is_told(pbx: PrivatePbx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acd.checking.live.CONNECT_SECONDS", 2.0)
    servers = {"main": {"host": pbx.host, "port": pbx.ami_port, "username": "acd", "secret": "wrong"}}

    (trouble,) = await look(configuration(pbx, tmp_path, asterisk=servers))

    assert trouble == (
        "asterisk.main: cannot be steered within 2 s: the login of 'acd' was refused: Authentication failed"
    )


async def test_a_server_that_is_not_there_is_told(
    pbx: PrivatePbx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acd.checking.live.CONNECT_SECONDS", 1.0)
    nobody = pbx.ports.spare.start
    servers = {"main": {"host": pbx.host, "port": nobody, "username": "acd", "secret": "x"}}

    (trouble,) = await look(configuration(pbx, tmp_path, asterisk=servers))

    assert trouble.startswith("asterisk.main: cannot be steered within 1 s: ")
    assert str(nobody) in trouble


async def test_a_dialplan_that_was_not_included_is_told(pbx: PrivatePbx, tmp_path: Path) -> None:
    await pbx.command("dialplan remove context acd-wait")
    try:
        troubles = await look(configuration(pbx, tmp_path))
    finally:
        await pbx.command("dialplan reload")

    assert troubles == [
        "asterisk.main: the dialplan has no acd-wait: include dialplans/acd.conf from extensions.conf and reload"
    ]


@both_releases
async def test_the_ami_user_that_we_ship_runs_no_programs(pbx: PrivatePbx, centre: CallCentre, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    dials = {"Channel": "Local/s@from-phones", "Application": "System", "Data": f"touch {proof}", "Async": "true"}

    with pytest.raises(ActionRefused, match="Originate Access Forbidden"):
        await centre.observer.send("Originate", dials)
    with pytest.raises(ActionRefused, match="Permission denied"):
        await centre.observer.send("Command", {"Command": f"!touch {proof}"})

    assert not proof.exists()
