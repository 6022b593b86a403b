"""``mocksrv requests`` and ``mocksrv violations``: what the API's clients asked of a running server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import click

from mocksrv.cli import words
from mocksrv.cli.client import JSON, print_json, with_server
from mocksrv.cli.lists import listing, show_list
from mocksrv.cli.output import print_table
from mocksrv.client import Client
from mocksrv.engine.violations import RULES, SEVERITIES

WHY = (
    "provider",
    "operation",
    "subject",
    "scenario",
    "flow",
    "step",
    "status_before",
    "status_after",
    "counted",
    "nearest",
    "fault",
    "ping",
    "investment_holdings",
)


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
    heads = ("TIME", "METHOD", "STATUS", "ID", "VIOLATIONS", "PATH")
    show_list(server, "/requests", query, as_json, heads, _row, "no calls")


def _row(call: Mapping[str, Any]) -> tuple[str, ...]:
    rules = ", ".join(each["rule"] for each in call["violations"])
    return (call["at"], call["method"], str(call["status"]), call["id"], rules, call["path"])


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
    why += [("not read", name) for name in found.get("unread", ())]
    why += [("violation", f"{each['rule']}: {broken(each)}") for each in found["violations"]]
    print_table(("WHY", ""), why)
    show_rules(found["violations"])
    for side in ("request", "response"):
        if found.get(side):
            click.echo(f"\n{side}:")
            print_json(found[side])


@click.command()
@listing
@filtering
@click.option("--provider", metavar="NAME", help="Only of this provider's contract.", shell_complete=words.providers)
@click.option("--rule", metavar="RULE", help="Only of this rule.", shell_complete=words.of(*RULES))
@click.option("--severity", type=click.Choice([*SEVERITIES]), help="Only as bad as this.")
def violations(server: Client, as_json: bool, query: Mapping[str, Any]) -> None:
    """List what broke the providers' contracts, the newest last, with the rules, who says so, and how to mend it."""
    heads = ("TIME", "RULE", "CALL", "METHOD", "PATH", "DETAIL")
    found = show_list(server, "/violations", query, as_json, heads, _violation, "no violations")
    if not as_json:
        show_rules(found)


def _violation(each: Mapping[str, Any]) -> tuple[str, ...]:
    call = each["call"] or each["webhook"]
    return (each["at"], each["rule"], call, each["method"], each["path"], broken(each))


def broken(violation: Mapping[str, Any]) -> str:
    """What broke a rule, in words."""
    guess = violation["nearest"]
    return f"{violation['detail']} (did you mean {guess}?)" if guess else str(violation["detail"])


def show_rules(violations: Sequence[Mapping[str, Any]]) -> None:
    """Prints each rule that was broken, once for each provider that says it."""
    for each in {(each["rule"], each["source"]): each for each in violations}.values():
        click.echo(f"\n{each['rule']} ({each['severity']}): {each['text']}")
        click.echo(f"  mend:   {each['mend']}\n  source: {each['source']}")
