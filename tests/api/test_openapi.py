"""The OpenAPI document and docs/api.md say what the API does, all of it and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import acd
from acd.api.app import ENDPOINTS
from acd.center.model import RequestState

from .office import Office

ID = "00060a2418146000"
PAGE = Path(__file__).parents[2] / "docs" / "api.md"
DECLARED = {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}


@pytest.fixture
async def document(office: Office) -> Any:
    return await office.sees("supervisor", "/v1/openapi.json")


def _everywhere(what: Any, key: str) -> list[Any]:
    """All values of a key, at any depth."""
    if isinstance(what, list):
        return [found for one in what for found in _everywhere(one, key)]
    if not isinstance(what, dict):
        return []
    return [found for name, value in what.items() for found in ([value] if name == key else _everywhere(value, key))]


async def test_the_document_describes_every_endpoint(document: Any) -> None:
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}

    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"] == acd.__version__
    assert described == DECLARED


async def test_every_reference_leads_somewhere_and_every_schema_is_referred_to(document: Any) -> None:
    referred = {reference.removeprefix("#/components/schemas/") for reference in _everywhere(document, "$ref")}

    assert referred == set(document["components"]["schemas"])


async def test_every_operation_has_a_name_of_its_own_a_summary_and_its_parameters(document: Any) -> None:
    names = _everywhere(document["paths"], "operationId")
    assert len(set(names)) == len(names) == len(ENDPOINTS)
    for endpoint in ENDPOINTS:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        assert operation["summary"]
        assert bool(operation["security"]) == bool(endpoint.roles)
        in_path = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
        in_query = [one["name"] for one in operation["parameters"] if one["in"] == "query"]
        assert in_path == re.findall(r"{(\w+)}", endpoint.path)
        assert in_query == list(endpoint.query.model_fields)
        assert all(one["description"] for one in operation["parameters"])


async def test_what_the_parameters_allow_stands_in_the_document(document: Any) -> None:
    parameters = {one["name"]: one["schema"] for one in document["paths"]["/v1/requests"]["get"]["parameters"]}

    assert (parameters["limit"]["minimum"], parameters["limit"]["maximum"], parameters["limit"]["default"]) == (
        1,
        1000,
        100,
    )
    assert parameters["state"]["items"] == {"$ref": "#/components/schemas/RequestState"}
    assert document["components"]["schemas"]["RequestState"]["enum"] == list(RequestState)


def test_the_page_on_the_api_has_every_endpoint_and_no_other() -> None:
    documented = re.findall(r"^### `(GET|POST|DELETE) (\S+)`", PAGE.read_text(), re.M)

    assert sorted(documented) == sorted(DECLARED)


def test_every_endpoint_on_the_page_has_an_example() -> None:
    for section in re.split(r"^### (?=`)", PAGE.read_text(), flags=re.M)[1:]:
        path = section.split("`")[1].split()[1]
        example = path.format(agent="alice", queue="sales", request=ID, callback=ID, call=ID)
        assert re.search(rf"curl [^`]*8088{re.escape(example)}\b", section), path
