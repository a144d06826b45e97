"""`acd check` as an operator runs it: doubts, and what a reload would change, beside a daemon that is running."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from acd import config
from acd.__main__ import main
from acd.center.facts import RulesChanged
from acd.journal.sqlite import SqliteStore
from acd.journal.store import row_of

ACD = """
[asterisk.main]
host = "127.0.0.1"
secret = "env:ACD_AMI_SECRET"

[store]
url = "sqlite:{folder}/acd.db"

[[queue]]
name = "sales"
ring_seconds = {ring_seconds}

[[agent]]
name = "alice"
queues = {{ sales = 1 }}
devices = [ {{ kind = "desk", dial = "PJSIP/alice" }} ]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACD_AMI_SECRET", "x")
    file = tmp_path / "acd.toml"
    file.write_text(ACD.format(folder=tmp_path, ring_seconds=20))
    return file


def test_before_there_is_a_journal_nothing_is_compared(file: Path) -> None:
    checked = CliRunner().invoke(main, ["check", "-c", str(file)])

    assert (checked.exit_code, checked.stdout) == (0, f"{file}: good: 1 queues, 1 agents\n")
    assert not (file.parent / "acd.db").exists()


def test_what_a_reload_would_change_is_told_while_the_journal_is_in_use(file: Path) -> None:
    store = SqliteStore(file.parent / "acd.db")
    store.write([row_of(1, RulesChanged(at=0, rules=config.load(file).rules()))])
    file.write_text(ACD.format(folder=file.parent, ring_seconds=5))

    checked = CliRunner().invoke(main, ["check", "-c", str(file)])

    store.close()
    assert checked.exit_code == 0
    assert "a reload would change: ~ queue 'sales': ring_seconds 20.0 → 5.0\n" in checked.stdout


def test_a_journal_that_is_somebody_else_s_is_told(file: Path) -> None:
    (file.parent / "acd.db").write_bytes(b"not a database at all, and long enough to be looked at" * 20)

    checked = CliRunner().invoke(main, ["check", "-c", str(file)])

    assert checked.exit_code == 1
    assert "acd.db" in checked.stderr


def test_a_doubt_is_told_and_is_no_mistake(file: Path) -> None:
    file.write_text(file.read_text() + '[[queue]]\nname = "lonely"\n')

    checked = CliRunner().invoke(main, ["check", "-c", str(file)])

    assert checked.exit_code == 0
    assert "queue 'lonely': nobody can serve it" in checked.stderr


COUNTRY = '[site]\ncountry = "NL"\n'
SEAT = '[[seat]]\nname = "hall"\ndial = "{dial}"\n'
CAROL = '[[agent]]\nname = "carol"\nqueues = { sales = 1 }\ndevices = [ { kind = "desk", dial = "PJSIP/carol" }, '


def test_a_mobile_that_would_never_be_dialled_is_told_with_the_rule(file: Path) -> None:
    file.write_text(file.read_text() + COUNTRY + CAROL + '{ kind = "mobile", number = "+32470123456" } ]\n')

    checked = CliRunner().invoke(main, ["check", "-c", str(file)])

    assert checked.exit_code == 0
    assert (
        "agent 'carol': the mobile +32470123456 would never be dialled: +32470123456 is in BE; allowed: NL (countries)"
        in checked.stderr
    )


def test_a_mobile_that_is_dialled_is_nothing_to_tell_of(file: Path) -> None:
    text = file.read_text() + COUNTRY + CAROL + '{ kind = "mobile", number = "+31612345678" } ]\n'
    file.write_text(text.replace("[asterisk.main]", '[asterisk.main]\nmobile_dial = "PJSIP/{number}@trunk"'))

    assert CliRunner().invoke(main, ["check", "-c", str(file)]).stderr == ""


@pytest.mark.parametrize("dial", ["PJSIP/+31612345678@trunk", "DAHDI/g1/0612345678", "Local/0612345678@outside"])
def test_a_desk_phone_that_is_a_number_outside_is_told_to_pass_by_the_dial_policy(file: Path, dial: str) -> None:
    file.write_text(file.read_text() + COUNTRY + CAROL.replace("PJSIP/carol", dial) + f"]\n{SEAT.format(dial=dial)}")

    assert CliRunner().invoke(main, ["check", "-c", str(file)]).stderr == "".join(
        f"{whose}: {dial} is dialled past the dial policy; a number outside is a device of the kind mobile\n"
        for whose in ("agent 'carol'", "seat 'hall'")
    )


@pytest.mark.parametrize("dial", ["PJSIP/1234567", "PJSIP/200@other-office", "PJSIP/alice-2@proxy", "SIP/trunk/17"])
def test_a_telephone_of_the_house_is_nothing_to_tell_of(file: Path, dial: str) -> None:
    file.write_text(file.read_text() + COUNTRY + CAROL.replace("PJSIP/carol", dial) + f"]\n{SEAT.format(dial=dial)}")

    assert CliRunner().invoke(main, ["check", "-c", str(file)]).stderr == ""


def test_without_a_country_it_is_told_that_mobiles_cannot_be_dialled(file: Path) -> None:
    file.write_text(file.read_text() + CAROL + '{ kind = "mobile", number = "+31612345678" } ]\n')

    checked = CliRunner().invoke(main, ["check", "-c", str(file)])

    assert "neither [site] country nor [dialling] countries says where (countries)" in checked.stderr


def test_a_prefix_of_no_allowed_country_is_told(file: Path) -> None:
    file.write_text(file.read_text() + COUNTRY + '[dialling]\nprefixes_refused = ["+3197", "+44"]\n')

    checked = CliRunner().invoke(main, ["check", "-c", str(file)])

    assert checked.stderr == "dialling.prefixes_refused: +44 means nothing: no number in NL begins with it\n"


def test_a_number_is_told_to_be_allowed_or_which_rule_refuses_it(file: Path) -> None:
    file.write_text(file.read_text() + COUNTRY)

    checked = CliRunner().invoke(
        main, ["check", "-c", str(file), "--number", "06 1234 5678", "--number", "0900-123456", "--number", "a\nb"]
    )

    assert checked.exit_code == 1
    assert checked.stdout == "+31612345678: may be dialled: mobile, NL, 08:00 to 21:00 (Europe/Amsterdam)\n"
    assert checked.stderr == (
        "refused: +31900123456 is of the kind premium; allowed: fixed, mobile (kinds)\n"
        "refused: 'a\\nb' is no number: only digits, spaces, - . / ( ), and a + in front (form)\n"
    )
    assert CliRunner().invoke(main, ["check", "-c", str(file), "--number", "+31612345678"]).exit_code == 0
