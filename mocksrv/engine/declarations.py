"""What is declared in code is checked at start: the error for it, and who has declared it."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from mocksrv.engine.problems import choose


class DeclarationError(Exception):
    """Something is declared wrongly; the message says in which file, what, and what is allowed."""


class Declared(NamedTuple):
    """Who declares something, for the messages about it."""

    file: str
    name: str

    def error(self, message: str) -> DeclarationError:
        return DeclarationError(f"{self.file}: {self.name}: {message}")

    def known(self, what: str, given: Iterable[str], allowed: Collection[str]) -> None:
        """Raises DeclarationError for the first name that is not allowed."""
        for name in sorted(given):
            if name not in allowed:
                clause, _ = choose(name, allowed, sorted(filter(None, allowed)))
                raise self.error(f"{name!r} is no {what}; {clause}")


def declared_by(thing: Any) -> Declared:
    """The class or function that declares something."""
    return Declared(inspect.getsourcefile(thing) or "?", thing.__qualname__)


def require(thing: object, base: type, *more: str) -> None:
    """Raises DeclarationError for the first part that ``base`` wants and an object of a class below it lacks: a class
    variable without a value, an abstract method, or one of ``more``.
    """
    variables = [name for name, kind in base.__annotations__.items() if str(kind).startswith("ClassVar")]
    methods = [name for name, each in vars(base).items() if getattr(each, "__isabstractmethod__", False)]
    for name in (*variables, *methods, *more):
        part = getattr(thing, name, None)
        if part is None or getattr(part, "__isabstractmethod__", False):
            raise declared_by(type(thing)).error(f"{name} is missing; every {base.__name__} declares it")
