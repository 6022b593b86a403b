"""What every family of the MX Platform API uses: routes, calls, errors, versions, paging, and the base of the
schemas.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn

from marshmallow import Schema, ValidationError
from werkzeug.datastructures import Authorization
from werkzeug.wrappers import Request

from mocksrv.engine.journal import Entry
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers import http
from mocksrv.providers.http import ProviderError, Reply, sentence
from mocksrv.providers.mx.http.products import refusal
from mocksrv.providers.mx.http.versions import MEDIA_TYPES, V1, V2, VERSIONS, asked_version
from mocksrv.providers.numbers import LARGEST, whole_number

if TYPE_CHECKING:
    from mocksrv.providers.mx.http.limits import ClientLimits

SHOW_HEADER = (
    f"No valid API version was requested. Send the header 'Accept: {MEDIA_TYPES[V1]}' ({V1}), or 'Accept-Version: "
    f"{V2}'."
)
CALLBACK_PAYLOAD = "X-CALLBACK-PAYLOAD"
PAYLOAD_LENGTH = 1024
SKIP_WEBHOOK = "MX-Skip-Webhook"
PAGE_SIZE = 25
MEMBER = "/users/<user>/members/<member>"
# what is below a member and none of the data that jobs fetch
ABOUT_MEMBER = ("status", "challenges", "credentials", "oauth_window_uri")
PAGING = ("page", "records_per_page")
USE_CASES = ("PFM", "MONEY_MOVEMENT")
INVALID_ROUTE = "Invalid route"
FORBIDDEN = "forbidden"  # the rule that a call breaks which the state of a record, or the institution, does not allow
BROKEN_RULES = {403: FORBIDDEN, 405: FORBIDDEN, 406: "missing-header"}  # by calls that MX refuses so


class MXError(http.ProviderError):
    """An answer in MX's error shape."""


def not_found(kind: str, identifier: str) -> NoReturn:
    raise MXError(404, f"{kind} {identifier} not found")


@dataclass(frozen=True, slots=True)
class Route(http.Route):
    """One operation: its path in Flask's spelling, its name in MX's file, the versions that have it.

    ``by_id``: in v20250224 the path takes the client's own ids as well as guids. ``deprecated``: the versions that
    advise against it. ``bearer``: a processor's call, with a token in place of Basic credentials. ``product``: a
    client without it is refused.
    """

    versions: Sequence[str] = VERSIONS
    by_id: bool = False
    deprecated: Sequence[str] = ()
    bearer: bool = False
    product: str = ""


class Routes(http.Routes[Route]):
    """The operations of a family of MX; ``common`` are further fields of all its routes."""

    def __init__(self, **common: Any) -> None:
        super().__init__(Route, **common)


@dataclass(slots=True, weakref_slot=True)
class Mount(http.Mount):
    """What the calls of one server work with; ``plain_json`` are the operations that v20111101 answers as plain
    application/json, too; ``limits``: those of MX on a client, where they hold.
    """

    institutions: Any
    fidelity: str
    plain_json: frozenset[str]
    limits: ClientLimits | None


class Call(http.Call[Mount, Route]):
    """One request, as the views see it."""

    def __init__(
        self, mount: Mount, request: Request, sandbox: Sandbox, entry: Entry, base_url: str, route: Route | None
    ) -> None:
        super().__init__(mount, request, sandbox, entry, base_url, route)
        self.by_id = route is not None and route.by_id
        self.plain_json = route is not None and route.operation in mount.plain_json
        self.version = V1
        self.muted = request.headers.get(SKIP_WEBHOOK, "").lower() == "true"  # no callbacks of this call's own change

    @cached_property
    def institutions(self) -> Any:
        """All institutions that the sandbox has, as the provider's `Institutions`."""
        return self.mount.institutions.of(self.sandbox.scenarios)

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[V2 if self.plain_json else self.version]

    def unreadable(self, reason: str) -> NoReturn:
        raise MXError(400, reason)

    def error_body(self, error: ProviderError) -> dict[str, Any]:
        message = INVALID_ROUTE if error.status == 404 and self.route is None else error.message
        name = HTTPStatus(error.status).phrase.lower().replace(" ", "_").replace("-", "_")
        return {"error": {"message": message, "status": name, "type": name.removesuffix("_error") + "_error"}}

    def refused(self, error: ProviderError) -> http.Answer:
        if self.route is not None and isinstance(error, MXError) and error.rule is None:
            error.rule = BROKEN_RULES.get(error.status)
        return super().refused(error)

    def reads_early(self, subject: Record) -> bool:
        if self.route is None or self.route.method != "GET" or not subject.body.get("is_being_aggregated"):
            return False
        below = self.route.path.removeprefix(f"{MEMBER}/")
        return below != self.route.path and below.split("/")[0] not in ABOUT_MEMBER

    # before the view

    def admit(self, route: Route) -> None:
        """Credentials, rate, version and product, as MX refuses them. Raises MXError 401, 403, 404, 406, 429."""
        self._know(bearer=route.bearer)
        if self.mount.limits is not None:
            self.mount.limits.check_rate(self, route.method)
        self.version = self.choose_version()
        if self.version not in route.versions:
            self.entry.notes["nearest"] = f"{route.method} {route.path} ({', '.join(route.versions)})"
            raise MXError(404, INVALID_ROUTE)
        if route.product:
            self.require(route.product)
        if self.version in route.deprecated:
            self.entry.violate("deprecated", f"{route.operation} is deprecated in {self.version}")

    def require(self, product: str) -> None:
        """Raises MXError 403 when the client lacks this product."""
        if product in self.sandbox.settings.without:
            raise MXError(403, refusal(product))

    def _know(self, *, bearer: bool) -> None:
        """Who calls. A bearer's token is looked up by the view. Raises MXError 401."""
        given = _authorization(self.request.headers.get("Authorization"))
        missing = "missing-header" if given is None else None
        if bearer:
            if given is None or given.type != "bearer" or not given.token:
                raise MXError(
                    401,
                    "Unauthorized: this call takes the access token of POST /token, as 'Authorization: Bearer TOKEN'.",
                    missing,
                )
            return
        pair = basic_credentials(self.request.headers.get("Authorization"))
        wanted = self.mount.credentials
        if pair is None or (wanted is not None and pair != wanted):
            raise MXError(
                401,
                "Unauthorized: the client id or the API key is missing or wrong. Send them as HTTP Basic credentials.",
                missing,
            )

    def refuse_version(self) -> http.Answer | None:
        """The refusal of a request that asks for no version."""
        try:
            self.choose_version()
        except MXError as error:
            return self.refused(error)
        return None

    def choose_version(self) -> str:
        """The version that the headers ask for. Raises MXError 406."""
        headers = self.request.headers
        wanted = headers.get("Accept-Version")
        found = asked_version(wanted, headers.get("Accept", ""), self.plain_json)
        if found is None:
            known = f"{wanted!r} is not a version of this API; allowed are {', '.join(VERSIONS)}."
            raise MXError(406, SHOW_HEADER if wanted is None else known)
        return found

    # what the client sent

    @cached_property
    def callback_headers(self) -> dict[str, str]:
        """The header to echo on callbacks. Raises MXError 400 when it is too long or not base64."""
        payload = self.request.headers.get(CALLBACK_PAYLOAD)
        if payload is None:
            return {}
        if len(payload) > PAYLOAD_LENGTH:
            raise MXError(400, f"{CALLBACK_PAYLOAD} may have {PAYLOAD_LENGTH} characters, this one has {len(payload)}")
        try:
            b64decode(payload, validate=True)
        except (binascii.Error, ValueError):
            raise MXError(400, f"{CALLBACK_PAYLOAD} must be base64") from None
        return {CALLBACK_PAYLOAD: payload}

    def load(
        self, root: str, schema: Schema, *, known_beside: Sequence[str] = (), partial: bool = False, refusal: int = 422
    ) -> dict[str, Any]:
        """The validated object under ``root``; ``partial``: required members may be missing. Unknown ones are noted as
        violations.

        Raises MXError 400 when the object or a required member is missing, ``refusal`` when a member is not what MX
        takes.
        """
        given = self.json.get(root)
        if not isinstance(given, dict):
            raise MXError(400, f"Required parameter missing: {root}")
        for name in sorted(self.json.keys() - {root, *known_beside}):
            self.entry.unread(name, (root, *known_beside))
        return self.read(given, schema, root, partial=partial, refusal=refusal)

    def read(
        self, given: Mapping[str, Any], schema: Schema, path: str = "", *, partial: bool = False, refusal: int = 422
    ) -> dict[str, Any]:
        """The same for an object found elsewhere; ``path`` is where it stands in the body, for messages."""
        self.note_unknown(given, schema, f"{path}." if path else "", frozenset({"skip_webhook"}))
        required = (f.data_key or name for name, f in schema.load_fields.items() if f.required)
        missing = [name for name in required if name not in given]
        if missing and not partial:
            raise MXError(400, f"Required parameter missing: {path}{'.' if path else ''}{missing[0]}")
        self.muted = self.muted or given.get("skip_webhook") is True
        return self.checked(schema, given, path, refusal, partial=partial)

    def checked(
        self, schema: Schema, given: Mapping[str, Any], path: str = "", refusal: int = 422, *, partial: bool = False
    ) -> dict[str, Any]:
        """An object as a schema reads it. Raises MXError with the status ``refusal``."""
        try:
            return dict(schema.load(given, partial=partial))
        except ValidationError as error:
            raise MXError(refusal, sentence(path, error.messages)) from None

    def flag(self, name: str) -> bool | None:
        """A boolean query parameter. Raises MXError 400."""
        value = self.request.args.get(name)
        if value is None or value == "":
            return None
        if value.lower() not in ("true", "false"):
            raise MXError(400, f"{name} must be true or false")
        return value.lower() == "true"

    def many(self, name: str) -> list[str]:
        """The values of a query parameter that may be repeated, spelled with or without ``[]``."""
        values = self.request.args.getlist
        return [value for value in (*values(name), *values(f"{name}[]")) if value]

    def use_case(self) -> str | None:
        """The ``use_case`` asked for. Raises MXError 400."""
        value = self.request.args.get("use_case") or None
        if value is not None and value not in USE_CASES:
            raise MXError(400, f"use_case must be {' or '.join(USE_CASES)}")
        return value

    def page(self, *, least: int = 10, most: int = 1000) -> tuple[int, int]:
        """The page and its size: a size outside of ``least`` to ``most`` becomes 25, as MX does it; so does what is no
        number.
        """
        numbers = []
        for name, default, allowed, end in (
            ("page", 1, range(1, LARGEST + 1), "on"),
            ("records_per_page", PAGE_SIZE, range(least, most + 1), f"to {most}"),
        ):
            number = whole_number(self.request.args.get(name) or str(default))
            if number is None or number not in allowed:
                self.entry.violate("parameter", f"{name} must be a whole number from {allowed.start} {end}")
                number = default
            numbers.append(number)
        page, size = numbers
        return page, size

    # records

    @contextmanager
    def change(self) -> Iterator[World]:
        """A transaction. Its callbacks are skipped if the client asked for that."""
        with self.engine.change(self.sandbox) as world:
            world.muted = self.muted
            yield world

    def find(
        self,
        world: World,
        kind: str,
        identifier: str,
        owner: str | None = None,
        *,
        subject: str | None = None,
        parent: str | None = None,
    ) -> Record | None:
        """A record with these keys, by guid; where the version takes the client's own ids, by those too."""
        record = world.get(kind, identifier)
        if record is None:
            if not self.by_id or self.version != V2:
                return None
            query = Query(kind, owner=owner, subject=subject, parent=parent, partner_id=identifier, limit=1)
            return next(iter(world.list(query)), None)
        keys = ((owner, record.owner), (subject, record.subject), (parent, record.parent))
        return record if all(wanted in (None, key) for wanted, key in keys) else None

    def user(self, world: World, identifier: str, *, disabled: bool = False) -> Record:
        """Raises MXError 404; 403 for a disabled user unless ``disabled`` is allowed."""
        record = self.find(world, "mx.user", identifier) or not_found("User", identifier)
        if not disabled:
            self._check_enabled(record)
        return record

    @staticmethod
    def _check_enabled(user: Record) -> None:
        if user.body["is_disabled"]:
            raise MXError(403, f"User {user.guid} is disabled")

    def user_and_member(self, world: World, user: str, member: str) -> tuple[Record, Record]:
        """Both; with one query when they are called by their guids, as by clients that poll. Raises MXError 404,
        403.
        """
        found = world.tx.get_all(self.sandbox.name, user, member)
        owner, record = found.get(user), found.get(member)
        if owner is None or record is None or (owner.kind, record.kind) != ("mx.user", "mx.member"):
            owner = self.user(world, user)
            return owner, self.member(world, owner, member)
        self._check_enabled(owner)
        if record.owner != owner.guid:
            not_found("Member", member)
        return owner, self.about(record)

    def member(self, world: World, user: Record, identifier: str) -> Record:
        """A member of this user. Raises MXError 404."""
        return self.about(self.find(world, "mx.member", identifier, user.guid) or not_found("Member", identifier))

    def account(self, world: World, user: Record, identifier: str, member: Record | None = None) -> Record:
        """An account of this user (and member). Raises MXError 404."""
        subject = None if member is None else member.guid
        return self.find(world, "mx.account", identifier, user.guid, subject=subject) or not_found(
            "Account", identifier
        )

    def paged(
        self,
        world: World,
        query: Query,
        key: str,
        render: Callable[[Record], Mapping[str, Any]],
        *,
        keep: Callable[[Record], bool] | None = None,
        lasting: bool = False,
        least: int = 10,
        most: int = 1000,
    ) -> Reply:
        """A page of records under ``key``, with MX's pagination object; ``keep`` tells what a query cannot.

        ``lasting``: ``render`` shows nothing that changes with time alone, so that the page is made once until the
        sandbox changes.
        """
        if keep is not None:
            return self.paged_list(
                [row for row in world.pages(query) if keep(row)], key, render, least=least, most=most
            )
        page, size = self.page(least=least, most=most)
        total = world.count(query)
        self.note_page(first=page == 1, more=page * size < total)

        def make() -> dict[str, Any]:
            rows = world.list(query._replace(limit=size, offset=(page - 1) * size))
            return {key: [render(row) for row in rows], "pagination": pagination(page, size, total)}

        return Reply(self.kept((self.version, query.key()), make) if lasting else make())

    def paged_list(
        self,
        items: Sequence[Any],
        key: str,
        render: Callable[[Any], Mapping[str, Any]],
        *,
        least: int = 10,
        most: int = 1000,
    ) -> Reply:
        """The same for what is not stored."""
        page, size = self.page(least=least, most=most)
        self.note_page(first=page == 1, more=page * size < len(items))
        return Reply(
            {
                key: [render(i) for i in items[(page - 1) * size : page * size]],
                "pagination": pagination(page, size, len(items)),
            }
        )


@lru_cache(1000)
def _authorization(header: str | None) -> Authorization | None:
    """Who calls, by a header that clients send again and again."""
    return Authorization.from_header(header)


@lru_cache(1000)
def basic_credentials(header: str | None) -> tuple[str, str] | None:
    """Client id and API key that the header ``Authorization`` says; None unless it says both."""
    given = _authorization(header)
    if given is None or given.type != "basic" or not given.username or not given.password:
        return None
    return given.username, given.password


def pagination(page: int, size: int, total: int) -> dict[str, int]:
    return {"current_page": page, "per_page": size, "total_entries": total, "total_pages": max(1, -(-total // size))}
