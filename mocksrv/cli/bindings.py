"""``mocksrv bindings`` and ``mocksrv sandboxes``: what new subjects play, and which sandboxes there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from mocksrv.cli import words
from mocksrv.cli.client import JSON, absent, print_json, with_server
from mocksrv.client import Client
from mocksrv.engine.names import NAME
from mocksrv.engine.sandbox import SandboxNameError

NOTHING = "none"  # the word for no default and an empty queue


@click.group()
def bindings() -> None:
    """Show and set which scenarios new subjects of a running server play."""


@bindings.command()
@with_server
@JSON
def show(server: Client, as_json: bool) -> None:
    """Show the sandbox's default and its queue."""
    _show(server.get("/bindings"), as_json)


def _show(found: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    click.echo(f"default  {found['default'] or 'as each provider: all goes well'}")
    click.echo(f"next     {', '.join(found['next']) or 'nothing waits'}")


@bindings.command("set")
@click.option(
    "--default",
    metavar="NAME",
    help=f"What new subjects play; `{NOTHING}`: each provider's happy scenario.",
    shell_complete=words.scenarios,
)
@click.option(
    "--next",
    "queue",
    metavar="NAME",
    multiple=True,
    help=f"What the next subjects play, one after the other; `{NOTHING}` empties the queue. Repeatable.",
    shell_complete=words.scenarios,
)
@with_server
@JSON
def set_(server: Client, default: str | None, queue: tuple[str, ...], as_json: bool) -> None:
    """Set the default or the queue; what is not named stays."""
    given: dict[str, Any] = {}
    if default is not None:
        given["default"] = None if default == NOTHING else default
    if queue:
        given["next"] = [] if queue == (NOTHING,) else list(queue)
    if not given:
        raise click.UsageError("say what to set: --default NAME, --next NAME, or both")
    _show(server.call("PUT", "/bindings", given), as_json)


@click.group()
def sandboxes() -> None:
    """List and drop the sandboxes of a running server."""


@sandboxes.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many.")
@click.option("--after", metavar="NAME", help="Only those behind this one in the order of names.")
@with_server
@JSON
def list_(server: Client, limit: int, after: str | None, as_json: bool) -> None:
    """List the names of the sandboxes, in their order."""
    found = server.get("/sandboxes", limit=limit, after=after)
    print_json(found) if as_json else click.echo("\n".join(found["sandboxes"]))


@sandboxes.command()
@click.argument("name", shell_complete=words.sandboxes)
@with_server
@JSON
def drop(server: Client, name: str, as_json: bool) -> None:
    """Drop the sandbox NAME with all that it holds; --json: those that are left."""
    if not NAME.fullmatch(name):
        raise click.UsageError(str(SandboxNameError(name)))
    if server.get("/sandboxes", name=name)["sandboxes"] != [name]:
        raise click.ClickException(absent(server, name))
    server.sandbox(name).call("DELETE", "/sandbox")
    print_json(server.get("/sandboxes", limit=1000)) if as_json else click.echo(f"{name} is dropped")
