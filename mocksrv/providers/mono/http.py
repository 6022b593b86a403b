"""What every family of Mono's API uses: routes, calls, errors, the two forms of answers, paging."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlencode

from flask import Request
from marshmallow import Schema, ValidationError

from mocksrv.engine.clock import iso_ms
from mocksrv.engine.engine import Engine
from mocksrv.engine.journal import Entry
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers import http as visit
from mocksrv.providers.mono.bank.institutions import Institutions
from mocksrv.providers.mono.bank.people import People
from mocksrv.providers.mono.lifecycle import AccountRole

PREFIX = "/mono"
KEY_HEADER = "mono-sec-key"
V1, V2 = 1, 2
PAGE_SIZE = 50
NEWER = re.compile(r"/v[23]/")  # paths of the second version; a few resources are at /v3
PUBLIC_KEY = re.compile(r"(test|live)_pk_")

View = Callable[..., "Reply"]
ViewT = TypeVar("ViewT", bound=View)
Due = Callable[[World, Record], None]
DueT = TypeVar("DueT", bound=Due)


class MonoError(Exception):
    """An answer in Mono's error shape."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def not_found(what: str, id: str) -> NoReturn:
    raise MonoError(404, f"{what} with ID {id} not found")


@dataclass(frozen=True, slots=True)
class Reply:
    """A JSON body, or the bytes of a file, with a status and headers of its own."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    mimetype: str = "application/json"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. ``keyless``: it needs no key, as the link to a file."""

    method: str
    path: str
    operation: str
    view: View
    keyless: bool = False

    @property
    def version(self) -> int:
        return version_of(self.path)


def version_of(path: str) -> int:
    return V2 if NEWER.match(path) else V1


@dataclass(slots=True)
class Routes:
    """The operations of a family, and what it does when the timer of one of its records falls due."""

    entries: list[Route] = field(default_factory=list)
    timers: dict[str, Due] = field(default_factory=dict)

    def add(
        self, method: str, path: str, *, also: Sequence[str] = (), keyless: bool = False
    ) -> Callable[[ViewT], ViewT]:
        """Mounts a view at a path, and at others (``also``) that differ in version: ``view(call, **path parameters) ->
        Reply``.
        """

        def mount(view: ViewT) -> ViewT:
            for each in (path, *also):
                self.entries.append(Route(method, each, f"{method} {each}", view, keyless))
            return view

        return mount

    def due(self, timer: str) -> Callable[[DueT], DueT]:
        """What happens when a timer of this kind falls due."""

        def mount(handler: DueT) -> DueT:
            self.timers[timer] = handler
            return handler

        return mount


@dataclass(frozen=True, slots=True)
class Mount:
    """What the Mono wing of one server is made of. ``key``: the only secret key that is accepted, if any."""

    engine: Engine
    role: AccountRole
    institutions: Institutions
    people: People
    key: str | None = None


class Call(visit.Call):
    """One request, as the views see it. ``base_url`` is that of the sandbox's Mono."""

    def __init__(
        self, mount: Mount, request: Request, sandbox: Sandbox, entry: Entry, base_url: str, version: int
    ) -> None:
        super().__init__(mount.engine, request, sandbox, entry, base_url + PREFIX)
        self.mount = mount
        self.version = version

    def unreadable(self, reason: str) -> NoReturn:
        raise MonoError(400, reason)

    def status_of(self, subject: Record) -> str | None:
        status: str | None = subject.body["status"]
        return status

    # before the view

    def admit(self) -> None:
        """Raises MonoError 401 without a key, and with another one than the only one."""
        key = self.request.headers.get(KEY_HEADER, "")
        if not key.strip():
            raise MonoError(401, f"Unauthorized: no secret key; send it in the header {KEY_HEADER}")
        if self.mount.key not in (None, key):
            raise MonoError(401, "Unauthorized: unknown secret key")
        if PUBLIC_KEY.match(key):
            self.entry.violate("credentials", f"{KEY_HEADER} is a public key, which is only the widget's")

    # what the client sent

    def load(self, schema: Schema) -> dict[str, Any]:
        """The body as a schema reads it; unknown members are noted as violations. Raises MonoError 400."""
        self.note_unknown(self.body, schema)
        try:
            return dict(schema.load(self.body))
        except ValidationError as error:
            raise MonoError(400, visit.sentence("", error.messages)) from None

    @property
    def body(self) -> dict[str, Any]:
        """The request's body; Mono takes none as an empty one. Raises MonoError 400."""
        return self.json if self.request.get_data(cache=True) else {}

    def flag(self, name: str, default: bool) -> bool:
        """A boolean query parameter. Raises MonoError 400."""
        value = self.request.args.get(name) or str(default)
        if value.lower() not in ("true", "false"):
            raise MonoError(400, f"{name} must be true or false")
        return value.lower() == "true"

    def number(self, name: str, default: int) -> int:
        """A whole number above 0 in the query. Raises MonoError 400."""
        text = self.request.args.get(name) or str(default)
        if not re.fullmatch(r"[0-9]{1,6}", text, re.ASCII) or int(text) == 0:
            raise MonoError(400, f"{name} must be a whole number above 0")
        return int(text)

    def date(self, name: str) -> int | None:
        """A day in the query, DD-MM-YYYY, in ms. Raises MonoError 400."""
        text = self.request.args.get(name)
        if not text:
            return None
        try:
            if not re.fullmatch(r"\d{2}-\d{2}-\d{4}", text, re.ASCII):
                raise ValueError(text)
            return round(datetime.strptime(text, "%d-%m-%Y").replace(tzinfo=UTC).timestamp() * 1000)
        except ValueError:
            raise MonoError(400, f"{name} must be a date in the form DD-MM-YYYY") from None

    # records

    def account(self, world: World, id: str) -> Record:
        """A linked account. Raises MonoError 404, also for one that was unlinked."""
        record = world.get("mono.account", id)
        if record is None or record.body["status"] == "UNLINKED":
            not_found("Account", id)
        return self.about(record)

    def read(self, id: str) -> Record:
        """The same, as a poll sees it: a scenario may count the reads of an account. Raises MonoError 404."""
        with self.look() as world:
            record = self.account(world, id)
        if (record.play or {}).get("polls"):
            with self.change() as world:
                self.engine.player.polled(world, self.account(world, id))
        return record

    # answers

    def envelope(
        self, data: Any, message: str = "Data retrieved successfully", status: str = "successful", **more: Any
    ) -> dict[str, Any]:
        """The form of all answers of v2."""
        return {"status": status, "message": message, "timestamp": iso_ms(self.sandbox.now()), "data": data, **more}

    def answer(self, data: Any, message: str = "Data retrieved successfully", **more: Any) -> Reply:
        """The data as they are in v1, in an envelope in v2."""
        return Reply(data if self.version == V1 else self.envelope(data, message, **more))

    def paging(self, page: int, limit: int, total: int) -> dict[str, Any]:
        """``total``, ``page`` and the whole URLs of the pages before and after, with the filters of this one."""

        def url(other: int) -> str:
            query = {**self.request.args.to_dict(), "page": other, "limit": limit}
            return f"{self.base_url}{self.request.path.removeprefix(PREFIX)}?{urlencode(query)}"

        return {
            "total": total,
            "page": page,
            "previous": url(page - 1) if page > 1 else None,
            "next": url(page + 1) if page * limit < total else None,
        }


def refusal(version: int, now: int, message: str) -> dict[str, Any]:
    """The body of an error."""
    if version == V1:
        return {"message": message}
    return {"status": "failed", "message": message, "timestamp": iso_ms(now), "data": None}
