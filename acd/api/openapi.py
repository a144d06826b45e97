"""The OpenAPI 3.1 document, put together from the endpoints and their models, so that it says what they do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

import acd
from acd.api import models
from acd.api.endpoint import Endpoint

Json = dict[str, Any]

ALWAYS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.INTERNAL_SERVER_ERROR)
"""400, too: a request line may be too long for us to read."""
WITH_A_TOKEN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
WITH_A_BODY = (
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
PLACES = {
    "agent": "An agent's name.",
    "queue": "A queue's name.",
    "request": "A live request's id.",
    "callback": "An open callback's id.",
    "call": "The id of a call that an agent makes.",
}
"""What the path can name."""


def document(endpoints: Sequence[Endpoint]) -> Json:
    schemas = _schemas(endpoints)
    paths: Json = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    asked = {endpoint.query.__name__ for endpoint in endpoints} - {endpoint.body.__name__ for endpoint in endpoints}
    return {
        "openapi": "3.1.0",
        "info": {"title": "acd", "version": acd.__version__, "summary": "The control API of a call distributor."},
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in schemas.items() if name not in asked},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "`acd token` makes one."}},
        },
    }


def _schemas(endpoints: Sequence[Endpoint]) -> Json:
    """An answer has all its members, always; a problem only those that it has something to say with."""
    answers = {endpoint.answer for endpoint in endpoints if not isinstance(endpoint.answer, str)}
    others: set[type[BaseModel]] = {models.Problem}
    others |= {kind for endpoint in endpoints for kind in (endpoint.query, endpoint.body)}
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "serialization") for model in answers]
    wanted += [(model, "validation") for model in others]
    wanted.sort(key=lambda entry: entry[0].__name__)
    _, found = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    schemas: Json = found["$defs"]
    return schemas


def _operation(endpoint: Endpoint, schemas: Json) -> Json:
    summary = (endpoint.handler.__doc__ or "").strip()
    operation: Json = {
        "operationId": f"{endpoint.handler.__module__.rpartition('.')[2]}_{endpoint.handler.__name__}",
        "summary": summary,
        "security": [{"token": []}] if endpoint.roles else [],
        "parameters": [*_in_path(endpoint.path), *_in_query(schemas[endpoint.query.__name__])],
        "responses": {"200": {"description": summary, "content": _content(endpoint.answer)}},
    }
    if endpoint.roles:
        operation["description"] = f"For the roles {', '.join(endpoint.roles)}."
    if endpoint.method == "POST":
        needs_one = any(field.is_required() for field in endpoint.body.model_fields.values())
        operation["requestBody"] = {"content": _content(endpoint.body), "required": needs_one}
    for status in sorted(_refusals(endpoint)):
        operation["responses"][str(int(status))] = {
            "description": status.phrase,
            "content": {"application/problem+json": _content(models.Problem)["application/json"]},
        }
    return operation


def _in_path(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "description": PLACES[name], "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _in_query(schema: Json) -> list[Json]:
    """Lists are written with commas: style `form`, not exploded."""
    return [
        {"name": name, "in": "query", "description": value["description"], "explode": False, "schema": _sent(value)}
        for name, value in schema.get("properties", {}).items()
    ]


def _sent(value: Json) -> Json:
    """A parameter that may be left out is null to the handler, but nobody can send a null in a query."""
    kinds = [kind for kind in value.get("anyOf", []) if kind != {"type": "null"}]
    return kinds[0] if kinds else {key: part for key, part in value.items() if key != "description"}


def _content(what: type[BaseModel] | str) -> Json:
    if isinstance(what, str):
        return {what: {}}
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{what.__name__}"}}}


def _refusals(endpoint: Endpoint) -> set[HTTPStatus]:
    refusals = {*ALWAYS, *endpoint.refusals}
    if endpoint.roles:
        refusals |= {*WITH_A_TOKEN}
    names = {*endpoint.query.model_fields, *endpoint.body.model_fields, *re.findall(r"{(\w+)}", endpoint.path)}
    if names & {"cursor", *PLACES}:
        refusals |= {HTTPStatus.NOT_FOUND}
    if endpoint.method == "POST":
        refusals |= {*WITH_A_BODY}
    if endpoint.method == "DELETE":
        refusals |= {HTTPStatus.CONFLICT}
    return refusals
