"""What MX's families declare (operations, timers, resources with their events), put together and checked at the start.

A family is a module with ``routes``, or with resources: those among its names are declared by being there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from mocksrv.engine.declarations import DeclarationError, Declared
from mocksrv.engine.problems import near
from mocksrv.providers.http import Route, Routes
from mocksrv.providers.mx.events.catalogue import Catalogue
from mocksrv.providers.mx.events.resources import Resource

PACKAGE = "mocksrv.providers.mx"


class MountedFamily:
    """One family: its module, ``routes``, and its resources by the names that they have there."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.routes: Routes[Any] = getattr(module, "routes", Routes(Route))
        self.resources = {name: each for name, each in vars(module).items() if isinstance(each, Resource)}
        if not isinstance(self.routes, Routes) or not (self.routes.entries or self.resources):
            raise _error(module, "routes", "a family has operations in routes = Routes(), or resources")


def load(names: Sequence[str]) -> tuple[MountedFamily, ...]:
    """The families with these names: of modules inside MX (``money.tags``), or of others by their whole names.

    Raises ImportError for a name that there is not, DeclarationError.
    """
    families = tuple(MountedFamily(_module(name, names)) for name in names)
    _check_routes(families)
    _check_resources(families)
    return families


def _module(name: str, names: Sequence[str]) -> ModuleType:
    for whole in (f"{PACKAGE}.{name}", name):
        try:
            return import_module(whole)
        except ModuleNotFoundError as error:
            if not f"{whole}.".startswith(f"{error.name}."):
                raise  # it is there, and what it imports is not
    guess = near(name, [other for other in names if other != name])
    raise ImportError(f"{__file__}: there is no family {name!r}" + (f"; {guess!r} is one" if guess else ""))


def catalogue(families: Sequence[MountedFamily]) -> Catalogue:
    """All events of these families."""
    return Catalogue(resource for family in families for resource in family.resources.values())


def _error(module: ModuleType, name: str, what: str) -> DeclarationError:
    return Declared(str(module.__file__), name).error(what)


def _check_routes(families: Sequence[MountedFamily]) -> None:
    """Raises DeclarationError for an operation, a path or a timer that there is twice."""
    seen: dict[Any, str] = {}
    for family in families:
        for key, what in _keys(family.routes):
            if key in seen:
                raise _error(family.module, what, f"is declared twice, here and in {seen[key]}")
            seen[key] = str(family.module.__file__)


def _keys(routes: Routes[Any]) -> Iterator[tuple[Any, str]]:
    for route in routes.entries:
        yield ("operation", route.operation), route.operation
        yield (route.method, _shape(route)), f"{route.method} {route.path}"
    for timer in routes.timers:
        yield ("timer", timer), f"the timer {timer}"


def _shape(route: Route) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"<[^>]*>", "<>", route.path)


def _check_resources(families: Sequence[MountedFamily]) -> None:
    """Raises DeclarationError for what a resource says wrongly, and for a kind, a prefix or an event that there is
    twice.
    """
    kinds: dict[str, Resource] = {}
    prefixes: dict[str, str] = {}
    events: dict[str, Resource] = {}
    for family in families:
        for name, resource in family.resources.items():
            for problem in resource.problems():
                raise _error(family.module, name, problem)
            if kinds.setdefault(resource.kind, resource) is not resource:
                raise _error(family.module, name, f"the kind {resource.kind} is declared twice")
            owner = prefixes.setdefault(resource.prefix, resource.about)
            if owner != resource.about:
                raise _error(family.module, name, f"the prefix {resource.prefix} is that of {owner}")
            for event in resource.declared():
                if events.setdefault(event, resource) is not resource:
                    raise _error(family.module, name, f"the event {event} is declared twice")
