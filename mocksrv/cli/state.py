"""``mocksrv state``: a running server's sandbox as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from mocksrv.cli.client import JSON, print_json, with_server
from mocksrv.client import Client, ControlError

STANDARD = "-"  # in place of a file: standard input or output


@click.group()
def state() -> None:
    """Empty, export, import and copy a sandbox of a running server."""


@state.command()
@with_server
@JSON
def reset(server: Client, as_json: bool) -> None:
    """Empty the sandbox and set it back to what new ones start with."""
    made = server.call("POST", "/reset")
    print_json(made) if as_json else click.echo(f"{made['name']} is empty; its time is {made['clock']['now']}")


@state.command()
@click.argument("name")
@with_server
@JSON
def fork(server: Client, name: str, as_json: bool) -> None:
    """Copy the sandbox, secrets included, under a new NAME."""
    made = server.call("POST", "/sandbox/fork", {"name": name})
    print_json(made) if as_json else click.echo(f"{made['name']} is a copy; its time is {made['clock']['now']}")


@state.command()
@click.argument("file", default=STANDARD)
@click.option("--secrets", is_flag=True, help="With the secrets of endpoints and partners; the file is yours alone.")
@with_server
def export(server: Client, file: str, secrets: bool) -> None:
    """Write all that is in the sandbox, but for its journal, to FILE (-: standard output).

    Without --secrets endpoints come back paused: put them with their secrets, and what they are owed is sent.
    """
    text = server.exchange("GET", f"/state{'?secrets=true' if secrets else ''}")
    try:
        if secrets and file != STANDARD:
            Path(file).touch(0o600)
        with click.open_file(file, "wb") as opened:
            opened.write(text)
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror}") from None


@state.command("import")
@click.argument("file")
@with_server
@JSON
def import_(server: Client, file: str, as_json: bool) -> None:
    """Make the sandbox what an exported FILE (-: standard input) says, in place of all that is in it now."""
    try:
        with click.open_file(file, "rb") as opened:
            text = opened.read()
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror}") from None
    try:
        made: dict[str, Any] = json.loads(server.exchange("PUT", "/state", text))
    except ControlError as error:
        raise click.ClickException(f"{file}: {error}") from None
    for warning in made.get("warnings", ()):
        click.echo(f"warning: {warning}", err=True)
    for endpoint in server.get("/endpoints")["endpoints"]:
        if "paused" in endpoint:
            click.echo(f"paused: {endpoint['url']} lacks {', '.join(endpoint['paused'])}", err=True)
    print_json(made) if as_json else click.echo(f"{made['name']} is as {file} says; its time is {made['clock']['now']}")
