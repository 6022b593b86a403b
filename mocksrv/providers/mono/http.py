"""What every family of Mono's API uses: routes, calls, errors, the two forms of answers, paging."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NoReturn
from urllib.parse import urlencode

from marshmallow import Schema, ValidationError
from werkzeug.wrappers import Request

from mocksrv.engine.clock import iso_ms
from mocksrv.engine.journal import Entry
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers import http
from mocksrv.providers.http import ProviderError, Reply, ViewT, sentence
from mocksrv.providers.mono.bank.institutions import Institutions
from mocksrv.providers.mono.bank.people import People
from mocksrv.providers.numbers import dumps_for_javascript, whole_number

PREFIX = "/mono"
ACCOUNTS = "mono.account"  # the kind of the records that play
KEY_HEADER = "mono-sec-key"
V1, V2 = 1, 2
PAGE_SIZE = 50
FETCHED = ("balance", "identity", "transactions", "statement", "credits", "debits")  # what is read of an account
NEWER = re.compile(r"/v[23]/")  # paths of the second version; a few resources are at /v3
PUBLIC_KEY = re.compile(r"(test|live)_pk_")


class MonoError(http.ProviderError):
    """An answer in Mono's error shape."""


def not_found(what: str, id: str) -> NoReturn:
    raise MonoError(404, f"{what} with ID {id} not found")


@dataclass(frozen=True, slots=True)
class Route(http.Route):
    """One operation. ``keyless``: it needs no key, as the link to a file."""

    keyless: bool = False


def linked(account: Record) -> bool:
    """Whether the app still has this account."""
    return account.body["status"] != "UNLINKED"


def version_of(path: str) -> int:
    return V2 if NEWER.match(path) else V1


class Routes(http.Routes[Route]):
    """The operations of a family of Mono."""

    def __init__(self) -> None:
        super().__init__(Route)

    def add(
        self, method: str, path: str, operation: str = "", *, also: Sequence[str] = (), **options: Any
    ) -> Callable[[ViewT], ViewT]:
        """Mounts a view at a path, and at others (``also``) that differ in version."""

        def mount(view: ViewT) -> ViewT:
            for each in (path, *also):
                super(Routes, self).add(method, each, operation, **options)(view)
            return view

        return mount


@dataclass(slots=True, weakref_slot=True)
class Mount(http.Mount):
    """What the calls of one server work with."""

    institutions: Institutions
    people: People
    successors: Mapping[str, str]  # operation of the first version -> that of the second which does the same


class Call(http.Call[Mount, Route]):
    """One request, as the views see it. ``base_url`` is that of the sandbox's Mono."""

    def __init__(
        self, mount: Mount, request: Request, sandbox: Sandbox, entry: Entry, base_url: str, route: Route | None
    ) -> None:
        super().__init__(mount, request, sandbox, entry, base_url + PREFIX, route)
        self.version = version_of(request.path.removeprefix(PREFIX))

    @cached_property
    def institutions(self) -> Institutions:
        """All institutions that the sandbox has."""
        return self.mount.institutions.of(self.sandbox.scenarios)

    def text(self, body: Any) -> str:
        return dumps_for_javascript(body)

    def unreadable(self, reason: str) -> NoReturn:
        raise MonoError(400, reason)

    def error_body(self, error: ProviderError) -> dict[str, Any]:
        message = "Resource not found" if error.status == 404 and self.route is None else error.message
        if self.version == V1:
            return {"message": message}
        return {"status": "failed", "message": message, "timestamp": iso_ms(self.sandbox.now()), "data": None}

    def reads_early(self, subject: Record) -> bool:
        data = self.route is not None and self.route.method == "GET" and self.route.path.rsplit("/", 1)[-1] in FETCHED
        return data and subject.body["status"] == "PROCESSING"

    # before the view

    def admit(self, route: Route) -> None:
        """Raises MonoError 401 without a key, and with another one than the only one."""
        if route.keyless:
            return
        key = self.request.headers.get(KEY_HEADER, "")
        if not key.strip():
            raise MonoError(401, f"Unauthorized: no secret key; send it in the header {KEY_HEADER}", "missing-header")
        if self.mount.credentials is not None and key != self.mount.credentials[1]:
            raise MonoError(401, "Unauthorized: unknown secret key")
        if successor := self.mount.successors.get(route.operation):
            self.entry.violate("deprecated", f"{route.operation} is of the first version; its successor is {successor}")
        if PUBLIC_KEY.match(key):
            self.entry.violate("credentials", f"{KEY_HEADER} is a public key, which is only the widget's")

    # what the client sent

    def load(self, schema: Schema) -> dict[str, Any]:
        """The body as a schema reads it; unknown members are noted as violations. Raises MonoError 400."""
        self.note_unknown(self.body, schema)
        try:
            return dict(schema.load(self.body))
        except ValidationError as error:
            raise MonoError(400, self.sentence(error)) from None

    @staticmethod
    def sentence(error: ValidationError) -> str:
        """What is wrong with a body, in a line."""
        return sentence("", error.messages)

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
        number = whole_number(self.request.args.get(name) or str(default))
        if number is None or number < 1:
            raise MonoError(400, f"{name} must be a whole number above 0")
        return number

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
        record = world.get(ACCOUNTS, id)
        if record is None or not linked(record):
            not_found("Account", id)
        return self.about(record)

    def read(self, id: str) -> Record:
        """The same, as a poll sees it: a scenario may count the reads of an account. Raises MonoError 404."""
        with self.look() as world:
            record = self.account(world, id)
        self.polled(record)
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

    def page_of(self, rows: Sequence[Record]) -> tuple[Sequence[Record], dict[str, Any]]:
        """The rows of the page that the query asks for, and the ``meta`` of lists that say how many pages there are."""
        page, limit = self.number("page", 1), self.number("limit", PAGE_SIZE)
        paging = self.paging(page, limit, len(rows))
        meta = {"total": len(rows), "pages": -(-len(rows) // limit)}
        return rows[(page - 1) * limit : page * limit], meta | {name: paging[name] for name in ("previous", "next")}

    def paging(self, page: int, limit: int, total: int) -> dict[str, Any]:
        """``total``, ``page`` and the whole URLs of the pages before and after, with the filters of this one."""

        self.note_page(first=page == 1, more=page * limit < total)

        def url(other: int) -> str:
            query = {**self.request.args.to_dict(), "page": other, "limit": limit}
            return f"{self.base_url}{self.request.path.removeprefix(PREFIX)}?{urlencode(query)}"

        return {
            "total": total,
            "page": page,
            "previous": url(page - 1) if page > 1 else None,
            "next": url(page + 1) if page * limit < total else None,
        }
