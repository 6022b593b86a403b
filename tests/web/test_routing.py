"""Paths mean what werkzeug, which Flask asks, takes them for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from mocksrv.engine.config import Config
from mocksrv.registry import make_providers
from mocksrv.web.routing import RouteTable

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ROUTES = [
    (route.method, provider.prefix + route.path)
    for provider in make_providers(Config())
    for route in provider.routes.values()
]
PARTS = sorted({part for _, path in ROUTES for part in path.split("/")})
VALUES = ("", "0", "17", "-1", "USR-1", "a.pdf", ".pdf", "m\n", "ü", "a b")
TABLE: RouteTable[str] = RouteTable()
for route in ROUTES:
    TABLE.add(*route, " ".join(route))
RULES = Map([Rule(path, methods=[method], endpoint=f"{method} {path}") for method, path in ROUTES])


def werkzeugs(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    try:
        target, parameters = RULES.bind("localhost").match(path, method)
    except HTTPException:
        return None
    return str(target), dict(parameters)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_each_operation_is_found(method: str, path: str) -> None:
    filled = path.replace("<int:transaction>", "17").replace("<", "").replace(">", "")
    found = TABLE.find(method, filled)
    assert found is not None
    assert found == werkzeugs(method, filled)
    assert found[0] == f"{method} {path}"


@given(
    method=st.sampled_from(METHODS),
    parts=st.one_of(
        st.sampled_from([path.split("/")[1:] for _, path in ROUTES]),
        st.lists(st.sampled_from(PARTS), min_size=1, max_size=9),
    ),
    values=st.lists(st.sampled_from([*VALUES, *PARTS]), min_size=9, max_size=9),
    end=st.sampled_from(["", "", "", "/", "/x"]),
)
def test_every_path_means_what_it_means_to_werkzeug(method: str, parts: list[str], values: list[str], end: str) -> None:
    texts = [value if "<" in part else part for part, value in zip(parts, values, strict=False)]
    path = "/" + "/".join(texts) + end
    assert TABLE.find(method, path) == werkzeugs(method, path)


@pytest.mark.parametrize("path", ["/users/<path:rest>", "/users/<user>-<member>"])
def test_a_path_that_the_table_cannot_know_is_an_error(path: str) -> None:
    with pytest.raises(ValueError, match="is not a part of a path"):
        RouteTable[str]().add("GET", path, "")
