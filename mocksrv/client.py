"""Clients of a running server's control API: `Client` for single calls, `Sandbox` for what tests do with a sandbox."""

from __future__ import annotations

import http.client
import json
import selectors
import socket
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from mocksrv.engine.clock import SECOND, duration_text, parse_duration
from mocksrv.engine.names import NAME
from mocksrv.engine.patterns import fits
from mocksrv.engine.sandbox import SandboxNameError
from mocksrv.registry import all_declared

HERE = frozenset({"localhost", "127.0.0.1", "::1"})
TIME_OUT = 120.0  # seconds: longer than any answer is held
LONGEST_WAIT = 60 * SECOND  # that the server holds an answer
PAGE = 1000  # the most items that one answer lists
SHOWN = 200  # characters of a payload in the message of a failed `expect`
IN_A_ROW = 5  # webhooks of one name that are told one by one
MISSING = object()  # in place of a member that an object does not have
Json = dict[str, Any]


class ControlError(Exception):
    """The server refuses a control call; the message is what it says of it. ``status`` is the HTTP status, ``problem``
    the problem document.
    """

    def __init__(self, message: str, status: int, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem or {}


class Unreachable(ConnectionError):
    """No server answers at this URL."""


class Client:
    """The control API of one sandbox. Connections are kept, and it uses no proxy: a server for tests is near.

    ``url`` is the server's, ``sandbox`` a name (None: the default one), ``token`` the server's control token;
    ``time_out``: seconds that it is waited for; ``base_url`` is where the sandbox's APIs are. One instance serves one
    thread at a time.
    """

    def __init__(
        self, url: str, sandbox: str | None = None, token: str | None = None, *, time_out: float = TIME_OUT
    ) -> None:
        self.url = url.rstrip("/")
        self.token = token
        parts = urlsplit(self.url)
        prefix = f"/sandbox/{quote(sandbox, safe='')}" if sandbox else ""
        self.base_url = f"{self.url}{prefix}"
        self.sandbox_name = sandbox
        self._base = f"{parts.path}{prefix}/_mocksrv"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._connection = _connection(parts, time_out)
        weakref.finalize(self, self._connection.close)  # else Python warns of what nobody closed

    def sandbox(self, name: str) -> Client:
        """The control API of another sandbox of the same server."""
        return Client(self.url, name, self.token)

    def at(self, url: str) -> Client:
        """The control API of the sandbox of this name of another server."""
        return Client(url, self.sandbox_name, self.token)

    def get(self, path: str, /, **query: Any) -> Any:
        """The JSON of a GET below ``/_mocksrv``; parameters that are None are left out. Raises like `call`."""
        given = urlencode({name: value for name, value in query.items() if value is not None})
        return self.call("GET", f"{path}?{given}" if given else path)

    def every(self, path: str, key: str, **query: Any) -> Iterator[Json]:
        """The items of a list, page after page, oldest first. Raises like `call`."""
        after = None
        while found := self.get(path, limit=PAGE, after=after, **query)[key]:
            yield from found
            if len(found) < PAGE:
                return
            after = found[-1]["id"]

    def call(self, method: str, path: str, body: Mapping[str, Any] | str | None = None) -> Any:
        """One call below ``/_mocksrv``; its JSON, None where there is none. A body that is a text is YAML. Raises
        ControlError, Unreachable.
        """
        if isinstance(body, str):
            text = self.exchange(method, path, body.encode(), "application/yaml")
        else:
            text = self.exchange(method, path, None if body is None else json.dumps(body).encode())
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            raise self._unreachable(error) from None

    def exchange(self, method: str, path: str, data: bytes | None = None, kind: str = "application/json") -> bytes:
        """The same with bodies as they are: a state is too large to be read only to be written again."""
        try:
            status, text = self._exchange(method, self._base + path, data, kind)
            said = json.loads(text) if status >= 400 and text else {}
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None
        if status >= 400:
            said = said if isinstance(said, dict) else {}
            raise ControlError(str(said.get("detail", f"{self.url}{path} answered {status}")), status, said)
        return text

    def _unreachable(self, error: Exception) -> Unreachable:
        self.close()
        return Unreachable(f"no server answers at {self.url} ({error})")

    def _exchange(self, method: str, target: str, data: bytes | None, kind: str) -> tuple[int, bytes]:
        connection = self._connection.sock
        if connection is not None and _has_ended(connection):
            self.close()
        self._connection.request(method, target, data, self._headers | {"Content-Type": kind})
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        """Gives the connection back; the next call opens another."""
        self._connection.close()


def _has_ended(connection: socket.socket) -> bool:
    """Whether the server has closed it: there is something to read, and nothing was asked for."""
    with selectors.DefaultSelector() as looking:  # select() knows the first thousand files of a program only
        looking.register(connection, selectors.EVENT_READ)
        return bool(looking.select(0))


def _connection(parts: SplitResult, time_out: float) -> http.client.HTTPConnection:
    """To the server of a URL. On this machine its certificate is not checked: it may have made that for itself."""
    host = parts.hostname or ""
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, parts.port, timeout=time_out)
    import ssl

    context = ssl.create_default_context()
    if host in HERE:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, parts.port, timeout=time_out, context=context)


class Sandbox:
    """One sandbox of a running server, for tests: where its APIs are, what happens in it, and what it is told.

    ``url`` is the server's. Nothing is called to make one: a sandbox comes into being with its first use. A name that
    cannot be one raises SandboxNameError, a ValueError. All methods raise `ControlError` when the server refuses,
    `Unreachable` when none answers. ``control`` makes the control calls that have no method here.
    """

    def __init__(self, url: str, name: str, token: str | None = None) -> None:
        if not NAME.fullmatch(name):
            raise SandboxNameError(name)
        self.name = name
        self.base_url = f"{url.rstrip('/')}/sandbox/{quote(name, safe='')}"
        self.urls = {each.name: self.base_url + each.prefix for each in all_declared()}  # of the APIs, by provider
        self.mono_url, self.finicity_url = self.urls["mono"], self.urls["finicity"]
        self.control = Client(url, name, token)
        self.clock = SandboxClock(self.control)
        self.webhooks = Webhooks(self.control)
        self.set_up: Callable[[], object] = lambda: None  # what is done after a reset

    def __repr__(self) -> str:
        return f"<Sandbox {self.base_url}>"

    def play(self, *names: str) -> None:
        """The next members, accounts or sessions that are made play these scenarios, one after the other.

        A name is a scenario's (``challenged``), or with its provider (``finicity/oauth``).
        """
        self.control.call("PUT", "/bindings", {"next": list(names)})

    def act(self, subject: str, do: str, answers: Sequence[str] = ()) -> Json:
        """What the person at the bank's page or in the widget does: ``approve``, ``deny``, ``cancel``, ``fail``,
        ``expire`` or ``answer``; the subject as it is then.

        ``subject`` is the id of a member, account or session.
        """
        body: Json = {"do": do, **({"answers": list(answers)} if answers else {})}
        found: Json = self.control.call("POST", f"/subjects/{quote(subject, safe='')}/act", body)
        return found

    @property
    def requests(self) -> list[Json]:
        """The calls of the provider's API so far, oldest first: ``id``, ``at``, ``method``, ``path``, ``status``,
        ``duration_ms``, ``violations``.
        """
        return list(self.control.every("/requests", "requests"))

    @property
    def violations(self) -> list[Json]:
        """What these calls did that the provider's contract forbids, with the call."""
        return list(self.control.every("/violations", "violations"))

    @property
    def endpoints(self) -> list[Json]:
        """Where callbacks go: ``url``, ``events`` (patterns), ``auth``, ``headers``. Assigning a list sets them."""
        found: list[Json] = self.control.get("/endpoints")["endpoints"]
        return found

    @endpoints.setter
    def endpoints(self, endpoints: Sequence[Mapping[str, Any]]) -> None:
        self.control.call("PUT", "/endpoints", {"endpoints": list(endpoints)})

    def reset(self) -> None:
        """Empties it: as it was made, with the server's settings; a test's with those of the test."""
        self.control.call("POST", "/reset")
        self.webhooks.forget()
        self.set_up()

    def drop(self) -> None:
        """Removes it with all that it holds; the next use makes it anew."""
        self.control.call("DELETE", "/sandbox")
        self.webhooks.forget()

    def close(self) -> None:
        """Gives the connection to the server back; the sandbox stays."""
        self.control.close()


class SandboxClock:
    """The time of a sandbox. Moments are ISO 8601 texts or datetimes, durations texts (``90s``, ``1h30m``) or
    timedeltas.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def show(self) -> Json:
        """``mode``, ``now``, and ``next``: when something falls due."""
        found: Json = self._client.get("/clock")
        return found

    def set(self, *, mode: str | None = None, now: str | datetime | None = None) -> Json:
        """Sets the mode (``real``, ``manual``, or a speed such as ``x60``) or the time; the clock as it is then."""
        given = {"mode": mode, "now": now.isoformat() if isinstance(now, datetime) else now}
        body = {name: value for name, value in given.items() if value is not None}
        found: Json = self._client.call("PUT", "/clock", body)
        return found

    def advance(self, by: str | timedelta | None = None, *, to: str | datetime | None = None) -> list[Json]:
        """Moves time on, by a duration or to a moment, and waits for the callbacks.

        Returns what happened on the way: ``at``, ``kind``, ``subject``, ``detail``.
        """
        given = {
            "by": duration_text(by // timedelta(milliseconds=1)) if isinstance(by, timedelta) else by,
            "to": to.isoformat() if isinstance(to, datetime) else to,
        }
        body = {name: value for name, value in given.items() if value is not None}
        happened: list[Json] = self._client.call("POST", "/clock/advance", body)["happened"]
        return happened


class Webhooks:
    """The webhooks of a sandbox, whether or not an endpoint asks for them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._expected: set[str] = set()  # ids of those that `expect` has returned

    def list(self, event: str | None = None, *, subject: str | None = None, state: str | None = None) -> list[Json]:
        """Those that there are, oldest first: ``id``, ``event``, ``subject``, ``occurred_at``, ``payload``,
        ``deliveries``.

        ``event`` may be a pattern (``mx.member.*``), ``subject`` is an id, ``state`` that of a delivery: ``pending``,
        ``delivered``, ``failed``, ``dropped``.
        """
        return list(self._client.every("/webhooks", "webhooks", event=event, subject=subject, state=state))

    def expect(self, event: str, *, subject: str | None = None, within: str | timedelta = "5s", **fields: Any) -> Json:
        """Waits for a webhook and returns it, as `list` gives it.

        ``event`` may be a pattern; ``fields`` are members of its payload, of objects those that are named. ``within``
        is real time. Each webhook is returned once: the next call with the same words waits for another. Raises
        AssertionError, which shows what came instead; ControlError for a name that no event has; TypeError, ValueError
        for what is no duration.
        """
        __tracebackhide__ = True  # pytest shows the line of the test
        if not isinstance(within, str | timedelta):
            raise TypeError(f"within: {within!r} is no duration; write a text, for example '5s', or a timedelta")
        span = within // timedelta(milliseconds=1) if isinstance(within, timedelta) else parse_duration(within)
        deadline = time.monotonic() + span / SECOND
        after, left = None, span
        while True:
            wait = duration_text(min(left, LONGEST_WAIT)) if left > 0 else None
            filters = {"event": event, "subject": subject, "after": after, "limit": PAGE}
            found = self._client.get("/webhooks", wait=wait, **filters)["webhooks"]
            for webhook in found:
                if webhook["id"] not in self._expected and not any(_differences(fields, webhook["payload"])):
                    self._expected.add(webhook["id"])
                    return dict(webhook)
            if not found and left <= 0:
                raise AssertionError(self._missed(event, subject, span, fields))
            after = found[-1]["id"] if found else after
            left = round((deadline - time.monotonic()) * SECOND)

    def forget(self) -> None:
        """Nothing was expected so far."""
        self._expected.clear()

    def _missed(self, event: str, subject: str | None, span: int, fields: Mapping[str, Any]) -> str:
        """What `expect` says when it has waited in vain."""
        whose = [f"of {subject}"] if subject else []
        wanted = " ".join([event, *whose, *(f"{name}={value!r}" for name, value in fields.items())])
        lines = [f"no webhook {wanted} within {duration_text(span)}"]
        came = list(self._client.every("/webhooks", "webhooks"))
        lines.append("what came instead:" if came else "no webhook came at all")

        def told(webhook: Json) -> Iterator[str]:
            payload, meant = webhook["payload"], fits(webhook["event"], event)
            different = [*_differences(fields, payload)] if meant and subject in (None, webhook["subject"]) else []
            if webhook["id"] in self._expected:
                end = "  (was expected before)"
            else:
                end = "" if different else f"  {json.dumps(payload, ensure_ascii=False)[:SHOWN]}"
            yield f"  {webhook['occurred_at']}  {webhook['event']}  {webhook['subject']}{end}"
            yield from (f"    {each}" for each in different)

        lines += [line for each in shortened(came) for line in ([f"  {each}"] if isinstance(each, str) else told(each))]
        return "\n".join(lines)


def shortened(webhooks: Iterable[Json]) -> Iterator[Json | str]:
    """Webhooks as a person reads them: of those of one name in a row the first, and how many more there are."""
    for name, group in groupby(webhooks, lambda webhook: str(webhook["event"])):
        row = list(group)
        yield from row[:IN_A_ROW]
        if len(row) > IN_A_ROW:
            yield f"… {len(row) - IN_A_ROW} more {name}"


def _differences(wanted: Any, came: Any, path: str = "") -> Iterator[str]:
    """How a value is not what is wanted, of objects in the members that are named: ``- path: wanted``, and after it
    ``+ path: came``, unless it is missing.
    """
    if isinstance(wanted, Mapping) and isinstance(came, Mapping):
        for name, inner in wanted.items():
            yield from _differences(inner, came.get(name, MISSING), f"{path}.{name}" if path else name)
    elif wanted != came:
        yield f"- {path}: {wanted!r}"
        if came is not MISSING:
            yield f"+ {path}: {came!r}"
