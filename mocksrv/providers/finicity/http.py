"""What every family of the Finicity API uses: routes, calls, errors, paging, and the base of the schemas.

Source: Mastercard's OpenAPI file of Open Finance US (authentication, errors, paging).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from flask import Request, Response
from marshmallow import Schema, ValidationError, fields, post_dump

from mocksrv.engine.engine import Engine
from mocksrv.engine.journal import Entry
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.storage.records import Query, Record, dumps
from mocksrv.engine.world import World
from mocksrv.providers import http as visit

INVALID, MISSING, NOT_FOUND, BAD_REQUEST = "10010", "10005", "14001", "14020"
NO_FIELD = "One or more of the fields could not be validated. Please ensure you have entered the correct data."
PAGE, LARGEST_PAGE = 25, 1000
LIMITS = {"start": (1, "41003"), "limit": (PAGE, "41004")}  # of a page: default, and the code for less than 1
SCENARIO_HEADER = "X-Mocksrv-Scenario"

View = Callable[..., "Reply"]
ViewT = TypeVar("ViewT", bound=View)


class FinicityError(Exception):
    """A refusal: the HTTP status, Finicity's code (a text or a number) and what it says."""

    def __init__(self, status: int, code: str | int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self, *, wide: bool) -> dict[str, Any]:
        """The classic shape, or the wider one of Connect."""
        if not wide:
            return {"code": self.code, "message": self.message}
        more = {"status": str(self.status), "message": self.message, "user_message": NO_FIELD, "tags": ""}
        return {"code": self.code, **more}


def not_found(what: str, id: str, code: str = NOT_FOUND) -> NoReturn:
    raise FinicityError(404, code, f"{what} {id} not found")


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and a JSON body; None: no content."""

    body: Mapping[str, Any] | None = None
    status: int = 200


NO_CONTENT = Reply(None, 204)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. ``token``: it takes an app token. ``wide``: its errors have Connect's shape."""

    method: str
    path: str
    operation: str
    view: View
    token: bool = True
    wide: bool = False


@dataclass(slots=True)
class Routes:
    """The operations of a family."""

    wide: bool = False
    entries: list[Route] = field(default_factory=list)

    def add(self, method: str, path: str, operation: str, *, token: bool = True) -> Callable[[ViewT], ViewT]:
        """Mounts a view: ``view(call, **path parameters) -> Reply``."""

        def mount(view: ViewT) -> ViewT:
            self.entries.append(Route(method, path, operation, view, token, self.wide))
            return view

        return mount


class Seconds(fields.Field):
    """Milliseconds in a record, epoch seconds in an answer: a number, or with ``text`` a text of digits."""

    def __init__(self, *, text: bool = False, **options: Any) -> None:
        super().__init__(dump_only=True, **options)
        self._text = text

    def _serialize(self, value: int | None, attr: Any, obj: Any, **kwargs: Any) -> int | str | None:
        if value is None:
            return None
        return str(value // 1000) if self._text else value // 1000


class Number(fields.Field):
    """An id that is a text of digits in records, and a number in an answer."""

    def _serialize(self, value: str | None, attr: Any, obj: Any, **kwargs: Any) -> int | None:
        return None if value is None else int(value)


class Document(visit.Document):
    """The base of all schemas: renders a flat dict in the order of its fields, without those that have nothing to
    say.
    """

    @post_dump
    def _without_nothing(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}


def shown(record: Record, **more: Any) -> dict[str, Any]:
    """A record as the schemas render it."""
    return {**record.body, "id": record.guid, "customerId": record.owner, "createdDate": record.created_at, **more}


def number(world: World, digits: int = 10) -> str:
    """A new id of so many digits; the same again for the same seed and the same calls."""
    while True:
        low = 10 ** (digits - 1)
        id = str(low + int(world.guid().replace("-", "")[:12], 16) % (9 * low))
        if world.record(id) is None:
            return id


@dataclass(slots=True, weakref_slot=True)
class Mount:
    """What the Finicity wing of one server is made of."""

    engine: Engine
    institutions: Any
    bank: Any
    role: Any
    credentials: tuple[str, str] | None = None


class Call(visit.Call):
    """One request, as the views see it."""

    def __init__(self, mount: Mount, request: Request, sandbox: Sandbox, entry: Entry, base_url: str) -> None:
        super().__init__(mount.engine, request, sandbox, entry, base_url)
        self.mount = mount
        self.partner: str | None = None  # the partner id behind the token; None where the token was never given out
        self.secret = ""  # the partner secret that signs what this call sets going

    def unreadable(self, reason: str) -> NoReturn:
        raise FinicityError(400, BAD_REQUEST, reason)

    def status_of(self, subject: Record) -> str | None:
        status: str | None = subject.body["status"]
        return status

    def admit(self, *, token: bool) -> None:
        """The app key, and the token unless this call is there to get one. Raises FinicityError 401."""
        if not self.request.headers.get("Finicity-App-Key"):
            raise FinicityError(401, "10026", "Missing Finicity-App-Key header")
        if token:
            with self.look() as world:
                self._know(world, self.request.headers.get("Finicity-App-Token") or "")

    def _know(self, world: World, token: str) -> None:
        """Whose call it is. A token that was never given out is the newest partner's, unless only one partner is
        accepted.
        """
        if not token:
            raise FinicityError(401, "10024", "Missing Finicity-App-Token header")
        found = world.get("finicity.token", token)
        if found is not None:
            if world.now >= found.body["expires_at"]:
                raise FinicityError(401, "10023", "The app token has expired")
            self.partner, self.secret = found.body["partner"], found.body["secret"]
            return
        if self.mount.credentials is not None:
            raise FinicityError(401, "10022", "Invalid app token")
        self.entry.violate("token", "the app token was not given out by POST /aggregation/v2/partners/authentication")
        newest = world.list(Query("finicity.partner", newest_first=True, limit=1))
        self.secret = newest[0].body["secret"] if newest else token

    # what the client sent

    def load(self, schema: Schema, *, partial: bool = False) -> dict[str, Any]:
        """The validated body; unknown members are noted as violations. Raises FinicityError 400."""
        given = self.json
        self.note_unknown(given, schema)
        required = (each.data_key or name for name, each in schema.load_fields.items() if each.required)
        missing = [name for name in required if given.get(name) is None]
        if missing and not partial:
            raise FinicityError(400, MISSING, f'Missing "{missing[0]}" in request body')
        try:
            return dict(schema.load(given, partial=partial))
        except ValidationError as error:
            name, said = _first(error.messages)
            raise FinicityError(400, INVALID, f'Invalid "{name}" in request body: {said}') from None

    def page(self) -> tuple[int, int]:
        """``start``, which counts records from 1, and ``limit``. Raises FinicityError 400."""
        found = []
        for name, (default, code) in LIMITS.items():
            text = self.request.args.get(name) or str(default)
            if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or int(text) < 1:
                raise FinicityError(400, code, f"{name} must be a whole number of at least 1, not {text}")
            found.append(int(text))
        return found[0], min(found[1], LARGEST_PAGE)

    def paged(self, rows: Sequence[Any], key: str, render: Callable[[Any], Any], **more: Any) -> dict[str, Any]:
        """A page of a list under ``key``, with what Finicity says about it; ``more`` goes between the two."""
        start, limit = self.page()
        part = rows[start - 1 : start - 1 + limit]
        head = {"found": len(rows), "displaying": len(part), "moreAvailable": start - 1 + len(part) < len(rows)}
        return {**head, **more, key: [render(row) for row in part]}

    # records

    def customer(self, world: World, id: str) -> Record:
        """Raises FinicityError 404."""
        return world.get("finicity.customer", id) or not_found("Customer", id)

    def owned(self, world: World, kind: str, customer: str, id: str, what: str, code: str = NOT_FOUND) -> Record:
        """A record of this customer. Raises FinicityError 404."""
        self.customer(world, customer)
        found = world.get(kind, id)
        return found if found is not None and found.owner == customer else not_found(what, id, code)

    def respond(self, reply: Reply) -> Response:
        if reply.body is None:
            return Response(status=reply.status)
        return Response(dumps(reply.body), reply.status, mimetype="application/json")


def _first(messages: Any, path: str = "") -> tuple[str, str]:
    """The first of marshmallow's messages, and where it belongs."""
    if isinstance(messages, dict):
        name, inner = next(iter(messages.items()))
        return _first(inner, f"{path}.{name}" if path else str(name))
    return path, " ".join(map(str, messages)) if isinstance(messages, list) else str(messages)
