"""`acd.toml`: what an operator may write, checked before anything starts.

`load` reads a file and answers with all its mistakes at once, each with its line. Every value may also come from the
environment (`ACD_STORE__URL` for `[store] url`), which wins over the file.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo, available_timezones

import holidays
import phonenumbers
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from acd import calendars
from acd.center import model as rules
from acd.center import reach
from acd.center.facts import AnyFact
from acd.center.model import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    AgentName,
    AgentRules,
    AgentState,
    ClickToDialRules,
    OfferRules,
    PbxName,
    QueueName,
    QueueRules,
    SiteRules,
)
from acd.center.reach import Device, Forward, Forwarding, Trunk
from acd.center.strategies import STRATEGIES
from acd.dialling import DialRefused, DialRules, reading
from acd.dialling.dialled import MOST_REMEMBERED
from acd.dialling.reading import NO_COUNTRY, Kind
from acd.dialling.template import WORDS, is_template

ENV_PREFIX = "ACD_"
SECRETS = {"secret", "sha256"}
"""Keys whose values no message repeats. (In place of a digest somebody may have written the token itself.)"""
LONGEST_SECONDS = 7 * 24 * 3600
KINDS = frozenset(kind.__name__ for kind in get_args(AnyFact))

Seconds = Annotated[float, Field(ge=0, le=LONGEST_SECONDS, allow_inf_nan=False)]
Priority = Annotated[int, Field(ge=HIGHEST_PRIORITY, le=LOWEST_PRIORITY)]
HIGHEST_LEVEL = 100
Level = Annotated[int, Field(ge=1, le=HIGHEST_LEVEL)]
"""Of a skill."""
Port = Annotated[int, Field(ge=1, le=65535)]


def _matching(pattern: str, words: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise PydanticCustomError("form", "must be {words}", {"words": words})
        return text

    return AfterValidator(check)


Name = Annotated[str, _matching(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}", "1 to 64 letters, digits, '_', '.' or '-'")]
QueueId = Annotated[str, _matching(r"[a-zA-Z0-9][a-zA-Z0-9_-]{1,63}", "2 to 64 letters, digits, '_' or '-'")]
"""What `dialplans/acd.conf` takes for a queue: two characters at least, so that `h` or `i` is none."""
OneLine = Annotated[str, _matching(r"[^\r\n\0]{1,255}", "one line of 1 to 255 characters")]


def _strategy(name: str) -> str:
    if name not in STRATEGIES:
        raise PydanticCustomError("strategy", "must be one of {allowed}", {"allowed": ", ".join(STRATEGIES)})
    return name


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise PydanticCustomError("time_zone", "must be the name of a time zone, such as Europe/Amsterdam")
    return name


def _country(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise PydanticCustomError("country", "must be a country's code in capital letters, such as NL (ISO 3166)")
    return code


def _holiday_country(text: str) -> str:
    country, _, subdivision = text.partition("-")
    known = holidays.list_supported_countries()
    if country not in known or (subdivision and subdivision not in known[country]):
        raise PydanticCustomError("holidays", "must be a country, such as NL, or a part of one, such as DE-BY")
    return text


def _e164(number: str) -> str:
    try:
        return reading.read(number, None).e164
    except DialRefused:
        raise PydanticCustomError("number", "must be a valid number in the form +31612345678 (E.164)") from None


def _dial_country(code: str) -> str:
    return code if code == NO_COUNTRY else _country(code)


def _kind(name: str) -> str:
    if name not in list(Kind):
        raise PydanticCustomError("kind", "must be one of {allowed}", {"allowed": ", ".join(Kind)})
    return name


def _dial_template(text: str) -> str:
    if not is_template(text):
        raise PydanticCustomError("dial_template", "must be {words}", {"words": WORDS})
    return text


def _secret(secret: Any) -> SecretStr:
    if isinstance(secret, SecretStr):  # what pydantic-settings makes of an environment variable, before it is looked up
        secret = secret.get_secret_value()
    if not isinstance(secret, str):
        raise PydanticCustomError("secret", "must be a string")
    text = _looked_up(secret)
    if not re.fullmatch(r"[^\r\n\0]{1,255}", text):
        raise PydanticCustomError("secret", "must be one line of 1 to 255 characters")
    return SecretStr(text)


def _looked_up(secret: str) -> str:
    """`env:NAME` and `file:PATH` name where a secret stands; anything else is the secret itself."""
    kind, _, where = secret.partition(":")
    if kind == "env":
        if where not in os.environ:
            raise PydanticCustomError("secret", "the environment variable {where} is not set", {"where": where})
        return os.environ[where]
    if kind == "file":
        try:
            return Path(where).read_text().strip()
        except OSError as error:
            raise PydanticCustomError(
                "secret", "cannot read {where}: {why}", {"where": where, "why": error.strerror or "?"}
            ) from None
    return secret


def _shown_number(text: str) -> str:
    if text in ("caller", "queue"):
        return text
    try:
        return _e164(text)
    except PydanticCustomError:
        raise PydanticCustomError(
            "shown_number", 'must be "caller", "queue", or a valid number in the form +31612345678 (E.164)'
        ) from None


class Table(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True)


MobileDial = Annotated[OneLine, AfterValidator(_dial_template)]
Sound = Annotated[str, _matching(r"[A-Za-z0-9_/.-]{1,100}", "the name of a sound, such as queues/sales")]


class Asterisk(Table):
    host: OneLine
    port: Port = 5038
    username: OneLine = "acd"
    secret: Annotated[SecretStr, BeforeValidator(_secret)]
    tls: bool = False
    mobile_dial: MobileDial | None = None
    """How it reaches a telephone outside."""
    mobile_legs: Annotated[int, Field(ge=0, le=100_000)] | None = None
    """How many agents' mobiles it may have at once."""
    mobile_caller_id: Annotated[str, AfterValidator(_shown_number)] = "caller"
    messages: OneLine | None = None
    """The folder of this server's voice messages, as the daemon sees it."""


class Store(Table):
    url: Annotated[str, _matching(r"sqlite:.+", "sqlite:PATH")] = "sqlite:var/acd.db"
    keep_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """What happened longer ago, past requests included, is forgotten; None: nothing is."""


class Http(Table):
    listen: Annotated[str, _matching(r"(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}", "HOST:PORT")] = "127.0.0.1:8088"
    open_metrics: bool = False

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


class Token(Table):
    name: Name
    sha256: Annotated[str, _matching(r"[0-9a-f]{64}", "64 hexadecimal digits; `acd token` makes one")]
    role: Literal["agent", "supervisor", "admin", "metrics"]
    queues: list[QueueId] | None = None
    agent: Name | None = None
    """For the role `agent`: as whom he may act."""

    @model_validator(mode="after")
    def _agent_belongs_to_the_role(self) -> Token:
        if (self.role == "agent") != (self.agent is not None):
            raise PydanticCustomError(
                "token_agent", "`agent` names the agent of a token with role 'agent', and only that"
            )
        return self


def _fact_kind(name: str) -> str:
    if name not in KINDS:
        raise PydanticCustomError("kind", "must be the name of an event, such as RequestEnded (docs/events.md)")
    return name


class Webhook(Table):
    """Who is told of events."""

    name: Name
    url: Annotated[str, _matching(r"https?://[^\s/?#]+[^\s]*", "http://… or https://…")]
    secret: Annotated[SecretStr, BeforeValidator(_secret)]
    kinds: list[Annotated[str, AfterValidator(_fact_kind)]] | None = None
    queues: list[QueueId] | None = None


class EasingStep(Table):
    """After so long, no skill need be better than this level; with level 0, none is needed."""

    after_seconds: Annotated[float, Field(gt=0, le=LONGEST_SECONDS)]
    level: Annotated[int, Field(ge=0, le=HIGHEST_LEVEL)]


def _way_out(text: str) -> str:
    kind, colon, name = text.rpartition(":")
    if (colon and kind != "context") or not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,78}", name):
        raise PydanticCustomError("way_out", 'must be the name of a queue, or "context:NAME" of the dialplan')
    return text


class WaysOut(Table):
    """Where those go whom the queue does not take or keep: the name of a queue, or `context:NAME`."""

    full: Annotated[str, AfterValidator(_way_out)] | None = None
    empty: Annotated[str, AfterValidator(_way_out)] | None = None
    closed: Annotated[str, AfterValidator(_way_out)] | None = None
    timeout: Annotated[str, AfterValidator(_way_out)] | None = None


class Callbacks(Table):
    """How callers may leave a message instead of waiting, and how they are called back."""

    key: Annotated[str, _matching(r"[0-9*#]", "one key of a telephone: a digit, * or #")] = "5"
    offer_after_seconds: Seconds | None = None
    offer_above_seconds: Seconds | None = None
    reserved_seconds: Seconds = 900
    retry_seconds: Annotated[float, Field(ge=60, le=LONGEST_SECONDS)] = 1800
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    put_off_seconds: Annotated[float, Field(ge=60, le=LONGEST_SECONDS)] = 600
    ring_seconds: Annotated[float, Field(ge=5, le=300)] = 45
    calendar: Name | None = None
    at_once: Annotated[int, Field(ge=1, le=100_000)] | None = None
    after_pbx_lost: bool = False
    not_possible_reasons: Annotated[list[OneLine], Field(max_length=9)] = [
        "settled already",
        "not understood",
        "must not be called",
    ]


Who = Literal["nobody", "logged_in", "ready", "available"]
Hours = Annotated[
    str, _matching(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d", "HH:MM-HH:MM, such as 09:00-17:30")
]


def _forwards(span: str) -> str:
    begins, _, ends = span.partition("-")
    if not begins < ends <= "24:00":
        raise PydanticCustomError("hours", "must end after it begins")
    return span


class Calendar(Table):
    """When queues are open."""

    name: Name
    time_zone: Annotated[str, AfterValidator(_time_zone)]
    mon: list[Hours] = []
    tue: list[Hours] = []
    wed: list[Hours] = []
    thu: list[Hours] = []
    fri: list[Hours] = []
    sat: list[Hours] = []
    sun: list[Hours] = []
    holidays: Annotated[str, AfterValidator(_holiday_country)] | None = None
    closed: list[date] = []
    open: list[date] = []

    @model_validator(mode="after")
    def _spans_go_forwards(self) -> Calendar:
        for day in calendars.DAYS:
            for span in getattr(self, day):
                begins, _, ends = span.partition("-")
                if not begins < ends <= "24:00":
                    raise PydanticCustomError(
                        "hours", "{day}: {span} must end after it begins", {"day": day, "span": span}
                    )
        return self

    def built(self) -> calendars.Calendar:
        country, _, subdivision = (self.holidays or "").partition("-")
        return calendars.Calendar(
            zone=ZoneInfo(self.time_zone),
            hours={day: tuple(_span(text) for text in getattr(self, day)) for day in calendars.DAYS},
            country=country or None,
            subdivision=subdivision or None,
            closed=frozenset(self.closed),
            open=frozenset(self.open),
        )


def _span(text: str) -> calendars.Span:
    begins, _, ends = text.partition("-")
    return calendars.Span(time.fromisoformat(begins), time.fromisoformat("00:00" if ends == "24:00" else ends))


Prefix = Annotated[str, _matching(r"\+[1-9]\d{0,14}", "a + and 1 to 15 digits, such as +3120")]


class Dialling(Table):
    """What may be dialled. All of it must allow a number."""

    countries: list[Annotated[str, AfterValidator(_dial_country)]] | None = None
    """None: the one of [site]."""
    kinds: Annotated[list[Annotated[str, AfterValidator(_kind)]], Field(min_length=1)] = ["fixed", "mobile"]
    prefixes_allowed: list[Prefix] = []
    prefixes_refused: list[Prefix] = []
    hours: Annotated[Hours, AfterValidator(_forwards)] = "08:00-21:00"
    per_number_per_day: Annotated[int, Field(ge=1, le=1000)] | None = 5
    per_day: Annotated[int, Field(ge=1, le=MOST_REMEMBERED)] | None = None
    per_minute: Annotated[int, Field(ge=1, le=MOST_REMEMBERED)] | None = None


class KnownCaller(Table):
    """What is decided beforehand for a number."""

    number: Annotated[str, AfterValidator(_e164)]
    priority: Priority | None = None
    agent: Name | None = None


AnnouncementSeconds = Annotated[float, Field(ge=10, le=LONGEST_SECONDS, allow_inf_nan=False)]


class Announce(Table):
    """How callers are told of their wait."""

    place: bool = True
    wait: bool = True
    on_joining: bool = True
    every_seconds: AnnouncementSeconds | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Announce:
        if not (self.place or self.wait) or not (self.on_joining or self.every_seconds):
            raise PydanticCustomError(
                "announce", "must tell `place` or `wait`, `on_joining` or `every_seconds`; or leave it out"
            )
        return self


class Prompts(Table):
    """Sound files, turn by turn."""

    sounds: Annotated[list[Sound], Field(min_length=1, max_length=100)]
    every_seconds: AnnouncementSeconds


class Queue(Table):
    name: QueueId
    strategy: Annotated[str, AfterValidator(_strategy)] = "priority"
    order: Literal["strict", "head_start"] = "strict"
    head_start_seconds: Seconds = 30
    easing: list[EasingStep] = []
    preferred_agent_seconds: Seconds = 20
    ring_seconds: Annotated[float, Field(gt=0, le=600)] = 20
    wrap_up_seconds: Seconds = 15
    wrap_up_step_seconds: Annotated[float, Field(gt=0, le=3600)] = 30
    service_level_seconds: Seconds = 20
    max_wait_seconds: Seconds | None = None
    max_waiting: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    join_needs: Who = "nobody"
    stay_needs: Who = "nobody"
    calendar: Name | None = None
    leave_when_closed: bool = False
    ways_out: WaysOut = WaysOut()
    redial_seconds: Seconds = 0
    transfers_keep_entry: bool = False
    dropped_come_back: bool = False
    last_agent_days: Annotated[float, Field(ge=0, le=3650)] = 0
    caller_id: Annotated[str, AfterValidator(_e164)] | None = None
    """That mobiles are shown, where their server shows the queue's."""
    name_sound: Sound | None = None
    """That says its name."""
    callbacks: Callbacks | None = None
    announce: Announce | None = None
    prompts: Prompts | None = None
    whisper: Sound | None = None


Dial = Annotated[str, _matching(r"[A-Za-z0-9]+/[^\s|&,/][^\s|&,]{0,254}", "TECHNOLOGY/NAME, such as PJSIP/alice")]


AcceptKey = Annotated[
    str, _matching(r"[014-9]?", "a digit but 2 and 3, which refuse; or empty: who picks up has the call")
]


class Desk(Table):
    kind: Literal["desk"]
    dial: Dial
    accept_key: AcceptKey = ""


class Seat(Table):
    """A telephone that belongs to nobody."""

    name: Name
    dial: Dial


class Mobile(Table):
    kind: Literal["mobile"]
    number: Annotated[str, AfterValidator(_e164)]
    accept_key: AcceptKey = "1"


ForwardTo = Literal["desk", "mobile", "desk_then_mobile", "both"]


class ForwardBy(Table):
    """Where calls go while this calendar is open."""

    calendar: Name
    forward: ForwardTo


class Agent(Table):
    name: Name
    queues: dict[str, Priority] = {}
    devices: list[Annotated[Desk | Mobile, Field(discriminator="kind")]] = []
    """Empty: he logs in at a seat."""
    forward: ForwardTo | None = None
    """None: to his desk phone, if he has one."""
    forward_by: list[ForwardBy] = []
    """The first of which is open goes before `forward`."""
    mobile_after_seconds: Annotated[float, Field(gt=0, le=600)] = 15
    """For how long his desk phone rings first, with `desk_then_mobile`."""
    mobile_if_unreachable: bool = False
    skills: dict[Name, Level] = {}
    number: Annotated[str, _matching(r"\d{1,12}", "1 to 12 digits")] | None = None
    """By which he logs in at a seat's telephone."""
    wrap_up_seconds: Seconds | None = None
    """Instead of those of his queues."""
    callbacks: bool = False
    capacity: dict[Literal["chat", "email", "social", "ticket"], Annotated[int, Field(ge=0, le=1000)]] = {}


class Site(Table):
    """What is said once for all of it."""

    time_zone: Annotated[str, AfterValidator(_time_zone)] | None = None
    """Whose midnight begins a day; None: that of the machine."""
    country: Annotated[str, AfterValidator(_country)] | None = None
    """Where numbers without a country belong (ISO 3166)."""
    messages_days: Annotated[float, Field(ge=0, le=3650)] = 30
    """For how long a voice message is kept when its callback has ended."""
    pause_reasons: Annotated[list[OneLine], Field(max_length=100)] = []
    """Empty: whatever an agent says."""

    @property
    def zone(self) -> ZoneInfo | None:
        return ZoneInfo(self.time_zone) if self.time_zone else None


class Offers(Table):
    """What follows an offer that nobody took."""

    no_answer_seconds: Seconds = 15
    pause_after_missed: Annotated[int, Field(ge=0, le=1000)] = 0
    busy_seconds: Seconds = 30
    rejected_seconds: Seconds = 30
    unreachable_first_seconds: Annotated[float, Field(gt=0, le=3600)] = 5
    unreachable_limit_seconds: Annotated[float, Field(gt=0, le=86400)] = 300
    accept_seconds: Annotated[float, Field(ge=5, le=120)] = 15
    mobile_legs_per_agent: Annotated[int, Field(ge=1, le=10)] = 1


class ClickToDial(Table):
    """Calls that agents make by a click."""

    agent_state: Literal["connected", "busy"] = "connected"
    """What the state is called of an agent who is in one."""


class Config(BaseSettings):
    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        extra="forbid", strict=True, frozen=True, env_prefix=ENV_PREFIX, env_nested_delimiter="__"
    )

    asterisk: Annotated[dict[Name, Asterisk], Field(min_length=1)]
    store: Store = Store()
    http: Http = Http()
    site: Site = Site()
    offers: Offers = Offers()
    dialling: Dialling = Dialling()
    click_to_dial: ClickToDial = ClickToDial()
    token: list[Token] = []
    webhook: list[Webhook] = []
    queue: list[Queue] = []
    agent: list[Agent] = []
    seat: list[Seat] = []
    calendar: list[Calendar] = []
    caller: list[KnownCaller] = []

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    def rules(self) -> SiteRules:
        """The part of it that the center decides by."""
        return SiteRules(
            queues=tuple(_queue_rules(queue) for queue in self.queue),
            agents=tuple(_agent_rules(agent) for agent in self.agent),
            seats=tuple(rules.Seat(name=seat.name, dial=seat.dial) for seat in self.seat),
            callers={
                known.number: rules.KnownCaller(known.priority, AgentName(known.agent) if known.agent else None)
                for known in self.caller
            },
            pause_reasons=tuple(self.site.pause_reasons),
            offers=OfferRules(**self.offers.model_dump()),
            click_to_dial=ClickToDialRules(AgentState(self.click_to_dial.agent_state)),
            trunks={
                PbxName(name): Trunk(server.mobile_legs) for name, server in self.asterisk.items() if server.mobile_dial
            },
        )

    def dial_rules(self) -> DialRules:
        own, home = self.dialling, self.site.country
        countries = own.countries if own.countries is not None else [home] if home else []
        return DialRules(
            home=home,
            countries=frozenset(countries),
            kinds=frozenset(Kind(name) for name in own.kinds),
            prefixes_allowed=tuple(own.prefixes_allowed),
            prefixes_refused=tuple(own.prefixes_refused),
            hours=None if own.hours == "00:00-24:00" else _span(own.hours),
            home_zone=self.site.time_zone or "UTC",
            per_number_per_day=own.per_number_per_day,
            per_day=own.per_day,
            per_minute=own.per_minute,
        )

    def calendars(self) -> dict[str, calendars.Calendar]:
        return {calendar.name: calendar.built() for calendar in self.calendar}


def _queue_rules(queue: Queue) -> QueueRules:
    easing = tuple(
        rules.EasingStep(**step.model_dump()) for step in sorted(queue.easing, key=lambda step: step.after_seconds)
    )
    ways_out = {status.upper(): _built(way) for status, way in queue.ways_out.model_dump().items() if way}
    translated = {
        "name": QueueName(queue.name),
        "easing": easing,
        "join_needs": rules.Presence(queue.join_needs),
        "stay_needs": rules.Presence(queue.stay_needs),
        "ways_out": ways_out,
        "caller_id": queue.caller_id or "",
        "name_sound": queue.name_sound or "",
        "callbacks": _callback_rules(queue.callbacks) if queue.callbacks else None,
        "announce": rules.AnnounceRules(**queue.announce.model_dump()) if queue.announce else None,
        "prompts": _prompt_rules(queue.prompts) if queue.prompts else None,
        "whisper": queue.whisper or "",
    }
    return QueueRules(**{**queue.model_dump(), **translated})


def _prompt_rules(prompts: Prompts) -> rules.PromptRules:
    return rules.PromptRules(sounds=tuple(prompts.sounds), every_seconds=prompts.every_seconds)


def _callback_rules(callbacks: Callbacks) -> rules.CallbackRules:
    reasons = tuple(callbacks.not_possible_reasons)
    return rules.CallbackRules(**callbacks.model_dump() | {"not_possible_reasons": reasons})


def _built(way: str) -> rules.WayOut:
    kind, _, name = way.rpartition(":")
    return rules.WayOut(context=name) if kind else rules.WayOut(queue=QueueName(name))


def _agent_rules(agent: Agent) -> AgentRules:
    return AgentRules(
        name=AgentName(agent.name),
        queues={QueueName(name): priority for name, priority in agent.queues.items()},
        devices=tuple(Device(**device.model_dump()) for device in agent.devices),
        skills=dict(agent.skills),
        number=agent.number or "",
        forwarding=Forwarding(
            forward=Forward(agent.forward) if agent.forward else None,
            by=tuple(reach.Hours(one.calendar, Forward(one.forward)) for one in agent.forward_by),
            mobile_after_seconds=agent.mobile_after_seconds,
            mobile_if_unreachable=agent.mobile_if_unreachable,
        ),
        callbacks=agent.callbacks,
        wrap_up_seconds=agent.wrap_up_seconds,
    )


# ---- Loading, and all mistakes at once


class Mistake(NamedTuple):
    """One thing wrong in a configuration: in which line of it (0 if in none), of which key, and what."""

    line: int
    key: str
    what: str


class BadConfig(Exception):
    def __init__(self, file: Path, mistakes: Sequence[Mistake]) -> None:
        self.lines = [
            f"{file}:{mistake.line}: {mistake.key}: {mistake.what}"
            if mistake.line
            else f"{file}: {mistake.key}: {mistake.what}"
            for mistake in sorted(mistakes)
        ]
        super().__init__("\n".join(self.lines))


def load(file: Path) -> Config:
    """Raises BadConfig with every mistake that the file holds."""
    try:
        text = file.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise BadConfig(file, [Mistake(0, "cannot be read", error.strerror or str(error))]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(file, [_syntax_mistake(str(error))]) from None
    mistakes = [Mistake(_line_of(text, where), _spell(where, data), what) for where, what in _broken_references(data)]
    try:
        config = Config(**data)
    except ValidationError as error:
        mistakes += [_mistake(text, data, dict(one)) for one in error.errors(include_url=False)]
    except SettingsError as error:
        mistakes.append(_unreadable_variable(str(error)))
    if mistakes:
        raise BadConfig(file, mistakes)
    return config


def warnings(file: Path) -> list[str]:
    """What works but had better be otherwise."""
    text = file.read_text(encoding="utf-8")
    data = tomllib.loads(text)
    secrets: dict[Where, str] = {
        ("asterisk", name, "secret"): server.get("secret", "env:") for name, server in data.get("asterisk", {}).items()
    }
    secrets |= {
        ("webhook", at, "secret"): hook.get("secret", "env:") for at, hook in enumerate(_tables(data, "webhook"))
    }
    return [
        f"{file}:{_line_of(text, where)}: {_spell(where, data)}: stands in the file itself; "
        'better "env:NAME" or "file:PATH"'
        for where, secret in secrets.items()
        if not secret.startswith(("env:", "file:"))
    ]


Where = tuple[str | int, ...]


def _syntax_mistake(message: str) -> Mistake:
    found = re.search(r"line (\d+)", message)
    return Mistake(int(found[1]) if found else 0, "not valid TOML", message)


def _mistake(text: str, data: dict[str, Any], error: dict[str, Any]) -> Mistake:
    where = _without_tags(error["loc"])
    if variable := _variable(where):
        return Mistake(0, variable, _what(error, where))
    line = _line_of(text, where[:-1] if error["type"] == "missing" else where)
    return Mistake(line, _spell(where, data), _what(error, where))


def _what(error: dict[str, Any], where: Where) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such key here"
    if error["type"] == "missing":
        return "is missing"
    what: str = error["msg"][0].lower() + error["msg"][1:]
    if isinstance(error["input"], dict | list | SecretStr) or not SECRETS.isdisjoint(where):
        return what
    return f"{what}, not {error['input']!r}"


def _without_tags(location: Where) -> Where:
    """The place without what pydantic adds: which kind of device it took it for, and that a key is meant."""
    before: Where = ("", *location)
    return tuple(
        part
        for previous, part in zip(before, location, strict=False)
        if part != "[key]" and not (isinstance(previous, int) and part in ("desk", "mobile"))
    )


def _variable(where: Where) -> str | None:
    """The environment variable that says what is so there, if one does."""
    names = {name.upper(): name for name in os.environ}
    for length in range(len(where), 0, -1):
        if found := names.get(ENV_PREFIX + "__".join(str(part) for part in where[:length]).upper()):
            return found
    return None


def _unreadable_variable(message: str) -> Mistake:
    field = re.search(r'field "(\w+)"', message)
    prefix = ENV_PREFIX + (field[1].upper() if field else "")
    names = sorted(name for name in os.environ if name.upper().startswith(prefix))
    return Mistake(0, ", ".join(names), "must be written as in JSON, for it stands for a table or a list")


def _broken_references(data: dict[str, Any]) -> Iterator[tuple[Where, str]]:
    """What no single table can know: names that are there twice, and names that are not there."""
    queues, agents = _names(data, "queue"), _names(data, "agent")
    for table in ("queue", "agent", "token", "webhook", "seat", "calendar"):
        names = _names(data, table)
        for at, name in enumerate(names):
            if name in names[:at]:
                yield (table, at, "name"), f"there are two of the name {name!r}"
    numbers = [agent.get("number") for agent in _tables(data, "agent")]
    for at, agent in enumerate(_tables(data, "agent")):
        if agent.get("number") is not None and agent["number"] in numbers[:at]:
            yield ("agent", at, "number"), f"there are two of the number {agent['number']!r}"
        members = agent.get("queues")
        for queue in members if isinstance(members, dict) else ():
            if queue not in queues:
                yield ("agent", at, "queues", queue), f"there is no queue {queue!r}"
        devices = agent.get("devices", [])
        if isinstance(devices, list) and not devices and not _names(data, "seat"):
            need = 'there must be one, such as { kind = "desk", dial = "PJSIP/…" }, unless there is a [[seat]]'
            yield ("agent", at, "devices"), need
        if isinstance(devices, list) and _twins(devices):
            yield ("agent", at, "devices"), f"there are two of the number {_twins(devices)!r}"
    known_calendars = _names(data, "calendar")
    for at, agent in enumerate(_tables(data, "agent")):
        hours = agent.get("forward_by")
        for one in hours if isinstance(hours, list) else ():
            if isinstance(one, dict) and "calendar" in one and one["calendar"] not in known_calendars:
                yield ("agent", at, "forward_by"), f"there is no calendar {one['calendar']!r}"
    for at, queue in enumerate(_tables(data, "queue")):
        if "calendar" in queue and queue["calendar"] not in known_calendars:
            yield ("queue", at, "calendar"), f"there is no calendar {queue['calendar']!r}"
        callbacks = queue.get("callbacks")
        if isinstance(callbacks, dict):
            if callbacks.get("calendar", None) not in (None, *known_calendars):
                yield ("queue", at, "callbacks"), f"there is no calendar {callbacks['calendar']!r}"
            for key in ("messages", "mobile_dial"):
                for name in [name for name, server in _servers(data) if not server.get(key)]:
                    yield ("queue", at, "callbacks"), f"needs asterisk.{name}.{key}"
        ways = queue.get("ways_out")
        for status, way in ways.items() if isinstance(ways, dict) else ():
            if isinstance(way, str) and not way.startswith("context:") and way not in queues:
                yield ("queue", at, "ways_out", status), f"there is no queue {way!r}"
    numbers = [re.sub(r"[^+\d]", "", str(known.get("number", at))) for at, known in enumerate(_tables(data, "caller"))]
    for at, known in enumerate(_tables(data, "caller")):
        if numbers[at] in numbers[:at]:
            yield ("caller", at, "number"), f"there are two of the number {numbers[at]!r}"
        if "agent" in known and known["agent"] not in agents:
            yield ("caller", at, "agent"), f"there is no agent {known['agent']!r}"
    for table in ("token", "webhook"):
        for at, one in enumerate(_tables(data, table)):
            visible = one.get("queues")
            for queue in visible if isinstance(visible, list) else ():
                if queue not in queues:
                    yield (table, at, "queues"), f"there is no queue {queue!r}"
    for at, token in enumerate(_tables(data, "token")):
        if "agent" in token and token["agent"] not in agents:
            yield ("token", at, "agent"), f"there is no agent {token['agent']!r}"


def _servers(data: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    servers = data.get("asterisk")
    return [(name, server) for name, server in servers.items() if isinstance(server, dict)] if servers else []


def _twins(devices: list[Any]) -> str | None:
    """The number of a mobile that is there twice."""
    numbers = [
        re.sub(r"[^+\d]", "", str(device["number"]))
        for device in devices
        if isinstance(device, dict) and "number" in device
    ]
    return next((number for at, number in enumerate(numbers) if number in numbers[:at]), None)


def _tables(data: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    tables = data.get(kind, [])
    return [table if isinstance(table, dict) else {} for table in tables] if isinstance(tables, list) else []


def _names(data: dict[str, Any], kind: str) -> list[Any]:
    return [table["name"] for table in _tables(data, kind) if "name" in table]


def _spell(where: Where, data: Any) -> str:
    """A place as an operator would say it: `queue 'sales': ring_seconds`."""
    words: list[str] = []
    for part in where:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            data = None
        if isinstance(part, int):
            name = data.get("name") if isinstance(data, dict) else None
            words[-1:] = [f"{words[-1]} {name!r}:" if name else f"{words[-1]}[{part}]"]
        else:
            words.append(part)
    return ".".join(words).replace(":.", ": ").removesuffix(":")


def _line_of(text: str, where: Where) -> int:
    """The line of a key, or else of the table that should hold it (tomllib tells no positions)."""
    table, line_of_table, seen = "", 0, -1
    path = [str(part) for part in where if isinstance(part, str)]
    index = next((part for part in where if isinstance(part, int)), None)
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
            table = header[1]
            seen += table == path[0]
            if _is_table_of(table, path) and index in (None, seen):
                line_of_table = number
            continue
        key = re.match(r"""\s*["']?([\w-]+)["']?\s*=""", line)
        full = [*table.split("."), key[1]] if key and table else [key[1]] if key else []
        if full and full == path[: len(full)] and index in (None, seen):
            return number
    return line_of_table


def _is_table_of(table: str, path: list[str]) -> bool:
    parts = table.split(".")
    return parts == path[: len(parts)]
