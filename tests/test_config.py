"""acd.toml: what is read from it, and what is said of its mistakes."""

from __future__ import annotations

import os
import re
import tomllib
from datetime import time
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from acd.calendars import Span
from acd.center.model import AgentState, AnnounceRules, PromptRules
from acd.center.reach import Forward, Forwarding, Hours, Trunk
from acd.config import BadConfig, Config, Mobile, load, warnings
from acd.dialling import DialRules
from acd.dialling.reading import Kind

EXAMPLE = Path(__file__).parents[1] / "config" / "acd.toml"
MAIN = '[asterisk.main]\nhost = "127.0.0.1"\nsecret = "env:ACD_AMI_SECRET"\n'
"""The least that a configuration must have, on three lines."""
DESK = 'devices = [ { kind = "desk", dial = "PJSIP/x" } ]\n'
TOKEN_SHA = "0" * 64

LIKE_OTHERS = {f"calendar.{day}" for day in ("wed", "thu", "fri", "sat", "sun")} | {
    "queue.ways_out.empty",
    "queue.ways_out.timeout",
}
"""Keys of which the example shows those beside them."""
FOR_LATER = {"agent.capacity"}
"""Keys of the contract that nothing makes use of yet."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of whoever runs the tests, and a secret."""
    for name in os.environ:
        if name.startswith("ACD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ACD_AMI_SECRET", "s3cret")
    monkeypatch.setenv("ACD_CRM_SECRET", "another")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "acd.toml"


def loaded(file: Path, text: str = MAIN) -> Config:
    file.write_text(text)
    return load(file)


def mistakes(file: Path, text: str) -> list[str]:
    """Each as `LINE: KEY: WHAT`, or ` KEY: WHAT` if it is on no line."""
    with pytest.raises(BadConfig) as bad:
        loaded(file, text)
    assert str(bad.value) == "\n".join(bad.value.lines)
    return [line.removeprefix(f"{file}:") for line in bad.value.lines]


# ---- Mistakes


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(file: Path) -> None:
    text = (
        MAIN
        + 'port = "5038"\n'  # line 4
        + "[http]\nlisten = 8088\nlissen = 1\n"  # 5
        + '[[queue]]\nname = "sales"\nring_seconds = 0\n'  # 8
        + '[[queue]]\nstrategy = "best"\n'  # 11
        + '[[agent]]\nname = "alice"\nqueues = { sales = 0, bills = 1 }\n'  # 13
        + DESK
        + "[nonsense]\nkey = 1\n"  # 17
    )

    assert mistakes(file, text) == [
        "4: asterisk.main.port: input should be a valid integer, not '5038'",
        "6: http.listen: input should be a valid string, not 8088",
        "7: http.lissen: there is no such key here",
        "10: queue 'sales': ring_seconds: input should be greater than 0, not 0",
        "11: queue[1].name: is missing",
        "12: queue[1].strategy: must be one of priority, random, longest_idle, least_used, most_used, round_robin, "
        "ring_all, not 'best'",
        "15: agent 'alice': queues.bills: there is no queue 'bills'",
        "15: agent 'alice': queues.sales: input should be greater than or equal to 1, not 0",
        "17: nonsense: there is no such key here",
    ]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('[[queue]]\nname = "x"', "5: queue 'x': name: must be 2 to 64 letters, digits, '_' or '-', not 'x'"),
        ('[[queue]]\nname = "sales"\nwrap_up_seconds = -1', "6: queue 'sales': wrap_up_seconds: "),
        ('[[queue]]\nname = "sales"\nwrap_up_seconds = inf', "6: queue 'sales': wrap_up_seconds: "),
        ('[[queue]]\nname = "sales"\norder = "fifo"', "6: queue 'sales': order: "),
        (
            '[[queue]]\nname = "sales"\neasing = [\n {after_seconds = 0, level = 1}]',
            "6: queue 'sales': easing[0].after",
        ),
        ('[[queue]]\nname = "sales"\njoin_needs = "anyone"', "6: queue 'sales': join_needs: "),
        ('[[queue]]\nname = "sales"\nways_out = { full = "context:a b" }', "6: queue 'sales': ways_out.full: "),
        ('[[queue]]\nname = "sales"\n[queue.ways_out]\nbored = "context:x"', "7: queue 'sales': ways_out.bored: there"),
        ('[[queue]]\nname = "sales"\nannounce = { every_seconds = 9 }', "6: queue 'sales': announce.every_seconds: "),
        (
            '[[queue]]\nname = "sales"\nannounce = { place = false, wait = false }',
            "6: queue 'sales': announce: must tell `place` or `wait`",
        ),
        (
            '[[queue]]\nname = "sales"\nannounce = { on_joining = false }',
            "6: queue 'sales': announce: must tell `place` or `wait`, `on_joining` or `every_seconds`",
        ),
        (
            '[[queue]]\nname = "sales"\nprompts = { sounds = ["a&b"], every_seconds = 30 }',
            "6: queue 'sales': prompts.sounds[0]: must be the name of a sound",
        ),
        (
            '[[queue]]\nname = "sales"\nprompts = { sounds = [], every_seconds = 30 }',
            "6: queue 'sales': prompts.sounds: ",
        ),
        (
            '[[queue]]\nname = "sales"\nwhisper = "${SHELL(id)}"',
            "6: queue 'sales': whisper: must be the name of a sound",
        ),
        ('[[agent]]\nname = "a b"\n' + DESK, "5: agent 'a b': name: must be 1 to 64 letters"),
        ('[[agent]]\nname = "al"\ndevices = [ { kind = "desk" } ]', "6: agent 'al': devices[0].dial: is missing"),
        ('[[agent]]\nname = "al"\ndevices = [ { kind = "fax" } ]', "6: agent 'al': devices[0]: "),
        (
            '[[agent]]\nname = "al"\ndevices = [ { kind = "desk", dial = "alice" } ]',
            "6: agent 'al': devices[0].dial: ",
        ),
        (
            '[[agent]]\nname = "al"\ndevices = [ { kind = "desk", dial = "PJSIP/a&PJSIP/b" } ]',
            "6: agent 'al': devices[0].dial: must be TECHNOLOGY/NAME",
        ),
        (
            '[[agent]]\nname = "al"\ndevices = [ { kind = "mobile", number = "0612" } ]\n'
            '[[seat]]\nname = "s"\ndial = "PJSIP/s"',
            "6: agent 'al': devices[0].number: must be a valid number in the form +31612345678 (E.164), not '0612'",
        ),
        (
            '[[agent]]\nname = "al"\nforward = "home"\n' + DESK,
            "6: agent 'al': forward: ",
        ),
        (
            '[[agent]]\nname = "al"\nforward_by = [ { calendar = "evenings", forward = "both" } ]\n' + DESK,
            "6: agent 'al': forward_by: there is no calendar 'evenings'",
        ),
        (
            '[[agent]]\nname = "al"\ndevices = [ { kind = "mobile", number = "+31612345678", accept_key = "2" } ]',
            "6: agent 'al': devices[0].accept_key: must be a digit but 2 and 3",
        ),
        (
            '[[agent]]\nname = "al"\ndevices = [ { kind = "mobile", number = "+31612345678" }, '
            '{ kind = "mobile", number = "+31 6 12345678" } ]',
            "6: agent 'al': devices: there are two of the number '+31612345678'",
        ),
        (
            '[asterisk.b]\nhost = "b"\nsecret = "env:ACD_AMI_SECRET"\nmobile_dial = "PJSIP/trunk"',
            "7: asterisk.b.mobile_dial: must be TECHNOLOGY/NAME with {number} or {digits} once in it",
        ),
        (
            '[asterisk.b]\nhost = "b"\nsecret = "env:ACD_AMI_SECRET"\nmobile_dial = "PJSIP/{number}@a&PJSIP/b"',
            "7: asterisk.b.mobile_dial: must be TECHNOLOGY/NAME with {number} or {digits} once in it",
        ),
        (
            '[asterisk.b]\nhost = "b"\nsecret = "env:ACD_AMI_SECRET"\nmobile_caller_id = "mine"',
            '7: asterisk.b.mobile_caller_id: must be "caller", "queue", or a valid number',
        ),
        ('[[queue]]\nname = "qq"\nname_sound = "a&b"', "6: queue 'qq': name_sound: must be the name of a sound"),
        ('[[agent]]\nname = "al"\n', "4: agent 'al': devices: there must be one, such as"),
        ('[[agent]]\nname = "al"\nwrap_up_seconds = -1\n' + DESK, "6: agent 'al': wrap_up_seconds: "),
        ('[[agent]]\nname = "al"\nskills = { french = 0 }\n' + DESK, "6: agent 'al': skills.french: "),
        (
            '[[agent]]\nname = "al"\nqueues = { desk = 1 }\n' + DESK,
            "6: agent 'al': queues.desk: there is no queue 'desk'",
        ),
        (
            '[[queue]]\nname = "desk"\n[[agent]]\nname = "al"\nqueues = { desk = 0 }\n' + DESK,
            "8: agent 'al': queues.desk: ",
        ),
        ('[[token]]\nname = "t"\nsha256 = "x"\nrole = "admin"', "6: token 't': sha256: must be 64 hexadecimal digits"),
        (f'[[token]]\nname = "t"\nsha256 = "{TOKEN_SHA}"\nrole = "boss"', "7: token 't': role: "),
        (f'[[token]]\nname = "t"\nsha256 = "{TOKEN_SHA}"\nrole = "agent"', "4: token 't': `agent` names the agent"),
        ('[site]\ntime_zone = "Amsterdam"', "5: site.time_zone: must be the name of a time zone"),
        ('[dialling]\ncountries = ["nl"]', "5: dialling.countries[0]: must be a country's code in capital letters"),
        ('[dialling]\nkinds = ["emergency"]', "5: dialling.kinds[0]: must be one of fixed, mobile, toll_free, "),
        ("[dialling]\nkinds = []", "5: dialling.kinds: "),
        ('[dialling]\nprefixes_allowed = ["020"]', "5: dialling.prefixes_allowed[0]: must be a + and 1 to 15 digits"),
        ('[dialling]\nprefixes_refused = ["+31 20"]', "5: dialling.prefixes_refused[0]: must be a + and 1 to 15 "),
        ('[dialling]\nhours = "21:00-08:00"', "5: dialling.hours: must end after it begins, not '21:00-08:00'"),
        ("[dialling]\nper_minute = 0", "5: dialling.per_minute: "),
        ("[dialling]\nper_day = 100001", "5: dialling.per_day: "),
        ("[dialling]\nper_number_per_day = 1.5", "5: dialling.per_number_per_day: "),
        *(
            (f"[asterisk.two]\nhost = 'h'\nsecret = 'env:ACD_AMI_SECRET'\nmobile_dial = '{template}'", f"7: {where}")
            for where in ("asterisk.two.mobile_dial: must be TECHNOLOGY/NAME with {number} or {digits} once in it",)
            for template in (
                "PJSIP/trunk",
                "{number}",
                "PJSIP/{number}&PJSIP/{number}",
                "PJSIP/{number}@{trunk}",
                "PJSIP/{number.__class__}@trunk",
                "PJSIP/${EXTEN}{number}@trunk",
                "PJSIP/{number},20,m",
                "PJSIP/{number} @trunk",
                "PJSIP/{{number}}@trunk",
                "PJSIP/{number}{digits}@trunk",
            )
        ),
        ('[site]\ncountry = "nl"', "5: site.country: must be a country's code in capital letters"),
        ('[store]\nurl = "mysql://x"', "5: store.url: must be sqlite:PATH"),
        ("[store]\nkeep_days = 0", "5: store.keep_days: "),
        ("[offers]\npause_after_missed = 1.5", "5: offers.pause_after_missed: "),
        (
            '[click_to_dial]\nagent_state = "paused"',
            "5: click_to_dial.agent_state: input should be 'connected' or 'busy'",
        ),
        ('[[calendar]]\nname = "c"\ntime_zone = "UTC"\nmon = ["9-17"]', "7: calendar 'c': mon[0]: must be HH:MM-HH:MM"),
        (
            '[[calendar]]\nname = "c"\ntime_zone = "UTC"\nmon = ["17:00-09:00"]',
            "4: calendar 'c': mon: 17:00-09:00 must end after it begins",
        ),
        (
            '[[calendar]]\nname = "c"\ntime_zone = "UTC"\nholidays = "XX"',
            "7: calendar 'c': holidays: must be a country",
        ),
        ('[[caller]]\nnumber = "123"', "5: caller[0].number: must be a valid number"),
        ('[asterisk.two]\nhost = "127.0.0.1"', "4: asterisk.two.secret: is missing"),
        ("queue = 5", "queue: "),
    ],
    ids=lambda value: value.splitlines()[-1] if "\n" in value else None,
)
def test_a_mistake_is_told_with_its_line_and_key(file: Path, text: str, mistake: str) -> None:
    told = mistakes(file, MAIN + text) if text.startswith("[") else mistakes(file, f"{text}\n{MAIN}")

    assert [line for line in told if mistake in line], told
    assert len(told) == 1


@pytest.mark.parametrize(
    ("table", "rest"),
    [
        ("queue", ""),
        ("agent", DESK),
        ("token", f'sha256 = "{TOKEN_SHA}"\nrole = "admin"\n'),
        ("seat", 'dial = "PJSIP/x"\n'),
        ("calendar", 'time_zone = "UTC"\n'),
    ],
)
def test_two_of_a_name_are_a_mistake_of_the_second(file: Path, table: str, rest: str) -> None:
    first = f'[[{table}]]\nname = "same"\n{rest}'
    line_of_second_name = (MAIN + first).count("\n") + 2

    assert mistakes(file, MAIN + first + first) == [
        f"{line_of_second_name}: {table} 'same': name: there are two of the name 'same'"
    ]


def test_two_callers_of_a_number_are_a_mistake_however_it_is_written(file: Path) -> None:
    text = MAIN + '[[caller]]\nnumber = "+31612345678"\n[[caller]]\nnumber = "+31 6 1234 5678"\n'

    assert mistakes(file, text) == ["7: caller[1].number: there are two of the number '+31612345678'"]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            '[[agent]]\nname = "alice"\nqueues = { sale = 1 }\n' + DESK,
            "6: agent 'alice': queues.sale: there is no queue 'sale'",
        ),
        (
            f'[[token]]\nname = "t"\nsha256 = "{TOKEN_SHA}"\nrole = "admin"\nqueues = ["sale"]',
            "8: token 't': queues: there is no queue 'sale'",
        ),
        (
            f'[[token]]\nname = "t"\nsha256 = "{TOKEN_SHA}"\nrole = "agent"\nagent = "alise"',
            "8: token 't': agent: there is no agent 'alise'",
        ),
        ('[[queue]]\nname = "sales"\ncalendar = "office"', "6: queue 'sales': calendar: there is no calendar 'office'"),
        (
            '[[queue]]\nname = "sales"\nways_out = { full = "sale" }',
            "6: queue 'sales': ways_out.full: there is no queue 'sale'",
        ),
        ('[[caller]]\nnumber = "+31612345678"\nagent = "alise"', "6: caller[0].agent: there is no agent 'alise'"),
    ],
    ids=["agent's queue", "token's queue", "token's agent", "calendar", "way out", "caller's agent"],
)
def test_a_name_that_is_not_there_is_a_mistake(file: Path, text: str, mistake: str) -> None:
    assert mistakes(file, MAIN + text) == [mistake]


def test_a_configuration_without_an_asterisk_is_none(file: Path) -> None:
    assert mistakes(file, "") == [" asterisk: is missing"]


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(BadConfig, match=rf"^{re.escape(str(file))}: cannot be read: No such file or directory$"):
        load(file)


def test_what_is_not_toml_is_told_with_its_line(file: Path) -> None:
    (told,) = mistakes(file, MAIN + "[[queue]]\nname = sales\n")

    assert told.startswith("5: not valid TOML: ")


def test_a_file_that_is_no_text_is_told_in_one_line(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(BadConfig, match=": not valid TOML: ") as bad:
        load(file)

    assert len(bad.value.lines) == 1


# ---- What may be dialled


def test_at_first_only_the_home_country_s_fixed_and_mobile_numbers_are_dialled(file: Path) -> None:
    config = loaded(file, MAIN + '[site]\ncountry = "NL"\ntime_zone = "Europe/Amsterdam"\n')

    assert config.dial_rules() == DialRules(
        home="NL",
        countries=frozenset({"NL"}),
        kinds=frozenset({Kind.FIXED, Kind.MOBILE}),
        hours=Span(time(8), time(21)),
        home_zone="Europe/Amsterdam",
        per_number_per_day=5,
    )


def test_without_a_country_nothing_is_dialled(file: Path) -> None:
    assert loaded(file).dial_rules().countries == frozenset()


def test_the_operator_says_what_is_dialled(file: Path) -> None:
    text = """[dialling]
countries = ["NL", "BE", "001"]
kinds = ["satellite"]
prefixes_allowed = ["+31"]
prefixes_refused = ["+3197"]
hours = "00:00-24:00"
per_minute = 60
per_day = 2000
per_number_per_day = 1
"""
    assert loaded(file, MAIN + text).dial_rules() == DialRules(
        countries=frozenset({"NL", "BE", "001"}),
        kinds=frozenset({Kind.SATELLITE}),
        prefixes_allowed=("+31",),
        prefixes_refused=("+3197",),
        hours=None,
        per_number_per_day=1,
        per_day=2000,
        per_minute=60,
    )


@pytest.mark.parametrize(
    "template",
    [
        "PJSIP/{number}@trunk",
        "PJSIP/trunk/sip:{digits}@10.0.0.1;user=phone",
        "DAHDI/g1/{digits}",
        "Local/{number}@out/n",
    ],
)
def test_a_template_has_one_place_for_the_number(file: Path, template: str) -> None:
    assert loaded(file, MAIN + f'mobile_dial = "{template}"\n').asterisk["main"].mobile_dial == template


# ---- Secrets


def test_a_secret_comes_from_the_environment_or_a_file_or_the_line_itself(file: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    servers = {"one": "env:ACD_AMI_SECRET", "two": f"file:{tmp_path}/secret", "three": "from the line"}
    text = "".join(f'[asterisk.{name}]\nhost = "h"\nsecret = "{secret}"\n' for name, secret in servers.items())

    config = loaded(file, text)

    told = {name: server.secret.get_secret_value() for name, server in config.asterisk.items()}
    assert told == {"one": "s3cret", "two": "from the file", "three": "from the line"}
    (warned,) = warnings(file)
    assert warned.startswith(f"{file}:9: asterisk.three.secret: stands in the file itself")
    assert "from the line" not in warned


def test_a_secret_is_never_shown(file: Path) -> None:
    config = loaded(file)

    assert "s3cret" not in repr(config)
    assert "s3cret" not in config.model_dump_json()


@pytest.mark.parametrize(
    ("secret", "mistake"),
    [
        ('"env:NOT_SET"', "the environment variable NOT_SET is not set"),
        ('"file:/not/there"', "cannot read /not/there: No such file or directory"),
        ('"two\\nlines"', "must be one line of 1 to 255 characters"),
        ('""', "must be one line of 1 to 255 characters"),
        ("123456", "must be a string"),
    ],
)
def test_a_secret_that_is_none_is_a_mistake_and_not_repeated(file: Path, secret: str, mistake: str) -> None:
    text = f'[asterisk.main]\nhost = "h"\nsecret = {secret}\n'

    assert mistakes(file, text) == [f"3: asterisk.main.secret: {mistake}"]


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ('url = "ftp://crm.example"', "webhook 'crm': url: must be http://… or https://…, not 'ftp://crm.example'"),
        ('kinds = ["RequestEnded", "Everything"]', "webhook 'crm': kinds[1]: must be the name of an event"),
        ('queues = ["sails"]', "webhook 'crm': queues: there is no queue 'sails'"),
        ('secret = ""', "webhook 'crm': secret: must be one line"),
    ],
)
def test_mistakes_in_a_webhook_are_named(file: Path, line: str, mistake: str) -> None:
    keys = {"name": '"crm"', "url": '"https://crm.example"', "secret": '"env:ACD_AMI_SECRET"'}
    key, _, value = line.partition(" = ")
    text = MAIN + "[[webhook]]\n" + "".join(f"{key} = {value}\n" for key, value in (keys | {key: value}).items())

    (found,) = mistakes(file, text)
    assert mistake in found


def test_a_webhooks_secret_that_stands_in_the_file_is_warned_of(file: Path) -> None:
    file.write_text(f'{MAIN}[[webhook]]\nname = "crm"\nurl = "http://crm.example"\nsecret = "in the open"\n')

    (warned,) = warnings(file)
    assert "webhook 'crm': secret: stands in the file itself" in warned
    assert "in the open" not in warned


def test_a_token_that_stands_in_place_of_its_digest_is_not_repeated(file: Path) -> None:
    (mistake,) = mistakes(file, f'{MAIN}[[token]]\nname = "t"\nsha256 = "the-token-itself"\nrole = "admin"\n')

    assert mistake.endswith("token 't': sha256: must be 64 hexadecimal digits; `acd token` makes one")


# ---- The environment


def test_the_environment_wins_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACD_STORE__URL", "sqlite:/elsewhere/acd.db")
    monkeypatch.setenv("ACD_ASTERISK__MAIN__PORT", "5039")
    monkeypatch.setenv("ACD_OFFERS__BUSY_SECONDS", "7.5")
    monkeypatch.setenv("ACD_HTTP__OPEN_METRICS", "true")
    monkeypatch.setenv("ACD_SITE__PAUSE_REASONS", '["lunch"]')

    config = loaded(file, MAIN + '[store]\nurl = "sqlite:here.db"\n[offers]\nbusy_seconds = 5\nrejected_seconds = 6\n')

    assert config.store.url == "sqlite:/elsewhere/acd.db"
    assert (config.asterisk["main"].host, config.asterisk["main"].port) == ("127.0.0.1", 5039)
    assert (config.offers.busy_seconds, config.offers.rejected_seconds) == (7.5, 6)
    assert config.http.open_metrics
    assert config.site.pause_reasons == ["lunch"]


def test_what_else_the_environment_holds_is_no_mistake(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACD_CACHE", "/somewhere")

    assert loaded(file).store.url == "sqlite:var/acd.db"


@pytest.mark.parametrize(
    ("name", "value", "mistake"),
    [
        ("ACD_STORE__URL", "mysql://x", "must be sqlite:PATH, not 'mysql://x'"),
        ("ACD_ASTERISK__MAIN__PORT", "many", "input should be a valid integer"),
        ("ACD_STORE__URLS", "x", "there is no such key here"),
        ("ACD_QUEUE", "sales", "must be written as in JSON"),
        ("ACD_SITE__PAUSE_REASONS", "lunch", "must be written as in JSON"),
    ],
)
def test_a_mistake_of_the_environment_is_told_by_the_name_of_the_variable(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, mistake: str
) -> None:
    monkeypatch.setenv(name, value)

    (told,) = mistakes(file, MAIN + '[store]\nurl = "sqlite:x"\n')

    assert told.startswith(f" {name}: {mistake}")


@pytest.mark.parametrize(("value", "secret"), [("from outside", "from outside"), ("env:ACD_AMI_SECRET", "s3cret")])
def test_a_secret_that_only_the_environment_has_is_nothing_to_warn_of(
    file: Path, monkeypatch: pytest.MonkeyPatch, value: str, secret: str
) -> None:
    monkeypatch.setenv("ACD_ASTERISK__MAIN__SECRET", value)

    config = loaded(file, '[asterisk.main]\nhost = "127.0.0.1"\n')

    assert config.asterisk["main"].secret.get_secret_value() == secret
    assert warnings(file) == []


# ---- The example that is shipped


def test_the_example_is_good_as_it_is() -> None:
    config = load(EXAMPLE)

    assert [queue.name for queue in config.queue] == ["sales", "support"]
    assert [agent.name for agent in config.agent] == ["alice", "bob"]
    assert warnings(EXAMPLE) == []


def test_devices_and_forwarding_become_rules(file: Path) -> None:
    carol = loaded(file, uncommented()).rules().agents[-1]

    assert [(device.kind, device.name, device.accept_key) for device in carol.devices] == [
        ("desk", "PJSIP/carol", ""),
        ("mobile", "+31612345678", "1"),
    ]
    assert carol.forwarding == Forwarding(
        Forward.DESK_THEN_MOBILE,
        by=(Hours("office", Forward.DESK),),
        mobile_after_seconds=15,
        mobile_if_unreachable=True,
    )


def test_only_servers_with_a_way_to_mobiles_have_a_trunk(file: Path) -> None:
    text = MAIN + 'mobile_dial = "PJSIP/{number}@trunk"\nmobile_legs = 30\n'
    text += '[asterisk.other]\nhost = "b"\nsecret = "env:ACD_AMI_SECRET"\n'

    assert loaded(file, text).rules().trunks == {"main": Trunk(30)}


def test_every_key_that_the_example_leaves_out_can_be_uncommented(file: Path) -> None:
    config = loaded(file, uncommented())

    assert config.token and config.seat and config.calendar and config.caller
    assert config.queue[0].easing and config.queue[0].ways_out.full == "support"


def test_what_an_agent_s_state_is_called_in_a_call_of_his_own_is_part_of_the_rules(file: Path) -> None:
    text = '[click_to_dial]\nagent_state = "busy"\n'

    assert loaded(file).rules().click_to_dial.agent_state is AgentState.CONNECTED
    assert loaded(file, MAIN + text).rules().click_to_dial.agent_state is AgentState.BUSY


def test_an_agent_s_own_wrap_up_is_part_of_the_rules(file: Path) -> None:
    alice, bob, *_ = loaded(file, uncommented()).rules().agents

    assert (alice.wrap_up_seconds, bob.wrap_up_seconds) == (40, None)


def test_the_example_has_every_key_that_there_is() -> None:
    shown = tomllib.loads(uncommented())

    assert set(missing_keys(Config, [shown], "")) == FOR_LATER | LIKE_OTHERS


def test_the_defaults_that_the_example_tells_are_the_real_ones() -> None:
    told = dict(told_defaults())

    assert len(told) >= 20
    assert told == {(table, key): real_default(table, key) for table, key in told}


def uncommented() -> str:
    """The example with all that it comments out, where that is TOML."""
    text = re.sub(r"(?m)^# ?(?=\[\[?[\w.]+\]\]?(?: +#.*)?$|\w+ = |    \{ |\])", "", EXAMPLE.read_text())
    return text.replace('sha256 = "…"', f'sha256 = "{TOKEN_SHA}"').replace('role = "supervisor"', 'role = "agent"')


def missing_keys(model: type[BaseModel], shown: list[Any], where: str) -> list[str]:
    """Of this table and those in it: what stands in none of the tables shown."""
    missing = []
    for name, field in model.model_fields.items():
        place = f"{where}.{name}" if where else name
        values = [table[name] for table in shown if name in table]
        if not values:
            missing.append(place)
            continue
        is_by_name = "dict[" in str(field.annotation)
        tables = [table for value in values for table in _tables_in(value, by_name=is_by_name)]
        for inner in _models_in(field.annotation):
            fitting = [table for table in tables if table.get("kind", inner_kind(inner)) == inner_kind(inner)]
            missing += missing_keys(inner, fitting, place)
    return missing


def inner_kind(model: type[BaseModel]) -> str | None:
    """Devices are told apart by their kind."""
    return None if "kind" not in model.model_fields else "mobile" if model is Mobile else "desk"


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _tables_in(value: Any, *, by_name: bool) -> list[dict[str, Any]]:
    tables = value if isinstance(value, list) else value.values() if by_name and isinstance(value, dict) else [value]
    return [table for table in tables if isinstance(table, dict)]


def told_defaults() -> list[tuple[tuple[str, str], Any]]:
    """((table, key), default) of each comment that says `default VALUE` where VALUE is a number, a word or a string."""
    found, table = [], ""
    for line in EXAMPLE.read_text().splitlines():
        if header := re.match(r"(?:# )?\[+([\w.]+)", line):
            table = header[1]
        default = re.search(r'default:? ("[^"]*"|[\d.]+|true|false)', line)
        if default and (key := re.match(r"(?:# )?(\w+) = ", line)):
            found.append(((table, key[1]), tomllib.loads(f"x = {default[1]}")["x"]))
    return found


def real_default(table: str, key: str) -> Any:
    first, *rest = table.split(".")
    (model,) = _models_in(Config.model_fields[first].annotation)
    for part in rest if first != "asterisk" else ():  # there, the second part is a server's name
        (model,) = _models_in(model.model_fields[part].annotation)
    return model.model_fields[key].default


def test_an_agent_s_number_is_of_digits_and_his_alone(tmp_path: Path) -> None:
    text = """
[asterisk.main]
host = "127.0.0.1"
secret = "file:/dev/null"

[[agent]]
name = "alice"
devices = [ { kind = "desk", dial = "PJSIP/alice" } ]
number = "17"

[[agent]]
name = "bob"
devices = [ { kind = "desk", dial = "PJSIP/bob" } ]
number = "17"

[[agent]]
name = "carol"
devices = [ { kind = "desk", dial = "PJSIP/carol" } ]
number = "1a"
"""
    file = tmp_path / "acd.toml"
    file.write_text(text)

    with pytest.raises(BadConfig) as bad:
        load(file)

    assert f"{file}:14: agent 'bob': number: there are two of the number '17'" in bad.value.lines
    assert f"{file}:19: agent 'carol': number: must be 1 to 12 digits, not '1a'" in bad.value.lines


def test_what_callers_and_agents_hear_becomes_rules(file: Path) -> None:
    text = """[[queue]]
name = "sales"
announce = { wait = false, every_seconds = 60 }
prompts = { sounds = ["one", "custom/two"], every_seconds = 45 }
whisper = "custom/sales"
[[queue]]
name = "support"
"""

    sales, support = loaded(file, MAIN + text).rules().queues

    assert sales.announce == AnnounceRules(place=True, wait=False, on_joining=True, every_seconds=60)
    assert sales.prompts == PromptRules(("one", "custom/two"), every_seconds=45)
    assert sales.whisper == "custom/sales"
    assert (support.announce, support.prompts, support.whisper) == (None, None, "")
