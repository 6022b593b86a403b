"""What mocksrv uses of libraries beyond what they promise to keep, one test per name.

A failure says what a new release has changed: mend the use that the test names, or lower the library's upper bound in
pyproject.toml.
"""

from __future__ import annotations

import importlib.util
import inspect
import tomllib
from typing import Any

import pytest
from flask import Flask, request
from marshmallow import Schema, fields
from packaging.requirements import Requirement
from werkzeug.routing import Map, Rule

from tests.cli.running import ROOT

BOUNDED = {"gunicorn", "marshmallow", "werkzeug"}
needs_gunicorn = pytest.mark.skipif(
    importlib.util.find_spec("fcntl") is None, reason="gunicorn needs a system with fork: run it on Linux or macOS"
)


def test_these_libraries_are_bounded_above() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [Requirement(line) for line in project["dependencies"]]
    assert {each.name for each in asked if any(bound.operator == "<" for bound in each.specifier)} == BOUNDED


# marshmallow: mocksrv/providers/**


class Shouted(fields.Field):
    """Writes in capitals, reads in small letters, by the names that subclasses of mocksrv use."""

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        return str(value).upper()

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        return str(value).lower()


def test_marshmallow_field_serialize() -> None:
    assert Schema.from_dict({"word": Shouted()})().dump({"word": "Ab"}) == {"word": "AB"}


def test_marshmallow_field_deserialize() -> None:
    assert Schema.from_dict({"word": Shouted()})().load({"word": "Ab"}) == {"word": "ab"}


def test_marshmallow_fields_of_numbers_deserialize() -> None:
    """`Number`, `Whole` and their kin override what text and numbers are read by."""
    for kind in (fields.Float, fields.Integer):
        own = type("Own", (kind,), {"_deserialize": lambda self, value, attr, data, **_: f"read {value}"})
        assert Schema.from_dict({"n": own()})().load({"n": 1}) == {"n": "read 1"}


def test_marshmallow_schema_serialize() -> None:
    """mx/http/call.py's `Document` puts its own, faster one in place of what `dump` calls."""

    class Own(Schema):
        def _serialize(self, obj: Any, *, many: bool = False) -> Any:
            return [{"own": each} for each in obj] if many else {"own": obj}

    assert Own().dump(1) == {"own": 1}
    assert Own(many=True).dump([1, 2]) == [{"own": 1}, {"own": 2}]


# werkzeug and Flask: mocksrv/web/app.py


def test_werkzeug_rule_compile_builder() -> None:
    """The code that builds a rule's URLs is generated when the rule is added; with LazyRule, with the first URL."""
    asked: list[bool] = []

    class Own(Rule):
        def _compile_builder(self, append_unknown: bool = True) -> Any:
            asked.append(append_unknown)
            generated = super()._compile_builder(append_unknown)
            return lambda *values, **named: generated(*values, **named)

    routes = Map([Own("/users/<user>", endpoint="user")]).bind("localhost")
    assert sorted(asked) == [False, True]
    assert routes.match("/users/1") == ("user", {"user": "1"})
    assert routes.build("user", {"user": "2", "page": 3}) == "/users/2?page=3"


def test_werkzeug_local_proxy_get_current_object() -> None:
    with Flask("own").test_request_context("/"):
        assert type(request._get_current_object()).__name__ == "Request"  # type: ignore[attr-defined]


# gunicorn: mocksrv/web/hosting/gunicorn_host.py


@needs_gunicorn
@pytest.mark.parametrize("name", ["WORKER_BOOT_ERROR", "APP_LOAD_ERROR"])
def test_gunicorn_exit_codes(name: str) -> None:
    from gunicorn.arbiter import Arbiter

    assert isinstance(getattr(Arbiter, name), int)


@needs_gunicorn
@pytest.mark.parametrize("name", ["handle_int", "handle_term", "handle_hup"])
def test_gunicorn_handlers_of_signals(name: str) -> None:
    from gunicorn.arbiter import Arbiter

    assert list(inspect.signature(getattr(Arbiter, name)).parameters) == ["self"]
    assert any(number.name == f"SIG{name[7:].upper()}" for number in Arbiter.SIGNALS)


@needs_gunicorn
def test_gunicorn_halt() -> None:
    from gunicorn.arbiter import Arbiter

    parameters = inspect.signature(Arbiter.halt).parameters
    assert list(parameters) == ["self", "reason", "exit_status"]
    assert [each.default for each in parameters.values()][1:] == [None, 0]


@needs_gunicorn
def test_gunicorn_listeners() -> None:
    """They are what tells a worker that died from one that was asked to end."""
    from gunicorn.arbiter import Arbiter

    assert Arbiter.LISTENERS == []
    assert "self.LISTENERS = []" in inspect.getsource(Arbiter.stop)


@needs_gunicorn
def test_gunicorn_calls_load_config_first() -> None:
    from gunicorn.app.base import BaseApplication

    class Own(BaseApplication):
        def load_config(self) -> None:
            self.cfg.set("threads", 7)

    assert Own().cfg.threads == 7
