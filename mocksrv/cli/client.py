"""What the commands that talk to a running server share: where it is, how it is called, how answers are printed."""

from __future__ import annotations

import functools
import http.client
import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import click

DEFAULT_URL = "http://127.0.0.1:8484"
SANDBOX = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")
TIME_OUT = 120.0  # seconds: longer than any answer is held


DIRECT = urllib.request.build_opener(
    urllib.request.ProxyHandler({})
)  # a proxy in the environment cannot reach this machine


class NoServer(click.ClickException):
    """Nobody answers."""

    exit_code = 3


class Server:
    """The control API of one sandbox of a running server."""

    def __init__(self, url: str, sandbox: str | None, token: str | None) -> None:
        self.url = url.rstrip("/")
        self.base = f"{self.url}{f'/sandbox/{quote(sandbox, safe=str())}' if sandbox else ''}/_mocksrv"
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a GET; parameters that are None are left out. Raises click.ClickException."""
        given = urlencode({name: value for name, value in query.items() if value is not None})
        return self.call("GET", f"{path}?{given}" if given else path)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, own: str = "") -> Any:
        """One call; its JSON. Raises click.ClickException with what the server says of it.

        ``own`` is where in the body that stands which the user gave: it is left out of what the server says.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, headers=self._headers, method=method)
        try:
            with DIRECT.open(request, timeout=TIME_OUT) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise click.ClickException(_detail(error).replace(own, "") if own else _detail(error)) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise NoServer(
                f"no server answers at {self.url} ({getattr(error, 'reason', error)}); start one: mocksrv serve"
            ) from None
        return json.loads(text) if text else None


def _detail(error: urllib.error.HTTPError) -> str:
    """The problem document's own words."""
    try:
        detail = json.loads(error.read())["detail"]
    except (ValueError, KeyError, TypeError):
        return f"{error.url} answered {error.code}"
    return str(detail)


def with_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--url``, ``--sandbox`` and ``--token`` to a command, which is given the `Server` as its first argument."""

    @click.option(
        "--url",
        envvar="MOCKSRV_URL",
        default=DEFAULT_URL,
        show_default=True,
        metavar="URL",
        help="The server. (MOCKSRV_URL)",
    )
    @click.option(
        "--sandbox",
        envvar="MOCKSRV_SANDBOX",
        metavar="NAME",
        help="Its sandbox; default: the default one. (MOCKSRV_SANDBOX)",
    )
    @click.option(
        "--token", envvar="MOCKSRV_CONTROL_TOKEN", metavar="TOKEN", help="Its --control-token. (MOCKSRV_CONTROL_TOKEN)"
    )
    @functools.wraps(command)
    def called(*args: Any, url: str, sandbox: str | None, token: str | None, **options: Any) -> Any:
        if urlsplit(url).scheme not in ("http", "https"):
            raise click.UsageError(f"--url: {url!r} is not an HTTP URL; write for example {DEFAULT_URL}")
        if sandbox and not SANDBOX.fullmatch(sandbox):
            raise click.UsageError(
                f"--sandbox: {sandbox!r} is not a sandbox name; allowed are 1 to 64 of a-z A-Z 0-9 . _ -"
            )
        return command(Server(url, sandbox, token), *args, **options)

    return called


JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def assignments(pairs: tuple[str, ...]) -> dict[str, Any]:
    """``path=value`` pairs as an object: dots go down, a value is JSON, or else a text. Raises click.UsageError."""
    made: dict[str, Any] = {}
    for pair in pairs:
        path, sign, text = pair.partition("=")
        if not sign or not path or any(not name for name in path.split(".")):
            raise click.UsageError(f"--set: {pair!r} is not path=value, for example connection_status=DENIED")
        *outer, last = path.split(".")
        target = made
        for name in outer:
            target = target.setdefault(name, {})
            if not isinstance(target, dict):
                raise click.UsageError(f"--set: {pair!r} goes into a value that was set before")
        target[last] = _value(text)
    return made


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def file_or_text(value: str) -> str:
    """A text, or with ``@`` in front the content of a file."""
    if not value.startswith("@"):
        return value
    try:
        with open(os.path.expanduser(value[1:]), encoding="utf-8") as file:  # noqa: PTH123, PTH111
            return file.read()
    except OSError as error:
        raise click.UsageError(f"{value[1:]}: {error.strerror}") from None
