"""``mocksrv endpoints`` and ``mocksrv faults``: where callbacks of a running server go, and what goes wrong with them
and with calls.
"""

from __future__ import annotations

from typing import Any

import click

from mocksrv.cli import words
from mocksrv.cli.client import JSON, PAYLOAD, file_or_text, members, merged, print_json, put_with, with_server
from mocksrv.cli.output import print_table
from mocksrv.client import Client
from mocksrv.engine.secrets import masked_urls


@click.group()
def endpoints() -> None:
    """List, add and remove the webhook endpoints of a running server."""


@endpoints.command("list")
@with_server
@JSON
def list_(server: Client, as_json: bool) -> None:
    """List the endpoints. Secrets are shown as ***."""
    _show(server.get("/endpoints"), as_json)


def _show(answer: dict[str, Any], as_json: bool) -> None:
    for warning in answer.get("warnings", ()):
        click.echo(f"warning: {warning.partition(': ')[2]}", err=True)
    if as_json:
        print_json(answer)
        return
    found = answer["endpoints"]
    if not found:
        click.echo("no endpoints: no callbacks are sent")
        return
    rows = [
        (e["url"], ", ".join(e["events"]) or "as the provider", e.get("auth", {}).get("type", "none"), e["id"])
        for e in found
    ]
    print_table(("URL", "EVENTS", "AUTH", "ID"), rows)


@endpoints.command()
@click.argument("target", metavar="URL")
@click.option(
    "--events",
    "patterns",
    metavar="PATTERN",
    multiple=True,
    help="Only events of these names: mx.member.* Repeatable.",
    shell_complete=words.events,
)
@click.option(
    "--auth",
    metavar="TYPE",
    help="basic, oauth2, mtls, tls, or what a provider offers; its members: --set auth.NAME=VALUE.",
)
@click.option(
    "--set",
    "pairs",
    metavar="PATH=VALUE",
    multiple=True,
    help="A member of the endpoint: auth.username=me; @FILE reads a file. Repeatable.",
)
@PAYLOAD
@click.option("--header", "headers", metavar="NAME=VALUE", multiple=True, help="A header of your own. Repeatable.")
@with_server
@JSON
def add(
    server: Client,
    target: str,
    patterns: tuple[str, ...],
    auth: str | None,
    pairs: tuple[str, ...],
    payload: str | None,
    headers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Add an endpoint beside those that there are. One URL is one endpoint: one that is there is set anew.

    \b
    mocksrv endpoints add http://127.0.0.1:3000/webhooks --events "mx.member.*"
    mocksrv endpoints add https://app.test/hook --auth basic --set auth.username=me --set auth.password=secret
    mocksrv endpoints add https://app.test/hook --auth mtls --set auth.cert=@me.pem --set auth.key=@me.key \\
        --set auth.ca=@ca.pem
    """
    said: dict[str, Any] = {"url": target}
    if patterns:
        said["events"] = list(patterns)
    if auth:
        said["auth"] = {"type": auth}
    if headers:
        said["headers"] = _texts(headers)
    made = merged(members(payload, pairs, file_or_text), said)
    _show(put_with(server, "endpoints", server.get("/endpoints")["endpoints"], made), as_json)


@endpoints.command()
@click.argument("target", metavar="URL|ID")
@with_server
@JSON
def remove(server: Client, target: str, as_json: bool) -> None:
    """Remove an endpoint, by its URL or its id."""
    known = server.get("/endpoints")["endpoints"]
    left = [each for each in known if each["id"] != target and each["url"] != masked_urls(target)]
    if len(left) == len(known):
        there = ", ".join(each["url"] for each in known) or "none"
        raise click.ClickException(f"there is no endpoint {target}; there is {there}")
    _show(server.call("PUT", "/endpoints", {"endpoints": left}), as_json)


def _texts(pairs: tuple[str, ...]) -> dict[str, str]:
    """``name=value`` pairs, all values texts. Raises click.UsageError."""
    found = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise click.UsageError(f"{pair!r} is not NAME=VALUE")
        found[name] = value
    return found


@click.group()
def faults() -> None:
    """List, add and clear the faults of a running server: of its API, and of its callbacks."""


@faults.command("list")
@with_server
@JSON
def list_faults(server: Client, as_json: bool) -> None:
    """List the faults."""
    _show_faults(server.get("/faults"), as_json)


def _show_faults(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    found = answer["faults"]
    if not found:
        click.echo("no faults")
        return
    rows = [(rule.get("on") or f"callbacks {rule['events']}", _does(rule), _lasts(rule)) for rule in found]
    print_table(("MEETS", "DOES", "LASTS"), rows)


def _does(rule: dict[str, Any]) -> str:
    beside = ("on", "events", "skip", "times")
    return ", ".join(f"{name}={value}" for name, value in rule.items() if name not in beside and value is not False)


def _lasts(rule: dict[str, Any]) -> str:
    times = {None: "for ever", 1: "once"}.get(rule["times"], f"{rule['times']} times")
    return f"{times}, after {rule['skip']}" if "skip" in rule else times


@faults.command("add")
@click.argument("meets", shell_complete=words.events)
@click.option(
    "--set",
    "pairs",
    metavar="PATH=VALUE",
    multiple=True,
    help="What it does: status=503, corrupt=truncated. Repeatable.",
)
@PAYLOAD
@with_server
@JSON
def add_fault(server: Client, meets: str, pairs: tuple[str, ...], payload: str | None, as_json: bool) -> None:
    """Add a fault. MEETS is METHOD /path for calls ("GET /users/*"), or a pattern of event names for callbacks
    (mx.member.*).

    \b
    mocksrv faults add "GET /users/*" --set status=503 --set times=2
    mocksrv faults add "mx.member.*" --set repeat=2 --set delay=5s
    """
    if meets.startswith("/"):
        raise click.UsageError(f"{meets!r} has no method: write 'GET {meets}', or '* {meets}' for any")
    rule = {"on" if " " in meets.strip() else "events": meets, **members(payload, pairs)}
    known = server.get("/faults")["faults"]
    _show_faults(put_with(server, "faults", known, rule), as_json)


@faults.command()
@with_server
@JSON
def clear(server: Client, as_json: bool) -> None:
    """Remove all faults."""
    server.call("DELETE", "/faults")
    _show_faults(server.get("/faults"), as_json)
