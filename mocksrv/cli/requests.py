"""``mocksrv requests`` and ``mocksrv violations``: what the API's clients asked of a running server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import click

from mocksrv.cli.client import JSON, print_json, with_server
from mocksrv.cli.lists import listing, show_list
from mocksrv.cli.output import print_table
from mocksrv.client import Client

WHY = ("operation", "subject", "scenario", "flow", "step", "status_before", "status_after", "nearest", "fault")


def filtering(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the filters of calls."""
    command = click.option("--method", metavar="METHOD", help="Only calls with this method.")(command)
    command = click.option("--path", metavar="PATTERN", help="Only calls whose path fits: /users/*")(command)
    return click.option("--status", type=click.IntRange(100, 599), help="Only calls with this answer.")(command)


@click.group()
def requests() -> None:
    """List and explain the API calls that a running server has answered."""


@requests.command("list")
@listing
@filtering
def list_(server: Client, as_json: bool, query: Mapping[str, Any]) -> None:
    """List calls, the newest last."""
    heads = ("TIME", "METHOD", "PATH", "STATUS", "VIOLATIONS", "ID")
    show_list(server, "/requests", query, as_json, heads, _row, "no calls")


def _row(call: Mapping[str, Any]) -> tuple[str, ...]:
    rules = ", ".join(each["rule"] for each in call["violations"])
    return (call["at"], call["method"], call["path"], str(call["status"]), rules, call["id"])


@requests.command()
@click.argument("id")
@with_server
@JSON
def show(server: Client, id: str, as_json: bool) -> None:
    """Show a call: what was sent and answered, and why. ID is the answer's X-Mocksrv-Request."""
    found = server.get(f"/requests/{quote(id, safe='')}")
    if as_json:
        print_json(found)
        return
    click.echo(f"{found['method']} {found['path']}  {found['status']}\n{found['id']}, at {found['at']}\n")
    why = [(name.replace("_", " "), str(found[name])) for name in WHY if found.get(name) is not None]
    why += [("violation", f"{each['rule']}: {each['detail']}") for each in found["violations"]]
    print_table(("WHY", ""), why)
    for side in ("request", "response"):
        if found.get(side):
            click.echo(f"\n{side}:")
            print_json(found[side])


@click.command()
@listing
@filtering
def violations(server: Client, as_json: bool, query: Mapping[str, Any]) -> None:
    """List what broke the providers' contracts, the newest last."""
    heads = ("TIME", "METHOD", "PATH", "RULE", "DETAIL", "CALL")
    show_list(server, "/violations", query, as_json, heads, _violation, "no violations")


def _violation(each: Mapping[str, Any]) -> tuple[str, ...]:
    return (each["at"], each["method"], each["path"], each["rule"], each["detail"], each["call"])
