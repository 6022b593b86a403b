"""``mocksrv db``: the database of a server, without the server."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mocksrv.cli.client import JSON, print_json
from mocksrv.engine.config import IN_MEMORY, TEMPORARY
from mocksrv.engine.secrets import masked_urls

DATABASE = click.option(
    "--database", metavar="FILE|URL", help="The file or the PostgreSQL; by default what serve would take."
)


@click.group()
def db() -> None:
    """Check and upgrade the database of a server. Needs no server."""


@db.command()
@DATABASE
@JSON
def check(database: str | None, as_json: bool) -> int:
    """Say how the tables stand to this mocksrv; the exit status is 1 when they have to be upgraded."""
    from mocksrv.engine.storage.schema import SCHEMA_STEPS

    found, latest = _standing(_named(database)), len(SCHEMA_STEPS)
    if as_json:
        print_json({"schema": found, "latest": latest})
    elif found == latest:
        click.echo(f"schema {found}: up to date")
    else:
        click.echo(f"schema {found}: 'mocksrv db upgrade', or the start of a server, brings it to {latest}")
    return 0 if found == latest else 1


@db.command()
@DATABASE
@JSON
def upgrade(database: str | None, as_json: bool) -> None:
    """Bring the tables to where this mocksrv wants them, as the start of a server does; make them where none are."""
    from mocksrv.engine.storage.records import StoreError
    from mocksrv.engine.storage.schema import SCHEMA_STEPS
    from mocksrv.engine.storage.store import open_store

    named = _named(database)
    try:
        open_store(named).close()
    except StoreError as error:
        raise click.ClickException(str(error)) from None
    found = _standing(named)
    if as_json:
        print_json({"schema": found, "latest": len(SCHEMA_STEPS)})
    else:
        click.echo(f"{masked_urls(named)}: schema {found}")


def _named(database: str | None) -> str:
    """The database that is meant. Raises click.UsageError."""
    from mocksrv.cli.settings import setting_of
    from mocksrv.settings import SettingError

    try:
        found: str = setting_of("database", database, os.environ, Path.cwd())
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    if found in (TEMPORARY, IN_MEMORY):
        raise click.UsageError("--database: which one? Give a FILE or postgresql://…")
    return found


def _standing(database: str) -> int:
    """How many steps its tables have come. Raises click.ClickException."""
    from mocksrv.engine.storage.records import StoreError
    from mocksrv.engine.storage.store import schema_of

    try:
        return schema_of(database)
    except StoreError as error:
        raise click.ClickException(str(error)) from None
