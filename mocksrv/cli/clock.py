"""``mocksrv clock``: the time of a running server's sandbox."""

from __future__ import annotations

from typing import Any

import click

from mocksrv.cli.client import JSON, print_json, with_server
from mocksrv.cli.output import print_table
from mocksrv.client import Client


@click.group()
def clock() -> None:
    """Show, set and advance the time of a running server."""


@clock.command()
@with_server
@JSON
def show(server: Client, as_json: bool) -> None:
    """Show how the clock runs, its time, and when something falls due next."""
    _show(server.get("/clock"), as_json)


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        click.echo(f"{found['mode']}, {found['now']}; next: {found['next'] or 'nothing waits'}")


@clock.command("set")
@click.argument("mode", required=False)
@click.option("--now", metavar="MOMENT", help="What it shows: 2026-01-01T12:00:00Z")
@with_server
@JSON
def set_(server: Client, mode: str | None, now: str | None, as_json: bool) -> None:
    """Set the clock: MODE is real, manual (stands still), or a speed such as x60; without it the mode stays."""
    given = {name: value for name, value in (("mode", mode), ("now", now)) if value is not None}
    if not given:
        raise click.UsageError("say what to set: a MODE, --now MOMENT, or both")
    _show(server.call("PUT", "/clock", given), as_json)


@clock.command()
@click.argument("by", required=False)
@click.option("--to", metavar="MOMENT", help="Until then; `next` until something falls due.")
@with_server
@JSON
def advance(server: Client, by: str | None, to: str | None, as_json: bool) -> int:
    """Advance the time BY a duration (1h), and print what happens on the way. Fails when it does not get there."""
    if (by is None) == (to is None):
        raise click.UsageError("say how far: BY, for example 1h, or --to MOMENT, or --to next")
    done = server.call("POST", "/clock/advance", {"by": by} if by else {"to": to})
    if as_json:
        print_json(done)
    else:
        rows = [(each["at"], each["kind"], each["subject"] or "", each["detail"]) for each in done["happened"]]
        if rows:
            print_table(("TIME", "KIND", "SUBJECT", "DETAIL"), rows)
        click.echo(f"It is {done['now']}." + ("" if done.get("complete", True) else " The time was not enough."))
    return 0 if done.get("complete", True) else 1
