"""What clients send, read strictly: a query or a body is all right, or everything that is wrong with it is told.

What is not even JSON is a problem 400; what says something that is not allowed, 422. Nothing is guessed: no unknown
names, no names twice, no "1" for 1.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal, NoReturn, TypeVar

from aiohttp import hdrs, web
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from acd.api.models import Fault
from acd.api.problems import Problem, faults, shown
from acd.center.model import RequestState

MOST_FAULTS = 20
LONGEST_REASON = 100
LONGEST_CURSOR = 500
ONE_LINE = r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+"
"""No control characters, no separators of lines or paragraphs."""
PAGE, LARGEST_PAGE = 100, 1000


class Asking(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )


AskingT = TypeVar("AskingT", bound=Asking)


class Nothing(Asking):
    """A query without parameters, or a body without members."""


# ---- Kinds of values


def _whole_number(text: Any) -> int:
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,9}", text):
        raise PydanticCustomError("whole_number", "must be a whole number")
    return int(text)


def _integer(number: Any) -> Any:
    """To JSON Schema, and so to our own description, 65.0 is an integer too."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _states(text: Any) -> list[RequestState]:
    try:
        return [RequestState(word) for word in text.split(",")]
    except ValueError:
        allowed = ", ".join(RequestState)
        raise PydanticCustomError("states", "must be some of {allowed}", {"allowed": allowed}) from None


def _one_line(text: str) -> str:
    """Asterisk, logs and screens read it too."""
    if not re.fullmatch(ONE_LINE, text):
        raise PydanticCustomError("one_line", "must be one line without control characters")
    return text


OneLine = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_REASON, json_schema_extra={"pattern": f"^{ONE_LINE}$"}),
    AfterValidator(_one_line),
]
AsInteger = BeforeValidator(_integer)
Limit = Annotated[int, Field(ge=1, le=LARGEST_PAGE), BeforeValidator(_whole_number)]
Cursor = Annotated[str, Field(max_length=LONGEST_CURSOR)]
States = Annotated[list[RequestState], Field(min_length=1), BeforeValidator(_states)]


class Page(Asking):
    limit: Limit = PAGE
    """How many at most."""
    cursor: Cursor | None = None
    """`next` of the page before."""


# ---- Queries and bodies


def query(http: web.Request, kind: type[AskingT]) -> AskingT:
    """Raises Problem."""
    twice = sorted({name for name in http.query if len(http.query.getall(name)) > 1})
    if twice:
        raise faults(
            [Fault(place="query", field=_cut(name), what="stands there twice") for name in twice[:MOST_FAULTS]]
        )
    return _checked("query", kind, dict(http.query))


async def body(http: web.Request, kind: type[AskingT]) -> AskingT:
    """An empty body is an empty object. Raises Problem."""
    if http.headers.get(hdrs.CONTENT_ENCODING, "identity") != "identity":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a body must come as it is, without a Content-Encoding")
    sent = await http.read()
    if not sent:
        return _checked("body", kind, {})
    if http.content_type != "application/json":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a body must be JSON: Content-Type: application/json")
    return _checked("body", kind, _json(sent))


def _json(sent: bytes) -> Any:
    try:
        return json.loads(sent.decode("utf-8"), object_pairs_hook=_without_twins, parse_constant=_no_number)
    except UnicodeDecodeError:
        why = "it is not UTF-8"
    except RecursionError:
        why = "it is nested too deeply"
    except ValueError as error:
        why = str(error)
    raise Problem(HTTPStatus.BAD_REQUEST, f"the body is not good JSON: {why}")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """RFC 8259, section 4, leaves open what a name that stands there twice means: it means nothing here."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return members


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


# ---- Everything that is wrong, in words


def _checked(place: Literal["query", "body"], kind: type[AskingT], sent: Any) -> AskingT:
    if not isinstance(sent, dict):
        raise faults([Fault(place=place, field="", value=shown(sent), what="must be an object")])
    try:
        return kind.model_validate(sent)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        raise faults([_fault(place, kind, one) for one in found[:MOST_FAULTS]]) from None


def _fault(place: Literal["query", "body"], kind: type[Asking], error: ErrorDetails) -> Fault:
    field = _cut(".".join(str(part) for part in error["loc"]))
    if error["type"] == "extra_forbidden":
        known = ", ".join(kind.model_fields) or "nothing"
        return Fault(place=place, field=field, what=f"is not known here; allowed: {known}")
    what = re.sub("^(Input|String|Value) (should|must)", "must", error["msg"])
    return Fault(place=place, field=field, value=shown(error["input"]), what=what)


def _cut(name: str) -> str:
    return shown(name)[1:-1]
