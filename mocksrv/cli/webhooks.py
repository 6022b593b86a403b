"""``mocksrv webhooks`` and ``mocksrv trigger``: the callbacks of a running server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import click

from mocksrv.cli import words
from mocksrv.cli.client import JSON, PAYLOAD, members, print_json, with_server
from mocksrv.cli.lists import listing, show_list
from mocksrv.client import Client

STATES = ("pending", "delivered", "failed", "dropped")


@click.group()
def webhooks() -> None:
    """List, show and send again the callbacks of a running server."""


@webhooks.command("list")
@listing
@click.option("--event", metavar="PATTERN", help="Only events of these names: mx.member.*", shell_complete=words.events)
@click.option("--subject", metavar="GUID", help="Only those about this member, account ...")
@click.option("--state", type=click.Choice(STATES), help="Only those with a delivery in this state.")
def list_(server: Client, as_json: bool, query: Mapping[str, Any]) -> None:
    """List callbacks, the newest last. With --wait the exit status is 1 when none came in that time."""
    heads = ("TIME", "EVENT", "SUBJECT", "DELIVERIES", "ID")
    show_list(server, "/webhooks", query, as_json, heads, _row, "no callbacks")


def _row(each: Mapping[str, Any]) -> tuple[str, ...]:
    return (each["occurred_at"], each["event"], each["subject"] or "", _states(each), each["id"])


def _states(webhook: Mapping[str, Any]) -> str:
    """``delivered, pending (3 attempts)`` ..."""
    shown = []
    for delivery in webhook["deliveries"]:
        tries, state = len(delivery["attempts"]), delivery["state"]
        shown.append(
            "on its way" if state == "pending" and not tries else state + (f" ({tries} attempts)" if tries > 1 else "")
        )
    return ", ".join(shown) or "no endpoint asks for it"


def _about(webhook: dict[str, Any]) -> str:
    return f"about {webhook['subject']}" if webhook["subject"] else "about nobody"


@webhooks.command()
@click.argument("id")
@with_server
@JSON
def show(server: Client, id: str, as_json: bool) -> None:
    """Show a callback: what was sent, and what came of every attempt."""
    found = server.get(f"/webhooks/{quote(id, safe='')}")
    if as_json:
        print_json(found)
        return
    click.echo(f"{found['event']}  {found['id']}\n{_about(found)}, at {found['occurred_at']}\n")
    print_json(found["payload"])
    if not found["deliveries"]:
        click.echo("\nno endpoint asks for it")
    for delivery in found["deliveries"]:
        again = f", again at {delivery['next_attempt_at']}" if delivery["next_attempt_at"] else ""
        click.echo(f"\n{delivery['endpoint']}: {delivery['state']}{again}")
        for attempt in delivery["attempts"]:
            click.echo(f"  {attempt['at']}  {attempt['error'] or attempt['status']}  {attempt['duration_ms']:.1f} ms")


@webhooks.command()
@click.argument("id", required=False)
@click.option("--since", metavar="MOMENT", help="All since then: 2026-01-01T12:00:00Z")
@click.option(
    "--event", metavar="PATTERN", help="With --since: only events of these names.", shell_complete=words.events
)
@click.option("--subject", metavar="GUID", help="With --since: only those about this one.")
@with_server
@JSON
def replay(server: Client, id: str | None, since: str | None, as_json: bool, **filters: Any) -> None:
    """Send a callback again, or all since a moment."""
    if (id is None) == (since is None):
        raise click.UsageError("say which: an ID, or --since MOMENT")
    if id is not None and any(filters.values()):
        raise click.UsageError("--event and --subject belong to --since; an ID says already which")
    if id is not None:
        sent = {"replayed": [server.call("POST", f"/webhooks/{quote(id, safe='')}/replay")["id"]]}
    else:
        given = {name: value for name, value in filters.items() if value is not None}
        sent = server.call("POST", "/webhooks/replay", {"since": since, **given})
    if as_json:
        print_json(sent)
    else:
        number = len(sent["replayed"])
        click.echo(f"{number} callback{'' if number == 1 else 's'} sent again")


@click.command()
@click.argument("event", required=False, shell_complete=words.events)
@click.option("--subject", metavar="GUID", help="What it is about; default: the newest that fits, or an invented one.")
@click.option(
    "--set",
    "pairs",
    metavar="PATH=VALUE",
    multiple=True,
    help="A field of the payload, over what it would be. Repeatable.",
)
@PAYLOAD
@click.option("--extra", is_flag=True, help="Fields that the event does not have are meant, too.")
@with_server
@JSON
def trigger(
    server: Client,
    event: str | None,
    subject: str | None,
    pairs: tuple[str, ...],
    payload: str | None,
    extra: bool,
    as_json: bool,
) -> None:
    """Send an event of a provider's catalogue, with fields of your own. Without EVENT: list what there is."""
    if event is None:
        if subject or pairs or payload or extra:
            raise click.UsageError("say which EVENT; without options `mocksrv trigger` lists them")
        found = server.get("/events")
        print_json(found) if as_json else click.echo("\n".join(found["events"]))
        return
    body = {"event": event, "payload": members(payload, pairs), "extra": extra}
    sent = server.call("POST", "/trigger", {**body, "subject": subject} if subject else body)
    if as_json:
        print_json(sent)
        return
    for each in sent["webhooks"]:
        click.echo(f"{each['event']}  {each['id']}  {_about(each)}: {_states(each)}")
