"""What the commands that talk to a running server share: where it is, how it is called, how answers are printed."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from mocksrv.cli import words
from mocksrv.client import Client, ControlError, Unreachable
from mocksrv.engine.callbacks.addresses import is_http_url
from mocksrv.engine.names import NAME
from mocksrv.engine.problems import near
from mocksrv.engine.sandbox import DEFAULT, SandboxNameError
from mocksrv.engine.secrets import masked_urls

DEFAULT_URL = "http://127.0.0.1:8484"


class NoServer(click.ClickException):
    """Nobody answers."""

    exit_code = 3


def with_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--url``, ``--sandbox`` and ``--token`` to a command, which is given the `Client` as its first argument."""

    @click.option(
        "--sandbox",
        envvar="MOCKSRV_SANDBOX",
        metavar="NAME",
        help="Its sandbox; default: the default one. (MOCKSRV_SANDBOX)",
        shell_complete=words.sandboxes,
    )
    @functools.wraps(command)
    def called(*args: Any, url: str, sandbox: str | None, token: str | None, **options: Any) -> Any:
        return command(_client(url, sandbox, token), *args, **options)

    return _calling(called)


def with_sandboxes(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command that looks at several sandboxes: it is given their `Client`s. None are asked where only
    files are to be merged.
    """

    @click.option(
        "--sandbox",
        metavar="NAME",
        multiple=True,
        help="Its sandbox; default: the default one. Repeatable.",
        shell_complete=words.sandboxes,
    )
    @functools.wraps(command)
    def called(*args: Any, url: str, sandbox: Sequence[str], token: str | None, **options: Any) -> Any:
        names = sandbox or ((None,) if not options["merge"] else ())
        clients = [_client(url, name, token) for name in names]
        for name in sandbox:
            _check_present(_client(url, None, token), name)
        return command(clients, *args, **options)

    return _calling(called)


def _check_present(server: Client, sandbox: str) -> None:
    """Raises click.UsageError for a sandbox that is not there: it would be made by what it is asked, and be empty."""
    if sandbox != DEFAULT and server.get("/sandboxes", name=sandbox)["sandboxes"] != [sandbox]:
        raise click.UsageError(f"--sandbox: {absent(server, sandbox)}")


def absent(server: Client, sandbox: str) -> str:
    """Says that a sandbox is not there, and which one may be meant, or what lists them."""
    meant = near(sandbox, server.get("/sandboxes", limit=1000)["sandboxes"])
    hint = f"did you mean {meant}?" if meant else "'mocksrv sandboxes list' lists them"
    return f"there is no sandbox {sandbox!r}; {hint}"


def _client(url: str, sandbox: str | None, token: str | None) -> Client:
    """Raises click.UsageError."""
    if not is_http_url(url):
        raise click.UsageError(f"--url: {url!r} is not an HTTP URL; write for example {DEFAULT_URL}")
    if sandbox and not NAME.fullmatch(sandbox):
        raise click.UsageError(f"--sandbox: {SandboxNameError(sandbox)}")
    return Client(url, sandbox, token)


def _calling(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--url`` and ``--token`` to a command, and says what a server refuses or that there is none."""

    @click.option(
        "--url",
        envvar="MOCKSRV_URL",
        default=DEFAULT_URL,
        show_default=True,
        metavar="URL",
        help="The server. (MOCKSRV_URL)",
    )
    @click.option(
        "--token", envvar="MOCKSRV_CONTROL_TOKEN", metavar="TOKEN", help="Its --control-token. (MOCKSRV_CONTROL_TOKEN)"
    )
    @functools.wraps(command)
    def called(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except ControlError as error:
            raise click.ClickException(str(error)) from None
        except Unreachable as error:
            raise NoServer(f"{error}; start one: mocksrv serve") from None

    return called


def put_with(client: Client, key: str, known: Sequence[Any], made: Mapping[str, Any]) -> Any:
    """Puts a list (``/endpoints``, ``/faults``) with one more item, or with another in place of that whose URL
    is shown so.

    Raises click.ClickException, which speaks of this item without its place in the list.
    """
    shown = masked_urls(made["url"]) if "url" in made else None
    same = (number for number, each in enumerate(known) if "url" in each and each["url"] == shown)
    place = next(same, len(known))
    try:
        return client.call("PUT", f"/{key}", {key: [*known[:place], made, *known[place + 1 :]]})
    except ControlError as error:
        raise click.ClickException(str(error).replace(f"{key}.{place}.", "")) from None


JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


PAYLOAD = click.option("--payload", metavar="JSON", help="All of them, as one JSON object; @FILE reads a file.")


def members(payload: str | None, pairs: tuple[str, ...], read: Callable[[str], Any] | None = None) -> dict[str, Any]:
    """What ``--payload`` gives, with what ``--set`` gives over it; ``read`` makes values of texts otherwise than
    `assignments` does. Raises click.UsageError.
    """
    try:
        given = json.loads(file_or_text(payload)) if payload is not None else {}
    except ValueError as error:
        raise click.UsageError(f"--payload: not valid JSON: {error}") from None
    if not isinstance(given, dict):
        raise click.UsageError("--payload: must be a JSON object")
    return merged(given, assignments(pairs, read))


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """An object with another over it, at all depths."""
    made = dict(below)
    for name, value in above.items():
        inner = made.get(name)
        made[name] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return made


def assignments(pairs: tuple[str, ...], read: Callable[[str], Any] | None = None) -> dict[str, Any]:
    """``path=value`` pairs as an object: dots go down, a value is what ``read`` makes of it: JSON, or else a text.
    Raises click.UsageError.
    """
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
        target[last] = (read or _value)(text)
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
