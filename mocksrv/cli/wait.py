"""``mocksrv wait`` and ``open``: a running server, for scripts and for people."""

from __future__ import annotations

import shlex
import time
import webbrowser
from pathlib import Path
from urllib.parse import quote

import click

from mocksrv.cli.client import NoServer, with_server
from mocksrv.cli.exec import VARIABLES, variables
from mocksrv.client import Client, Unreachable
from mocksrv.engine.clock import SECOND, parse_duration

PAUSE = 0.05  # seconds between two questions whether a server answers


HELP = f"""Wait until a server answers; fail (3) when none does in time.

With --env it prints {VARIABLES} (of the --sandbox, and MOCKSRV_SANDBOX for it): mocksrv wait --env > .env
"""


@click.command(help=HELP)
@click.option("--for", "span", default="30s", show_default=True, metavar="TIME", help="For how long: 90s, 2m")
@click.option(
    "--port-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The --port-file of `serve` on this machine, which may not be there yet; in place of --url.",
)
@click.option("--env", "as_env", is_flag=True, help="Print where it is, as lines of a .env file.")
@with_server
def wait(server: Client, span: str, port_file: Path | None, as_env: bool) -> None:
    try:
        deadline = time.monotonic() + parse_duration(span) / SECOND
    except ValueError as error:
        raise click.UsageError(f"--for: {error}") from None
    while True:
        try:
            found = server if port_file is None else server.at(_url_of(port_file))
            found.get("/health")
            break
        except Unreachable as error:
            if time.monotonic() >= deadline:
                raise NoServer(f"{error}; waited {span}") from None
        time.sleep(PAUSE)
    if as_env:
        for name, value in variables(found.url, found.base_url, sandbox=found.sandbox_name).items():
            click.echo(f"{name}={shlex.quote(value)}")


def _url_of(file: Path) -> str:
    """Where the server is that wrote this file. Raises Unreachable while it is not there."""
    try:
        return f"http://127.0.0.1:{int(file.read_text('ascii'))}"
    except (OSError, ValueError) as error:
        raise Unreachable(f"{file} does not say where a server is ({error})") from None


@click.command("open")
@with_server
def open_(server: Client) -> None:
    """Open the dashboard of a running server in a browser; where there is none, say where it is.

    The token goes along behind the #, which a browser sends to nobody; the dashboard signs in with it.
    """
    server.get("/health")
    place = f"{server.base_url}/_mocksrv/"
    if not webbrowser.open(f"{place}#token={quote(server.token, safe='')}" if server.token else place):
        raise click.ClickException(f"there is no browser here that can be started; open {place} in one")
    click.echo(place)
