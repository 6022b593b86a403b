"""What every family of the Finicity API uses: routes, calls, errors, paging, and the base of the schemas.

Source: Mastercard's OpenAPI file of Open Finance US (authentication, errors, paging).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

from marshmallow import Schema, ValidationError, fields, post_dump
from werkzeug.wrappers import Request

from mocksrv.engine.journal import Entry
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers import http
from mocksrv.providers.finicity.codes import REFUSALS
from mocksrv.providers.http import ProviderError
from mocksrv.providers.numbers import dumps_for_javascript, too_large, whole_number

NO_FIELD = "One or more of the fields could not be validated. Please ensure you have entered the correct data."
PAGE, LARGEST_PAGE = 25, 1000
DEFAULTS = {"start": 1, "limit": PAGE}  # of a page


class FinicityError(http.ProviderError):
    """A refusal: the HTTP status, Finicity's code and what it says; ``more`` are further members of an error of
    Connect's.
    """

    def __init__(self, status: int, code: int, message: str, **more: str) -> None:
        super().__init__(status, message)
        self.code = code
        self.more = more

    @property
    def name(self) -> str:
        return str(self.status) if self.code == self.status else f"{self.status} {self.code}"


def refusal(kind: str, **words: str) -> FinicityError:
    """The error of that kind in the table of refusals, with ``words`` in its text."""
    found = REFUSALS[kind]
    error = FinicityError(found.status, found.code, found.text.format_map(words))
    error.rule = found.rule
    return error


@dataclass(frozen=True, slots=True)
class Route(http.Route):
    """One operation. ``token``: it takes an app token. ``wide``: its errors have Connect's shape. ``successor``: it is
    deprecated, and that is called in its place.
    """

    token: bool = True
    wide: bool = False
    successor: str | None = None


class Routes(http.Routes[Route]):
    """The operations of a family of Finicity."""

    def __init__(self, *, wide: bool = False) -> None:
        super().__init__(Route, wide=wide)


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


class Document(http.Document):
    """The base of all schemas: renders a flat dict in the order of its fields, without those that have nothing to
    say.
    """

    @post_dump
    def _without_nothing(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}


def sendable(values: Any) -> None:
    """Checks what is given back as it was sent: numbers that JavaScript does not keep are refused."""
    place = too_large(values)
    if place is not None:
        raise ValidationError(f"{place} is a number beyond 2^53")


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
class Mount(http.Mount):
    """What the calls of one server work with."""

    institutions: Any
    bank: Any
    fidelity: str


class Call(http.Call[Mount, Route]):
    """One request, as the views see it."""

    def __init__(
        self, mount: Mount, request: Request, sandbox: Sandbox, entry: Entry, base_url: str, route: Route | None
    ) -> None:
        super().__init__(mount, request, sandbox, entry, base_url, route)
        self.partner = ""  # the partner id behind the token
        self.secret = ""  # the partner secret that signs what this call sets going

    @cached_property
    def institutions(self) -> Any:
        """All institutions that the sandbox has, as the provider's `Institutions`."""
        return self.mount.institutions.of(self.sandbox.scenarios)

    def unreadable(self, reason: str) -> NoReturn:
        raise refusal("bad request", reason=reason)

    def refused(self, error: ProviderError) -> http.Answer:
        if not isinstance(error, FinicityError):
            unknown = error.status == 404
            error = refusal("resource") if unknown else FinicityError(error.status, error.status, error.message)
        return super().refused(error)

    def error_body(self, error: ProviderError) -> dict[str, Any]:
        """The classic shape with a number as code, or the wider one of Connect, whose code is a text."""
        assert isinstance(error, FinicityError), "`refused` makes every error one"
        if self.route is None or not self.route.wide:
            return {"code": error.code, "message": error.message}
        more = {"status": str(error.status), "message": error.message, "user_message": NO_FIELD, "tags": ""}
        return {"code": str(error.code), **more, **error.more}

    def admit(self, route: Route) -> None:
        """The app key, and the token unless this call is there to get one. Raises FinicityError 401."""
        if not self.request.headers.get("Finicity-App-Key"):
            raise refusal("app key missing")
        if route.token:
            with self.look() as world:
                self._know(world, self.request.headers.get("Finicity-App-Token") or "")
        if route.successor:
            self.entry.violate("deprecated", f"{route.operation} is deprecated; its successor is {route.successor}")

    def _know(self, world: World, token: str) -> None:
        """Whose call it is, by a token that this sandbox has given out."""
        if not token:
            raise refusal("token missing")
        found = world.get("finicity.token", token)
        if found is None or found.body["secret"] is None:  # an imported state has left it out
            raise refusal("token invalid")
        if world.now >= found.body["expires_at"]:
            raise refusal("token expired")
        self.partner, self.secret = found.body["partner"], found.body["secret"]

    def reads_early(self, subject: Record) -> bool:
        return self.request.method == "GET" and subject.job is not None

    def text(self, body: Any) -> str:
        return dumps_for_javascript(body)

    # what the client sent

    def load(self, schema: Schema, *, partial: bool = False) -> dict[str, Any]:
        """The validated body; unknown members are noted as violations. Raises FinicityError 400."""
        given = self.json
        self.note_unknown(given, schema)
        required = (each.data_key or name for name, each in schema.load_fields.items() if each.required)
        missing = [name for name in required if given.get(name) is None]
        if missing and not partial:
            raise refusal("missing", name=missing[0])
        try:
            return dict(schema.load(given, partial=partial))
        except ValidationError as error:
            name, said = _first(error.messages)
            raise refusal("experience" if name == "experience" else "invalid", name=name, reason=said) from None

    def page(self) -> tuple[int, int]:
        """``start``, which counts records from 1, and ``limit``. Raises FinicityError 400."""
        found = []
        for name, default in DEFAULTS.items():
            number = whole_number(self.request.args.get(name) or str(default))
            if number is None or number < 1:
                raise refusal(name)
            found.append(number)
        return found[0], min(found[1], LARGEST_PAGE)

    def paged(self, rows: Sequence[Any], key: str, render: Callable[[Any], Any], **more: Any) -> dict[str, Any]:
        """A page of a list under ``key``, with what Finicity says about it; ``more`` goes between the two."""
        start, limit = self.page()
        part = rows[start - 1 : start - 1 + limit]
        self.note_page(first=start == 1, more=start - 1 + len(part) < len(rows))
        head = {"found": len(rows), "displaying": len(part), "moreAvailable": start - 1 + len(part) < len(rows)}
        return {**head, **more, key: [render(row) for row in part]}

    # records

    def customer(self, world: World, id: str) -> Record:
        """Raises FinicityError 404."""
        found = world.get("finicity.customer", id)
        if found is None:
            raise refusal("customer")
        return found

    def owned(self, world: World, kind: str, customer: str, id: str, missing: str) -> Record:
        """A record of this customer. Raises FinicityError 404; ``missing`` is the refusal of one that is not there."""
        found = world.get(kind, id)
        if found is None or found.owner != customer:
            raise refusal(missing, id=id, customer=customer)
        return found


def _first(messages: Any, path: str = "") -> tuple[str, str]:
    """The first of marshmallow's messages, and where it belongs."""
    if isinstance(messages, dict):
        name, inner = next(iter(messages.items()))
        return _first(inner, f"{path}.{name}" if path else str(name))
    return path, " ".join(map(str, messages)) if isinstance(messages, list) else str(messages)
