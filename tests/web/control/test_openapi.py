"""The OpenAPI document: it says what the calls take and give, for every call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from marshmallow import Schema

from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.registry import make_providers
from mocksrv.web.app import App
from mocksrv.web.control import Control
from mocksrv.web.control.calls import SCHEMAS, ControlCall, schema_of
from tests.conftest import MX
from tests.web.control.examples import Example, World

Document = dict[str, Any]


@pytest.fixture(scope="module")
def made() -> Iterator[list[Example]]:
    world = World()
    yield list(world.examples())
    world.close()


@pytest.fixture(scope="module")
def document(made: list[Example]) -> Document:
    found: Document = next(each for each in made if each.path == "/openapi.json").answer.get_json()
    return found


def operation(document: Document, example: Example) -> tuple[str, dict[str, Any]]:
    """The path template and the operation of a call; literal paths come before those with parameters."""
    path = example.path.partition("?")[0]
    for template in sorted(document["paths"], key=lambda each: each.count("{")):
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and example.method.lower() in document["paths"][template]:
            return template, document["paths"][template][example.method.lower()]
    raise AssertionError(f"{example.method} {path} is not in the document")


def faults(document: Document, schema: Any, value: Any) -> list[str]:
    whole = {**schema, "components": document["components"]}
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(whole).iter_errors(value)]


def test_every_call_has_an_example(document: Document, made: list[Example]) -> None:
    described = {(method, path) for path, item in document["paths"].items() for method in item}
    assert {(each.method.lower(), operation(document, each)[0]) for each in made} == described


def test_what_the_calls_take_and_give_is_what_the_document_says(document: Document, made: list[Example]) -> None:
    for each in made:
        _, described = operation(document, each)
        told = f"{each.method} {each.path}: {each.answer.get_data(as_text=True)[:300]}"
        assert each.answer.status_code < 300, told
        if isinstance(each.sent, dict):
            [content] = described["requestBody"]["content"].values()
            assert faults(document, content["schema"], each.sent) == [], told
        known = {parameter["name"] for parameter in described.get("parameters", ()) if parameter["in"] == "query"}
        assert {pair.partition("=")[0] for pair in each.path.partition("?")[2].split("&") if pair} <= known
        answers = described["responses"][str(each.answer.status_code)]
        if each.answer.status_code == 204:
            assert each.answer.data == b""
        else:
            schema = answers["content"][each.answer.mimetype]["schema"]
            value = each.answer.get_json() if each.answer.is_json else each.answer.get_data(as_text=True)
            assert faults(document, schema, value) == [], told


def test_a_refusal_is_the_documented_problem(document: Document, mx: MX) -> None:
    refused = mx.http.put("/_mocksrv/clock", json={"mode": "fast", "colour": 1})
    described = document["paths"]["/clock"]["put"]["responses"][str(refused.status_code)]
    assert described["$ref"] == "#/components/responses/Problem"
    content = document["components"]["responses"]["Problem"]["content"][refused.mimetype]
    assert faults(document, content["schema"], refused.get_json()) == []


def test_the_document_is_openapi(document: Document) -> None:
    assert document["openapi"].startswith("3.1")
    ids = [each["operationId"] for item in document["paths"].values() for each in item.values()]
    assert len(ids) == len(set(ids)) > 30
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert all("description" in each or "$ref" in each for each in schema.get("properties", {}).values()), name


def test_it_says_what_each_parameter_is(document: Document) -> None:
    for path, item in document["paths"].items():
        for method, described in item.items():
            parameters = described.get("parameters", [])
            in_path = [each["name"] for each in parameters if each["in"] == "path"]
            assert in_path == re.findall(r"{(\w+)}", path), f"{method} {path}"
            assert all(each["description"] for each in parameters), f"{method} {path}"


def test_the_document_says_where_the_sandbox_is(make_server: Callable[..., tuple[Engine, App]]) -> None:
    _, app = make_server()
    shown = MX(app, "ci-17").control("GET", "/openapi.json")
    assert shown["servers"] == [{"url": "http://localhost/sandbox/ci-17/_mocksrv"}]


# the declarations


@pytest.fixture(scope="module")
def calls() -> Iterator[tuple[ControlCall, ...]]:
    world = World()
    providers = make_providers(Config())
    for provider in providers:
        provider.open(world.engine)
    yield Control(world.engine, providers, Config()).calls
    world.close()


def test_the_schemas_that_calls_name_exist(calls: tuple[ControlCall, ...]) -> None:
    for call in calls:
        for named in (call.query, call.body, call.answer):
            assert issubclass(schema_of(named), Schema)


def test_no_schema_is_idle(calls: tuple[ControlCall, ...], document: Document) -> None:
    queries = {str(call.query).rpartition(".")[2] for call in calls}
    shown = set(document["components"]["schemas"])
    bases = {"Nothing", "Page", "HeldPage", "FaultRule"}
    package = import_module(SCHEMAS)
    modules = [import_module(f"{SCHEMAS}.{each.name}") for each in iter_modules(package.__path__)]
    own = {
        name
        for module in modules
        for name, each in vars(module).items()
        if isinstance(each, type) and issubclass(each, Schema) and each.__module__ == module.__name__
    }
    assert len(own) > 50
    idle = own - shown - queries - bases
    assert idle == set()
