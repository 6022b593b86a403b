"""What the commands that list something of a running server share: the newest, newest last."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from mocksrv.cli.client import JSON, print_json, with_server
from mocksrv.cli.output import print_table
from mocksrv.client import Client

NEWEST = 20  # how many are listed


def listing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of a list to a command that is given the `Client`, ``as_json`` and ``query``, which asks the
    control API for what was wanted.
    """

    @with_server
    @click.option(
        "--limit", type=click.IntRange(1, 1000), default=NEWEST, show_default=True, help="How many: the newest of them."
    )
    @click.option("--after", metavar="ID", help="Only later ones than this one, the oldest of them.")
    @click.option("--wait", metavar="TIME", help="Wait so long for the first that fits, and fail without one: 5s")
    @JSON
    @functools.wraps(command)
    def called(server: Client, as_json: bool, **query: Any) -> Any:
        if query["after"] is None:
            query["newest"] = "true"
        return command(server, as_json, query)

    return called


def show_list(
    server: Client,
    path: str,
    query: Mapping[str, Any],
    as_json: bool,
    heads: Sequence[str],
    row: Callable[[Mapping[str, Any]], Sequence[str]],
    nothing: str,
) -> Sequence[Mapping[str, Any]]:
    """Prints a list of the control API, newest last; ``--json`` in its own shape. ``nothing`` is said of an empty one.
    Returns what is listed.

    Raises click.ClickException when nothing came within the time that was waited.
    """
    name = path.strip("/")
    found: list[Mapping[str, Any]] = server.get(path, **query)[name]
    if not found and query["wait"]:
        raise click.ClickException(f"none came within {query['wait']}")
    if query.get("newest"):
        found.reverse()
    if as_json:
        print_json({name: found})
    elif not found:
        plain = ("limit", "newest", "wait", "after")
        wanted = any(value is not None for key, value in query.items() if key not in plain)
        click.echo(nothing + (" that fit" if wanted else ""))
    else:
        print_table(heads, [row(each) for each in found])
    return found
