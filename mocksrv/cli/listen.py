"""``mocksrv listen``: a webhook receiver for people who have none yet."""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from typing import Any

import click

from mocksrv.cli.output import printable
from mocksrv.cli.proofs import auth_kinds, proofs, signers
from mocksrv.engine.callbacks.addresses import is_http_url
from mocksrv.engine.clock import SECOND, Clock, iso, parse_duration
from mocksrv.registry import all_declared

FORWARD_TIME = 10.0  # seconds
MOST_BYTES = 64 * 2**20
NOT_FORWARDED = frozenset({"host", "content-length", "connection", "transfer-encoding"})

Check = Callable[[Mapping[str, str], bytes], bool]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """What the app answers is answered."""


DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


# reading events


def describe(body: Any) -> tuple[str, str]:
    """What an event is, and what it says, in a line: ``("member updated", "MBR-... CONNECTED")``."""
    if not isinstance(body, dict):
        return "no JSON object", ""
    found = (provider.describe(body) for provider in all_declared())
    return next(filter(None, found), None) or (str(body.get("type") or "event"), "")


# options


def parse_statuses(text: str) -> Iterator[int]:
    """``500x3,200``: three times 500, from then on 200. Raises click.BadParameter."""
    runs = []
    for part in text.split(","):
        status, _, times = part.strip().partition("x")
        if not (
            status.isdecimal()
            and 200 <= int(status) <= 599
            and (not times or (times.isdecimal() and 0 < int(times) <= 1_000_000))
        ):
            raise click.BadParameter(f"{part.strip()!r} is not STATUS or STATUSxTIMES; write for example 500x3,200")
        runs.append((int(status), int(times or 1)))
    return chain(chain.from_iterable(repeat(status, times) for status, times in runs), repeat(runs[-1][0]))


def parse_check(text: str) -> Check:
    """``basic:USER:PASSWORD``, ``bearer:TOKEN`` or a provider's ``KIND:SECRET``. Raises click.BadParameter."""
    kind, _, secret = text.partition(":")
    makers: dict[str, Callable[[str], Check]] = {
        "basic": lambda pair: _header("authorization", "Basic " + base64.b64encode(pair.encode()).decode()),
        "bearer": lambda token: _header("authorization", f"Bearer {token}"),
        **{kind: partial(_signed, kind) for kind in auth_kinds()},
    }
    if kind not in makers or not secret or (kind == "basic" and ":" not in secret):
        raise click.BadParameter(f"allowed are {proofs('and')}")
    return makers[kind](secret)


def _header(name: str, wanted: str) -> Check:
    return lambda headers, _: hmac.compare_digest(headers.get(name, "").encode(), wanted.encode())


def _signed(kind: str, secret: str) -> Check:
    """A provider's signature: the header that it would send."""
    sign = signers()[kind]

    def check(headers: Mapping[str, str], body: bytes) -> bool:
        return all(
            _header(name.lower(), value)(headers, body) for name, value in sign({"secret": secret}, body).items()
        )

    return check


def _seconds(_: Any, __: Any, text: str | None) -> float:
    try:
        return parse_duration(text) / SECOND if text else 0.0
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _url(_: Any, __: Any, text: str | None) -> str | None:
    if text and not is_http_url(text):
        raise click.BadParameter(f"{text!r} is not an HTTP URL; write for example http://127.0.0.1:3000/webhooks")
    return text


# the receiver


class Listener:
    """What the handler threads share: the statuses still to give, the checks, the screen."""

    def __init__(
        self, statuses: Iterator[int], delay: float, forward_to: str | None, check: Check | None, as_json: bool
    ) -> None:
        self.statuses = statuses
        self.delay = delay
        self.forward_to = forward_to
        self.check = check
        self.as_json = as_json
        self.lock = threading.Lock()

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """Takes one callback in; the status to answer. Each is told on one line when its answer is known."""
        allowed = self.check is None or self.check(headers, body)
        with self.lock:
            status = next(self.statuses) if allowed else 401
        if self.delay:
            time.sleep(self.delay)
        forwarded = self._forward(path, headers, body) if self.forward_to and allowed else None
        if forwarded is not None:
            status = forwarded if isinstance(forwarded, int) else 502
        with self.lock:
            self._tell(path, headers, body, status, allowed, forwarded)
        return status

    def _forward(self, path: str, headers: Mapping[str, str], body: bytes) -> int | str:
        """The status that the app behind gave, or why it gave none (the answer is 502 then)."""
        kept = {name: value for name, value in headers.items() if name not in NOT_FORWARDED}
        request = urllib.request.Request(self.forward_to or "", data=body, headers=kept, method="POST")
        try:
            with DIRECT.open(request, timeout=FORWARD_TIME) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except (OSError, http.client.HTTPException) as error:
            return str(getattr(error, "reason", error)) or type(error).__name__

    def _tell(
        self,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        status: int,
        allowed: bool,
        forwarded: int | str | None,
    ) -> None:
        try:
            payload = json.loads(body)
        except ValueError:
            payload = None
        if self.as_json:
            seen = {
                "path": path,
                "headers": dict(headers),
                "body": payload,
                "raw": None if payload is not None else body.decode("utf-8", "replace"),
            }
            click.echo(json.dumps({**seen, "verified": allowed if self.check else None, "status": status}))
            return
        name, facts = describe(payload)
        notes = [f"answered {status}"]
        if self.check:
            notes.insert(0, "verified" if allowed else "WRONG CREDENTIALS")
        if isinstance(forwarded, str):
            notes.append(f"not forwarded: {forwarded}")
        line = f"{iso(Clock.make().now())[11:19]}  {name:<24} {facts}  ({', '.join(notes)})"
        click.echo(printable(line))


class CallbackServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # callbacks may come in bursts


def _handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > MOST_BYTES:
                self.send_error(411)
                return
            body = self.rfile.read(int(length))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(listener.take(self.path, headers, body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_error(405, "This is a webhook receiver: it takes POST")

        def log_message(self, *_: Any) -> None:
            """What comes in is told by the listener."""

    return Handler


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=9000,
    show_default=True,
    help="Port to listen on; 0 picks a free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--status",
    "statuses",
    default="204",
    show_default=True,
    metavar="LIST",
    callback=lambda _, __, text: parse_statuses(text),
    help="What to answer, in turn: 500x3,200 fails three times.",
)
@click.option("--delay", callback=_seconds, metavar="TIME", help="Answer so much later: 2s")
@click.option(
    "--forward-to", metavar="URL", callback=_url, help="Pass everything on to this URL, and answer what it answers."
)
@click.option(
    "--verify",
    "check",
    metavar="WHAT",
    callback=lambda _, __, text: parse_check(text) if text else None,
    help=f"Answer 401 unless it proves itself: {proofs()}",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, for programs.")
def listen(
    port: int,
    host: str,
    statuses: Iterator[int],
    delay: float,
    forward_to: str | None,
    check: Check | None,
    as_json: bool,
) -> None:
    """Receive webhooks and print them, until Ctrl-C.

    \b
    mocksrv listen &
    mocksrv serve --webhook-url http://127.0.0.1:9000
    """
    given = click.get_current_context().get_parameter_source("statuses")
    if forward_to and given is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError(
            "--status and --forward-to do not go together: a forwarded callback is answered as the app answers"
        )
    listener = Listener(statuses, delay, forward_to, check, as_json)
    try:
        server = CallbackServer((host, port), _handler(listener))
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}") from None
    click.echo(f"Listening on http://{host}:{server.server_address[1]}   Ctrl-C ends it.", err=as_json)
    with server:
        server.serve_forever(poll_interval=0.2)
