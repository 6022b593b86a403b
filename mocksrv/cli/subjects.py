"""``mocksrv subjects``: whoever plays a scenario on a running server: members, accounts, sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from mocksrv.cli import words
from mocksrv.cli.client import JSON, PAYLOAD, members, print_json, with_server
from mocksrv.cli.lists import listing, show_list
from mocksrv.cli.output import print_table
from mocksrv.client import Client
from mocksrv.engine.scenarios.model import ACTS
from mocksrv.registry import PROVIDERS, nouns


@click.group(help=f"List, push, move and act for what plays scenarios on a running server: {nouns()}.")
def subjects() -> None:
    """List, push and move them."""


@subjects.command("list")
@listing
@click.option(
    "--provider",
    metavar="NAME",
    help=f"Only those of one provider: {', '.join(PROVIDERS)}.",
    shell_complete=words.providers,
)
@click.option("--scenario", metavar="NAME", help="Only those that play this scenario.", shell_complete=words.scenarios)
@click.option("--status", metavar="STATUS", help="Only those in this status.")
def list_(server: Client, as_json: bool, query: Mapping[str, Any]) -> None:
    """List them, the newest last, with what they play."""
    heads = ("ID", "PROVIDER", "SCENARIO", "STATUS", "JOB")
    show_list(server, "/subjects", query, as_json, heads, _row, "no subjects")


def _row(each: Mapping[str, Any]) -> tuple[str, ...]:
    return (each["id"], each["provider"], each["scenario"], str(each["status"]), each["job"] or "")


@subjects.command()
@click.argument("id")
@with_server
@JSON
def show(server: Client, id: str, as_json: bool) -> None:
    """Show one of them, and what has happened to it."""
    found = server.get(f"/subjects/{id}")
    if as_json:
        print_json(found)
        return
    click.echo(f"{found['id']}  {found.get('provider', '')}  {found.get('scenario', '')}  {found['status']}\n")
    rows = [(line["at"], line["status"] or "", line["flow"] or "", line["cause"]) for line in found["timeline"]]
    print_table(("TIME", "STATUS", "FLOW", "CAUSE"), rows)


@subjects.command()
@click.argument("id")
@click.argument("status")
@click.option(
    "--set",
    "pairs",
    metavar="PATH=VALUE",
    multiple=True,
    help="A field beside it: connection_status_message=... Repeatable.",
)
@PAYLOAD
@with_server
@JSON
def push(server: Client, id: str, status: str, pairs: tuple[str, ...], payload: str | None, as_json: bool) -> None:
    """Put one into a STATUS by hand, with all that follows from it."""
    found = server.call("PUT", f"/subjects/{id}/status", {"status": status, "set": members(payload, pairs)})
    print_json(found) if as_json else click.echo(f"{id} is {found['status']}")


@subjects.command()
@click.argument("id")
@click.argument("scenario", shell_complete=words.scenarios)
@click.option("--flow", metavar="NAME", help="Play this flow of it now; else its flows are played by the next calls.")
@with_server
@JSON
def play(server: Client, id: str, scenario: str, flow: str | None, as_json: bool) -> None:
    """Move one to another SCENARIO: the next call that starts a job plays it, or --flow at once."""
    found = server.call("PUT", f"/subjects/{id}/scenario", {"scenario": scenario, **({"flow": flow} if flow else {})})
    print_json(found) if as_json else click.echo(f"{id} plays {found['scenario']}, it is {found['status']}")


@subjects.command()
@click.argument("id")
@click.argument("do", type=click.Choice(ACTS), metavar="DO")
@click.argument("answers", metavar="[VALUE]...", nargs=-1)
@with_server
@JSON
def act(server: Client, id: str, do: str, answers: tuple[str, ...], as_json: bool) -> None:
    """Do what a person does at the bank's page or in a widget.

    DO is approve, deny, cancel, fail, expire, or answer with a VALUE for each open question. Refused, it is said what
    can be done now.
    """
    body = {"do": do, **({"answers": list(answers)} if answers else {})}
    found = server.call("POST", f"/subjects/{id}/act", body)
    print_json(found) if as_json else click.echo(f"{found['id']} is {found['status'] or 'deleted'}")
